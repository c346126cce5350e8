"""The parts of an .xlsb file (MS-XLSB: the parts of Office Open XML, with binary records in place of XML) that tell of its sheets."""

import posixpath
import struct
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from lxml import etree

from sources.formats.excel.book_structure import DAMAGE, Book, Merged, SheetFacts, parsed, part_of, targets
from sources.formats.excel.cell_formats import CodeFormat, by_style
from sources.formats.excel.numbers import of_rk

_ROW, _LAST_CELL, _RICH_CELL = 0, 11, 62
_RK, _REAL, _FORMULA_NUMBER = 2, 5, 9
_FORMAT, _STYLE, _STYLES, _END_OF_STYLES = 44, 47, 617, 618
_PROPERTIES, _SHEET, _MERGED = 153, 156, 176


class Workbook(Book):
    """An .xlsb file; see `Book`. A formula always stands with its value."""

    def __init__(self, path: Path, agency_name: str) -> None:
        super().__init__(path, agency_name)
        self.names, self.visible = [], []
        self._parts: dict[str, str] = {}
        try:
            self._archive = zipfile.ZipFile(path)
            relations = parsed(self._archive.read("xl/_rels/workbook.bin.rels"))
            leads = targets(relations)
            self._formats = self._code_formats(relations)
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

    def _code_formats(self, relations: etree._Element) -> dict[int, CodeFormat]:
        """By the number of the style that a cell names."""
        part = part_of(relations, "styles")
        patterns: dict[int, str] = {}
        used: list[int] = []
        is_within = False
        for kind, content in _records(self._archive.read(part)) if part else ():
            is_within = kind == _STYLES or (is_within and kind != _END_OF_STYLES)
            if kind == _FORMAT:
                patterns[int.from_bytes(content[:2], "little")] = _text(content, 2)[0]
            elif kind == _STYLE and is_within:
                used.append(int.from_bytes(content[2:4], "little"))
        return by_style(patterns, used)

    def facts(self, sheet: str) -> SheetFacts:
        facts, rows, columns, row = SheetFacts(), 1, 1, 0
        try:
            # Record by record, as there is no other way to the end of the rows.
            for kind, content in _records(self._archive.read(self._parts[sheet])):
                if kind == _ROW:
                    row = int.from_bytes(content[:4], "little")
                    rows = max(rows, row + 1)
                elif kind <= _LAST_CELL or kind == _RICH_CELL:
                    column = int.from_bytes(content[:4], "little")
                    columns = max(columns, column + 1)
                    if kind in (_RK, _REAL, _FORMULA_NUMBER):
                        self._note_number(facts, (row, column), _value(kind, content), content[4:7])
                elif kind == _MERGED:
                    top, bottom, left, right = struct.unpack_from("<4I", content)
                    facts.merged.append(Merged(top, left, bottom, right))
        except DAMAGE as error:
            raise self.damaged(error) from None
        self.check_extent(sheet, rows, columns)
        return facts

    def _note_number(self, facts: SheetFacts, place: tuple[int, int], number: float, style: bytes) -> None:
        facts.note_number(*place, number)
        form = self._formats.get(int.from_bytes(style, "little"))
        if form:
            facts.note_shown(*place, number, form)


def _value(kind: int, content: bytes) -> float:
    if kind == _RK:
        return of_rk(int.from_bytes(content[8:12], "little"))
    found: float = struct.unpack_from("<d", content, 8)[0]
    return found


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
