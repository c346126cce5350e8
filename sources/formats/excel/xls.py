"""The records of an .xls file of Excel 97 and later (MS-XLS, BIFF8) that tell of its sheets."""

import struct
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sources.formats.excel.book_structure import DAMAGE, NO_VALUE, Book, Merged, SheetFacts, refuse_too_large
from sources.formats.excel.cell_formats import by_style
from sources.formats.excel.compound_file import streams
from sources.formats.excel.numbers import of_rk

_BEGIN, _END, _ENCRYPTED, _DATES, _SHEET = 0x0809, 0x000A, 0x002F, 0x0022, 0x0085
_FORMAT, _STYLE = 0x041E, 0x00E0
_NUMBER, _RK, _MANY_RK = 0x0203, 0x027E, 0x00BD
_FORMULA, _RESULT_TEXT, _MERGED = 0x0006, 0x0207, 0x00E5
# A shared or array formula stands between a formula and its text.
_BETWEEN = {0x0221, 0x04BC, 0x0236}
_ONE_CELL = {0x0201, _NUMBER, 0x0204, 0x0205, _RK, 0x00FD, 0x00D6, _FORMULA}
_MANY_CELLS = {_MANY_RK, 0x00BE}
_EXCEL_97 = 0x0600
# Chart sheets and macros have no cells.
_WORKSHEET = 0


class Workbook(Book):
    """An .xls file; see `Book`. All its sheets are looked through at once, because the reader reads them all."""

    def __init__(self, path: Path, agency_name: str) -> None:
        super().__init__(path, agency_name)
        self.names, self.visible = [], []
        refuse_too_large(path.stat().st_size, agency_name)
        try:
            found = streams(path.read_bytes())
            self._check_kind(found)
            self._read(found["workbook"]())
        except DAMAGE as error:
            raise self.damaged(error) from None

    def _check_kind(self, found: object) -> None:
        names = set(found) if isinstance(found, dict) else set()
        if names & {"encryptedpackage", "encryptioninfo"}:
            raise self.refused("the workbook is encrypted", "for it without a password")
        if "workbook" in names:
            return
        if "book" in names:
            raise self.refused("the workbook is of before Excel 97", "to save it as .xlsx")
        raise self.refused("the file is a document of another program, and no Excel workbook", "for an .xlsx")

    def _read(self, content: bytes) -> None:
        if struct.unpack_from("<HHH", content)[::2] != (_BEGIN, _EXCEL_97):
            raise self.refused("the workbook is of before Excel 97", "to save it as .xlsx")
        starts, patterns, used = [], {}, []
        for kind, record in _substream(content, 0):
            if kind == _ENCRYPTED:
                raise self.refused("the workbook is encrypted", "for it without a password")
            if kind == _DATES and record[:1] == b"\x01":
                self.first_day = datetime(1904, 1, 1)
            if kind == _FORMAT:
                number, count = struct.unpack_from("<HH", record)
                patterns[number] = _characters(count, record[4:])
            if kind == _STYLE:
                used.append(struct.unpack_from("<H", record, 2)[0])
            if kind == _SHEET and record[5] == _WORKSHEET:
                name, is_visible = _characters(record[6], record[7:]), not record[4] & 3
                self.names.append(name)
                self.visible += [name] if is_visible else []
                starts.append(int.from_bytes(record[:4], "little"))
        self._formats = by_style(patterns, used)
        for name, start in zip(self.names, starts, strict=True):
            self._facts[name] = self._sheet(name, content, start)

    def _sheet(self, name: str, content: bytes, start: int) -> SheetFacts:
        facts, rows, columns = SheetFacts(), 1, 1
        # A formula whose value is a text that has not come yet.
        waiting: tuple[int, int] | None = None
        for kind, record in _substream(content, start):
            if waiting and kind not in _BETWEEN:
                if kind != _RESULT_TEXT:
                    facts.faults[waiting] = NO_VALUE
                waiting = None
            if kind in _ONE_CELL:
                row, last = struct.unpack_from("<HH", record)
                rows, columns = max(rows, row + 1), max(columns, last + 1)
                if kind == _FORMULA and record[6] == 0 and record[12:14] == b"\xff\xff":
                    waiting = row, last
                self._note_numbers(facts, kind, record)
            elif kind in _MANY_CELLS:
                row, last = struct.unpack_from("<H", record)[0], struct.unpack_from("<H", record, len(record) - 2)[0]
                rows, columns = max(rows, row + 1), max(columns, last + 1)
                self._note_numbers(facts, kind, record)
            elif kind == _MERGED:
                ranges = struct.iter_unpack("<4H", record[2 : 2 + 8 * struct.unpack_from("<H", record)[0]])
                facts.merged += [Merged(top, left, bottom, right) for top, bottom, left, right in ranges]
        self.check_extent(name, rows, columns)
        return facts

    def _note_numbers(self, facts: SheetFacts, kind: int, record: bytes) -> None:
        row, column = struct.unpack_from("<HH", record)
        if kind == _MANY_RK:
            cells = [(style, of_rk(number)) for style, number in struct.iter_unpack("<HI", record[4:-2])]
        elif kind == _RK:
            cells = [(int.from_bytes(record[4:6], "little"), of_rk(int.from_bytes(record[6:10], "little")))]
        elif kind == _NUMBER or (kind == _FORMULA and record[12:14] != b"\xff\xff"):
            cells = [struct.unpack_from("<Hd", record, 4)]
        else:
            return
        for place, (style, number) in enumerate(cells, column):
            facts.note_number(row, place, number)
            if style in self._formats:
                facts.note_shown(row, place, number, self._formats[style])


def _substream(content: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """The records from a begin to its end, without those of charts within. Raises EOFError where there is no end."""
    depth = 0
    # Record by record, as each says where the next one begins.
    while True:
        if at + 4 > len(content):
            raise EOFError
        kind, length = struct.unpack_from("<HH", content, at)
        record = content[at + 4 : at + 4 + length]
        if len(record) < length:
            raise EOFError
        at += 4 + length
        depth += (kind == _BEGIN) - (kind == _END)
        if depth <= 0:
            return
        if depth == 1:
            yield kind, record


def _characters(count: int, rest: bytes) -> str:
    """So many characters behind a byte that says whether they have one or two bytes each (2.5.240, 2.5.293, 2.5.294)."""
    return rest[1 : 1 + 2 * count].decode("utf-16-le") if rest[0] & 1 else rest[1 : 1 + count].decode("latin-1")
