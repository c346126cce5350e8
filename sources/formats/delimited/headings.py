"""Where the table begins in a delimited file, and what its columns are called."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats import Mended
from sources.formats.delimited.dialect import DETECT, Dialect
from sources.formats.delimited.fields import FieldParser
from sources.formats.delimited.records import CUT_OFF, MISQUOTED, Record, Records, lines_of, open_text
from sources.formats.stacked_headings import joined
from sources.formats.staged import refuse_too_many

# How far down a heading is looked for.
SEARCHED_RECORDS = 200
# So many records say what is usual in a file.
_HABIT_RECORDS = 3
SHOWN_LINES = 10
ABOVE_HEADING = "lines above the heading, which are no records"


@dataclass(frozen=True)
class Table:
    """A table in a delimited file: its dialect, its headers in order, and the physical lines above its first row.

    `unnamed` columns without a heading follow the last header; they must be empty. `heading` is where the headers were read.
    `above` are records above a heading that was looked for, `rows` the texts of a heading of several rows.
    """

    dialect: Dialect
    headers: tuple[str, ...]
    lines_above: int
    heading: int = 1
    unnamed: int = 0
    ends_in_cr: bool = False
    notes: tuple[Mended, ...] = ()
    above: tuple[Record, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()

    @property
    def is_for_engine(self) -> bool:
        return self.dialect.is_for_engine and not self.unnamed and not self.ends_in_cr and not self.above

    def with_above(self, records: Sequence[Record]) -> "Table":
        """With these of the records above the heading; the other lines there are told, and are no records."""
        others = [record.line for record in self.above if record not in records]
        notes = (*self.notes, Mended(ABOVE_HEADING, len(others), tuple(others[:SHOWN_LINES]))) if others else self.notes
        return replace(self, above=tuple(records), notes=notes)

    def with_notes(self, notes: Sequence[Mended]) -> "Table":
        return replace(self, notes=(*notes, *self.notes))


def find_table(path: Path, contract: Contract, dialect: Dialect) -> Table:
    """Raises ExtractError where there is no heading, or one that does not say what each column is."""
    if not path.stat().st_size:
        raise ExtractError("the file is empty; a header and rows are expected, ask the agency to send it again")
    if dialect.heading_rows == 0:
        return _without_heading(path, contract, dialect)
    rows = dialect.heading_rows
    with _records(path, contract, dialect) as found:
        records = list(islice(found, SEARCHED_RECORDS))
    begin = _found(records, contract, rows) if dialect.heading_line == DETECT else 0
    table = _table(records[begin:], contract, dialect)
    if _missing(contract, table.headers) and dialect.heading_line != DETECT:
        _refuse_if_elsewhere(records, contract, table)
    return replace(table, ends_in_cr=_ends_in_cr(path), above=tuple(records[:begin]))


@contextmanager
def _records(path: Path, contract: Contract, dialect: Dialect) -> Iterator[Iterator[Record]]:
    """From the line where the heading is said to stand; what is above it need not be of the dialect."""
    said = dialect.heading_line
    skipped = said - 1 if isinstance(said, int) and said > 1 else 0
    with open_text(path) as file:
        lines = lines_of(file)
        if len(list(islice(lines, skipped))) < skipped:
            raise ExtractError(f"the heading should stand on line {said}, but the file has fewer lines; ask the agency")
        width = len(contract.columns) if len(contract.columns) > 1 else None
        yield iter(Records(lines, FieldParser(dialect), skipped + 1, width))


def _without_heading(path: Path, contract: Contract, dialect: Dialect) -> Table:
    headers = tuple(column.header for column in contract.columns)
    first = dialect.heading_line if isinstance(dialect.heading_line, int) else 1
    return Table(dialect, headers, max(0, first - 1), max(1, first), ends_in_cr=_ends_in_cr(path))


def _table(records: list[Record], contract: Contract, dialect: Dialect) -> Table:
    """The first records are the heading, the others are below it."""
    rows = dialect.heading_rows
    heading, line = records[:rows], records[0].line if records else 1
    if len(heading) < rows:
        raise ExtractError(f"line {line}: there is no header; ask the agency for the file with its header")
    table = Table(dialect, (), heading[-1].line + heading[-1].lines - 1, line)
    other = _in_other_signs(heading, records[rows:], contract)
    if other:
        return replace(table, headers=other, notes=(Mended.at(line, "the header with other delimiters or quotes"),))
    for record in heading:
        if record.fields is None:
            raise ExtractError(
                f"line {record.line} is not a header ({record.fault}); ask the agency to mend it, or declare the encoding, "
                "delimiter and quote that the file has"
            )
    names = joined([record.fields or [] for record in heading])
    named = len(names)
    while named and not names[named - 1]:
        named -= 1
    refuse_too_many(contract, named - len(contract.columns))
    # A column at the end that nobody named is none where nothing stands in it.
    is_empty = not any(any((record.fields or ())[named : len(names)]) for record in records[rows:])
    _check_names(contract, line, names[:named] if is_empty else names)
    unnamed = max(0, len(names) - named, _padding(records[rows:], named))
    several = tuple(_texts(record, dialect, named) for record in heading) if rows > 1 else ()
    return replace(table, headers=tuple(names[:named]), unnamed=unnamed, rows=tuple(filter(any, several)))


def _texts(record: Record, dialect: Dialect, width: int) -> tuple[str | None, ...]:
    fields = [*(record.fields or []), *[""] * width][:width]
    return tuple(None if field in dialect.nulls else field for field in fields)


def _padding(records: list[Record], width: int) -> int:
    """How many empty columns follow the last one in each record, as where a delimiter ends every line."""
    widths = {len(record.fields or ()) for record in records}
    if len(records) < _HABIT_RECORDS or len(widths) > 1:
        return 0
    return max(widths) - width if all(not any((record.fields or ())[width:]) for record in records) else 0


def _check_names(contract: Contract, line: int, names: list[str]) -> None:
    if not any(names):
        raise ExtractError(f"line {line}: the header names no column; ask the agency what its columns are")
    if "" in names:
        raise ExtractError(
            f"line {line}: column {names.index('') + 1} of the header has no name; ask the agency what it is"
        )
    doubled = sorted(name for name, count in Counter(names).items() if count > 1)
    if doubled:
        raise ExtractError(
            f"line {line}: the header names {contract.shown_headings(doubled)} more than once; ask the agency for a name for each column"
        )


def _in_other_signs(heading: list[Record], below: list[Record], contract: Contract) -> tuple[str, ...]:
    """The contract's headers where the line has exactly their letters in their order, whatever stands between them.

    A header with a delimiter too many or too few, or a stray quote, has no other meaning then, if the records have so many columns.
    """
    expected = tuple(column.header for column in contract.columns)
    fields, fault = heading[0].fields, heading[0].fault
    # As many names as there should be are other names, not other signs.
    if len(heading) > 1 or fault not in ("", MISQUOTED, CUT_OFF) or (fields and len(fields) == len(expected)):
        return ()
    right = sum(len(record.fields or ()) == len(expected) for record in below)
    return expected if right * 2 > len(below) and _letters(heading[0].text) == _letters("".join(expected)) else ()


def _letters(text: str) -> str:
    return re.sub(r"[\s,;|:\"']", "", text)


def _missing(contract: Contract, headers: Sequence[str]) -> list[str]:
    return [column.header for column in contract.columns if column.header not in headers]


def _found(records: list[Record], contract: Contract, rows: int) -> int:
    """Which of the records begins the heading: the first that names all columns of the contract."""
    for begin in range(len(records) - rows + 1):
        heading = records[begin : begin + rows]
        names = joined([record.fields or [] for record in heading])
        if not _missing(contract, names) or _in_other_signs(heading, records[begin + rows :], contract):
            return begin
    wanted = ", ".join(column.header for column in contract.columns)
    raise ExtractError(
        f"none of the first {len(records)} records is a header with {wanted}; ask {contract.agency_name} what changed"
    )


def _refuse_if_elsewhere(records: list[Record], contract: Contract, table: Table) -> None:
    """A heading below a title is told with its line; what else is missing is for those who know the whole contract."""
    for record in records:
        if record.line > table.heading and record.fields and not _missing(contract, record.fields):
            raise ExtractError(
                f"line {table.heading} is not the header, which stands on line {record.line}; declare headerRow: {record.line}, "
                "or headerRow: detect where its line may change"
            )


def _ends_in_cr(path: Path) -> bool:
    """Whether the first line end is CR alone."""
    with path.open("rb") as file:
        head = file.read(1 << 20)
    end = min((place for place in (head.find(b"\r"), head.find(b"\n")) if place >= 0), default=-1)
    return end >= 0 and head[end : end + 1] == b"\r" and head[end + 1 : end + 2] not in (b"\n", b"")
