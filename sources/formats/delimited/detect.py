"""The dialect that a contract leaves to be detected: the contract's own columns say which reading of the file is the right one."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice, product
from pathlib import Path

from sources.connectors import ExtractError
from sources.contract import Contract
from sources.formats.delimited.dialect import DETECT, Dialect
from sources.formats.delimited.fields import FieldParser
from sources.formats.delimited.records import Record, Records, lines_of, open_text
from sources.formats.headings import joined

_RECORDS = 200
_HEAD_CHARACTERS = 1 << 20
# From the usual to the rare: of those that are as good, the first is taken. What is longer goes before its own part.
_DELIMITERS = (", ", "; ", ",", ";", "\t", "||", "|", "::", ":", "^", "~", "\x1f", "\x01", "§", " ")
_QUOTES, _ESCAPES = ('"', "'"), ("", "\\")


@dataclass(frozen=True)
class _Look:
    """How a dialect reads the head of the file: whether a record has the contract's headings, and how many records are as wide.

    `escapes` are quotes behind a backslash where that is the escape, `quoted` fields that still stand in quotes.
    """

    dialect: Dialect
    has_headings: bool
    right: int
    records: int
    escapes: int
    quoted: int

    @property
    def score(self) -> tuple[bool, float, int, int]:
        # A heading of which nothing else in the file is, is itself the line with other signs.
        return self.has_headings and self.is_right, self.right / max(1, self.records), self.escapes, -self.quoted

    @property
    def is_right(self) -> bool:
        return self.right * 2 >= self.records


def detected(path: Path, contract: Contract, dialect: Dialect) -> Dialect:
    """`dialect` with what it leaves open. Raises ExtractError where no reading of the file has the contract's columns."""
    if DETECT not in (dialect.delimiter, dialect.quote, dialect.escape):
        return dialect
    with open_text(path) as file:
        head = list(islice(_head(lines_of(file)), _RECORDS * 5))
    looks = [_look(candidate, head, contract) for candidate in _candidates(dialect, "".join(head))]
    best = max(looks, key=lambda look: look.score)
    if not best.has_headings and not best.is_right:
        wanted = ", ".join(column.header for column in contract.columns)
        raise ExtractError(
            f"line 1 ff.: no delimiter and quote give the columns {wanted}; ask {contract.agency_name} what changed, or declare "
            "delimiter, quote and headerRow"
        )
    return best.dialect


def _head(lines: Iterator[str]) -> Iterator[str]:
    size = 0
    for line in lines:
        size += len(line)
        if size > _HEAD_CHARACTERS:
            return
        yield line


def _candidates(dialect: Dialect, head: str) -> Iterator[Dialect]:
    delimiters = [dialect.delimiter]
    if dialect.delimiter == DETECT:
        delimiters = [sign for sign in _DELIMITERS if sign in head] or [","]
    quotes = _QUOTES if dialect.quote == DETECT else (dialect.quote,)
    escapes = [sign for sign in _ESCAPES if sign in head] if dialect.escape == DETECT else [dialect.escape]
    for delimiter, quote, escape in product(delimiters, quotes, escapes):
        # An escape that was left to its default is the quote.
        own = quote if escape in ("", DETECT) or escape == dialect.quote else escape
        yield replace(dialect, delimiter=delimiter, quote=quote, escape=own)


def _look(dialect: Dialect, head: list[str], contract: Contract) -> _Look:
    records = list(islice(Records(head, FieldParser(dialect)), _RECORDS))
    expected = {column.header for column in contract.columns}
    rows = max(1, dialect.heading_rows)
    at = _heading_at(records, expected, rows) if dialect.heading_rows else 0
    # What stands above the heading, and below the table, is of another width.
    table = records[at or 0 :]
    widths = Counter(len(record.fields) for record in table if record.fields is not None)
    # A column without a name is a delimiter too many in the heading as a rule.
    has_headings = at is not None and dialect.heading_rows > 0
    heading = (table[0].fields or []) if has_headings else contract.columns
    right = max(widths[len(heading)], widths[sum(map(bool, heading))])
    escapes = sum(record.text.count("\\" + dialect.quote) for record in records) if not dialect.is_doubled else 0
    fields = chain.from_iterable(record.fields or [] for record in records)
    quoted = sum(len(field) > 1 and field[0] == field[-1] and field[0] in _QUOTES for field in fields)
    return _Look(dialect, has_headings, right, len(table), escapes, quoted)


def _heading_at(records: list[Record], expected: set[str], rows: int) -> int | None:
    for begin in range(len(records) - rows + 1):
        names = joined([record.fields or [] for record in records[begin : begin + rows]])
        if expected <= set(names):
            return begin
    return None
