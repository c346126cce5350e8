"""Workbooks of every kind: .xls, .xlsb and .ods beside .xlsx, several rows of headings, and what is told of a cell without a value."""

import io
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.contract.load import load
from sources.errors import ExtractError
from tests.conftest import Feed
from tests.sources.archives import zipped
from tests.sources.formats.workbooks import (
    Rows,
    biff_formula,
    biff_merged,
    biff_sheet,
    compound,
    ods,
    ods_cell,
    ods_row,
    ods_table,
    with_part,
    xls,
    xlsb,
    xlsb_merged,
    xlsb_row,
    xlsx,
)
from tests.sources.landed import ID, land, land_bytes

NUMBER = '{name: n, logicalType: number, physicalType: "DECIMAL(9,2)"}'
COLUMNS = [ID, NUMBER, "{name: b, logicalType: boolean}", "{name: d, logicalType: date}"]
# 46024 is 2 January 2026.
ROWS: Rows = [["id", "n", "b", "d"], ["a", 1.5, True, 46024], ["007", -2, False, "2026-01-03"], [None, None, None, None],
              ["c", "1.25", True, None]]  # fmt: skip


def feed(columns: list[str] | None = None, **options: str) -> Feed:
    return Feed(columns or COLUMNS, path="x.xlsx", format="excel", options=options or {"headerRow": "1"})


def xlsb_sheet(rows: Rows) -> bytes:
    return b"".join(xlsb_row(number, row) for number, row in enumerate(rows))


def two_sheets(kind: str, rows: Rows, other: Rows) -> bytes:
    if kind == "ods":
        return ods(("One", ods_table(rows)), ("Aside", ods_table(other)), hidden=["Aside"])
    if kind == "xls":
        return xls(("One", biff_sheet(rows)), ("Aside", biff_sheet(other)), hidden=["Aside"])
    return xlsb(("One", xlsb_sheet(rows), b""), ("Aside", xlsb_sheet(other), b""), hidden=["Aside"])


