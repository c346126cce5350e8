"""The dialect that a contract leaves to be detected: the contract's own columns say which reading of the file is the right one."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice, product
from pathlib import Path

import duckdb
import pyarrow as pa

from sources.connectors import ExtractError
from sources.contract import Contract
from sources.formats.delimited.dialect import DETECT, Dialect
from sources.formats.delimited.fields import FieldParser
from sources.formats.delimited.records import Record, Records, lines_of, open_text
from sources.formats.headings import joined
from sources.typing_sql import typed
from warehouse.engine import quoted

_RECORDS = 200
_HEAD_CHARACTERS = 1 << 20
# From the usual to the rare: of those that are as good, the first is taken. What is longer goes before its own part.
_DELIMITERS = (" | ", " ; ", ", ", "; ", ",", ";", "\t", "||", "|", "::", ":", "^", "~", "\x1f", "\x01", "§", " ")
# In a table of one column nothing delimits; this sign, which no file of letters has, stands for that.
_NO_DELIMITER = "\x1f"
# A field that still stands in double quotes weighs as much as so many in single ones, which are letters more often.
_DOUBLE_WEIGHS = 10
# One within a word, which would be doubled where it was a quote.
_APOSTROPHE = re.compile(r"\w'\w")
_QUOTES, _BACKSLASH = ('"', "'"), "\\"
# Nothing is quoted where so many records, and more than this part of those with a quote, break the rules of quotes.
_BROKEN_QUOTES, _BROKEN_PART = 2, 3


@dataclass(frozen=True)
class _Look:
    """How a dialect reads the head of the file: whether a record has the contract's headings, and how many records are as wide.

    `escapes` are quotes behind a backslash where that is the escape, `quoted` weighs what speaks against the quote,
    `fitting` are the values of the contract's types. Of records with quotes there are so many, so many of them are broken, so
    many have a quote in a value, and so many are quoted from delimiter to delimiter.
    """

    dialect: Dialect
    has_headings: bool
    right: int
    records: int
    escapes: int
    quoted: int
    fitting: int
    with_quotes: int
    broken_quotes: int
    quotes_in_values: int
    enclosed: int

    @property
    def score(self) -> tuple[bool, float, int, int, int]:
        # A heading of which nothing else in the file is, is itself the line with other signs.
        right = self.right / max(1, self.records)
        return self.has_headings and self.is_right, right, self.fitting, self.escapes, -self.quoted

    @property
    def is_right(self) -> bool:
        return self.right * 2 >= self.records


def detected(connection: duckdb.DuckDBPyConnection, path: Path, contract: Contract, dialect: Dialect) -> Dialect:
    """`dialect` with what it leaves open. Raises ExtractError where no reading of the file has the contract's columns."""
    if DETECT not in (dialect.delimiter, dialect.quote, dialect.escape):
        return dialect
    with open_text(path) as file:
        head = list(islice(_head(lines_of(file)), _RECORDS * 5))
    fits = _Fits(connection, contract)
    candidates = _candidates(dialect, "".join(head), len(contract.columns))
    looks = [_look(candidate, head, contract, fits) for candidate in candidates]
    best = max((look for look in looks if _is_borne_out(look, looks)), key=lambda look: look.score)
    if not best.has_headings and not best.is_right:
        wanted = ", ".join(column.header for column in contract.columns)
        raise ExtractError(
            f"line 1 ff.: no delimiter and quote give the columns {wanted}; ask {contract.agency_name} what changed, or declare "
            "delimiter, quote and headerRow"
        )
    return best.dialect


def _is_borne_out(look: _Look, looks: list[_Look]) -> bool:
    """Whether the file needs an escape, or no quote at all: what one broken record would be right by is its fault."""
    dialect = look.dialect
    if dialect.is_doubled and (look.enclosed or dialect.quote == '"'):
        return True
    # A quote that encloses nothing is as good as none.
    quote = dialect.quote if look.enclosed else '"'
    others = [item for item in looks if (item.dialect.delimiter, item.dialect.quote) == (dialect.delimiter, quote)]
    if look.enclosed:
        doubled = next((item for item in others if item.dialect.is_doubled), None)
        return doubled is None or look.right - doubled.right > doubled.quotes_in_values
    other = min(others, key=lambda item: item.broken_quotes, default=None)
    if other is None:
        return True
    is_habit = other.broken_quotes >= _BROKEN_QUOTES and other.broken_quotes * _BROKEN_PART > other.with_quotes
    return is_habit and look.right > other.right


