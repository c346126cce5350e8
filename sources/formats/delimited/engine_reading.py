"""Delimited text read by the engine as text columns, in file order, with the records that have another shape apart."""

import csv
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np

from sources.errors import ExtractError
from sources.formats import BrokenRecord, Mended, NotSure, Place, Reading, refuse_if_too_many_broken
from sources.formats.delimited.alternatives import Alternatives
from sources.formats.delimited.fields import MAX_RECORD_BYTES
from sources.formats.delimited.headings import Table
from sources.formats.delimited.line_ends import Numbers, count_ends_behind, count_lines, filled_lines
from sources.formats.delimited.quotes_across import quotes_across
from sources.formats.delimited.records import (
    MAX_LINE_BYTES,
    MISQUOTED,
    NOT_UTF8,
    TOO_FEW,
    TOO_MANY,
    open_text,
    told_of_end,
)
from sources.formats.habits import Habits
from warehouse.engines.duckdb.engine import literal, quoted

# The engine holds many buffers at once, and only one that takes four of the longest lines loses none: the usual file is read
# with small ones, and only one with a long line somewhere with large ones.
_USUAL_RECORD_BYTES = 4 << 20
_LINES_PER_BUFFER = 4
# With large buffers the engine holds more the longer the file is, where two threads write in its order.
_LARGE_BYTES = 3 << 29
_GLANCE_BYTES = 1 << 16
_CHUNK_BYTES = 4 << 20
_FEW_LINES = 2
_QUOTE_FAULT = "UNQUOTED VALUE"
_TOO_LONG = "LINE SIZE OVER MAXIMUM"
_NOT_UTF8 = "INVALID ENCODING"
_REASONS = {
    "MISSING COLUMNS": TOO_FEW,
    "TOO MANY COLUMNS": TOO_MANY,
    _QUOTE_FAULT: MISQUOTED,
    _TOO_LONG: "record longer than {longest} bytes",
    _NOT_UTF8: NOT_UTF8,
}