KINDS = ["ods", "xls", "xlsb"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_is_told_by_the_bytes(kind: str, tmp_path: Path) -> None:
    landed = land(tmp_path, two_sheets(kind, ROWS, [["id"], ["x"]]), feed())
    assert [tuple(row.values()) for row in landed.rows] == [
        ("a", Decimal("1.50"), True, date(2026, 1, 2)),
        ("007", Decimal("-2.00"), False, date(2026, 1, 3)),
        ("c", Decimal("1.25"), True, None),
    ]
    assert landed.rejects == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_hidden_sheet_is_read_where_the_contract_names_it(kind: str, tmp_path: Path) -> None:
    landed = land(tmp_path, two_sheets(kind, [["x"]], ROWS), feed(sheet="Aside"))
    assert len(landed.rows) == 3


GRID: Rows = [["Region", None, "Fee", None], [None, "id", "in €", "n"], ["North", "a", 1, 5], [None, "b", 2, 6]]
ODS_GRID = "".join([
    ods_row(ods_cell("Region", 'table:number-rows-spanned="2"'), ods_cell(None),
            ods_cell("Fee", 'table:number-columns-spanned="2"'), "<table:covered-table-cell/>"),
    ods_row("<table:covered-table-cell/>", *map(ods_cell, GRID[1][1:])),
    ods_row(ods_cell("North", 'table:number-rows-spanned="2"'), *map(ods_cell, GRID[2][1:])),
    ods_row("<table:covered-table-cell/>", *map(ods_cell, GRID[3][1:])),
])  # fmt: skip
MERGED = [(0, 1, 0, 0), (0, 0, 2, 3), (2, 3, 0, 0)]
GRIDS = {
    "ods": ods(("One", ODS_GRID)),
    "xls": xls(("One", biff_sheet(GRID) + b"".join(biff_merged(*place) for place in MERGED))),
    "xlsb": xlsb(("One", xlsb_sheet(GRID), b"".join(xlsb_merged(*place) for place in MERGED))),
    "xlsx": xlsx(("One", GRID), merged={"One": ["A1:A2", "C1:D1", "A3:A4"]}),
}


@pytest.mark.parametrize("kind", GRIDS)
def test_headings_of_two_rows_and_merged_values(kind: str, tmp_path: Path) -> None:
    columns = [
        ID, "{name: region, physicalName: Region, logicalType: string}",
        "{name: fee, physicalName: Fee in €, logicalType: integer}", "{name: n, physicalName: Fee n, logicalType: integer}",
    ]  # fmt: skip
    landed = land(tmp_path, GRIDS[kind], feed(columns, headerRows="2", fillMerged="[Region]"))
    assert [tuple(row[name] for name in ("region", "id", "fee", "n")) for row in landed.rows] == [
        ("North", "a", 1, 5), ("North", "b", 2, 6),
    ]  # fmt: skip
    assert landed.rejects == []


def test_without_headings_the_columns_are_the_contracts(tmp_path: Path) -> None:
    rows: Rows = [["a", 1, True, 46024], ["b", 2, None, None]]
    landed = land(tmp_path, xlsx(("One", rows)), feed(headerRows="0"))
    assert [tuple(row.values())[:2] for row in landed.rows] == [("a", 1), ("b", 2)]
    landed = land(tmp_path, xlsx(("One", [["a"], ["b"]])), feed(headerRows="0", headerRow="2"))
    assert [row["id"] for row in landed.rows] == ["b"]
    with pytest.raises(ExtractError, match="values in column E"):
        land(tmp_path, xlsx(("One", [["a", 1, True, 46024, "x"]])), feed(headerRows="0"))


def test_headings_are_found_where_they_are(tmp_path: Path) -> None:
    landed = land(tmp_path, xlsx(("One", [["List of all"], [None, "id"], *ROWS])), feed(headerRow="detect"))
    assert len(landed.rows) == 3
    with pytest.raises(ExtractError, match="names b, d, id, n"):
        land(tmp_path, xlsx(("One", [["x"], ["id", "n"]])), feed(headerRow="detect"))


def formulas() -> bytes:
    return xlsx(("One", [["id", "n"], ["a", "=1+1"], ["b", 3]]))


@pytest.mark.parametrize("left", [b"<f>1+1</f>", b"<f>1+1</f><v></v>", b"<f>1+1</f><v/>", b'<f t="shared" si="0"/>'])
def test_a_formula_without_its_value_is_no_empty_cell(left: bytes, tmp_path: Path) -> None:
    content = with_part(formulas(), "xl/worksheets/sheet1.xml", b"<f>1+1</f><v>0</v>", left)
    landed = land(tmp_path, content, feed([ID, NUMBER]))
    assert [row["id"] for row in landed.rows] == ["b"]
    assert [(reject["line"], reject["reason"][:8]) for reject in landed.rejects] == [(2, "cell B2 ")]
    assert "formula without its value" in landed.rejects[0]["reason"]


def test_a_formula_whose_result_is_an_empty_text_has_a_value(tmp_path: Path) -> None:
    content = with_part(
        formulas(), "xl/worksheets/sheet1.xml", b'<c r="B2"><f>1+1</f><v>0</v>', b'<c r="B2" t="str"><f>1+1</f><v></v>'
    )
    landed = land(tmp_path, content, feed([ID, NUMBER]))
    assert [row["n"] for row in landed.rows] == [None, 3]


def test_formulas_and_errors_of_other_kinds(tmp_path: Path) -> None:
    cells = biff_sheet([["id", "n"], ["a", 1], ["b"], ["c", 3], ["d"]])
    text, empty = (biff_formula(row, 1, bytes([kind, *bytes(5)]) + b"\xff\xff") for row, kind in ((2, 0), (4, 3)))
    content = xls(("One", cells + text + empty))
    landed = land(tmp_path, content, feed([ID, NUMBER]))
    assert ([row["id"] for row in landed.rows], landed.reject_lines) == (["a", "c", "d"], [3])
    rows = ods_table([["id", "n"], ["a", 1]])
    no_value = ods_row(ods_cell("b"), '<table:table-cell table:formula="of:=1+1"/>')
    error = ods_row(ods_cell("c"), ods_cell("", 'table:formula="of:=1/0" calcext:value-type="error"'))
    landed = land(tmp_path, ods(("One", rows + no_value + error)), feed([ID, NUMBER]))
    assert ([row["id"] for row in landed.rows], landed.reject_lines) == (["a"], [3, 4])


def test_times_of_day(tmp_path: Path) -> None:
    columns = [ID, "{name: t, logicalType: time}"]
    typed = 'office:value-type="time" office:time-value'
    cells = [f'<table:table-cell {typed}="{value}"/>' for value in ("PT03H04M05S", "PT36H00M00S", "PT23H59M59.5S")]
    rows = "".join(ods_row(ods_cell(key), cell) for key, cell in zip("abc", cells, strict=True))
    landed = land(tmp_path, ods(("One", ods_table([["id", "t"]]) + rows)), feed(columns))
    assert [row["t"] for row in landed.rows] == [time(3, 4, 5), time(23, 59, 59, 500_000)]
    assert [(reject["line"], reject["value"]) for reject in landed.rejects] == [(3, "PT36H00M00S")]
    spans = [["id", "t"], ["a", (0.5, "[h]:mm:ss")], ["b", (1.5, "[h]:mm:ss")]]
    landed = land(tmp_path, xlsx(("One", spans)), feed(columns))
    assert ([row["t"] for row in landed.rows], landed.reject_lines) == ([time(12)], [3])


@pytest.mark.parametrize("kind", ["xls", "xlsb"])
def test_the_date_system_of_1904(kind: str, tmp_path: Path) -> None:
    rows: Rows = [["id", "d"], ["a", 46024 - 1462]]
    content = {
        "xls": lambda: xls(("One", biff_sheet(rows)), is_1904=True),
        "xlsb": lambda: xlsb(("One", xlsb_sheet(rows), b""), is_1904=True),
    }[kind]()
    assert land(tmp_path, content, feed([ID, COLUMNS[3]])).rows == [{"id": "a", "d": date(2026, 1, 2)}]


def test_an_ods_tells_its_dates_as_iso_dates(tmp_path: Path) -> None:
    columns = [ID, "{name: d, logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}}"]
    cells = [
        '<table:table-cell office:value-type="date" office:date-value="2026-01-02"/>',
        '<table:table-cell office:value-type="date" office:date-value="2026-01-02T00:00:00"/>',
        ods_cell("02.01.2026"), ods_cell("46024.5"), ods_cell("2026-02-30"),
    ]  # fmt: skip
    rows = "".join(ods_row(ods_cell(key), cell) for key, cell in zip("abcde", cells, strict=True))
    landed = land(tmp_path, ods(("One", ods_table([["id", "d"]]) + rows)), feed(columns))
    assert [row["d"] for row in landed.rows][:3] == [date(2026, 1, 2)] * 3
    assert landed.reject_lines[-1] == 6


def test_two_far_cells_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    far = '<table:table-row table:number-rows-repeated="900000"/>' + ods_row(
        '<table:table-cell table:number-columns-repeated="900"/>', ods_cell("x")
    )
    repeated = ods_row(
        ods_cell("x", 'table:number-columns-repeated="16000"'), more='table:number-rows-repeated="1000000"'
    )
    sheet = xlsx(("One", ROWS))
    contents = [
        ods(("One", ods_table(ROWS) + far)),
        ods(("One", ods_table(ROWS) + repeated)),
        xls(("One", biff_sheet(ROWS) + biff_formula(65_535, 65_535, bytes(8)))),
        xlsb(("One", xlsb_sheet(ROWS) + xlsb_row(1_048_575, ["x"], 16_383), b"")),
        with_part(sheet, "xl/worksheets/sheet1.xml", b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'),
        with_part(sheet, "xl/worksheets/sheet1.xml", b"</sheetData>", b'<row r="6"><c r="A4000000000"><v>1</v></c></row></sheetData>'),
    ]  # fmt: skip
    for content in contents:
        with pytest.raises(ExtractError, match=r"more than (28000000 cells|the 1048576)"):
            land(tmp_path, content, feed())


def test_a_value_in_the_last_row_is_a_record(tmp_path: Path) -> None:
    content = with_part(
        xlsx(("One", ROWS)), "xl/worksheets/sheet1.xml", b"</sheetData>",
        b'<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>z</t></is></c></row></sheetData>',
    )  # fmt: skip
    landed = land(tmp_path, content, feed())
    assert [row["id"] for row in landed.rows] == ["a", "007", "c", "z"]


def charts_only() -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        chart = book.add_chart({"type": "bar"})
        chart.add_series({"values": "=One!$B$1:$B$1"})
        book.add_chartsheet("Chart").set_chart(chart)
        book.add_worksheet("One").hide()
    return stream.getvalue()


ENCRYPTION = '<m:file-entry m:full-path="content.xml"><m:encryption-data/></m:file-entry>'
REFUSED: dict[str, tuple[Callable[[], bytes] | bytes, str]] = {
    "encrypted xlsx": (compound({"EncryptionInfo": b"x", "EncryptedPackage": b"x"}), "is encrypted"),
    "encrypted xls": (xls(("One", b""), extra=b"\x2f\x00\x02\x00\x00\x00"), "is encrypted"),
    "encrypted ods": (ods(("One", ""), manifest=ENCRYPTION), "is encrypted"),
    "word document": (compound({"WordDocument": b"x"}), "of another program"),
    "text document": (ods(("One", ""), kind="text"), "of another kind"),
    "before Excel 97": (xls(("One", b""), version=0x0500), "before Excel 97"),
    "bare BIFF": (b"\x09\x08\x10\x00\x00\x05\x05\x00" + b"\0" * 20, "no Excel workbook"),
    "html": (b"\n<html><body><table><tr><td>id", "an HTML page"),
    "html without head": (b"<TABLE border=1><tr><td>id", "an HTML page"),
    "xml": (b'<?xml version="1.0"?><rows/>', "an XML document"),
    "excel 2003 xml": (b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>', "Excel 2003"),
    "csv": (b"id;n;b;d\r\na;1;;\r\n", "CSV"),
    "json": (b'[{"id": 1}]', "JSON"),
    "pdf": (b"%PDF-1.7\n", "PDF"),
    "nothing": (b"", "something else"),
    "cut xls": (xls(("One", biff_sheet([["id", "n", "b", "d"]] * 300)))[:-2000], "damaged"),
    "xls without end": (lambda: compound({"Workbook": xls(("One", b""))[1536:1600]}), "before Excel 97|damaged"),
    "only its beginning": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "damaged"),
    "another office document": (zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": "<w/>"}), "no Excel workbook"),
    "charts only": (charts_only, "0 visible sheets"),
    "empty": (xlsx(("One", [])), "no headings"),
    "empty ods": (ods(("One", "")), "no headings"),
    "empty xls": (xls(("One", b"")), "no headings"),
    "no sheet": (ods(), "0 visible sheets"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_such_workbook_is_told(case: str, tmp_path: Path) -> None:
    content, said = REFUSED[case]
    with pytest.raises(ExtractError, match=said):
        land(tmp_path, content() if callable(content) else content, feed())


@pytest.fixture(scope="module")
def samples() -> dict[str, bytes]:
    return {kind: two_sheets(kind, ROWS, ROWS) for kind in KINDS} | {"xlsx": xlsx(("One", ROWS))}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@pytest.mark.parametrize("kind", [*KINDS, "xlsx"])
def test_damage_is_refused_or_accounted_for(
    kind: str, samples: dict[str, bytes], tmp_path: Path, data: st.DataObject
) -> None:
    contract = load(feed().write(tmp_path))
    content = damaged(samples[kind], data)
    try:
        land_bytes(contract, tmp_path, content)
    except ExtractError as error:
        assert str(error)


def damaged(content: bytes, data: Any) -> bytes:
    """Bytes changed, cut out, put in or doubled."""
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 40))
        new = data.draw(st.sampled_from([b"", content[at : at + length] * 2, b"\xff" * 4, b"\0" * length, b"\x01"]))
        content = content[:at] + new + content[at + length :]
    return content
