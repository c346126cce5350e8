"""Delimited text: read by the engine as text columns, in file order, with the records that have another shape apart."""

import csv
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from sources.connectors import ExtractError
from sources.contract import Contract
from sources.formats import BrokenRecord, Place, Reading
from sources.formats.transcoded import in_utf8
from warehouse.engine import literal

MAX_RECORD_BYTES = 16 << 20
# A longer line is the end of the file's night, a longer record a reject.
_MAX_LINE_BYTES = 64 << 20
# The engine holds many buffers at once, and only one that takes four of the longest lines loses none: the usual file is read
# with small ones, and only one with a long line somewhere with large ones.
_USUAL_RECORD_BYTES = 4 << 20
_LINES_PER_BUFFER = 4
# With large buffers the engine holds more the longer the file is, where two threads write in its order.
_LARGE_BYTES = 3 << 29
_GLANCE_BYTES = 1 << 16
_CHUNK_BYTES = 4 << 20
_QUOTE_FAULT = "UNQUOTED VALUE"
_TOO_LONG = "LINE SIZE OVER MAXIMUM"
_REASONS = {
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    _QUOTE_FAULT: "text after a closing quote, or a quote that never closes",
    _TOO_LONG: "record longer than {longest} bytes",
    "INVALID ENCODING": "bytes that are not valid UTF-8",
}


def read(connection: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path], scratch: Path) -> Reading:
    """Open one plain text file. Raises ExtractError where it has no header or is not in the declared encoding."""
    delimiter = "\t" if contract.server.format == "tsv" else contract.server.delimiter
    quote = str(contract.server.options.get("quote", '"'))
    nulls = ["", *map(str, contract.server.options.get("nullValues", []))]
    return CsvReading(
        connection, in_utf8(paths[0], contract.server.encoding, scratch), Dialect(delimiter, quote, tuple(nulls))
    )


class Dialect:
    """How fields are set apart, and which texts stand for no value."""

    def __init__(self, delimiter: str, quote: str, nulls: tuple[str, ...]) -> None:
        self.delimiter, self.quote, self.nulls = delimiter, quote, nulls

    def parse(self, lines: Iterator[str]) -> Any:
        """A reader of the standard library, whose type has no public name."""
        csv.field_size_limit(MAX_RECORD_BYTES)
        return csv.reader(lines, delimiter=self.delimiter, quotechar=self.quote)

    def for_engine(self) -> str:
        nulls = ", ".join(map(literal, self.nulls))
        quote = literal(self.quote)
        return f"delim={literal(self.delimiter)}, quote={quote}, escape={quote}, nullstr=[{nulls}]"


