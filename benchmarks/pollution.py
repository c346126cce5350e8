"""Makes the delimited files that `benchmarks.polluted` loads: one table, written as RFC 4180 says, and then polluted one way each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Rows = list[list[str]]
HEADER = ["DATE", "TIME", "Qty", "PRODUCTID", "Price", "ProductType", "ProductDescription", "URL", "Comments"]
TYPES = ["Men's Boots", "Throw Pillow, Paddles", "Light-Up Jacket", "Kids' Hat, blue", "Women's  Fly Rod 8 Wt."]
TEXTS = [
    "These boots, for men, are rugged.",
    "All the softness of our towels.",
    "Soft, cozy comfort from lodge to slope.",
]
INCHES = {
    10: 'Table, Round 48"', 21: "Men's Boxer, 5\" Inseam", 22: "Kids' Bike, 24\"", 41: "Women's Shoes, 10\"",
    82: 'Boots, 10" Lined',
}  # fmt: skip
# Texts that are in quotes whether they need them or not.
ALWAYS_QUOTED = ("ProductDescription", "URL")
USUAL = '"'
MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Dialect:
    """How a file is written, as a person would tell a loader; `above` are the lines before the header."""

    delimiter: str = ","
    quote: str = USUAL
    escape: str = USUAL
    encoding: str = "utf-8"
    above: int = 0
    heading_rows: int = 1


@dataclass(frozen=True)
class Polluted:
    """A file: `truth` is what a person reads in it, the header first where it has one. `name` and `weight` are of a published corpus."""

    family: str
    content: bytes
    truth: Rows
    dialect: Dialect = field(default_factory=Dialect)
    name: str = ""
    weight: float = 1.0

    @property
    def is_of_one_row(self) -> bool:
        return self.family.startswith("row ")


def products() -> Rows:
    rows = [
        [f"{1 + i % 28:02}/0{1 + i // 28}/2018", f"{i // 4:02}:{15 * (i % 4):02}", str(i % 34), f"MG-{8000 + i}", f"${i}.{i:02}",
         INCHES.get(i, TYPES[i * 7 % 5]), TEXTS[i * 5 % 3], f"https://www.example.com/product/{i}.html", ""]
        for i in range(83)
    ]  # fmt: skip
    rows[12][6] = "A light feel in our 8\\'9\" rod, designed for her."
    return rows


def written(cell: str, dialect: Dialect, is_quoted: bool = False) -> str:
    quote = dialect.quote
    if not is_quoted and not any(sign in cell for sign in (dialect.delimiter.strip() or " ", quote, "\n")):
        return cell
    return quote + cell.replace(quote, dialect.escape + quote) + quote


def line(row: Iterable[str], dialect: Dialect) -> str:
    places = range(len(HEADER) + 9)
    quoted = [place < len(HEADER) and HEADER[place] in ALWAYS_QUOTED for place in places]
    return dialect.delimiter.join(
        written(cell, dialect, is_quoted) for cell, is_quoted in zip(row, quoted, strict=False)
    )


def text(rows: Rows, dialect: Dialect, end: str = "\r\n") -> str:
    return "".join(line(row, dialect) + end for row in rows)


def corpus() -> list[Polluted]:
    table = [HEADER, *products()]
    return [*whole_files(table), *other_dialects(table), *encodings(table), *tables(table), *single_rows(table)]


def whole_files(table: Rows) -> Iterator[Polluted]:
    """Line ends, and less of the table than there should be."""
    usual, plain = Dialect(), text(table, Dialect())
    yield Polluted("source", plain.encode(), table)
    for end in ("\n", "\r"):
        yield Polluted("line ends", text(table, usual, end).encode(), table)
    yield Polluted("no last line end", plain.removesuffix("\r\n").encode(), table)
    yield Polluted("blank last line", f"{plain}\r\n".encode(), table)
    yield Polluted("header only", text(table[:1], usual).encode(), table[:1])
    yield Polluted("one record", text(table[:2], usual).encode(), table[:2])
    yield Polluted("no header", text(table[1:], usual).encode(), table[1:], Dialect(heading_rows=0))
    for rows in (2, 3):
        joined = [" ".join([name] * rows) for name in table[0]]
        content = text([*table[:1] * rows, *table[1:]], usual)
        yield Polluted("several headers", content.encode(), [joined, *table[1:]], Dialect(heading_rows=rows))


def other_dialects(table: Rows) -> Iterator[Polluted]:
    for delimiter in (";", "\t", "|", ", ", " ", "^", "||"):
        dialect = Dialect(delimiter=delimiter)
        yield Polluted("other delimiter", text(table, dialect).encode(), table, dialect)
    for quote, escape in (("'", "'"), ('"', "\\"), ('"', "")):
        dialect = Dialect(quote=quote, escape=escape)
        yield Polluted("other quote or escape", text(table, dialect).encode(), table, dialect)
    bare = [[cell.replace(",", "") for cell in row] for row in table]
    bare[5][5], bare[6][6], bare[7][5], bare[9][5] = '"Soft" boots', 'so-called "towels"', '"Hard" hat', '"Boots'
    content = "".join("|".join(row) + "\n" for row in bare)
    yield Polluted("no quotes at all", content.encode(), bare, Dialect(delimiter="|", quote=""))


def encodings(table: Rows) -> Iterator[Polluted]:
    accented = [[cell.replace("Hat", "Hât") for cell in row] for row in table]
    for encoding in ("utf-8-sig", "utf-16", "utf-32-le", "cp1252"):
        content = text(accented, Dialect()).encode(encoding)
        yield Polluted("encoding", content, accented, Dialect(encoding=encoding))
    plain = text(table, Dialect()).encode()
    with_nul = [*table[:1], [*table[1][:-1], "\0"], *table[2:]]
    yield Polluted("a byte of zero", text(with_nul, Dialect()).encode(), with_nul)
    yield Polluted(
        "two files with marks",
        MARK + text(table[:40], Dialect()).encode() + MARK + text([HEADER, *table[40:]], Dialect()).encode(),
        table,
    )
    yield Polluted("a mark within", plain.replace(b"\r\n05/02", b"\r\n" + MARK + b"05/02"), table)


def tables(table: Rows) -> Iterator[Polluted]:
    """Something above the table, or below it."""
    usual, plain = Dialect(), text(table, Dialect())
    title = f"PREAMBLE{',' * 8}\r\n{',' * 8}\r\n"
    yield Polluted("text above", (title + plain).encode(), table, Dialect(above=2))
    yield Polluted("text below", (plain + "Total,83\r\n").encode(), table)
    yield Polluted("second table", (plain + "\r\nShop,Town\r\nNorth,Leeds\r\n").encode(), table)
    less, more = [row[:-1] for row in table], [[*row, "col1" if row is HEADER else ""] for row in table]
    yield Polluted("second table, fewer columns", (plain + text(less, usual)).encode(), table)
    yield Polluted("second table, more columns", (plain + text(more, usual)).encode(), table)


def single_rows(table: Rows) -> Iterator[Polluted]:
    """Pollution of one row, each row and column by turns."""
    usual = Dialect()
    lines = [line(row, usual) for row in table]

    def with_line(family: str, number: int, polluted: str, truth: Rows = table) -> Polluted:
        content = "\r\n".join([*lines[:number], polluted, *lines[number + 1 :], ""])
        return Polluted(f"row with {family}", content.encode(), truth)

    for number, row in enumerate(table):
        cells = [written(cell, usual, name in ALWAYS_QUOTED) for cell, name in zip(row, HEADER, strict=True)]
        yield with_line("other delimiter", number, " ".join(cells))
        for column in range(len(cells)):
            quoted = [*row[:column], f'"{row[column]}', *row[column + 1 :]]
            truth = [*table[:number], quoted, *table[number + 1 :]]
            stray = f'"{cells[column]}'
            yield with_line("quote too many", number, ",".join([*cells[:column], stray, *cells[column + 1 :]]), truth)
            yield with_line("delimiter too many", number, ",".join([*cells[:column], "", *cells[column:]]))
            if column:
                merged = [*cells[: column - 1], cells[column - 1] + cells[column], *cells[column + 1 :]]
                yield with_line("delimiter missing", number, ",".join(merged))