class EngineReading(Reading):
    """One delimited file; see `formats.Reading`."""

    has_care = True

    def __init__(self, alternatives: Alternatives, path: Path, table: Table, with_care: Callable[[], Reading]) -> None:
        self._alternatives, self._connection = alternatives, alternatives.connection
        self._path, self._table, self._with_care = path, table, with_care
        self.headers, self.heading = table.headers, table.heading
        self.has_heading_row, self.heading_rows = table.dialect.heading_rows == 1, table.rows
        line = _longest_line(path)
        # A quoted record may be as many lines as it likes, each of them short.
        is_usual = line <= _USUAL_RECORD_BYTES and not self._has_quotes
        self._longest = _USUAL_RECORD_BYTES if is_usual else MAX_RECORD_BYTES
        self._buffer = max(_LINES_PER_BUFFER * (line if line > _USUAL_RECORD_BYTES else 0), 2 * self._longest)
        if not is_usual and path.stat().st_size > _LARGE_BYTES:
            self._connection.execute("SET threads = 1")
        self.relation = self._relation()

    _REPORTED, _IGNORED = "store_rejects=true, rejects_limit=0", "ignore_errors=true"

    def _relation(self, faults: str = _REPORTED) -> str:
        columns = ", ".join(f"{literal(header)}: 'VARCHAR'" for header in self.headers)
        return (
            f"read_csv({literal(str(self._path))}, auto_detect=false, header=false, skip={self._table.lines_above}, "
            f"columns={{{columns}}}, {self._table.dialect.for_engine()}, strict_mode=true, null_padding=false, "
            f"max_line_size={self._longest}, buffer_size={self._buffer}, {faults})"
        )

    def with_care(self) -> Reading:
        self._connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
        return self._with_care()

    def mended(self) -> list[Mended]:
        return list(self._table.notes)

    def broken(self) -> list[BrokenRecord]:
        """Raises NotSure where a quote is broken, which may have swallowed good records, or where one may be mended."""
        if any(item.reason == MISQUOTED or "\n" in item.record for item in self._broken) or self._has_mendable():
            raise NotSure
        return told_of_end(self._broken, self._path)

    def _has_mendable(self) -> bool:
        for item in self._broken:
            if item.reason == TOO_MANY:
                self._alternatives.take(item)
        return self._alternatives.may_be_mended() and self._alternatives.has_right_ones(self._habits())

    def _habits(self) -> Habits:
        """Asked of the file once more, without its broken records: only where one of them may be mended."""
        counts = ", ".join(f"count({quoted(header)})" for header in self.headers)
        found = self._connection.execute(f"SELECT count(*), {counts} FROM {self._relation(self._IGNORED)}").fetchone()
        rows, *values = found or (0,)
        return Habits.of(rows, values)

    @cached_property
    def _broken(self) -> list[BrokenRecord]:
        """From the table that the engine fills while it reads; one record may have several errors."""
        measured = self._connection.execute("""
            SELECT count(DISTINCT line), coalesce(sum(length(csv_line)), 0), coalesce(max(line), 0)
            FROM reject_errors
        """).fetchone()
        refuse_if_too_many_broken(*map(int, measured or (0, 0, 0)))
        found = self._connection.execute("""
            SELECT min(line_byte_position), first(error_type ORDER BY byte_position), first(csv_line)
            FROM reject_errors
            GROUP BY line
            ORDER BY line
        """).fetchall()
        # A raw record may begin with the blank lines before it.
        starts = [start + len(raw) - len(raw.lstrip("\r\n")) for start, _, raw in found]
        return [
            BrokenRecord(line, _reason(str(kind), self._longest), self._raw(str(kind), start, raw))
            for (_, kind, raw), start, line in zip(found, starts, self._lines_at(starts), strict=True)
        ]

    def _raw(self, kind: str, start: int, raw: str) -> str:
        """The engine puts a question mark for bytes that are no UTF-8; they are kept as \\xNN."""
        if kind != _NOT_UTF8:
            return raw.strip("\r\n")
        with self._path.open("rb") as file:
            file.seek(start - 1)
            return file.readline(len(raw.encode()) + 2).strip(b"\r\n").decode(errors="backslashreplace")

    def _lines_at(self, offsets: list[int]) -> Iterator[int]:
        """The physical line at each byte offset (from 1, ascending), in one pass over the file."""
        line, position = 1, 0
        with self._path.open("rb") as file:
            for offset in offsets:
                while position < offset - 1 and (chunk := file.read(min(_CHUNK_BYTES, offset - 1 - position))):
                    line += chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")
                    position += len(chunk)
                yield line

    @cached_property
    def _physical_lines(self) -> int:
        return count_lines(self._path)

    def records(self, found: int) -> int:
        """Line ends less the header; a file with blank lines or line ends inside quotes is walked record by record."""
        return found if self._physical_lines - self._table.lines_above == found else len(self._record_lines)

    def hides_columns(self, without_last: int, without_last_two: int) -> bool:
        """The engine takes a delimiter too many at the end of a record for nothing, and then columns may stand in wrong places.

        There are more line ends behind a delimiter then than records without a value in the last column, or more behind two
        than records without one in the last two. A delimiter that is missing before a quote moves columns too.
        """
        if self._has_quotes and quotes_across(self._path, self._table.dialect):
            return True
        delimiter = self._table.dialect.delimiter
        if count_ends_behind(self._path, delimiter) > without_last - self._written_without_last():
            return True
        return without_last > 0 and count_ends_behind(self._path, 2 * delimiter) > without_last_two

    def _written_without_last(self) -> int:
        """In how many records the last column has a text that stands for no value, such as "" or NA."""
        dialect = self._table.dialect
        quoted = {f"{dialect.quote}{null}{dialect.quote}" for null in dialect.nulls} if self._has_quotes else set()
        texts = (quoted | set(dialect.nulls)) - {""}
        ends = [f"{dialect.delimiter}{text}{end}".encode() for text in texts for end in ("\n", "\r\n")]
        if not ends:
            return 0
        count, rest = 0, b""
        with self._path.open("rb") as file:
            for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
                whole, end, rest = (rest + chunk).rpartition(b"\n")
                count += sum((whole + end).count(item) for item in ends)
        return count + sum((rest + b"\n").count(item) for item in ends)

    def places(self, positions: list[int]) -> list[Place]:
        broken = [item.line for item in self._broken]
        starts = self._record_lines
        whole = starts[~np.isin(starts, broken)] if broken else starts
        return [Place(int(whole[position - 1]) if position <= len(whole) else 0) for position in positions]

    @cached_property
    def _record_lines(self) -> Numbers:
        """The line on which each record begins, in file order."""
        if self._has_quotes:
            return np.fromiter(self._walk(), dtype=np.int64)
        above = self._table.lines_above
        if len(self.headers) == 1:
            return np.arange(above, self._physical_lines) + 1
        lines = filled_lines(self._path)
        return lines[lines > above]

    @cached_property
    def _has_quotes(self) -> bool:
        """Whether a record may span lines."""
        quote = self._table.dialect.quote.encode()
        if not quote:
            return False
        with self._path.open("rb") as file:
            return any(quote in chunk for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""))

    def _walk(self) -> Iterator[int]:
        """Only the record-wise parser knows which line ends stand inside quotes. Raises NotSure where it does not either."""
        csv.field_size_limit(MAX_RECORD_BYTES)
        above, dialect = self._table.lines_above, self._table.dialect
        with open_text(self._path) as file:
            rows = csv.reader(islice(file, above, None), delimiter=dialect.delimiter, quotechar=dialect.quote)
            begin = above + 1
            try:
                for row in rows:
                    if rows.line_num + above - begin > _FEW_LINES and self._may_hold_records(row):
                        raise NotSure
                    if self._is_record(row):
                        yield begin
                    begin = above + rows.line_num + 1
            except csv.Error:
                raise NotSure from None

    def _may_hold_records(self, row: list[str]) -> bool:
        """Whether each whole line within a value has as many fields as a record: two stray quotes may be around them."""
        delimiters = len(self.headers) - 1
        return any(
            len(lines := field.splitlines()[1:-1]) > 1
            and all(line.count(self._table.dialect.delimiter) == delimiters for line in lines)
            for field in row
        )

    def _is_record(self, row: list[str]) -> bool:
        """A blank line is no record, but where there is one column it is a row without a value."""
        return bool(row) or len(self.headers) == 1


def _has_long_line(path: Path) -> bool:
    """Whether a line may be longer than the usual record: half of that, and no line end in it."""
    half = _USUAL_RECORD_BYTES // 2
    with path.open("rb") as file:
        for begin in range(0, path.stat().st_size - half + 1, half):
            file.seek(begin)
            # Most have a line end near their beginning; only where there is none is all of it read.
            if b"\n" not in file.read(_GLANCE_BYTES) and b"\n" not in file.read(half - _GLANCE_BYTES):
                return True
    return False


def _longest_line(path: Path) -> int:
    """In bytes. Raises ExtractError where a line is so long that looking for its end is no use."""
    if not _has_long_line(path):
        return _USUAL_RECORD_BYTES
    longest = number = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            longest = max(longest, len(line))
            if longest > MAX_LINE_BYTES:
                raise ExtractError(
                    f"line {number} is longer than {MAX_LINE_BYTES} bytes; ask the agency for one record a line"
                )
    return longest


def _reason(kind: str, longest: int) -> str:
    return _REASONS.get(kind, kind.lower()).format(longest=longest)
