"""Cells of a workbook as the texts that their columns expect: numbers as people see them, dates in the contract's form."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Context, Decimal

import pyarrow as pa
import pyarrow.compute as pc

from sources.contract.model import Column
from sources.formats.excel.book_structure import Book
from sources.typed_value import scale_of
from sources.typing.date_pattern import write_date

# Excel shows and compares 15 digits; the float behind them may say 12.300000000000001.
_SHOWN = Context(prec=15)
_LONG = r"[0-9.]{17,}"
_MANY_DIGITS = re.compile(r"-?[0-9]*\.[0-9]+")
_DATE_CELL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6}0*)?")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6}0*)?)?")
# Where a time of day without a date stands, by the date systems of the workbooks and the reader.
_DAYS_OF_TIMES = {date(1899, 12, 30), date(1899, 12, 31), date(1904, 1, 1)}
# Letters of a pattern; what stands in quotes is none.
_OF_DAY, _OF_TIME, _QUOTED = "d", "HmsS", re.compile("'[^']*'")
# A time of day as the reader writes it: with the day before the first one of either date system.
_EARLY = 1899
_CLOCK_OF = {True: "^1899-12-3[01] ", False: "^1904-01-01 "}
_SERIAL = re.compile(r"[0-9]{1,5}(\.[0-9]+)?")
# A text of four digits is a year that somebody wrote, and not one of the serial numbers of 1904 to 1906.
_YEAR = re.compile("(18|19|20|21)[0-9]{2}")


def as_expected(values: pa.Array, column: Column | None, book: Book) -> pa.Array:
    """The texts of one column, each different one looked at once."""
    # A floating number lands as it stands in the file.
    if column is not None and column.sql_type in ("BOOLEAN", "DOUBLE"):
        return values
    if column is None or column.sql_type == "VARCHAR":
        return pc.replace_substring_regex(values, _CLOCK_OF[book.first_day.year == _EARLY], "")
    is_moment = column.sql_type.startswith(("DATE", "TIME"))
    if not is_moment and not pc.any(pc.match_substring_regex(values, _LONG)).as_py():
        return values
    convert = _moment(column, book) if is_moment else _number(scale_of(column.sql_type) or 0)
    found = values.dictionary_encode()
    texts = pa.array([convert(text) for text in found.dictionary.to_pylist()], pa.string())
    return texts.take(found.indices)


def _number(scale: int) -> Callable[[str], str]:
    def convert(text: str) -> str:
        """As it stands in the file where the column has a place for each digit; else in the 15 digits that people see."""
        if not _MANY_DIGITS.fullmatch(text) or len(text.partition(".")[2]) <= scale:
            return text
        shown = format(_SHOWN.create_decimal(Decimal(text)), "f")
        return shown.rstrip("0").rstrip(".") if "." in shown else shown

    return convert


def _moment(column: Column, book: Book) -> Callable[[str], str]:
    pattern = str(column.options.get("format", ""))

    def convert(text: str) -> str:
        """A date cell, or the serial number behind one that lost its format; other texts are left to the strict reading."""
        if _DATE_CELL.fullmatch(text) or (book.has_iso_dates and _ISO_DATE.fullmatch(text)):
            moment = _of_iso(text)
        elif _SERIAL.fullmatch(text) and len(text) != len(pattern) and not _YEAR.fullmatch(text):
            moment = book.moment(float(text))
        else:
            return text
        if moment is None:
            return text
        if book.is_before_its_days(moment) and column.sql_type != "TIME":
            return f"{text} (no date of a workbook)"
        return _written(moment, column, pattern, text)

    return convert


def _of_iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _written(moment: datetime, column: Column, pattern: str, text: str) -> str:
    if column.sql_type == "TIME":
        # A duration of 36 hours, or a day with its time, is no time of day, and is left to be refused.
        return moment.time().isoformat() if moment.date() in _DAYS_OF_TIMES else text
    # A date with a time of day is no date, and is left to be refused; so is a time with more than the contract's form says.
    letters = _OF_DAY if column.sql_type == "DATE" else _QUOTED.sub("", pattern) or _OF_TIME
    if any(value and not set(letters) & set(needed) for needed, value in _clock(moment)):
        return moment.isoformat(sep=" ")
    if pattern:
        return write_date(moment, pattern, column.years_from)
    return moment.date().isoformat() if column.sql_type == "DATE" else moment.isoformat(sep=" ")


def _clock(moment: datetime) -> tuple[tuple[str, int], ...]:
    """The parts of a time of day, each with the letters of a pattern that write it."""
    return ("HhkK", moment.hour), ("m", moment.minute), ("s", moment.second), ("S", moment.microsecond)
