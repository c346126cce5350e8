"""Education: who is enrolled where, as an Excel workbook with title rows, merged cells, two sheets and dates as numbers."""

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation.errors.planted_errors import Extract, Sent
from simulation.extracts.night import Known, Night, dates
from simulation.population.identifiers import text
from simulation.population.people_names import NONE
from simulation.population.places import towns
from simulation.random_numbers import Integers

AGENCY = "education"
SHEETS = ("Schools", "Universities")
HEADER_ROW = 4
_UNIVERSITIES = (
    "University of Aldermere",
    "Brennholm Institute of Technology",
    "Järvalinn Academy of Arts",
    "Nordhaven College",
)
_SCHOOL_AGE, _STUDY_AGE, _LAST_AGE = 6.5, 19.0, 25.0


def extracts(night: Night) -> list[Extract]:
    known = night.known(AGENCY)
    years = known.years
    pupil = known.alive & (years >= _SCHOOL_AGE) & (years < _STUDY_AGE)
    student = known.alive & (years >= _STUDY_AGE) & (years < _LAST_AGE)
    student &= night.chance("studies", np.arange(len(years))) < night.share("studying")
    rows = np.flatnonzero(pupil | student)
    school = _school(night, known, rows, student[rows])
    # Sorted by school, as the sheets are: the name of a school is merged down over its pupils.
    rows, school = rows[np.argsort(school, kind="stable")], np.sort(school)
    is_student = student[rows]
    year = np.where(is_student, years[rows] - _STUDY_AGE, years[rows] - _SCHOOL_AGE).astype(np.int64) + 1
    home = known.home(rows)
    since = night.day - (night.day - 20) % 365 - 365 * (year - 1)
    table = pa.table({
        "Enrolment no.": night.record_numbers("enrolments", rows),
        "School": _school_names(school),
        "School code": text(school + 1000, 5),
        "Resident number": known.ids("resident", rows),
        "Family name": known.surname(rows),
        "First name": known.given(rows),
        "Born": known.born(rows),
        "Year": pa.array(year),
        "Since": dates(since),
        "Postcode": home["postcode"],
        "Sheet": pa.array(SHEETS).take(pa.array(is_student.astype(np.int64))),
    })  # fmt: skip
    return [Extract(AGENCY, "enrolment", table, rows, rows)]


def _school(night: Night, known: Known, rows: Integers, student: np.ndarray) -> Integers:
    """The school of the town; universities have the numbers behind all towns."""
    town = night.world.addresses.town[np.maximum(known.people.address[rows], 0)]
    university = len(towns()) + (night.chance("university", rows) * len(_UNIVERSITIES)).astype(np.int64)
    return np.where(student, university, np.where(known.people.address[rows] == NONE, 0, town))


def _school_names(school: Integers) -> pa.Array:
    names = [f"{town} School" for town in towns().to_pylist()] + list(_UNIVERSITIES)
    return pa.array(names).take(pa.array(school))


def write(folder: Path, night: Night, sent: dict[str, Sent]) -> None:
    """`enrolment_yyyymmdd.xlsx`. Its clock is set, so that the same night gives the same bytes."""
    import xlsxwriter

    table = sent["enrolment"].table
    book = xlsxwriter.Workbook(str(folder / f"enrolment_{night.on:%Y%m%d}.xlsx"))
    book.set_properties({"title": "Enrolment", "created": datetime.combine(night.on, time(12))})
    styles = {"date": book.add_format({"num_format": "dd.mm.yyyy"}), "title": book.add_format({"bold": True, "font_size": 14}),
              "head": book.add_format({"bold": True, "bottom": 1}), "school": book.add_format({"valign": "top"})}  # fmt: skip
    for name in SHEETS:
        sheet = book.add_worksheet(name)
        own = table.filter(pc.equal(table["Sheet"], name)).drop_columns(["Sheet"])
        _titles(sheet, own.column_names, night.on, styles)
        _rows(sheet, own, styles)
    book.close()


def _titles(sheet: Any, headings: list[str], on: date, styles: dict[str, Any]) -> None:
    last = len(headings) - 1
    sheet.merge_range(0, 0, 0, last, "Ministry of Education: enrolment", styles["title"])
    sheet.merge_range(1, 0, 1, last, f"As of {on:%d.%m.%Y}")
    sheet.write_row(HEADER_ROW - 1, 0, headings, styles["head"])


def _rows(sheet: Any, table: pa.Table, styles: dict[str, Any]) -> None:
    """Column by column, which is how the writer takes them; the school's cell is merged down over its pupils."""
    for place, name in enumerate(table.column_names):
        values = table[name].to_pylist()
        if name in ("Born", "Since"):
            # A date in a workbook is the number of days since 1899-12-30.
            values = [None if value is None else value.toordinal() - 693_594 for value in values]
            sheet.write_column(HEADER_ROW, place, values, styles["date"])
        elif name != "School":
            sheet.write_column(HEADER_ROW, place, values)
        else:
            _merge_down(sheet, place, values, styles["school"])


def _merge_down(sheet: Any, place: int, values: list[str], style: Any) -> None:
    starts = [row for row, value in enumerate(values) if row == 0 or values[row - 1] != value]
    for start, end in zip(starts, [*starts[1:], len(values)], strict=True):
        if end - start > 1:
            sheet.merge_range(HEADER_ROW + start, place, HEADER_ROW + end - 1, place, values[start], style)
        else:
            sheet.write(HEADER_ROW + start, place, values[start], style)
