"""The dialect that a contract leaves to be detected: the contract's own columns say which reading of the file is the right one."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa

from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats.delimited.dialect import DETECT, Dialect
from sources.formats.delimited.evidence import Quoting, dialects, is_borne_out
from sources.formats.delimited.fields import FieldParser
from sources.formats.delimited.records import Record, Records, lines_of, open_text
from sources.formats.stacked_headings import joined
from sources.typed_value import typed
from warehouse.engines.duckdb.engine import quoted

_RECORDS = 200
_HEAD_CHARACTERS = 1 << 20
# From the usual to the rare: of those that are as good, the first is taken. What is longer goes before its own part.
_DELIMITERS = (" | ", " ; ", ", ", "; ", ",", ";", "\t", "||", "|", "::", ":", "^", "~", "\x1f", "\x01", "§", " ")
# In a table of one column nothing delimits; this sign, which no file of letters has, stands for that.
_NO_DELIMITER = "\x1f"


@dataclass(frozen=True)
class _Look:
    """How a dialect reads the head of the file: whether a record has the contract's headings, and how many records are as wide.

    `fitting` are the values of the contract's types.
    """

    dialect: Dialect
    has_headings: bool
    right: int
    records: int
    fitting: int
    quoting: Quoting

    @property
    def score(self) -> tuple[bool, float, int, int, int]:
        # A heading of which nothing else in the file is, is itself the line with other signs.
        right = self.right / max(1, self.records)
        return self.has_headings and self.is_right, right, self.fitting, self.quoting.escapes, -self.quoting.against

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
    text = "".join(head)
    delimiters = _delimiters(dialect, text, len(contract.columns))
    looks = [_look(candidate, head, contract, fits) for candidate in dialects(dialect, text, delimiters)]
    best = max((look for look in looks if is_borne_out(look, looks)), key=lambda look: look.score)
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


def _delimiters(dialect: Dialect, head: str, columns: int) -> list[str]:
    if dialect.delimiter != DETECT:
        return [dialect.delimiter]
    found = [sign for sign in _DELIMITERS if sign in head] or [","]
    return [_NO_DELIMITER, *found] if columns == 1 and _NO_DELIMITER not in head else found


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
    # With a heading, the names in it say more.
    fitting = 0 if dialect.heading_rows else fits.count(dialect, records)
    return _Look(dialect, has_headings, right, len(table), fitting, Quoting.of(dialect, records))


def _heading_at(records: list[Record], expected: set[str], rows: int) -> int | None:
    for begin in range(len(records) - rows + 1):
        names = joined([record.fields or [] for record in records[begin : begin + rows]])
        if expected <= set(names):
            return begin
    return None
