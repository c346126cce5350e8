"""Delimited text cut into records, so that a broken one does not take its neighbours with it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TextIO

from sources.errors import ExtractError
from sources.formats import BrokenRecord
from sources.formats.delimited.fields import MAX_RECORD_BYTES, FieldParser, Misquoted, Unclosed
from sources.formats.delimited.line_ends import count_lines, open_end

MISQUOTED = "text after a closing quote, or a quote that never closes"
CUT_OFF = "a quote that does not close before the file ends"
ACROSS = "a quote that opens within one value and closes in another, as where a delimiter is missing"
ABOVE = "a record above the heading"
TOO_LONG = f"record longer than {MAX_RECORD_BYTES} bytes"
TOO_FEW, TOO_MANY = "too few columns", "too many columns"
NOT_UTF8 = "bytes that are not valid UTF-8"
NO_LINE_END = "; the file ends here without a line end, as where it was cut off"
# A longer line is the end of the file's night, a longer record a reject.
MAX_LINE_BYTES = 64 << 20
_LOOKED_AT = 100
_KEPT_CHARACTERS = 10_000


@dataclass(frozen=True)
class Record:
    """Where it begins, how many physical lines it has, its text without the line end, and its fields or why it has none."""

    line: int
    lines: int
    text: str
    fields: list[str] | None
    fault: str = ""

    @property
    def raw(self) -> str:
        """Its text to be kept; bytes that are no UTF-8 are written as \\xNN."""
        kept = self.text if len(self.text) < MAX_RECORD_BYTES else self.text[:_KEPT_CHARACTERS]
        return kept.encode(errors="surrogateescape").decode(errors="backslashreplace")


def open_text(path: Path) -> TextIO:
    """Every line end as it stands; bytes that are no UTF-8 become surrogates."""
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def lines_of(file: TextIO) -> Iterator[str]:
    """Lines with their ends, LF, CRLF or CR. Raises ExtractError at one that is so long that its end is no use."""
    for number, line in enumerate(iter(partial(file.readline, MAX_LINE_BYTES), ""), 1):
        if len(line) == MAX_LINE_BYTES and not line.endswith(("\n", "\r")):
            raise ExtractError(
                f"line {number} is longer than {MAX_LINE_BYTES} bytes; ask the agency for one record a line"
            )
        yield line


class Records:
    """The records of text lines, the first of them at line `first`; `width` is how many fields a right one has, if that is known.

    `are_rows` says whether fields of several lines are surely records, and not the lines of a text. Iterates once. `lines` are
    those seen, `blank` those of them that are no record.
    """

    def __init__(
        self,
        lines: Iterable[str],
        parser: FieldParser,
        first: int = 1,
        width: int | None = None,
        are_rows: Callable[[list[list[str]]], bool] = lambda rows: False,
    ) -> None:
        self._coming, self._parser, self._width, self._are_rows = iter(lines), parser, width, are_rows
        self._again: deque[str] = deque()
        self._number = first - 1
        self.lines = self.blank = 0

    def __iter__(self) -> Iterator[Record]:
        while (line := self._next()) is not None:
            text = line.rstrip("\r\n")
            # A blank line is no record, but where there is one column it is a row without a value.
            if not text and self._width != 1:
                self.blank += 1
                continue
            yield self._record(line, text)

    def _record(self, line: str, text: str) -> Record:
        if len(text) > MAX_RECORD_BYTES:
            return Record(self._number, 1, text, None, TOO_LONG)
        if not text.isascii() and not _is_utf8(text):
            return Record(self._number, 1, text, None, NOT_UTF8)
        try:
            fields = self._parser.fields(text)
            if self._parser.quotes_across(text):
                return Record(self._number, 1, text, None, ACROSS)
            return Record(self._number, 1, text, fields)
        except Misquoted:
            return Record(self._number, 1, text, None, MISQUOTED)
        except Unclosed:
            return self._of_several_lines(line)

    def _of_several_lines(self, first: str) -> Record:
        """Lines are taken until the quote closes; where that gives no record, the first line alone is broken."""
        number, taken, size, fault = self._number, [first], len(first), MISQUOTED
        while size <= MAX_RECORD_BYTES and (line := self._next()) is not None:
            taken.append(line)
            size += len(line)
            if self._parser.has_odd_quotes(line):
                record = self._closed(number, taken)
                if record:
                    return record
                break
        else:
            # What follows the quote says whether it is a stray one, or the file was cut off within a value.
            fault = fault if len(taken) > 1 and all(map(self._is_right, taken[1 : _LOOKED_AT + 1])) else CUT_OFF
        self._again.extendleft(reversed(taken[1:]))
        self._number, self.lines = number, self.lines - len(taken) + 1
        return Record(number, 1, first.rstrip("\r\n"), None, fault)

    def _closed(self, number: int, taken: list[str]) -> Record | None:
        text = "".join(taken).rstrip("\r\n")
        if not _is_utf8(text):
            return None
        try:
            fields = self._parser.fields(text)
        except (Misquoted, Unclosed):
            return None
        # A record of another shape, within which whole lines are records of the right one, began with a stray quote.
        within = taken[1:-1]
        if self._width is not None and within and all(map(self._is_right, within)):
            rows = [self._parser.fields(line.rstrip("\r\n")) for line in within]
            # A line of delimiters alone is no evidence: it may as well be of a text.
            is_evidence = all(map(any, rows))
            if (is_evidence and len(fields) != self._width) or (len(rows) > 1 and self._are_rows(rows)):
                return None
        return Record(number, len(taken), text, fields)

    def _is_right(self, line: str) -> bool:
        try:
            return len(self._parser.fields(line.rstrip("\r\n"))) == self._width and not self._parser.has_odd_quotes(
                line
            )
        except (Misquoted, Unclosed):
            return False

    def _next(self) -> str | None:
        line = self._again.popleft() if self._again else next(self._coming, None)
        if line is not None:
            self._number += 1
            self.lines += 1
        return line


def told_of_end(broken: Sequence[BrokenRecord], path: Path) -> list[BrokenRecord]:
    """A broken last record without a line end is one like any other; its reason says that more may be missing than it alone."""
    if not broken or not open_end(path) or broken[-1].line != count_lines(path):
        return list(broken)
    return [*broken[:-1], replace(broken[-1], reason=broken[-1].reason + NO_LINE_END)]


def _is_utf8(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
