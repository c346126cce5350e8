"""JSON documents, such as the pages of an API: an array of records in each, read element by element."""

from collections.abc import Iterator, Sequence
from json import JSONDecodeError
from pathlib import Path
from typing import Any

import duckdb

from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats import Reading
from sources.formats.encoding.text_encoding import marked_encoding
from sources.formats.encoding.transcoded import is_utf8
from sources.formats.json.record import JsonRecord, RecordShape, StrictDecoder, TooDeep, staged, with_headers
from sources.json_pointer import keys_of

_CHUNK_CHARACTERS = 1 << 20
# One element or one value beside the records; what is larger would have to stand in memory as a whole.
MAX_VALUE_CHARACTERS = 64 << 20
_BLANK = " \t\r\n"


def read(connection: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path], scratch: Path) -> Reading:
    """Open all pages as one. Raises ExtractError where a page is no JSON or has no array where the contract says."""
    steps = keys_of(str(contract.server.options.get("records", "")))
    steps = () if steps == ("",) else steps

    def records() -> Iterator[JsonRecord]:
        for path in paths:
            yield from _Page(contract, path, path.name if len(paths) > 1 else "").records(steps)

    shape = RecordShape(contract)
    return with_headers(staged(connection, shape, records, scratch / "records.parquet"), shape)


class _Page:
    """One document, of which no more than a chunk and an element stands in memory."""

    def __init__(self, contract: Contract, path: Path, name: str) -> None:
        self.contract, self.path, self.name = contract, path, name
        self._decoder = StrictDecoder()
        self._text, self._at = "", 0
        # What was read and forgotten: its line ends, and the characters after the last one.
        self._lines_before, self._characters_before = 0, 0

    def records(self, steps: Sequence[str]) -> Iterator[JsonRecord]:
        with self.path.open(encoding=self._encoding(), newline="") as self._file:
            try:
                yield from self._inside(list(steps))
                if self._peek():
                    raise self._wrong("more text follows the end of the document")
            except UnicodeError:
                raise self._wrong(f"from here on the file is not {self._file.encoding}") from None

    def _encoding(self) -> str:
        """A byte order mark says more than the contract does."""
        with self.path.open("rb") as file:
            marked = marked_encoding(file.read(4))
        found = marked or self.contract.server.encoding
        return "utf-8-sig" if is_utf8(found) else found

    def _inside(self, steps: list[str]) -> Iterator[JsonRecord]:
        if not steps:
            yield from self._elements()
            return
        self._take("{", f"an object with {steps[0]!r}")
        found = False
        while self._peek() != "}":
            if self._peek() != '"':
                raise self._wrong("a key is expected")
            key = self._value()[0]
            self._take(":", "a colon")
            if key != steps[0]:
                self._value()
            elif found:
                raise self._wrong(f"the key {key!r} is written twice")
            else:
                found = True
                yield from self._inside(steps[1:])
            if self._peek() != "}":
                self._take(",", "a comma")
        self._take("}", "the end of the object")
        if not found:
            raise self._wrong(f"there is no {steps[0]!r}, where the records should be")

    def _elements(self) -> Iterator[JsonRecord]:
        if self._peek() == "{":
            remedy = f"declare `records`, a JSON pointer such as /items, or format: jsonl in {self.contract.path.name}"
            raise self._wrong("the array of records is expected, and an object is here", remedy=remedy)
        self._take("[", "the array of records")
        number = 0
        while self._peek() != "]":
            number += 1
            value, text, fault = self._value()
            yield JsonRecord(number, self.name, text, value, fault)
            if self._peek() == "]":
                break
            self._take(",", "a comma")
            if self._peek() == "]":
                raise self._wrong("a comma stands before the end of the array")
        self._take("]", "the end of the array")

    def _value(self) -> tuple[Any, str, str]:
        """A whole value, its text and its fault; its end must be in sight, or 12 could be the beginning of 123."""
        self._peek()
        wanted = _CHUNK_CHARACTERS
        while True:
            try:
                value, end, fault = self._decoder.decode(self._text, self._at)
                if end < len(self._text) or not self._more(wanted):
                    text = self._text[self._at : end]
                    self._at = end
                    return value, text, fault
            except TooDeep as error:
                raise self._wrong(str(error)) from None
            except ValueError as error:
                within = error.pos - self._at if isinstance(error, JSONDecodeError) else 0
                if len(self._text) - self._at > MAX_VALUE_CHARACTERS:
                    raise self._wrong(f"a value is longer than {MAX_VALUE_CHARACTERS} characters") from None
                if not self._more(wanted):
                    # The text now begins with the value.
                    raise self._wrong(f"broken or cut off ({str(error).partition(': line')[0]})", within) from None
            wanted *= 2

    def _peek(self) -> str:
        """The next character that is not blank; '' at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANK:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(_CHUNK_CHARACTERS):
                return ""

    def _take(self, character: str, what: str) -> None:
        if self._peek() != character:
            raise self._wrong(f"{what} is expected")
        self._at += 1

    def _more(self, characters: int) -> bool:
        chunk = self._file.read(characters)
        self._lines_before, self._characters_before = self._place(self._at)
        self._text, self._at = self._text[self._at :] + chunk, 0
        return bool(chunk)

    def _place(self, at: int) -> tuple[int, int]:
        """How many lines end before a place in the text, and how many characters of its own line stand before it."""
        lines = self._text.count("\n", 0, at)
        before = self._characters_before + at if not lines else at - 1 - self._text.rfind("\n", 0, at)
        return self._lines_before + lines, before

    def _wrong(self, what: str, at: int | None = None, remedy: str = "") -> ExtractError:
        page = f"{self.name}, " if self.name else ""
        lines, characters = self._place(self._at if at is None else at)
        return ExtractError(
            f"{page}line {lines + 1}, character {characters + 1}: not the JSON that is expected: {what}; "
            f"{remedy or f'ask {self.contract.agency_name} to send it again'}"
        )
