"""Delimited files polluted one way each, loaded by interagency and by peers, scored as Vitagliano et al., Pollock (VLDB 2023).

    python -m benchmarks.polluted

takes about ten minutes.

One table of 83 products (made here) is written as a file that follows RFC 4180, and then in some 1,600 other ways: another
dialect, line end or encoding, text above or below, no heading, several headings, one row with a quote too many, a delimiter
too many or missing, or other delimiters. A loader's score for a file is the sum of ten measures: whether it loads at all, and
precision, recall and F1 of the header's names, of whole records and of cells (as sets that count repeats) against what a
person reads in the file. Where columns of one row cannot be told, a person reads what was written before the pollution.
Every loader is run twice: told the dialect, and left to find it. interagency's contract has text columns alone, so that no
type helps it. A record that it rejects is one that it does not load.
"""

import csv
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import typer

from sources.connectors import ExtractError
from sources.contract_file import load
from sources.landing import land_extract
from warehouse.engine import literal

Rows = list[list[str]]
HEADER = ["DATE", "TIME", "Qty", "PRODUCTID", "Price", "ProductType", "ProductDescription", "URL", "Comments"]
KEY = "c3"
TYPES = ["Men's Boots", 'Table, Round 48"', "Light-Up Jacket", "Kids' Hat, blue"]
TEXTS = ["These boots, for men, are rugged.", "All the softness", "Our 8'9\" rod, designed", 'It "is" good']
CONTRACT = """apiVersion: v3.2.0
kind: DataContract
id: bench-polluted
name: Products
version: 1.0.0
servers:
  - {{server: drop, type: local, path: e.csv, format: csv, customProperties: [{options}]}}
schema:
  - name: products
    properties:
{properties}
slaProperties:
  - {{property: frequency, value: 1, unit: d}}
  - {{property: timeOfAvailability, value: "02:00"}}
  - {{property: latency, value: 1, unit: h}}
  - {{property: retention, value: 1, unit: d}}
"""


