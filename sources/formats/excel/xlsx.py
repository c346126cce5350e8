"""The parts of an .xlsx file (Office Open XML, ECMA-376) that tell of its sheets."""

import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from lxml import etree

from sources.formats.excel.book_structure import (
    DAMAGE,
    NO_VALUE,
    Book,
    Merged,
    SheetFacts,
    column_number,
    parsed,
    part_of,
    targets,
)
from sources.formats.excel.cell_formats import CodeFormat, by_style
from sources.formats.excel.numbers import ANY_NUMBER, WORTH_A_LOOK

_RANGE = re.compile(r"([A-Z]+)([0-9]+)(?::([A-Z]+)([0-9]+))?")
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*ref="([A-Z0-9:]+)"')
# A formula without a value, or with an empty one.
_NO_VALUE = re.compile(
    rb"<(?:\w+:)?c(\s[^<>]*)?>\s*<(?:\w+:)?f(?:\s[^<>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v(?:\s[^<>]*)?(?:/>|>\s*</(?:\w+:)?v>)\s*)?</(?:\w+:)?c>"
)
# A cell with a value of some form, also one of some styles.
_VALUE = rb"\s*(?:<(?:\w+:)?f(?:\s[^<>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*)?<(?:\w+:)?v(?:\s[^<>]*)?>\s*(%b)\s*</"
_CELL = rb"<(?:\w+:)?c(\s[^<>]*)?>" + _VALUE
_STYLED_CELL = rb"""<(?:\w+:)?c(\s(?:[^<>]*\s)?s\s*=\s*["'](%b)["'][^<>]*)>""" + _VALUE
_WORTH_A_LOOK = re.compile(_CELL % WORTH_A_LOOK)
_ISO_DATE = re.compile(_CELL % rb"[0-9T:.-]{10,}")
_LONGEST_MOMENT = len("2026-01-02T03:04:05.123456")
_KIND = re.compile(rb"""\st\s*=\s*["'](\w+)["']""")
_BEGIN_OF_ROW, _BEGIN_OF_CELL = re.compile(rb"<(?:\w+:)?row[\s>]"), re.compile(rb"<(?:\w+:)?c[\s/>]")
_ADDRESS = re.compile(rb"""\sr=["']([A-Za-z]+)([0-9]+)["']""")
_IS_TEXT = re.compile(rb"""\st=["'](?:str|inlineStr|s)["']""")
# A row's number, and the address of a cell beyond column Z or the last row of Excel.
_ROW = re.compile(rb"""<(?:\w+:)?row\s[^>]*?\br\s*=\s*["']([0-9]+)""")
_FAR = re.compile(rb"""\sr\s*=\s*["'](?:([A-Za-z]{2,})([0-9]+)|[A-Za-z]?([0-9]{7,}))""")
_FIRST_COLUMNS = 26