class CsvReading(Reading):
    """One delimited file; see `formats.Reading`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path, dialect: Dialect) -> None:
        self._connection, self._path, self._dialect = connection, path, dialect
        line = _longest_line(path)
        # A quoted record may be as many lines as it likes, each of them short.
        is_usual = line <= _USUAL_RECORD_BYTES and not self._has_quotes
        self._longest = _USUAL_RECORD_BYTES if is_usual else MAX_RECORD_BYTES
        self._buffer = max(_LINES_PER_BUFFER * (line if line > _USUAL_RECORD_BYTES else 0), 2 * self._longest)
        if not is_usual and path.stat().st_size > _LARGE_BYTES:
            connection.execute("SET threads = 1")
        self.headers = self._read_headers()
        self.relation = self._relation()

    def _read_headers(self) -> tuple[str, ...]:
        # Only the header must be UTF-8 here: a later row with other bytes is a reject, not the end of the night.
        with self._path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            try:
                first: list[str] = next(self._dialect.parse(file), [])
                "".join(first).encode()
            except (UnicodeEncodeError, csv.Error) as error:
                raise ExtractError(
                    f"line 1 is not a header in UTF-8 ({error}); declare the encoding that the file has"
                ) from None
            if file.newlines == "\r":
                raise ExtractError("lines end with CR alone; ask the agency for lines that end with LF or CRLF")
        if not any(first):
            what = "line 1 is empty" if self._path.stat().st_size else "the file is empty"
            raise ExtractError(f"{what}; a header and rows are expected, ask the agency to send it again")
        if not all(first):
            raise ExtractError(
                f"line 1: column {first.index('') + 1} of the header has no name; ask the agency what it is"
            )
        doubled = sorted({name for name in first if first.count(name) > 1})
        if doubled:
            raise ExtractError(
                f"line 1: the header names {', '.join(doubled)} more than once; each column needs its own name"
            )
        return tuple(first)

    def _relation(self) -> str:
        columns = ", ".join(f"{literal(header)}: 'VARCHAR'" for header in self.headers)
        return (
            f"read_csv({literal(str(self._path))}, auto_detect=false, header=true, columns={{{columns}}}, "
            f"{self._dialect.for_engine()}, strict_mode=true, null_padding=false, max_line_size={self._longest}, "
            f"buffer_size={self._buffer}, store_rejects=true, rejects_limit=0)"
        )

    def broken(self) -> list[BrokenRecord]:
        """Raises ExtractError where a broken quote runs over line ends: how many records it swallowed is anybody's guess."""
        for item in self._broken:
            if item.reason == _REASONS[_QUOTE_FAULT] and "\n" in item.record:
                raise ExtractError(
                    f"line {item.line}: a quote opens that does not close in its line, and swallows "
                    f"{item.record.count(chr(10))} more; ask for the file with its quotes right, nothing was taken"
                )
        return list(self._broken)

    def open_line(self) -> int | None:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return None if file.read(1) in b"\r\n" else self._physical_lines

    @cached_property
    def _broken(self) -> list[BrokenRecord]:
        """From the table that the engine fills while it reads; one record may have several errors."""
        found = self._connection.execute(
            "SELECT min(line_byte_position), first(error_type ORDER BY byte_position), first(csv_line) "
            "FROM reject_errors GROUP BY line ORDER BY line"
        ).fetchall()
        # A raw record may begin with the blank lines before it.
        starts = [start + len(raw) - len(raw.lstrip("\r\n")) for start, _, raw in found]
        return [
            BrokenRecord(line, _reason(str(kind), self._longest), raw.strip("\r\n"))
            for (_, kind, raw), line in zip(found, self._lines_at(starts), strict=True)
        ]

    def _lines_at(self, offsets: list[int]) -> Iterator[int]:
        """The physical line at each byte offset (from 1, ascending), in one pass over the file."""
        line, position = 1, 0
        with self._path.open("rb") as file:
            for offset in offsets:
                while position < offset - 1 and (chunk := file.read(min(_CHUNK_BYTES, offset - 1 - position))):
                    line += chunk.count(b"\n")
                    position += len(chunk)
                yield line

    @cached_property
    def _physical_lines(self) -> int:
        count, last = 0, b"\n"
        with self._path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                count += chunk.count(b"\n")
                last = chunk[-1:]
        return count + (last != b"\n")

    def records(self, found: int) -> int:
        """Line ends less the header; a file with blank lines or line ends inside quotes is walked record by record.

        Beside a broken quote the walk and the engine see different records; the engine's count is taken, as no broken
        quote runs over a line end.
        """
        if self._physical_lines - 1 == found or any(item.reason == _REASONS[_QUOTE_FAULT] for item in self._broken):
            return found
        return len(self._record_lines)

    def places(self, positions: list[int]) -> list[Place]:
        broken = [item.line for item in self._broken]
        starts = self._record_lines
        whole = starts[~np.isin(starts, broken)] if broken else starts
        return [Place(int(whole[position - 1]) if position <= len(whole) else 0) for position in positions]

    @cached_property
    def _record_lines(self) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        """The line on which each record begins, in file order."""
        if self._has_quotes:
            return np.fromiter(self._walk(), dtype=np.int64)
        with self._path.open("rb") as file:
            filled = np.fromiter((self._is_record(line.strip(b"\r\n")) for line in file), dtype=bool)
        return np.flatnonzero(filled)[1:] + 1

    @cached_property
    def _has_quotes(self) -> bool:
        """Whether a record may span lines."""
        quote = self._dialect.quote.encode()
        with self._path.open("rb") as file:
            return any(quote in chunk for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""))

    def _walk(self) -> Iterator[int]:
        """Only the record-wise parser knows which line ends stand inside quotes."""
        with self._path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
            rows = self._dialect.parse(file)
            next(rows, None)
            begin = rows.line_num + 1
            try:
                for row in rows:
                    if self._is_record(row):
                        yield begin
                    begin = rows.line_num + 1
            except csv.Error:
                raise ExtractError(
                    f"line {begin}: a record of more than {MAX_RECORD_BYTES} bytes begins here, or a quote does not close; "
                    "ask the agency for the file with its quotes right, nothing was taken"
                ) from None

    def _is_record(self, content: bytes | list[str]) -> bool:
        """A blank line is no record, but where there is one column it is a row without a value."""
        return bool(content) or len(self.headers) == 1


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
        while line := file.readline(_MAX_LINE_BYTES + 1):
            number += 1
            longest = max(longest, len(line))
            if longest > _MAX_LINE_BYTES:
                raise ExtractError(
                    f"line {number} is longer than {_MAX_LINE_BYTES} bytes; ask the agency for one record a line"
                )
    return longest


def _reason(kind: str, longest: int) -> str:
    return _REASONS.get(kind, kind.lower()).format(longest=longest)
