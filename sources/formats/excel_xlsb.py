"""The parts of an .xlsb file (MS-XLSB: the parts of Office Open XML, with binary records in place of XML) that tell of its sheets."""

import posixpath
import struct
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sources.formats.excel_book import DAMAGE, Book, Merged, SheetFacts, parsed, targets

_ROW, _LAST_CELL, _RICH_CELL = 0, 11, 62
_PROPERTIES, _SHEET, _MERGED = 153, 156, 176


class Workbook(Book):
    """An .xlsb file; see `excel_book.Book`. A formula always stands with its value."""

    def __init__(self, path: Path, agency_name: str) -> None:
        super().__init__(path, agency_name)
        self.names, self.visible = [], []
        self._parts: dict[str, str] = {}
        try:
            self._archive = zipfile.ZipFile(path)
            leads = targets(parsed(self._archive.read("xl/_rels/workbook.bin.rels")))
            for kind, content in _records(self._archive.read("xl/workbook.bin")):
                if kind == _SHEET:
                    relation, end = _text(content, 8)
                    self._add(_text(content, end)[0], leads.get(relation, ""), is_visible=not content[0])
                elif kind == _PROPERTIES and content[0] & 1:
                    self.first_day = datetime(1904, 1, 1)
        except DAMAGE as error:
            raise self.damaged(error) from None

    def _add(self, name: str, target: str, is_visible: bool) -> None:
        self.names.append(name)
        self._parts[name] = posixpath.join("/xl", target)[1:]
        if is_visible:
            self.visible.append(name)

    def facts(self, sheet: str) -> SheetFacts:
        facts, rows, columns = SheetFacts(), 1, 1
        try:
            # Record by record, as there is no other way to the end of the rows.
            for kind, content in _records(self._archive.read(self._parts[sheet])):
                if kind == _ROW:
                    rows = max(rows, int.from_bytes(content[:4], "little") + 1)
                elif kind <= _LAST_CELL or kind == _RICH_CELL:
                    columns = max(columns, int.from_bytes(content[:4], "little") + 1)
                elif kind == _MERGED:
                    top, bottom, left, right = struct.unpack_from("<4I", content)
                    facts.merged.append(Merged(top, left, bottom, right))
        except DAMAGE as error:
            raise self.damaged(error) from None
        self.check_extent(sheet, rows, columns)
        return facts


def _records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each record: the kind in up to two bytes, the length in up to four, of seven bits each (2.1.4)."""
    at, end = 0, len(content)
    while at < end:
        kind, at = _number(content, at, 2)
        length, at = _number(content, at, 4)
        if at + length > end:
            raise EOFError
        yield kind, content[at : at + length]
        at += length


def _number(content: bytes, at: int, most: int) -> tuple[int, int]:
    value = 0
    for place in range(most):
        byte = content[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    return value, at + most


def _text(content: bytes, at: int) -> tuple[str, int]:
    """A text after the number of its characters, and where it ends; 0xFFFFFFFF is no text."""
    count = int.from_bytes(content[at : at + 4], "little")
    if count == 0xFFFFFFFF:
        return "", at + 4
    end = at + 4 + 2 * count
    if end > len(content):
        raise EOFError
    return content[at + 4 : end].decode("utf-16-le"), end