class Workbook(Book):
    """An .xlsx file; see `Book`."""

    def __init__(self, path: Path, agency_name: str) -> None:
        super().__init__(path, agency_name)
        try:
            self._archive = zipfile.ZipFile(path)
            book = parsed(self._archive.read("xl/workbook.xml"))
            relations = parsed(self._archive.read("xl/_rels/workbook.xml.rels"))
            self._formats = self._code_formats(relations)
        except DAMAGE as error:
            raise self.damaged(error) from None
        # A sheet that is a chart has no cells.
        charts = {item.get("Id") for item in relations if item.get("Type", "").endswith("/chartsheet")}
        found = [item for item in book.iter("{*}sheet") if _relation(item) not in charts]
        leads = targets(relations)
        self.names = [item.get("name", "") for item in found]
        self._parts = {one.get("name", ""): posixpath.join("/xl", leads.get(_relation(one), ""))[1:] for one in found}
        self.visible = [item.get("name", "") for item in found if item.get("state", "visible") == "visible"]
        properties = book.find("{*}workbookPr")
        if properties is not None and properties.get("date1904") in ("1", "true"):
            self.first_day = datetime(1904, 1, 1)

    def facts(self, sheet: str) -> SheetFacts:
        try:
            # Looked through as bytes: parsing all the rows would take longer than reading them.
            content = self._archive.read(self._parts[sheet])
            self.check_extent(sheet, *_extent(content))
            facts = SheetFacts(list(_merged(content)), self._without_value(sheet, content))
            self._note_numbers(content, facts)
            return facts
        except DAMAGE as error:
            raise self.damaged(error) from None

    def _code_formats(self, relations: etree._Element) -> Mapping[int, CodeFormat]:
        """By the number of the style that a cell names."""
        part = part_of(relations, "styles")
        if not part:
            return {}
        styles = parsed(self._archive.read(part))
        patterns = {int(item.get("numFmtId", 0)): item.get("formatCode", "") for item in styles.iter("{*}numFmt")}
        used = [int(item.get("numFmtId", 0)) for xfs in styles.iter("{*}cellXfs") for item in xfs.iter("{*}xf")]
        return by_style(patterns, used)

    def _note_numbers(self, content: bytes, facts: SheetFacts) -> None:
        places = _Places(content)
        for match in _WORTH_A_LOOK.finditer(content):
            if _kind(match[1] or b"") == b"n":
                facts.note_number(*places.of(match), match[2].decode())
        if self._formats:
            self._note_shown(content, facts)
        if b't="d"' in content or b"t='d'" in content:
            places = _Places(content)
            for match in _ISO_DATE.finditer(content):
                if _kind(match[1] or b"") == b"d":
                    _note_iso_date(facts, *places.of(match), match[2].decode())

    def _note_shown(self, content: bytes, facts: SheetFacts) -> None:
        styles = b"|".join(str(style).encode() for style in self._formats)
        places = _Places(content)
        # Cells of these styles alone: a workbook has many of others.
        for match in re.finditer(_STYLED_CELL % (styles, ANY_NUMBER), content):
            if _kind(match[1]) == b"n":
                facts.note_shown(*places.of(match), match[3].decode(), self._formats[int(match[2])])

    def _without_value(self, sheet: str, content: bytes) -> dict[tuple[int, int], str]:
        """An empty text is a value; nothing at all is none, and would be read as an empty cell."""
        faults = {}
        for match in _NO_VALUE.finditer(content):
            attributes = match[1] or b""
            if _IS_TEXT.search(attributes):
                continue
            address = _ADDRESS.search(attributes)
            if address is None:
                remedy = "to save the workbook in Excel, and send it again"
                raise self.refused(f"sheet {sheet} has formulas without their values", remedy)
            faults[int(address[2]) - 1, column_number(address[1].decode())] = NO_VALUE
        return faults


def _note_iso_date(facts: SheetFacts, row: int, column: int, text: str) -> None:
    """As the reader writes other dates; what is no date, or has more digits than a moment can have, is left to be refused."""
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None and len(text) <= _LONGEST_MOMENT:
            facts.iso_dates.add(row, column, moment.isoformat(sep=" "))


def _kind(attributes: bytes) -> bytes:
    found = _KIND.search(attributes)
    return found[1] if found else b"n"


class _Places:
    """Row and column from 0 of cells, which are asked for from the top down: one that does not say where it is follows another."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._looked_at, self._row, self._row_begin = 0, -1, 0

    def of(self, cell: re.Match[bytes]) -> tuple[int, int]:
        address = _ADDRESS.search(cell[1] or b"")
        if address:
            return int(address[2]) - 1, column_number(address[1].decode())
        for begin in _BEGIN_OF_ROW.finditer(self._content, self._looked_at, cell.start()):
            number = _ROW.match(self._content, begin.start())
            self._row = int(number[1]) - 1 if number else self._row + 1
            self._row_begin = begin.start()
        self._looked_at = cell.start()
        return self._row, len(_BEGIN_OF_CELL.findall(self._content, self._row_begin, cell.start()))


def _relation(sheet: etree._Element) -> str:
    """The namespace of `r:id` differs between the transitional and the strict form."""
    return next((str(sheet.get(key)) for key in sheet.attrib if str(key).endswith("}id")), "")


def _extent(content: bytes) -> tuple[int, int]:
    """How many rows and columns there are at most. Up to column Z a sheet is never too large for the number of its rows."""
    rows = max((int(match[1]) for match in _ROW.finditer(content)), default=1)
    columns = _FIRST_COLUMNS
    for match in _FAR.finditer(content):
        rows = max(rows, int(match[2] or match[3]))
        columns = max(columns, column_number((match[1] or b"A").decode()) + 1)
    return rows, columns


def _merged(content: bytes) -> Iterator[Merged]:
    for match in _MERGED.finditer(content):
        found = _RANGE.fullmatch(match[1].decode())
        if found is None:
            raise ValueError("not a range")
        left, top, right, bottom = found.groups()
        yield Merged(int(top) - 1, column_number(left), int(bottom or top) - 1, column_number(right or left))
