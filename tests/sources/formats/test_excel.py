"""Excel: title rows, merged cells, footers, sheets, dates as numbers, exact numbers, limits."""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from sources.errors import ExtractError
from sources.formats.excel import book_structure
from tests.conftest import Feed
from tests.sources.formats.workbooks import xlsx
from tests.sources.landed import ID, land

COLUMNS = [
    ID,
    "{name: school, logicalType: string}",
    '{name: fee, logicalType: number, physicalType: "DECIMAL(9,2)"}',
    "{name: opened, logicalType: date}",
    "{name: seen, logicalType: timestamp}",
]
OPTIONS = {"headerRow": "4", "footer": '"^Total"', "fillMerged": "[school]"}


def feed(**options: str) -> Feed:
    return Feed(COLUMNS, path="x.xlsx", format="excel", options=options or OPTIONS)


def workbook(*sheets: str, write: Callable[[Worksheet, xlsxwriter.Workbook], None], **options: object) -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, options) as book:
        for name in sheets:
            write(book.add_worksheet(name), book)
        book.add_worksheet("hidden").hide()
    return stream.getvalue()


def schools(sheet: Worksheet, book: xlsxwriter.Workbook) -> None:
    day, moment = book.add_format({"num_format": "dd.mm.yyyy"}), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    sheet.merge_range("B1:F1", "Schools of the country")
    sheet.merge_range("B3:B4", "school")
    sheet.write_row("C4", ["id", "fee", "opened", "seen"])
    sheet.merge_range("B5:B8", "North")
    sheet.write_row("C5", ["a", 12.30])
    sheet.write_datetime("E5", datetime(2026, 1, 2), day)
    sheet.write_datetime("F5", datetime(2026, 1, 2, 3, 4, 5), moment)
    sheet.write_row("C6", ["b", "many", "2026-01-03"])
    # Row 7 is blank but for the merged label. 46024 is a date that has lost its format.
    sheet.write_row("C8", ["c", 0.07, 46024, 46024.5])
    sheet.write_row("B10", ["South", "d"])
    sheet.write_formula("D10", "=1/0", None, "#DIV/0!")
    sheet.write("B11", "Total: 4")


def test_a_sheet_as_people_make_it(tmp_path: Path) -> None:
    landed = land(tmp_path, workbook("One", write=schools), feed())
    assert [tuple(row[name] for name in ("id", "school", "fee", "opened", "seen")) for row in landed.rows] == [
        ("a", "North", Decimal("12.30"), date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("c", "North", Decimal("0.07"), date(2026, 1, 2), datetime(2026, 1, 2, 12, tzinfo=UTC)),
    ]
    assert [(r["line"], r["column"], r["value"]) for r in landed.rejects] == [(6, "fee", "many"), (10, None, None)]
    assert "D10" in landed.rejects[1]["reason"]


def test_several_sheets_tell_their_name(tmp_path: Path) -> None:
    landed = land(tmp_path, workbook("One", "Two", write=schools), feed(**OPTIONS, sheets="[One, Two]"))
    assert len(landed.rows) == 4
    assert [(r["file"], r["line"]) for r in landed.rejects] == [("One", 6), ("One", 10), ("Two", 6), ("Two", 10)]


def test_numbers_are_those_that_people_see(tmp_path: Path) -> None:
    values = [0.1 + 0.2, 12.300000000000001, 1e-7, 123456.789, 1e15]
    columns = [ID, '{name: n, logicalType: number, physicalType: "DECIMAL(30,10)"}', "{name: t, logicalType: string}"]
    rows = [[f"k{number}", value, f"{number}.50"] for number, value in enumerate(values)]
    known = Feed(columns, path="x.xlsx", format="excel", options={"sheet": "S"})
    landed = land(tmp_path, xlsx(("S", [["id", "n", "t"], *rows])), known)
    wanted = ["0.3", "12.3", "0.0000001", "123456.789", "1000000000000000"]
    assert [row["n"] for row in landed.rows] == [Decimal(text) for text in wanted]
    assert [row["t"] for row in landed.rows] == [f"{number}.50" for number in range(5)]


@pytest.mark.parametrize("is_1904", [False, True])
def test_dates_of_both_systems_in_the_form_of_the_contract(is_1904: bool, tmp_path: Path) -> None:
    columns = [ID, "{name: d, logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}}"]
    days = [(datetime(2026, 1, 2), "d.m.yy"), 46024 - (1462 if is_1904 else 0), "02.01.2026"]
    content = xlsx(("S", [["id", "d"], *zip("abc", days, strict=True)]), date_1904=is_1904)
    landed = land(tmp_path, content, Feed(columns, path="x.xlsx", format="excel", options={"sheet": "S"}))
    assert [row["d"] for row in landed.rows] == [date(2026, 1, 2)] * 3


ONE = workbook("One", write=schools)
REFUSED = {
    "no such sheet": (ONE, {"sheet": "Two"}, "no sheet Two, but One"),
    "two sheets": (workbook("One", "Two", write=schools), {"headerRow": "4"}, "2 visible sheets"),
    "wrong header row": (ONE, {"headerRow": "1"}, "twice"),
    "header row beyond": (ONE, {"headerRow": "99"}, "no heading"),
    "no heading to fill": (ONE, {**OPTIONS, "fillMerged": "[region]"}, "no heading region"),
    "values without heading": (xlsx(("S", [["id"], ["a", "b"]])), {"headerRow": "1"}, "column B"),
    "other headings": (xlsx(("S", [["id", "x"], ["a", 1]])), {"headerRow": "1"}, "no school"),
    "no rows": (xlsx(("S", [["id"]])), {"headerRow": "1"}, "no school"),
    "nothing": (xlsx(("S", [])), {"headerRow": "1"}, "no heading"),
    "cut": (ONE[:-60], OPTIONS, "archive"),
    "text": (b"id,school\n", OPTIONS, "no Excel workbook"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_such_workbook_refuses_the_night(case: str, tmp_path: Path) -> None:
    content, options, said = REFUSED[case]
    with pytest.raises(ExtractError, match=said):
        land(tmp_path, content, feed(**options))


def test_a_workbook_beyond_the_declared_maximum_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_structure, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(ExtractError, match="more than the 1000"):
        land(tmp_path, ONE, feed())


@pytest.mark.parametrize("form", ["dd.mm.yyyy", "General"])
def test_a_zero_in_a_date_cell_is_no_day(form: str, tmp_path: Path) -> None:
    """Excel shows 1900-01-00 for a zero, and #### for what is below."""
    rows = [[str(serial), None, None, (int(serial), form), (serial, form)] for serial in (0, 0.5, -1, 46024)]
    landed = land(tmp_path, xlsx(("One", [["id", "school", "fee", "opened", "seen"], *rows])), feed(headerRow="1"))
    assert [(row["id"], row["opened"]) for row in landed.rows] == [("46024", date(2026, 1, 2))]
    assert [reject["line"] for reject in landed.rejects] == [2, 3, 4]


def test_a_sheet_that_is_a_chart_is_none_of_the_sheets(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        book.add_worksheet("One").write_column(0, 0, ["id", "a"])
        chart = book.add_chart({"type": "bar"})
        chart.add_series({"values": "=One!$A$2:$A$2"})
        book.add_chartsheet("Chart").set_chart(chart)
    landed = land(tmp_path, stream.getvalue(), Feed([ID], path="x.xlsx", format="excel", options={"headerRow": "1"}))
    assert landed.rows == [{"id": "a"}]
