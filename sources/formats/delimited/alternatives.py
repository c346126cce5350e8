"""Broken records of delimited text that may have one right reading all the same, by the contract's own types."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, islice

import duckdb
import pyarrow as pa

from sources.contract.model import Contract
from sources.formats import BrokenRecord, Mended
from sources.formats.delimited.fields import FieldParser, Misquoted, Unclosed
from sources.formats.delimited.headings import Table
from sources.formats.delimited.records import MISQUOTED
from sources.formats.habits import Habits
from sources.formats.staged import Stage
from sources.typed_value import typed
from warehouse.engines.duckdb.engine import quoted

# A file with more of them is not a good file with a few faults; they are rejects then, and nothing is held in memory for them.
MAX_RECORDS = 10_000
_MAX_READINGS = 200
_SHOWN_LINES = 10
_MAX_SURPLUS = 3
_MAX_CHARACTERS = 100_000
STRAY_QUOTE = "a quote too many, kept in its value"
EMPTY_COLUMN = "an empty column too many"
_BACKSLASH = "\\"
# Stands for a quote that is taken for a letter while a record is read once more.
_LETTER = "\ue000"


class Mendings:
    """Counts what was mended, by reason, and keeps the lines of the first ones."""

    def __init__(self) -> None:
        self._lines: dict[str, list[int]] = defaultdict(list)
        self._counts: Counter[str] = Counter()

    def add(self, line: int, reason: str) -> None:
        self._counts[reason] += 1
        if len(self._lines[reason]) < _SHOWN_LINES:
            self._lines[reason].append(line)

    def found(self) -> list[Mended]:
        return [Mended(reason, count, tuple(self._lines[reason])) for reason, count in self._counts.items()]


class Alternatives:
    """Takes broken records, and lands those in the end that have one reading, and one alone, that the contract allows.

    A reading takes a quote that opens a field for a letter of it, or leaves out empty columns of a record that has too many.
    A delimiter in a value that is not quoted speaks against the second: then there are two readings. Of several the habits of
    the file may leave one: columns that are never empty, and such as always are. If they do not, the record is a reject.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, contract: Contract, table: Table) -> None:
        self.connection, self._contract, self._headers = connection, contract, table.headers
        self._parser, self._delimiter = FieldParser(table.dialect), table.dialect.delimiter
        self._quote, self._nulls = table.dialect.quote, frozenset(table.dialect.nulls)
        self._width = len(table.headers)
        self._is_behind_heading = False
        self._taken: list[tuple[BrokenRecord, str]] = []
        self._readings: list[tuple[int, bool, tuple[str, ...]]] = []

    def take(self, broken: BrokenRecord) -> bool:
        """False where the record has no other reading at all, or too many to be told apart."""
        text = broken.record
        is_quote = broken.reason == MISQUOTED
        if len(self._taken) >= MAX_RECORDS or len(text) > _MAX_CHARACTERS:
            return False
        # Quotes behind a backslash belong to another dialect than the contract's: the backslashes would land as letters.
        if is_quote and _BACKSLASH + self._quote in text:
            return False
        fields = [] if is_quote else self._fields(text)
        # What follows the heading of another, wider table is of that.
        self._is_behind_heading = self._is_behind_heading or set(self._headers) <= set(fields)
        if fields and self._is_behind_heading:
            return False
        wanted = set(islice(self._with_letters(text), _MAX_READINGS)) if is_quote else self._shorter(fields)
        wanted.discard(())
        if not wanted:
            return False
        others = set() if is_quote else self._merged(fields) - wanted
        number = len(self._taken)
        self._taken.append((broken, STRAY_QUOTE if is_quote else EMPTY_COLUMN))
        self._readings += [(number, True, reading) for reading in wanted]
        self._readings += [(number, False, reading) for reading in others]
        return True

    def are_rows(self, rows: list[list[str]]) -> bool:
        """Whether all are of the contract's types, and each has a value that is more than a text."""
        columns = [self._contract.matching_header(header) for header in self._headers]
        telling = [place for place, column in enumerate(columns) if column and column.sql_type != "VARCHAR"]
        if not all(any(row[place] not in self._nulls for place in telling) for row in rows):
            return False
        self.connection.register("rows_within", pa.table(self._cells(rows)))
        wrong = self.connection.execute(f"SELECT 1 FROM rows_within WHERE NOT ({self._all_right()}) LIMIT 1").fetchone()
        self.connection.unregister("rows_within")
        return wrong is None

    def fit(self, rows: list[list[str]]) -> list[bool]:
        """Whether each is of the contract's types."""
        cells = self._cells(rows)
        self.connection.register("rows_above", pa.table({**cells, "place": pa.array(range(len(rows)), pa.int64())}))
        found = self.connection.execute(f"SELECT {self._all_right()} FROM rows_above ORDER BY place").fetchall()
        self.connection.unregister("rows_above")
        return [bool(is_right) for (is_right,) in found]

    def may_be_mended(self) -> bool:
        """Whether there is a record that habits may leave one reading of."""
        return bool(self._taken and any(self._right()))

    def has_right_ones(self, habits: Habits) -> bool:
        return bool(self._taken and self._chosen(habits))

    def settle(self, stage: Stage, mended: Mendings) -> int:
        """Each record taken becomes a row and is noted in `mended`, or becomes a reject. Returns the number of rows."""
        chosen = self._chosen(stage.habits()) if self._taken else {}
        for number, (broken, how) in enumerate(self._taken):
            if number in chosen:
                stage.add(tuple(self._value(field) for field in chosen[number]), broken.line)
                mended.add(broken.line, how)
            else:
                stage.reject(broken)
        return len(chosen)

    def _chosen(self, habits: Habits) -> dict[int, tuple[str, ...]]:
        """By number of the record: its reading, where it is the only one that is right, or that is as the file is elsewhere."""
        found: dict[int, tuple[str, ...]] = {}
        for number, places in self._right().items():
            if len(places) > 1:
                places = [place for place in places if self._is_usual(self._readings[place][2], habits)]
            if len(places) == 1 and self._readings[places[0]][1]:
                found[number] = self._readings[places[0]][2]
        # A whole file may have quotes that are not escaped; columns too many are another table then.
        wider = {number for number in found if self._taken[number][1] == EMPTY_COLUMN}
        if len(wider) > habits.most_mended:
            found = {number: reading for number, reading in found.items() if number not in wider}
        return found

    def _right(self) -> dict[int, list[int]]:
        """By number of the record: the places of its readings that the contract allows."""
        cells = self._cells(reading for _, _, reading in self._readings)
        places = pa.array(range(len(self._readings)), pa.int64())
        numbers = pa.array([number for number, _, _ in self._readings], pa.int64())
        self.connection.register("readings", pa.table({**cells, "reading": places, "record": numbers}))
        found = self.connection.execute(
            f"SELECT record, list(reading) FROM readings WHERE {self._all_right()} GROUP BY record"
        ).fetchall()
        self.connection.unregister("readings")
        return dict(found)

    def _is_usual(self, reading: tuple[str, ...], habits: Habits) -> bool:
        return all(reading[place] not in self._nulls for place in habits.filled) and all(
            reading[place] in self._nulls for place in habits.empty
        )

    def _value(self, field: str) -> str | None:
        return None if field in self._nulls else field

    def _as_texts(self, fields: Iterable[str]) -> pa.Array:
        return pa.array([self._value(field) for field in fields], pa.string())

    def _cells(self, rows: Iterable[Sequence[str]]) -> dict[str, pa.Array]:
        """Columns by their numbers."""
        return {str(number): self._as_texts(values) for number, values in enumerate(zip(*rows, strict=True))}

    def _all_right(self) -> str:
        return " AND ".join(self._is_right(header, str(number)) for number, header in enumerate(self._headers))

    def _is_right(self, header: str, name: str) -> str:
        column = self._contract.matching_header(header)
        if column is None:
            return "true"
        value, must_be = quoted(name), column.required or column.key_position is not None
        return f"({typed(column, value).is_right}{f' AND {value} IS NOT NULL' if must_be else ''})"

    def _with_letters(self, text: str) -> Iterator[tuple[str, ...]]:
        """With one quote that opens a field as a letter, or with all quotes within quotes as letters."""
        quote = self._quote
        for place in self._opening_quotes(text):
            if self._parser.spans_fields(text, place):
                continue  # a value in quotes, with something wrong behind it
            # A quote before the quote of a quoted field is within it.
            letter = place + 1 if text[place + 1 : place + 2] == quote else place
            fields = self._tried(text[:letter] + _LETTER + text[letter + 1 :])
            field = next((item for item in fields if _LETTER in item), quote)
            # Where there is another quote in the value, it may as well have been quoted.
            if letter != place or quote not in field:
                yield tuple(item.replace(_LETTER, quote) for item in fields)
        yield self._tried(text, lazy=True)

    def _opening_quotes(self, text: str) -> Iterator[int]:
        place = text.find(self._quote)
        while place >= 0:
            if place == 0 or text.endswith(self._delimiter, 0, place):
                yield place
            place = text.find(self._quote, place + 1)

    def _tried(self, text: str, lazy: bool = False) -> tuple[str, ...]:
        try:
            fields = self._parser.lazy_fields(text) if lazy else self._parser.fields(text)
        except (Misquoted, Unclosed):
            return ()
        return tuple(fields) if len(fields) == self._width else ()

    def _fields(self, text: str) -> list[str]:
        try:
            return self._parser.fields(text)
        except (Misquoted, Unclosed):
            return []

    def _shorter(self, fields: list[str]) -> set[tuple[str, ...]]:
        """Without as many empty columns as there are too many."""
        surplus = len(fields) - self._width
        empty = [index for index, field in enumerate(fields) if not field]
        if not 0 < surplus <= _MAX_SURPLUS or len(empty) < surplus:
            return set()
        left_out = islice(combinations(empty, surplus), _MAX_READINGS + 1)
        found = {tuple(field for index, field in enumerate(fields) if index not in left) for left in left_out}
        return found if len(found) <= _MAX_READINGS else set()

    def _merged(self, fields: list[str]) -> set[tuple[str, ...]]:
        """With fields beside each other as one, in which the delimiters are letters; no value begins or ends with one."""
        length = len(fields) - self._width + 1
        return {
            (*fields[:begin], self._delimiter.join(fields[begin : begin + length]), *fields[begin + length :])
            for begin in range(self._width)
            if fields[begin] and fields[begin + length - 1]
        }
