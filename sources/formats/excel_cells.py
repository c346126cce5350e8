"""Cells of a workbook as the texts that their columns expect: numbers as people see them, dates in the contract's form."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Context, Decimal

import pyarrow as pa
import pyarrow.compute as pc

from sources.contract import Column
from sources.date_pattern import write_date
from sources.formats.excel_book import Book

# Excel shows and compares 15 digits; the float behind them may say 12.300000000000001.
_SHOWN = Context(prec=15)
_LONG = r"[0-9.]{16,}"
_MANY_DIGITS = re.compile(r"-?[0-9]*\.?[0-9]{15,}")
_DATE_CELL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6}0*)?")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?[0-9]*)?")
_DURATION = re.compile(r"PT([0-9]{1,4})H([0-5][0-9])M([0-5][0-9](?:[.,][0-9]{1,6})?)S")
# Where a time of day without a date stands, by the date systems of the workbooks and the reader.
_DAYS_OF_TIMES = {date(1899, 12, 30), date(1899, 12, 31), date(1904, 1, 1)}
_SERIAL = re.compile(r"[0-9]{1,5}(\.[0-9]+)?")
# A text of four digits is a year that somebody wrote, and not one of the serial numbers of 1904 to 1906.
_YEAR = re.compile("(18|19|20|21)[0-9]{2}")


def as_expected(values: pa.Array, column: Column | None, book: Book) -> pa.Array:
    """The texts of one column, each different one looked at once."""
    if column is None or column.sql_type in ("VARCHAR", "BOOLEAN"):
        return values
    if not column.sql_type.startswith(("DATE", "TIME")) and not pc.any(pc.match_substring_regex(values, _LONG)).as_py():
        return values
    convert = _moment(column, book) if column.sql_type.startswith(("DATE", "TIME")) else _number
    found = values.dictionary_encode()
    texts = pa.array([convert(text) for text in found.dictionary.to_pylist()], pa.string())
    return texts.take(found.indices)


def _number(text: str) -> str:
    if not _MANY_DIGITS.fullmatch(text) or "." not in text:
        return text
    shown = format(_SHOWN.create_decimal(Decimal(text)), "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _moment(column: Column, book: Book) -> Callable[[str], str]:
    pattern = str(column.options.get("format", ""))

    def convert(text: str) -> str:
        """A date cell, or the serial number behind one that lost its format; other texts are left to the strict reading."""
        if _DATE_CELL.fullmatch(text) or (book.has_iso_dates and _ISO_DATE.fullmatch(text)):
            moment = _of_iso(text)
        elif _SERIAL.fullmatch(text) and len(text) != len(pattern) and not _YEAR.fullmatch(text):
            moment = book.moment(float(text))
        elif book.has_iso_dates and column.sql_type == "TIME":
            return _time_of_duration(text)
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
    if pattern:
        return write_date(moment, pattern, column.years_from)
    # A date with a time of day is no date, and is left to be refused.
    is_day = column.sql_type == "DATE" and not (moment.hour or moment.minute or moment.second or moment.microsecond)
    return moment.date().isoformat() if is_day else moment.isoformat(sep=" ")


def _time_of_duration(text: str) -> str:
    """PT03H04M05S, as an .ods writes a time of day; one of a day or more is left to be refused."""
    found = _DURATION.fullmatch(text)
    if found is None or int(found[1]) > 23:
        return text
    return f"{int(found[1]):02}:{found[2]}:{found[3]}"
