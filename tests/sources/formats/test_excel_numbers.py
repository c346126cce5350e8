"""Numbers of workbooks as they stand in the file, and codes as their cells show them, in every kind of workbook."""

import io
import re
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.errors import ExtractError
from sources.formats.excel.cell_formats import OtherDigits, code_format
from sources.formats.excel.numbers import digits_of, of_rk, told_digits
from tests.conftest import Feed
from tests.sources.formats.samples import NO_OPTIONS
from tests.sources.formats.workbooks import (
    biff_number,
    biff_sheet,
    biff_styles,
    ods,
    ods_cell,
    ods_row,
    ods_table,
    with_part,
    xls,
    xlsb,
    xlsb_number,
    xlsb_row,
    xlsb_styles,
    xlsx,
)
from tests.sources.landed import ID, land

SHEET = "xl/worksheets/sheet1.xml"
DOUBLE = "{name: n, logicalType: number}"
EXACT = '{name: n, logicalType: number, physicalType: "DECIMAL(38,18)"}'
TEXT = "{name: n, logicalType: string}"
# 15 to 17 digits, with an exponent, with many digits before the point.
FLOATS = [
    0.123456789012345, 0.12345678901234566, 1e-12, 1.5e-10, 123456789.12345679, 8388609.1, 9007199254740991.0,
    -2.5e-9,
]  # fmt: skip


def feed(*columns: str) -> Feed:
    return Feed([ID, *columns], path="x.xlsx", format="excel", options=NO_OPTIONS)


def keys(count: int) -> list[str]:
    return [f"k{number}" for number in range(count)]


def xlsx_of(texts: list[str], more: str = "") -> bytes:
    """Numbers as a file may write them, from B2 down."""
    content = xlsx(("S", [["id", "n"], *([key, 7_000_000 + row] for row, key in enumerate(keys(len(texts)), 1))]))
    for row, text in enumerate(texts, 1):
        cell = f'<c r="B{row + 1}"{more}><v>{text}</v>'.encode()
        content = with_part(content, SHEET, f'<c r="B{row + 1}"><v>{7_000_000 + row}</v>'.encode(), cell)
    return content


def ods_of(texts: list[str], more: str = "", styles: str = "") -> bytes:
    cell = '<table:table-cell office:value-type="float" office:value="{}" {}/>'
    rows = [ods_row(ods_cell(key), cell.format(text, more)) for key, text in zip(keys(len(texts)), texts, strict=True)]
    return ods(("S", ods_table([["id", "n"]]) + "".join(rows)), styles=styles)


def xls_of(values: list[float]) -> bytes:
    rows = [["id", "n"], *([key, value] for key, value in zip(keys(len(values)), values, strict=True))]
    return xls(("S", biff_sheet(rows)))


def xlsb_of(values: list[float]) -> bytes:
    rows = [["id", "n"], *([key, value] for key, value in zip(keys(len(values)), values, strict=True))]
    return xlsb(("S", b"".join(xlsb_row(number, row) for number, row in enumerate(rows)), b""))


