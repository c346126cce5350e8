"""What a workbook of any kind says of its sheets beside the values of their cells: names, visibility, merged ranges, date system.

The kind is told by the bytes of the file, whatever its name says: .xlsx and .xlsb (ECMA-376, MS-XLSB), .ods (ISO 26300) and
.xls of Excel 97 and later (MS-XLS). None of them tells hidden rows and columns apart here: they count as the others do.
"""

import lzma
import posixpath
import re
import struct
import zipfile
import zlib
from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from lxml import etree

from sources.errors import ExtractError
from sources.formats.excel.cell_formats import CodeFormat, OtherDigits
from sources.formats.excel.numbers import NO_DAY_SHOWN, Told, digits_of, is_no_day, told_digits

MAX_UNPACKED_BYTES = 200_000_000
MAX_ROWS = 1_048_576
_MOST_COLUMNS = 16_384
# The reader keeps every cell between the first and the last one in memory, so that two cells may need more than there is.
MAX_CELLS = 28_000_000
# What the readers of zip, XML and records raise over bytes that are not as they should be.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, etree.XMLSyntaxError, LookupError, OSError, EOFError,
    ValueError, RuntimeError,
)  # fmt: skip
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOOKED_AT_BYTES = 4096
# What people send under the name of a workbook, by what it begins with.
_OTHERS = (
    (re.compile(rb"\s*(?:<!--.*?-->\s*)?<(?:!doctype html|html|head|body|table|meta)", re.I | re.S), "an HTML page"),
    (re.compile(rb".*urn:schemas-microsoft-com:office:spreadsheet", re.S), "a workbook in XML of Excel 2003"),
    (re.compile(rb"\s*<\?xml"), "an XML document"),
    (re.compile(rb"%PDF-"), "a PDF document"),
    (re.compile(rb"\s*[{\[]"), "JSON"),
    (re.compile(rb"\t\x02|\t\x04|\t\x00\x04\x00"), "a workbook of before Excel 97"),
    (re.compile(rb"[^\x00]+", re.S), "a text file, such as CSV"),
)  # fmt: skip


@dataclass(frozen=True)
class Merged:
    """A merged range: its rows and columns from 0, the last ones within."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass
class SheetFacts:
    """Merged ranges in the order of the file; `faults` are cells whose value is not in the file, by row and column from 0.

    `numbers`, `no_days` (numbers that may be dates) and `iso_dates` are cells that the reader tells otherwise than the file.
    `shown` is what people see where it is not the number itself, and `unshown` why that cannot be told: both are for columns
    of text alone.
    """

    merged: list[Merged] = field(default_factory=list)
    faults: dict[tuple[int, int], str] = field(default_factory=dict)
    numbers: Told = field(default_factory=Told)
    no_days: Told = field(default_factory=Told)
    iso_dates: Told = field(default_factory=Told)
    shown: Told = field(default_factory=Told)
    unshown: dict[tuple[int, int], str] = field(default_factory=dict)

    def note_number(self, row: int, column: int, number: str | float) -> None:
        """Look at the number of a cell, as the text or the float that stands in the file."""
        digits = told_digits(number)
        if digits is not None:
            self.numbers.add(row, column, digits)
        if is_no_day(number):
            self.no_days.add(row, column, NO_DAY_SHOWN)

    def note_shown(self, row: int, column: int, number: str | float, form: CodeFormat) -> None:
        """Look at what the cell shows under a format."""
        digits = digits_of(number)
        if digits.strip("-0123456789."):
            return
        try:
            text = form.shown(digits)
        except OtherDigits:
            self.unshown[row, column] = f"holds a number with other digits than its cell shows ({form.pattern})"
        else:
            if text is not None:
                self.shown.add(row, column, text)


NO_VALUE = "holds a formula without its value; the workbook was written by a program and never calculated"


class Book(ABC):
    """A workbook; `names` are its sheets in their order, `visible` those that people see."""

    names: list[str]
    visible: list[str]
    # Whether a date comes as a text in the form of ISO 8601, and not as a date and time of day.
    has_iso_dates = False
    # Excel counts a 29 February 1900 that never was: from March 1900 on, its first day is 31 December 1899.
    first_day = datetime(1899, 12, 30)

    def __init__(self, path: Path, agency_name: str) -> None:
        self.path, self.agency_name = path, agency_name
        self._facts: dict[str, SheetFacts] = {}

    def facts(self, sheet: str) -> SheetFacts:
        """Raises ExtractError where the sheet is damaged, or would need more memory than there may be."""
        return self._facts[sheet]

    def moment(self, serial: float) -> datetime | None:
        """The date and time of a serial number, to the millisecond, which is as far as a float carries it.

        None before March 1900, where programs do not agree.
        """
        if self.first_day.year == 1899 and 1 <= serial < 61:
            return None
        return self.first_day + timedelta(milliseconds=round(serial * 86_400_000))

    def is_before_its_days(self, moment: datetime) -> bool:
        """Excel shows a zero in a date cell as 1900-01-00 and what is below as ####: neither is a day."""
        return not self.has_iso_dates and moment < datetime(1900, 1, 1)

    def damaged(self, error: BaseException) -> ExtractError:
        return self.refused(f"the file is no Excel workbook, or is damaged ({type(error).__name__})")

    def refused(self, what: str, remedy: str = "to send it again") -> ExtractError:
        return ExtractError(f"{what}; ask {self.agency_name} {remedy}")

    def check_extent(self, sheet: str, rows: int, columns: int) -> None:
        if rows > MAX_ROWS:
            raise self.refused(f"sheet {sheet} has {rows} rows, more than the {MAX_ROWS} of Excel")
        if rows * columns > MAX_CELLS:
            raise self.refused(
                f"sheet {sheet} reaches to row {rows} and column {column_letters(columns - 1)}, which is more than "
                f"{MAX_CELLS} cells",
                "to delete what stands far below or beside the table, or for a text format",
            )


