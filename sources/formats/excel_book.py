"""What a workbook (Office Open XML, ECMA-376) says of its sheets beside their cells: names, visibility, merged ranges, date system."""

import lzma
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from lxml import etree

from sources.connectors import ExtractError

MAX_UNPACKED_BYTES = 200_000_000
# What the readers of zip and XML raise over bytes that are not as they should be.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, etree.XMLSyntaxError, KeyError, OSError, EOFError, ValueError,
    RuntimeError,
)  # fmt: skip
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_RANGE = re.compile(r"([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)")
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*ref="([A-Z0-9:]+)"')
_CHUNK_BYTES = 4 << 20
# One element of a merged range is far shorter than this; a chunk may end inside it.
_OVERLAP_BYTES = 256


@dataclass(frozen=True)
class Merged:
    """A merged range: its rows and columns from 0, the last ones within."""

    top: int
    left: int
    bottom: int
    right: int


class Workbook:
    """An .xlsx file. Raises ExtractError where it is none, is damaged, or unpacks to more than the declared maximum."""

    def __init__(self, path: Path, agency_name: str) -> None:
        self._path, self._agency_name = path, agency_name
        try:
            self._archive = zipfile.ZipFile(path)
            size = sum(member.file_size for member in self._archive.infolist())
            if size > MAX_UNPACKED_BYTES:
                raise ExtractError(
                    f"the workbook unpacks to {size} bytes, more than the {MAX_UNPACKED_BYTES} that are read of Excel; "
                    f"ask {agency_name} for a text format"
                )
            book = self._parsed("xl/workbook.xml")
            targets = {item.get("Id"): item.get("Target", "") for item in self._parsed("xl/_rels/workbook.xml.rels")}
        except _DAMAGE as error:
            raise self.damaged(error) from None
        found = list(book.iter("{*}sheet"))
        self._parts = {
            item.get("name", ""): posixpath.join("/xl", targets.get(item.get(_RELATION), ""))[1:] for item in found
        }
        self.visible = [item.get("name", "") for item in found if item.get("state", "visible") == "visible"]
        self.names = list(self._parts)
        properties = book.find("{*}workbookPr")
        is_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        # Excel counts a 29 February 1900 that never was: from March 1900 on, its first day is 31 December 1899.
        self._first_day = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30)

    def merged(self, sheet: str) -> list[Merged]:
        """In the order of the file."""
        try:
            with self._archive.open(self._parts[sheet]) as part:
                return [_merged(reference) for reference in _references(part)]
        except _DAMAGE as error:
            raise self.damaged(error) from None

    def moment(self, serial: float) -> datetime:
        """The date and time of a serial number, to the millisecond, which is as far as a float carries it."""
        return self._first_day + timedelta(milliseconds=round(serial * 86_400_000))

    def damaged(self, error: Exception) -> ExtractError:
        return ExtractError(
            f"the file is no Excel workbook (.xlsx), or is damaged ({type(error).__name__}); "
            f"ask {self._agency_name} to send it again"
        )

    def _parsed(self, part: str) -> etree._Element:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        return etree.fromstring(self._archive.read(part), parser)


def _references(part: IO[bytes]) -> Iterator[str]:
    """The ranges of a sheet. They stand after its rows, and parsing all the rows for them would take longer than reading them."""
    tail = b""
    while chunk := part.read(_CHUNK_BYTES):
        # Most of a sheet is rows, and looking for a word is far quicker than for a form.
        if b"mergeCell" not in tail + chunk:
            tail = chunk[-_OVERLAP_BYTES:]
            continue
        content = tail + chunk
        end = 0
        for match in _MERGED.finditer(content):
            end = match.end()
            yield match[1].decode()
        tail = content[max(end, len(content) - _OVERLAP_BYTES) :]


def _merged(reference: str) -> Merged:
    found = _RANGE.fullmatch(reference)
    if found is None:
        raise ValueError("not a range")
    left, top, right, bottom = found.groups()
    return Merged(int(top) - 1, _column_number(left), int(bottom) - 1, _column_number(right))


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def column_letters(number: int) -> str:
    """The name of a column by its number from 0: A, B, … Z, AA."""
    letters, rest = "", number + 1
    while rest:
        rest, digit = divmod(rest - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters
