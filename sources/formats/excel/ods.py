"""The content of an .ods file (OpenDocument, ISO 26300) that tells of its tables: names, visibility, merged cells, errors."""

import re
import zipfile
from collections.abc import Iterator
from datetime import datetime
from itertools import product
from math import prod
from pathlib import Path

from lxml import etree

from sources.formats.excel.book_structure import DAMAGE, MAX_ROWS, NO_VALUE, Book, Merged, SheetFacts, parsed
from sources.formats.excel.cell_formats import CodeFormat
from sources.formats.excel.numbers import ANY_NUMBER, told_digits
from sources.formats.excel.ods_styles import Styles

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_CALC_TYPE = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}value-type"
_VALUES = tuple(f"{_OFFICE}{name}" for name in ("value-type", "value", "date-value", "time-value", "boolean-value"))
_NUMBERS, _IS_NUMBER = ("float", "currency", "percentage"), re.compile(ANY_NUMBER.decode())
_KIND = b"application/vnd.oasis.opendocument.spreadsheet"
_STYLES = (f"{_STYLE}style", "{urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0}number-style")
_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")
ERROR = "holds an error"
# A fault that stands in so many cells at once is no damage of records.
_MAX_FAULTS = 100_000


class Workbook(Book):
    """An .ods file; see `Book`. All its tables are looked through at once, because the reader reads them all."""

    has_iso_dates = True

    def __init__(self, path: Path, agency_name: str) -> None:
        super().__init__(path, agency_name)
        self.names, self.visible = [], []
        self._hidden_styles: set[str | None] = set()
        self.styles = Styles()
        try:
            with zipfile.ZipFile(path) as archive:
                if not archive.read("mimetype").startswith(_KIND):
                    raise self.refused(
                        "the file is a document of another kind, and no spreadsheet", "for an .ods or .xlsx"
                    )
                if b"encryption-data" in archive.read("META-INF/manifest.xml"):
                    raise self.refused("the workbook is encrypted", "for it without a password")
                if "styles.xml" in archive.namelist():
                    for element in parsed(archive.read("styles.xml")).iter(*_STYLES):
                        self.styles.add(element)
                with archive.open("content.xml") as content:
                    self._read(etree.iterparse(
                        content, ("start", "end"), huge_tree=False, resolve_entities=False, no_network=True, load_dtd=False
                    ))  # fmt: skip
        except DAMAGE as error:
            raise self.damaged(error) from None

    def _read(self, events: Iterator[tuple[str, etree._Element]]) -> None:
        table: _Table | None = None
        for event, element in events:
            if event == "start":
                if element.tag == f"{_TABLE}table" and table is None:
                    table = self._begun(element)
                continue
            self._look_at(element)
            if element.tag == f"{_TABLE}table-column" and table is not None:
                table.add_columns(element)
            elif element.tag == f"{_TABLE}table-row" and table is not None:
                table.add_row(element)
                _let_go(element)
            elif element.tag == f"{_TABLE}table" and table is not None and element.get(f"{_TABLE}name") == table.name:
                self.check_extent(table.name, table.rows, table.columns)
                table = None

    def _look_at(self, element: etree._Element) -> None:
        """What is said of the tables outside of them."""
        if element.tag == f"{_STYLE}table-properties" and element.get(f"{_TABLE}display") == "false":
            parent = element.getparent()
            self._hidden_styles.add(parent.get(f"{_STYLE}name") if parent is not None else None)
        elif element.tag in _STYLES:
            self.styles.add(element)
        elif element.tag == f"{_TABLE}null-date":
            self.first_day = datetime.fromisoformat(element.get(f"{_TABLE}date-value", "1899-12-30"))

    def _begun(self, element: etree._Element) -> "_Table":
        table = _Table(self, element.get(f"{_TABLE}name", ""))
        self.names.append(table.name)
        self._facts[table.name] = table.facts
        if element.get(f"{_TABLE}style-name") not in self._hidden_styles:
            self.visible.append(table.name)
        return table


class _Table:
    """One table while it is looked through: `rows` and `columns` up to the last cell with a value."""

    def __init__(self, book: Workbook, name: str) -> None:
        self.book, self.name, self.facts = book, name, SheetFacts()
        self.rows = self.columns = self._row = 0
        # The style of the cells in the columns, as far as each one reaches.
        self._column_styles: list[tuple[int, str | None]] = []

    def add_columns(self, element: etree._Element) -> None:
        before = self._column_styles[-1][0] if self._column_styles else 0
        repeated = int(element.get(f"{_TABLE}number-columns-repeated", 1))
        self._column_styles.append((before + repeated, element.get(f"{_TABLE}default-cell-style-name")))

    def _format(self, cell: etree._Element, row: etree._Element, column: int) -> CodeFormat | None:
        style = cell.get(f"{_TABLE}style-name") or row.get(f"{_TABLE}default-cell-style-name")
        if style is None:
            style = next((name for end, name in self._column_styles if column < end), None)
        return self.book.styles.format(style)

    def add_row(self, element: etree._Element) -> None:
        repeated = int(element.get(f"{_TABLE}number-rows-repeated", 1))
        column = 0
        # Cell by cell: a cell says only how many times it stands beside itself, not where.
        for cell in element.iterchildren(*_CELLS):
            times = int(cell.get(f"{_TABLE}number-columns-repeated", 1))
            if cell.get(f"{_TABLE}formula") is not None or len(cell) or any(name in cell.attrib for name in _VALUES):
                self.rows, self.columns = self._row + repeated, max(self.columns, column + times)
                self.book.check_extent(self.name, self.rows, self.columns)
                self._look_at(cell, column, repeated, times)
                if cell.get(f"{_OFFICE}value-type") in _NUMBERS:
                    self._note_number(cell, self._format(cell, element, column), column, (repeated, times))
            column += times
        self._row += repeated
        self._row = min(self._row, 2 * MAX_ROWS)

    def _look_at(self, cell: etree._Element, column: int, repeated: int, times: int) -> None:
        down, across = (int(cell.get(f"{_TABLE}number-{name}-spanned", 1)) for name in ("rows", "columns"))
        if (down > 1 or across > 1) and not cell.tag.endswith("covered-table-cell"):
            self.facts.merged.append(Merged(self._row, column, self._row + down - 1, column + across - 1))
        fault = _fault(cell)
        if fault and repeated * times > _MAX_FAULTS:
            raise self.book.refused(f"sheet {self.name} {fault} in {repeated * times} cells", "to mend the formulas")
        if fault:
            self.facts.faults |= dict.fromkeys(self._places(column, repeated, times), fault)

    def _places(self, column: int, repeated: int, times: int) -> Iterator[tuple[int, int]]:
        return product(range(self._row, self._row + repeated), range(column, column + times))

    def _note_number(
        self, cell: etree._Element, form: CodeFormat | None, column: int, repeated: tuple[int, int]
    ) -> None:
        number = cell.get(f"{_OFFICE}value", "")
        if not _IS_NUMBER.fullmatch(number) or (form is None and told_digits(number) is None):
            return
        if prod(repeated) > _MAX_FAULTS:
            raise self.book.refused(f"sheet {self.name} has the same number in {prod(repeated)} cells", "what it means")
        for row, place in self._places(column, *repeated):
            self.facts.note_number(row, place, number)
            if form:
                self.facts.note_shown(row, place, number, form)


def _fault(cell: etree._Element) -> str:
    if cell.get(_CALC_TYPE) == "error":
        return ERROR
    is_formula = cell.get(f"{_TABLE}formula") is not None
    return NO_VALUE if is_formula and not any(name in cell.attrib for name in _VALUES) else ""


def _let_go(element: etree._Element) -> None:
    """Free a row that was looked at, with what stands before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]