@dataclass(frozen=True)
class Dialect:
    """How a file is written, as a person would tell a loader; `above` are the lines before the header."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    encoding: str = "utf-8"
    above: int = 0
    heading_rows: int = 1


@dataclass(frozen=True)
class Polluted:
    family: str
    content: bytes
    truth: Rows
    dialect: Dialect = field(default_factory=Dialect)


def products() -> Rows:
    return [
        [f"{1 + i % 28:02}/0{1 + i // 28}/2018", f"{i // 4:02}:{15 * (i % 4):02}", str(i % 34), f"MG-{8000 + i}", f"${i}.{i:02}",
         TYPES[i * 7 % 4], TEXTS[i * 5 % 4], f"https://www.example.com/product/{i}.html", ""]
        for i in range(83)
    ]  # fmt: skip


def written(cell: str, dialect: Dialect) -> str:
    quote = dialect.quote
    if not any(sign in cell for sign in (dialect.delimiter.strip() or " ", quote, "\n")):
        return cell
    return quote + cell.replace(quote, dialect.escape + quote) + quote


def line(row: Iterable[str], dialect: Dialect) -> str:
    return dialect.delimiter.join(written(cell, dialect) for cell in row)


def text(rows: Rows, dialect: Dialect, end: str = "\r\n") -> str:
    return "".join(line(row, dialect) + end for row in rows)


def whole_files(table: Rows) -> Iterator[Polluted]:
    """Pollution of the whole file."""
    usual, plain = Dialect(), text(table, Dialect())
    yield Polluted("source", plain.encode(), table)
    for end in ("\n", "\r"):
        yield Polluted("line ends", text(table, usual, end).encode(), table)
    yield Polluted("no last line end", plain.removesuffix("\r\n").encode(), table)
    yield Polluted("blank last line", f"{plain}\r\n".encode(), table)
    for delimiter in (";", "\t", "|", ", ", " ", "^", "||"):
        dialect = Dialect(delimiter=delimiter)
        yield Polluted("other delimiter", text(table, dialect).encode(), table, dialect)
    for quote, escape in (("'", "'"), ('"', "\\")):
        dialect = Dialect(quote=quote, escape=escape)
        yield Polluted("other quote or escape", text(table, dialect).encode(), table, dialect)
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        accented = [[cell.replace("Hat", "Hât") for cell in row] for row in table]
        dialect = Dialect(encoding=encoding)
        yield Polluted("encoding", text(accented, usual).encode(encoding), accented, dialect)
    yield Polluted("header only", text(table[:1], usual).encode(), table[:1])
    yield Polluted("one record", text(table[:2], usual).encode(), table[:2])
    yield Polluted("no header", text(table[1:], usual).encode(), table, Dialect(heading_rows=0))
    units = ["", "", "(pieces)", "", "($)", "", "", "", ""]
    joined = [" ".join(filter(None, pair)) for pair in zip(table[0], units, strict=True)]
    several = Dialect(heading_rows=2)
    yield Polluted("two headers", text([table[0], units, *table[1:]], usual).encode(), [joined, *table[1:]], several)
    title = "Products of 2018,,,,,,,,\r\n,,,,,,,,\r\n"
    yield Polluted("text above", (title + plain).encode(), table, Dialect(above=2))
    yield Polluted("text below", (plain + "Total,83\r\n").encode(), table)
    yield Polluted("second table", (plain + "\r\nShop,Town\r\nNorth,Leeds\r\n").encode(), table)


def single_rows(table: Rows) -> Iterator[Polluted]:
    """Pollution of one row, each row and column by turns."""
    usual = Dialect()
    lines = [line(row, usual) for row in table]

    def with_line(family: str, number: int, polluted: str, truth: Rows) -> Polluted:
        content = "\r\n".join([*lines[:number], polluted, *lines[number + 1 :], ""])
        return Polluted(family, content.encode(), truth)

    for number, row in enumerate(table):
        cells = [written(cell, usual) for cell in row]
        yield with_line("other delimiter in a row", number, " ".join(cells), table)
        for column in range(len(cells)):
            quoted = [*row[:column], f'"{row[column]}', *row[column + 1 :]]
            truth = [*table[:number], quoted, *table[number + 1 :]] if number else table
            stray = cells[column][0] + '""' + cells[column][1:] if cells[column][:1] == '"' else f'"{cells[column]}'
            yield with_line("quote too many", number, ",".join([*cells[:column], stray, *cells[column + 1 :]]), truth)
            yield with_line("delimiter too many", number, ",".join([*cells[:column], "", *cells[column:]]), table)
            if column:
                merged = [*cells[: column - 1], cells[column - 1] + cells[column], *cells[column + 1 :]]
                yield with_line("delimiter missing", number, ",".join(merged), table)


def option(name: str, value: str | int) -> str:
    shown = (
        value
        if isinstance(value, int)
        else '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'
    )
    return f"{{property: {name}, value: {shown}}}"


def by_interagency(path: Path, item: Polluted, is_told: bool) -> Rows:
    dialect = item.dialect
    told = {
        "delimiter": dialect.delimiter,
        "quote": dialect.quote,
        "escape": dialect.escape,
        "encoding": dialect.encoding,
    }
    told |= {"headerRow": dialect.above + 1} if dialect.heading_rows else {}
    options = told if is_told else {"dialect": "detect", "encoding": "detect"}
    names = [f"c{number}" for number in range(len(HEADER))]
    contract = path.with_suffix(".odcs.yaml")
    contract.write_text(
        CONTRACT.format(
            options=", ".join(option(*pair) for pair in [*options.items(), ("headerRows", dialect.heading_rows)]),
            properties="\n".join(
                f"      - {{name: {name}, physicalName: {heading!r}, logicalType: string{', primaryKey: true' * (name == KEY)}}}"
                for name, heading in zip(names, item.truth[0], strict=True)
            ),
        ),
        encoding="utf-8",
    )
    try:
        land_extract(load(contract), path.parent / "landed", str(path))
    except ExtractError as error:
        raise Refused(str(error)) from error
    landed = pq.read_table(path.parent / "landed" / "rows.parquet", columns=names).to_pydict()
    return [item.truth[0], *_as_texts(zip(*landed.values(), strict=True))]


def by_duckdb(path: Path, item: Polluted, is_told: bool) -> Rows:
    dialect = item.dialect
    options = "all_varchar=true, null_padding=true, strict_mode=false, ignore_errors=true"
    if is_told:
        encoding = {"utf-8-sig": "utf-8", "cp1252": "latin-1"}.get(dialect.encoding, dialect.encoding)
        options += (
            f", delim={literal(dialect.delimiter)}, quote={literal(dialect.quote)}, escape={literal(dialect.escape)}, "
            f"skip={dialect.above}, header={dialect.heading_rows > 0}, encoding={literal(encoding)}"
        )
    try:
        found = duckdb.connect().execute(f"FROM read_csv({literal(str(path))}, {options})")
        return [[column[0] for column in found.description], *_as_texts(found.fetchall())]
    except duckdb.Error as error:
        raise Refused(str(error)) from error


def by_pandas(path: Path, item: Polluted, is_told: bool) -> Rows:
    dialect = item.dialect
    told = {
        "sep": dialect.delimiter, "quotechar": dialect.quote, "escapechar": None if dialect.escape == dialect.quote else dialect.escape,
        "encoding": dialect.encoding, "skiprows": dialect.above, "header": 0 if dialect.heading_rows else None,
    }  # fmt: skip
    options = told if is_told else {"sep": None}
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, on_bad_lines="skip", engine="python", **options)
    except (ValueError, OSError, csv.Error) as error:
        raise Refused(str(error)) from error
    return [[str(name) for name in frame.columns], *_as_texts(frame.itertuples(index=False))]


def _as_texts(rows: Iterable[tuple[object, ...]]) -> Rows:
    return [["" if cell is None or cell != cell else str(cell) for cell in row] for row in rows]


class Refused(Exception):
    """The loader gave an error instead of a table."""


def measures(found: Rows, truth: Rows) -> list[float]:
    """Success, and precision, recall and F1 of header, records and cells."""
    pairs: list[tuple[list[object], list[object]]] = [
        (list(found[0]), list(truth[0])),
        ([tuple(row) for row in found[1:]], [tuple(row) for row in truth[1:]]),
        ([cell for row in found[1:] for cell in row], [cell for row in truth[1:] for cell in row]),
    ]
    return [1.0, *(measure for pair in pairs for measure in _agreement(*pair))]


def _agreement(found: list[object], truth: list[object]) -> tuple[float, float, float]:
    if not found and not truth:
        return 1.0, 1.0, 1.0
    same = (Counter(found) & Counter(truth)).total()
    precision, recall = same / max(1, len(found)), same / max(1, len(truth))
    return precision, recall, 2 * precision * recall / (precision + recall) if same else 0.0


LOADERS: dict[str, Callable[[Path, Polluted, bool], Rows]] = {
    "interagency": by_interagency,
    "duckdb": by_duckdb,
    "pandas": by_pandas,
}


def score(load_by: Callable[[Path, Polluted, bool], Rows], item: Polluted, is_told: bool) -> float:
    """0 to 10."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench" / "products.csv"
        path.parent.mkdir()
        path.write_bytes(item.content)
        try:
            return sum(measures(load_by(path, item, is_told), item.truth))
        except Refused:
            return 0.0


def main() -> None:
    table = [HEADER, *products()]
    corpus = [*whole_files(table), *single_rows(table)]
    families = list(dict.fromkeys(item.family for item in corpus))
    columns = [(name, is_told) for is_told in (True, False) for name in LOADERS]
    scores = {column: [score(LOADERS[column[0]], item, column[1]) for item in corpus] for column in columns}
    typer.echo(
        f"{'family':<26}{'files':>6}" + "".join(f"{name + (' told' if told else ''):>18}" for name, told in columns)
    )
    for family in [*families, None]:
        chosen = [number for number, item in enumerate(corpus) if family in (None, item.family)]
        found = "".join(f"{mean(scores[column][number] for number in chosen):>18.3f}" for column in columns)
        typer.echo(f"{family or 'all':<26}{len(chosen):>6}{found}")


if __name__ == "__main__":
    main()