def open_book(path: Path, agency_name: str) -> Book:
    """Raises ExtractError where it is no workbook, is encrypted, is damaged, or is larger than the declared maximum."""
    with path.open("rb") as file:
        head = file.read(_LOOKED_AT_BYTES)
    if head.startswith(_COMPOUND):
        return _book("sources.formats.excel.xls", path, agency_name)
    if not head.startswith(b"PK"):
        is_else = next((name for begin, name in _OTHERS if begin.match(head)), "something else")
        raise ExtractError(
            f"the file is no Excel workbook but {is_else}; ask {agency_name} for an .xlsx, or change `format` in the contract"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            size = sum(member.file_size for member in archive.infolist())
            # What the central directory says of the sizes is proven by unpacking once.
            if size <= MAX_UNPACKED_BYTES and archive.testzip() is not None:
                raise zipfile.BadZipFile
    except DAMAGE as error:
        raise ExtractError(
            f"the file is no Excel workbook, or is damaged ({type(error).__name__}); ask {agency_name} to send it again"
        ) from None
    refuse_too_large(size, agency_name)
    if "mimetype" in names:
        return _book("sources.formats.excel.ods", path, agency_name)
    if "xl/workbook.bin" in names:
        return _book("sources.formats.excel.xlsb", path, agency_name)
    return _book("sources.formats.excel.xlsx", path, agency_name)


def _book(module: str, path: Path, agency_name: str) -> Book:
    made: Book = import_module(module).Workbook(path, agency_name)
    return made


def refuse_too_large(size: int, agency_name: str) -> None:
    if size > MAX_UNPACKED_BYTES:
        raise ExtractError(
            f"the workbook unpacks to {size} bytes, more than the {MAX_UNPACKED_BYTES} that are read of Excel; "
            f"ask {agency_name} for a text format"
        )


def parsed(content: bytes) -> etree._Element:
    """A part of a workbook, without any entity or address followed."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    return etree.fromstring(content, parser)


def targets(relations: etree._Element) -> Mapping[str | None, str]:
    """Where each relation of a part leads, by its name."""
    return {item.get("Id"): item.get("Target", "") for item in relations}


def part_of(relations: etree._Element, kind: str) -> str:
    """The name of the part of a kind such as styles; empty where there is none."""
    found = (item.get("Target", "") for item in relations if item.get("Type", "").endswith(f"/{kind}"))
    return next((posixpath.join("/xl", target)[1:] for target in found), "")


@lru_cache(_MOST_COLUMNS)
def column_number(letters: str) -> int:
    """From 0, of A, B, … Z, AA."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def column_letters(number: int) -> str:
    """The name of a column by its number from 0: A, B, … Z, AA."""
    letters, rest = "", number + 1
    while rest:
        rest, digit = divmod(rest - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters
