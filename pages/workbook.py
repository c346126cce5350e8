"""An answer as an Excel workbook, written row by row: values as they are, no text as a formula or a link, nothing rounded."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

# Beside the heading. Excel has no more.
MOST_ROWS = 1_048_575
# Excel keeps so many digits of a number, knows no day before this, and takes texts up to this length.
_DIGITS, _FIRST_DAY, _LONGEST = 15, date(1900, 3, 1), 32_767
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}
_FORMATS = {datetime: "yyyy-mm-dd hh:mm:ss", date: "yyyy-mm-dd", time: "hh:mm:ss"}


class TooManyRows(Exception):
    """More than a sheet takes."""


def write_workbook(
    path: Path, heading: Sequence[str], batches: Callable[[], Sequence[Sequence[object]]], about: dict[str, str]
) -> int:
    """`batches` gives rows until it gives none; `about` is told on a second sheet. Returns the number of rows. Raises TooManyRows."""
    with xlsxwriter.Workbook(path, _OPTIONS) as workbook:
        formats = {kind: workbook.add_format({"num_format": said}) for kind, said in _FORMATS.items()}
        sheet = workbook.add_worksheet("answer")
        sheet.freeze_panes(1, 0)
        for place, name in enumerate(heading):
            sheet.set_column(place, place, max(len(name) + 2, 12))
            sheet.write_string(0, place, name, workbook.add_format({"bold": True, "bottom": 1}))
        count = 0
        while rows := batches():
            if count + len(rows) > MOST_ROWS:
                raise TooManyRows
            _write_rows(sheet, rows, count + 1, formats)
            count += len(rows)
        sheet.autofilter(0, 0, count, max(len(heading) - 1, 0))
        _write_about(workbook.add_worksheet("about"), about.items())
    return count


def _write_rows(sheet: Worksheet, rows: Sequence[Sequence[object]], first: int, formats: dict[type, Format]) -> None:
    for number, row in enumerate(rows, first):
        for place, value in enumerate(row):
            _write_cell(sheet, (number, place), value, formats)


def _write_cell(sheet: Worksheet, place: tuple[int, int], value: object, formats: dict[type, Format]) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(*place, value)
    elif isinstance(value, int | float | Decimal) and _is_kept(value):
        sheet.write_number(*place, value)
    elif isinstance(value, datetime) and value.date() >= _FIRST_DAY:
        told = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        sheet.write_datetime(*place, told, formats[datetime])
    elif isinstance(value, date) and not isinstance(value, datetime) and value >= _FIRST_DAY:
        sheet.write_datetime(*place, value, formats[date])
    elif isinstance(value, time) and value.tzinfo is None:
        sheet.write_datetime(*place, value, formats[time])
    else:
        sheet.write_string(*place, str(value)[:_LONGEST])


def _is_kept(value: int | float | Decimal) -> bool:
    """Whether Excel shows the number as it is: it would round the last digits of an identifier or a large sum."""
    if isinstance(value, float):
        return True
    exact = Decimal(value)
    return exact.is_finite() and len(exact.normalize().as_tuple().digits) <= _DIGITS


def _write_about(sheet: Worksheet, said: Iterable[tuple[str, str]]) -> None:
    sheet.set_column(0, 0, 16)
    for number, (name, text) in enumerate(said):
        sheet.write_string(number, 0, name)
        sheet.write_string(number, 1, text[:_LONGEST])