KINDS: dict[str, Callable[[list[float]], bytes]] = {
    "xlsx": lambda values: xlsx_of([repr(value).upper() for value in values]),
    "ods": lambda values: ods_of([repr(value) for value in values]),
    "xls": xls_of,
    "xlsb": xlsb_of,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_lands_with_all_its_digits(kind: str, tmp_path: Path) -> None:
    content = KINDS[kind](FLOATS)
    for column, wanted in (
        (DOUBLE, FLOATS),
        (EXACT, [Decimal(repr(value)) for value in FLOATS]),
        (TEXT, [digits_of(value) for value in FLOATS]),
    ):
        landed = land(tmp_path, content, feed(column))
        assert [row["n"] for row in landed.rows] == wanted


@pytest.mark.parametrize("write", [xlsx_of, ods_of])
def test_digits_beyond_a_float_stand_as_they_are_written(write: Callable[[list[str]], bytes], tmp_path: Path) -> None:
    content = write(["9007199254740993", "12345678901234567890", "0.12345678901234567", "1.1000000000000001"])
    landed = land(tmp_path, content, feed(EXACT))
    assert [str(row["n"]).rstrip("0").rstrip(".") for row in landed.rows] == [
        "9007199254740993", "12345678901234567890", "0.12345678901234567", "1.1",
    ]  # fmt: skip


def test_a_column_with_fewer_places_takes_what_people_see(tmp_path: Path) -> None:
    column = '{name: n, logicalType: number, physicalType: "DECIMAL(9,2)"}'
    landed = land(tmp_path, xlsx_of(["12.340000000000002", "1234.5600000000002", "0.125", "1E-12"]), feed(column))
    assert [row["n"] for row in landed.rows] == [Decimal("12.34"), Decimal("1234.56")]
    assert [(item["line"], item["value"]) for item in landed.rejects] == [(4, "0.125"), (5, "0.000000000001")]


def test_cells_that_do_not_say_where_they_are(tmp_path: Path) -> None:
    """Some writers leave the addresses out, or some of them; each cell then follows the one before it."""
    content = xlsx_of(["0.123456789012345", "5", "1E-12", "0.5"])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = archive.read(SHEET)
    for left_out in (rb' r="[A-Z]+[0-9]+"', rb' r="[A-Z]*[0-9]+"'):
        without = with_part(content, SHEET, sheet, re.sub(left_out, b"", sheet))
        landed = land(tmp_path, without, feed(DOUBLE))
        assert [row["n"] for row in landed.rows] == [0.123456789012345, 5, 1e-12, 0.5]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_digits_of_a_float_are_that_float(value: float) -> None:
    assert float(digits_of(value)) == value
    assert float(digits_of(f"{value:.17g}")) == value
    if told_digits(value) is None and value:
        assert float(f"{value:.9f}") == value


@given(st.integers(-(1 << 29), (1 << 29) - 1), st.booleans())
def test_packed_numbers_of_a_workbook(number: int, hundredths: bool) -> None:
    assert of_rk((number << 2) & 0xFFFFFFFF | 2 | hundredths) == (number / 100 if hundredths else number)


FORMS = ["00000", "[<=99999]00000;00000-0000", "000\\-00\\-0000", '"DE"0000', "#,##0", "0.00"]
CODES = [2360, 23604567, 12345678, 42, 1234, 3.1]
SHOWN = ["02360", "02360-4567", "012-34-5678", "DE0042", "1234", "3.10"]
INTEGER = "{name: n, logicalType: number}"


def shown_xlsx(*numbers: tuple[float, str], **options: object) -> bytes:
    """Numbers from B2 down, each with the format of its cell."""
    rows = [[f"k{row}", number] for row, number in enumerate(numbers, 1)]
    return xlsx(("S", [["id", "n"], *rows]), **options)


def codes_xlsx() -> bytes:
    return shown_xlsx(*zip(CODES, FORMS, strict=True))


def codes_xls() -> bytes:
    """As floats, as packed numbers, and several in one record."""
    rows = biff_sheet([["id", "n"], *([f"k{row}"] for row in range(1, 7))])
    for row, value in enumerate(CODES, 1):
        whole = struct.pack("<I", int(value) << 2 & 0xFFFFFFFF | 2)
        kind, raw = (0x027E, whole) if row % 2 and value == int(value) else (0x0203, struct.pack("<d", value))
        rows += biff_number(row, 1, kind, raw, row)
    return xls(("S", rows), extra=biff_styles(*FORMS))


def codes_xlsb() -> bytes:
    rows = xlsb_row(0, ["id", "n"])
    for row, value in enumerate(CODES, 1):
        whole = struct.pack("<I", int(value) << 2 & 0xFFFFFFFF | 2)
        kind, raw = (2, whole) if row % 2 else (5, struct.pack("<d", value))
        rows += xlsb_row(row, [f"k{row}"]) + xlsb_number(1, kind, raw, row)
    return xlsb(("S", rows, b""), styles=xlsb_styles(*FORMS))


def number_style(name: str, inner: str, after: str = "") -> str:
    return f'<number:number-style style:name="{name}">{inner}{after}</number:number-style>'


def places(digits: int, inner: str = "", more: str = "") -> str:
    return (
        f'<number:number number:min-integer-digits="{digits}" number:decimal-places="0" {more}>{inner}</number:number>'
    )


def between(position: int) -> str:
    return f'<number:embedded-text number:position="{position}">-</number:embedded-text>'


def codes_ods() -> bytes:
    numbers = [
        number_style("N1", places(5)),
        number_style("N2P0", places(5)),
        number_style(
            "N2",
            places(9, between(4)),
            '<style:map style:condition="value()&lt;=99999" style:apply-style-name="N2P0"/>',
        ),
        number_style("N3", places(9, between(4) + between(6))),
        number_style("N4", "<number:text>DE</number:text>" + places(4)),
        number_style("N5", places(1, more='number:grouping="true"')),
        number_style("N6", '<number:number number:min-integer-digits="1" number:decimal-places="2"/>'),
    ]
    cells = "".join(
        f'<style:style style:name="c{row}" style:family="table-cell" style:data-style-name="N{row}"/>'
        for row in range(1, 7)
    )
    cells += '<style:style style:name="d1" style:family="table-cell" style:parent-style-name="c1"/>'
    # The first cell has the style of its column, which is that of another one.
    columns = '<table:table-column/><table:table-column table:default-cell-style-name="d1"/>'
    rows = "".join(
        ods_row(ods_cell(f"k{row}"), ods_cell(value, f'table:style-name="c{row}"' if row > 1 else ""))
        for row, value in enumerate(CODES, 1)
    )
    return ods(("S", columns + ods_table([["id", "n"]]) + rows), styles="".join(numbers) + cells)


CODED = {"xlsx": codes_xlsx, "xls": codes_xls, "xlsb": codes_xlsb, "ods": codes_ods}


@pytest.mark.parametrize("kind", CODED)
def test_a_text_column_takes_what_the_cell_shows(kind: str, tmp_path: Path) -> None:
    content = CODED[kind]()
    assert [row["n"] for row in land(tmp_path, content, feed(TEXT)).rows] == SHOWN
    assert [row["n"] for row in land(tmp_path, content, feed(INTEGER)).rows] == CODES


def test_a_cell_that_shows_other_digits_is_a_reject_of_texts(tmp_path: Path) -> None:
    content = shown_xlsx((2360, "00000"), (2360.4, "00000"))
    landed = land(tmp_path, content, feed(TEXT))
    assert ([row["n"] for row in landed.rows], landed.reject_lines) == (["02360"], [3])
    assert "cell B3 holds a number with other digits than its cell shows (00000)" in landed.rejects[0]["reason"]
    assert [row["n"] for row in land(tmp_path, content, feed(DOUBLE)).rows] == [2360, 2360.4]


def test_a_merged_code_stands_as_it_is_shown_in_all_its_rows(tmp_path: Path) -> None:
    content = xlsx(("S", [["id", "n"], ["a", (2360, "00000")], ["b"]]), merged={"S": ["B2:B3"]})
    filled = Feed([ID, TEXT], path="x.xlsx", format="excel", options={"fillMerged": "[n]"})
    assert [row["n"] for row in land(tmp_path, content, filled).rows] == ["02360", "02360"]


@pytest.mark.parametrize(
    ("pattern", "number", "shown"),
    [
        ("00000", "123456", "123456"), ("00000", "-5", "-00005"), ("00000;(00000)", "-5", "(00005)"), ("000 000", "12345", "012 345"),
        ("[Red]0000", "7", "0007"), ("[<=9999999]###\\-####;\\(###\\)\\ ###\\-####", "5551234567", "(555) 123-4567"),
        ("000.0", "42", "042.0"), ("0.0#", "3.14", "3.14"), ("0.00", "3.14159", None), ('"a;b"00', "1", "a;b01"),
        ("00_);[Red]\\(00\\)", "3", "03"), ('0" kg"', "5", "5 kg"), ("[$-409]000", "7", "007"), ("00000000", "20260102", "20260102"),
    ],
)  # fmt: skip
def test_what_a_cell_shows(pattern: str, number: str, shown: str | None) -> None:
    form = code_format(pattern)
    assert form is not None
    assert form.shown(number) == shown


@pytest.mark.parametrize(
    "pattern",
    ["General", "0", "@", "#,##0.00", "0%", "0.00E+00", "# ?/?", "dd.mm.yyyy", "[h]:mm:ss", "yyyy-mm-dd;@", ""],
)
def test_formats_that_change_no_code(pattern: str) -> None:
    assert code_format(pattern) is None


@given(st.integers(0, 10**15 - 1), st.integers(2, 12))
def test_a_padded_number_keeps_its_digits(number: int, width: int) -> None:
    form = code_format("0" * width)
    assert form is not None
    assert form.shown(str(number)) == str(number).rjust(width, "0")
    with pytest.raises(OtherDigits):
        form.shown(f"{number}.5")


@pytest.mark.parametrize("kind", ["xlsx", "xls", "xlsb"])
@pytest.mark.parametrize("is_1904", [False, True])
def test_the_day_that_never_was(kind: str, is_1904: bool, tmp_path: Path) -> None:
    """Excel counts a 29 February 1900; in the system of 1904 the same number is a day like others."""
    serials = [59, 60, 60.25, 61]
    head = biff_sheet([["id", "n"], *([f"k{row}"] for row in range(1, 5))])
    dated = [(row, struct.pack("<d", value)) for row, value in enumerate(serials, 1)]
    content = {
        "xlsx": shown_xlsx(*((serial, "yyyy-mm-dd hh:mm") for serial in serials), date_1904=is_1904),
        "xls": xls(("S", head + b"".join(biff_number(row, 1, 0x0203, raw, 1) for row, raw in dated)), is_1904=is_1904),
        "xlsb": xlsb(
            ("S", xlsb_row(0, ["id", "n"]) + b"".join(xlsb_row(row, [f"k{row}"]) + xlsb_number(1, 5, raw, 1) for row, raw in dated), b""),
            is_1904=is_1904, styles=xlsb_styles("yyyy-mm-dd hh:mm"),
        ),
    }[kind]  # fmt: skip
    landed = land(tmp_path, content, feed("{name: n, logicalType: timestamp}"))
    if is_1904:
        assert [f"{row['n']:%Y-%m-%d}" for row in landed.rows] == ["1904-02-29", *["1904-03-01"] * 2, "1904-03-02"]
        return
    assert [row["n"].date() for row in landed.rows] == [date(1900, 2, 28), date(1900, 3, 1)]
    assert [(item["line"], item["value"]) for item in landed.rejects] == [(3, "1900-02-29"), (4, "1900-02-29")]


def test_cells_with_iso_dates(tmp_path: Path) -> None:
    """As the strict form of Office Open XML has them (18.18.11, type d)."""
    content = xlsx_of(["2026-01-02", "2026-01-02T00:00:00", "2026-02-30", "2026-01-02T03:04:05"], ' t="d"')
    landed = land(tmp_path, content, feed("{name: n, logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}}"))
    assert ([row["n"] for row in landed.rows], landed.reject_lines) == ([date(2026, 1, 2)] * 2, [4, 5])
    content = xlsx_of(["2026-01-02T03:04:05.25", "2026-01-02T03:04:05Z", "2026-01-02"], ' t="d"')
    landed = land(tmp_path, content, feed("{name: n, logicalType: timestamp}"))
    assert [row["n"] for row in landed.rows][:2] == [
        datetime(2026, 1, 2, 3, 4, 5, 250_000, UTC), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    ]  # fmt: skip
    content = xlsx_of(["03:04:05"], ' t="d"')
    assert [row["n"] for row in land(tmp_path, content, feed("{name: n, logicalType: time}")).rows] == [time(3, 4, 5)]


def test_clocks_of_an_ods_are_times_in_columns_of_text_too(tmp_path: Path) -> None:
    cells = [
        f'<table:table-cell office:value-type="time" office:time-value="{value}"/>'
        for value in ("PT11H12M12S", "PT36H00M00S")
    ]
    rows = "".join(ods_row(ods_cell(key), cell) for key, cell in zip("ab", cells, strict=True))
    content = ods(("S", ods_table([["id", "n"]]) + rows))
    assert [row["n"] for row in land(tmp_path, content, feed(TEXT)).rows] == ["11:12:12", "PT36H00M00S"]


@pytest.mark.parametrize(("kind", "lines"), [("date", [3, 4, 5]), ("timestamp", [4, 5])])
def test_a_moment_with_more_than_its_form_is_no_value(kind: str, lines: list[int], tmp_path: Path) -> None:
    form = {"date": "dd.MM.yyyy", "timestamp": "dd.MM.yyyy HH:mm 'Zs'"}[kind]
    content = xlsx_of([f"2026-01-02T{clock}" for clock in ("00:00:00", "10:30:00", "10:30:05", "10:30:00.5")], ' t="d"')
    column = f'{{name: n, logicalType: {kind}, logicalTypeOptions: {{format: "{form}"}}}}'
    landed = land(tmp_path, content, feed(column))
    assert landed.reject_lines == lines


def test_a_file_that_ends_the_reader_is_refused(tmp_path: Path) -> None:
    content = xlsb(("S", xlsb_row(0, ["id", "n"]), b""), styles=b"\x80\x00")
    with pytest.raises(ExtractError, match="damaged"):
        land(tmp_path, content, feed(TEXT))


def test_exponents_beyond_all_reason_cost_their_record_alone(tmp_path: Path) -> None:
    content = xlsx_of(["5", "1e99999999999999999999", "1E+999999999", "1E-999999999"])
    landed = land(tmp_path, content, feed(EXACT))
    assert landed.rows[0]["n"] == 5
    assert len(landed.rows) + len(landed.rejects) == 4
    for text in ("1e99999999999999999999", "1E+999999999"):
        assert digits_of(text) == text


@pytest.mark.parametrize("is_1904", [False, True])
def test_clocks_of_an_xlsx_are_times_in_columns_of_text_too(is_1904: bool, tmp_path: Path) -> None:
    clocks = [(0.25, "hh:mm"), (0, "hh:mm:ss"), (40000.5, "yyyy-mm-dd hh:mm")]
    day = "2013-07-07" if is_1904 else "2009-07-06"
    landed = land(tmp_path, shown_xlsx(*clocks, date_1904=is_1904), feed(TEXT))
    assert [row["n"] for row in landed.rows] == ["06:00:00", "00:00:00", f"{day} 12:00:00"]