def _head(lines: Iterator[str]) -> Iterator[str]:
    size = 0
    for line in lines:
        size += len(line)
        if size > _HEAD_CHARACTERS:
            return
        yield line


def _candidates(dialect: Dialect, head: str, columns: int) -> Iterator[Dialect]:
    delimiters = [dialect.delimiter]
    if dialect.delimiter == DETECT:
        delimiters = [sign for sign in _DELIMITERS if sign in head] or [","]
        delimiters = [_NO_DELIMITER, *delimiters] if columns == 1 and _NO_DELIMITER not in head else delimiters
    quotes = (*_QUOTES, "") if dialect.quote == DETECT else (dialect.quote,)
    for delimiter, quote in product(delimiters, quotes):
        for escape in _escapes(dialect, quote, head):
            yield replace(dialect, delimiter=delimiter, quote=quote, escape=escape)


def _escapes(dialect: Dialect, quote: str, head: str) -> list[str]:
    """An escape that was left to its default is the quote."""
    if dialect.escape == DETECT:
        return [quote, _BACKSLASH] if quote and _BACKSLASH + quote in head else [quote]
    return [quote if not quote or dialect.escape == dialect.quote else dialect.escape]


class _Fits:
    """Counts values that are of a contract's types."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
        self._connection, self._columns = connection, contract.columns

    def count(self, dialect: Dialect, records: list[Record]) -> int:
        """In records that have as many fields as the contract has columns, taken in its order."""
        rows = [record.fields for record in records if record.fields and len(record.fields) == len(self._columns)]
        if not rows:
            return 0
        names = [str(number) for number in range(len(self._columns))]
        cells = [[None if text in dialect.nulls else text for text in texts] for texts in zip(*rows, strict=True)]
        columns = [pa.array(values, pa.string()) for values in cells]
        self._connection.register("looked_at", pa.table(columns, names=names))
        rights = [typed(column, quoted(name)).is_right for column, name in zip(self._columns, names, strict=True)]
        counts = " + ".join(f"count_if({right})" for right in rights)
        found = self._connection.execute(f"SELECT {counts} FROM looked_at").fetchone()
        self._connection.unregister("looked_at")
        return int(found[0]) if found else 0


def _look(dialect: Dialect, head: list[str], contract: Contract, fits: _Fits) -> _Look:
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
    still = Counter(field[0] for field in fields if len(field) > 1 and field[0] == field[-1] and field[0] in _QUOTES)
    weight = _DOUBLE_WEIGHS * still['"'] + still["'"]
    if dialect.quote == "'":
        weight += sum(len(_APOSTROPHE.findall(record.text)) for record in records)
    # With a heading, the names in it say more.
    fitting = 0 if dialect.heading_rows else fits.count(dialect, records)
    with_quotes = [record for record in table if dialect.quote and dialect.quote in record.text]
    return _Look(
        dialect, has_headings, right, len(table), escapes, weight, fitting, len(with_quotes),
        sum(record.fields is None for record in with_quotes),
        sum(any(dialect.quote in field for field in record.fields or ()) for record in with_quotes),
        sum(_is_enclosing(dialect, record.text) for record in with_quotes),
    )  # fmt: skip


def _is_enclosing(dialect: Dialect, text: str) -> bool:
    quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
    return re.search(f"(?:^|{delimiter}){quote}.*{quote} *(?:{delimiter}|$)", text, re.DOTALL) is not None


def _heading_at(records: list[Record], expected: set[str], rows: int) -> int | None:
    for begin in range(len(records) - rows + 1):
        names = joined([record.fields or [] for record in records[begin : begin + rows]])
        if expected <= set(names):
            return begin
    return None
