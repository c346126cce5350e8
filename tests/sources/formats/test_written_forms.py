"""Numbers and times as agencies write them: declared in the contract, refused where they are not, the same in every format."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.contract.load import load
from sources.contract.reading.odcs import ContractError
from sources.typing.number_format import NumberFormat
from tests.conftest import Feed
from tests.sources.formats.samples import NO_OPTIONS, parquet
from tests.sources.formats.workbooks import xlsx
from tests.sources.landed import Landed, land, land_bytes
from warehouse.engines.duckdb.engine import literal, open_database

WIDTH = 32
ID = "{name: id, logicalType: integer, primaryKey: true}"
AMOUNT = 'name: x, logicalType: number, physicalType: "DECIMAL(12,2)"'


def _csv(texts: list[str]) -> bytes:
    stream = io.StringIO()
    csv.writer(stream, delimiter=";").writerows([["id", "x"], *enumerate(texts)])
    return stream.getvalue().encode()


def _fixed(texts: list[str]) -> bytes:
    return "".join(f"{number:4}{text:>{WIDTH}}\n" for number, text in enumerate(texts)).encode("cp1252")


def _excel(texts: list[str]) -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["id", "x"])
        for number, text in enumerate(texts):
            sheet.write_number(number + 1, 0, number)
            sheet.write_string(number + 1, 1, text)
    return stream.getvalue()


def _json(texts: list[str]) -> bytes:
    return json.dumps([{"id": number, "x": text} for number, text in enumerate(texts)]).encode()


def _jsonl(texts: list[str]) -> bytes:
    return "".join(json.dumps({"id": number, "x": text}) + "\n" for number, text in enumerate(texts)).encode()


def _xml(texts: list[str]) -> bytes:
    rows = "".join(f"<row><id>{number}</id><x>{escape(text)}</x></row>" for number, text in enumerate(texts))
    return f"<rows>{rows}</rows>".encode()


def _parquet(texts: list[str]) -> bytes:
    return parquet({"id": list(range(len(texts))), "x": texts})


WRITERS: dict[str, tuple[Callable[[list[str]], bytes], str, dict[str, str]]] = {
    "csv": (_csv, "utf-8", {"delimiter": '";"'}),
    "fixed": (_fixed, "cp1252", {}),
    "excel": (_excel, "utf-8", {"headerRow": "1"}),
    "json": (_json, "utf-8", {"records": '""'}),
    "jsonl": (_jsonl, "utf-8", NO_OPTIONS),
    "xml": (_xml, "utf-8", {"record": "row"}),
    "parquet": (_parquet, "utf-8", NO_OPTIONS),
}


def feed(form: str, column: str, **said: str) -> Feed:
    """`column` in flow style without its braces; `said` are its customProperties."""
    _, encoding, options = WRITERS[form]
    places = [{}, {}]
    if form == "fixed":
        places = [{"start": "1", "length": "4"}, {"start": "5", "length": str(WIDTH)}]
    properties = [
        prop[:-1] + _custom(place) + "}"
        for prop, place in ((ID, places[0]), ("{" + column + "}", {**places[1], **said}))
    ]
    path = {"excel": "x.xlsx"}.get(form, f"x.{form}")
    return Feed(properties, path=path, format=form, encoding=encoding, options=options or NO_OPTIONS)


def _custom(said: dict[str, str]) -> str:
    listed = ", ".join(f"{{property: {name}, value: {value}}}" for name, value in said.items())
    return f", customProperties: [{listed}]" if said else ""


def read(landed: Landed, texts: list[str]) -> dict[str, Any]:
    """What each text became; a reject is None."""
    found: dict[str, Any] = dict.fromkeys(texts)
    found.update({texts[row["id"]]: row["x"] for row in landed.rows})
    assert len(landed.rows) + len(landed.rejects) == len(texts)
    return found


def become(form: str, folder: Path, texts: list[str], column: str, **said: str) -> dict[str, Any]:
    write = WRITERS[form][0]
    return read(land(folder, write(texts), feed(form, column, **said)), texts)


SIGNED = {
    "50.00-": "-50", "\u22125.00": "-5", "(7.00)": "-7", "-1.00": "-1", "3.00": "3", "+3.00": "3", "2.00+": "2", "4.50CR": "-4.5",
    "4.50 CR": "-4.5", "1,234.50-": "-1234.5", "0.00-": "0",
    "-5-": None, "(5": None, "5)": None, "--5": None, "(-5)": None, "1e2": None, "5 DB": None, "12.34,50-": None, "$3.00": None,
}  # fmt: skip
NEGATIVE = '["-1", "1-", "(1)", "\u22121", "1 CR"]'


@pytest.mark.parametrize("form", WRITERS)
def test_a_minus_stands_where_the_contract_says(form: str, tmp_path: Path) -> None:
    # These letters have no U+2212.
    expected = {text: value for text, value in SIGNED.items() if form != "fixed" or "\u2212" not in text}
    said = {"negativeNumbers": NEGATIVE, "thousandsSeparator": '","'}
    found = become(form, tmp_path, list(expected), AMOUNT, **said)
    assert found == {text: None if value is None else Decimal(value) for text, value in expected.items()}


CURRENCY = {
    "5,00 €": "5", "€5,00": "5", "-5,00 €": "-5", "€ -5,00": "-5", "EUR 1.234,50": "1234.5", "5,00-\u00a0€": "-5", "5,00": "5",
    "$5,00": None, "5,00 €€": None, "€": None, "5.00 €": None, "5,00 E": None,
}  # fmt: skip


@pytest.mark.parametrize("form", [form for form in WRITERS if form != "excel"])
def test_signs_of_a_currency(form: str, tmp_path: Path) -> None:
    said = {
        "negativeNumbers": '["-1", "1-"]', "currencySigns": '["€", EUR]', "decimalSeparator": '","', "thousandsSeparator": '"."',
    }  # fmt: skip
    found = become(form, tmp_path, list(CURRENCY), AMOUNT, **said)
    assert found == {text: None if value is None else Decimal(value) for text, value in CURRENCY.items()}


BLANKS = {"1 234,56": "1234.56", "1\u00a0234,56": "1234.56", "1\u202f234,56": "1234.56", "1\u2009234\u00a0567,5": "1234567.5",
          "12,5": "12.5", "-1\u202f000": "-1000", "1 23,5": None, "1  234,5": None, "1.234,5": None}  # fmt: skip


@pytest.mark.parametrize("said", ['" "', '"\u00a0"', '"\u202f"'])
@pytest.mark.parametrize("form", [form for form in WRITERS if form != "fixed"])
def test_a_blank_of_any_kind_stands_between_thousands(form: str, said: str, tmp_path: Path) -> None:
    found = become(form, tmp_path, list(BLANKS), AMOUNT, decimalSeparator='","', thousandsSeparator=said)
    assert found == {text: None if value is None else Decimal(value) for text, value in BLANKS.items()}


def test_several_separators_of_thousands_in_one_file(tmp_path: Path) -> None:
    texts = ["1'234.5", "1\u2019234.5", "1 234.5", "1,234.5"]
    found = become("csv", tmp_path, texts, AMOUNT, thousandsSeparator='["\'", "\u2019", " "]')
    assert list(found.values()) == [Decimal("1234.5")] * 3 + [None]


def test_the_server_says_it_for_all_columns_and_a_property_for_itself(tmp_path: Path) -> None:
    properties = [
        ID, "{" + AMOUNT + "}", "{name: y, logicalType: integer}",
        '{name: z, logicalType: number, customProperties: [{property: decimalSeparator, value: "."}]}',
        "{name: note, logicalType: string}",
    ]  # fmt: skip
    options = {"delimiter": '";"', "decimalSeparator": '","', "negativeNumbers": '["(1)"]'}
    landed = land(
        tmp_path, "id;x;y;z;note\n1;(5,5);(3);(1.5);(1,5)\n2;-1,0;1;1.0;a\n", Feed(properties, options=options)
    )
    assert [tuple(row.values()) for row in landed.rows] == [(1, Decimal("-5.50"), -3, -1.5, "(1,5)")]
    assert [reject["column"] for reject in landed.rejects] == ["x"]


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_numbers_of_json_keep_their_point(form: str, tmp_path: Path) -> None:
    """A text of 1.234 is a thousand and more, a number of 1.234 is not; also where both stand in one file."""
    values: list[Any] = [1.25, "1.234", -2, "(1,50)", -0.5, None]
    lines = [json.dumps({"id": number, "x": value}) for number, value in enumerate(values)]
    content = "\n".join(lines) if form == "jsonl" else f"[{','.join(lines)}]"
    said = {"decimalSeparator": '","', "thousandsSeparator": '"."', "negativeNumbers": '["(1)"]'}
    landed = land(tmp_path, content, feed(form, AMOUNT, **said))
    assert landed.rejects == []
    found = {row["id"]: row["x"] for row in landed.rows}
    assert list(map(found.get, range(6))) == [Decimal(n) for n in ("1.25", "1234", "-2", "-1.5", "-0.5")] + [None]


def test_numbers_of_parquet_are_in_no_format(tmp_path: Path) -> None:
    content = parquet({"id": [1, 2], "x": [1.234, -2.0]})
    column = 'name: x, logicalType: number, physicalType: "DECIMAL(12,3)"'
    landed = land(tmp_path, content, feed("parquet", column, decimalSeparator='","', thousandsSeparator='"."'))
    assert [row["x"] for row in landed.rows] == [Decimal("1.234"), Decimal(-2)]


def test_cells_that_are_numbers_are_in_no_format(tmp_path: Path) -> None:
    content = xlsx(("S", [["id", "x"], [1, -1234.5], [2, "(1 234,50)"]]))
    said = {"decimalSeparator": '","', "thousandsSeparator": '" "', "negativeNumbers": '["(1)"]'}
    landed = land(tmp_path, content, feed("excel", AMOUNT, **said))
    assert [row["x"] for row in landed.rows] == [Decimal("-1234.5"), Decimal("-1234.5")]


def test_implied_decimals_of_a_field_with_its_sign_apart(tmp_path: Path) -> None:
    places = {"start": "5", "length": "8", "decimals": "2", "negativeNumbers": '["1 -", "- 1", "1 CR"]'}
    properties = [ID[:-1] + _custom({"start": "1", "length": "4"}) + "}", "{" + AMOUNT + _custom(places) + "}"]
    content = "".join(
        f"{at:4}{text:8}\n"
        for at, text in enumerate(["  1234-", "-   1234", "1234 CR", "1234", "5-", "12.5-", "1234+"])
    )
    landed = land(tmp_path, content, Feed(properties, path="x.dat", format="fixed", options=NO_OPTIONS))
    expected = ["-12.34", "-12.34", "-12.34", "12.34", "-0.05", "-12.5", "12.34"]
    assert [row["x"] for row in landed.rows] == [Decimal(value) for value in expected]


NO_FORMATS = {
    "negative is a word": {"negativeNumbers": "[minus]"},
    "negative has no sign": {"negativeNumbers": '["1"]'},
    "negative is positive": {"negativeNumbers": '["+1"]'},
    "negative is another number": {"negativeNumbers": '["-2"]'},
    "negative has a point": {"negativeNumbers": '["1,-"]'},
    "currency has a digit": {"currencySigns": '["5"]'},
    "currency is the point": {"currencySigns": '["."]'},
    "currency is nothing": {"currencySigns": "[]"},
    "thousands are decimals": {"decimalSeparator": '","', "thousandsSeparator": '[" ", ","]'},
    "thousands are letters": {"thousandsSeparator": '"x"'},
}


@pytest.mark.parametrize("case", NO_FORMATS)
@pytest.mark.parametrize("form", ["csv", "fixed", "excel"])
def test_formats_that_cannot_be_are_problems_of_the_contract(form: str, case: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"properties\[1\].customProperties: .*; write"):
        load(feed(form, AMOUNT, **NO_FORMATS[case]).write(tmp_path))


def test_formats_of_what_is_no_number_are_problems_of_the_contract(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="currencySigns is of numbers"):
        load(feed("csv", "name: x, logicalType: string", currencySigns='"€"').write(tmp_path))
    with pytest.raises(ContractError, match=r"number 1\.234 could not be told from the text"):
        load(feed("excel", AMOUNT, decimalSeparator='","', thousandsSeparator='"."').write(tmp_path))


@settings(max_examples=150, deadline=None)
@given(
    number=st.decimals(-(10**9), 10**9, places=3),
    way=st.sampled_from(["-1", "1-", "(1)", "\u22121", "1 CR", "- 1"]),
    separators=st.sampled_from([(".", ","), (",", "."), (",", " "), (".", "'"), (",", "\u202f"), (".", "")]),
    currency=st.sampled_from(["", "$", "Fr.", "zł"]),
    is_before=st.booleans(),
)
def test_what_is_written_in_a_format_is_read_back(
    number: Decimal, way: str, separators: tuple[str, str], currency: str, is_before: bool
) -> None:
    decimal, thousands = separators
    digits = f"{abs(number):,f}".replace(",", "T").replace(".", decimal).replace("T", thousands)
    worth = (f"{currency} {digits}" if is_before else f"{digits}{currency}") if currency else digits
    text = way.replace("1", worth) if number < 0 else worth
    options = {"decimalSeparator": decimal, "thousandsSeparator": thousands}
    options |= {"negativeNumbers": [way], "currencySigns": currency}
    read_as = NumberFormat.of({name: value for name, value in options.items() if value})
    with open_database() as connection:
        found = connection.execute(f"SELECT CAST({read_as.plain(literal(text))} AS DECIMAL(20,3))").fetchone()
    assert found == (number,)


DATED = "name: x, logicalType: date, logicalTypeOptions: {format: %s}"
STAMPED = 'name: x, logicalType: timestamp, logicalTypeOptions: {format: "%s"%s}'
BERLIN = "name: x, logicalType: timestamp, logicalTypeOptions: {defaultTimezone: Europe/Berlin}"


@pytest.mark.parametrize("form", WRITERS)
def test_two_digits_are_a_year_of_the_hundred_that_the_contract_names(form: str, tmp_path: Path) -> None:
    texts = ["03.05.45", "03.05.68", "03.05.69", "29.02.00", "03.05.26", "31.12.30", "31.12.29", "3.5.45", "03.05.1945"]
    found = become(form, tmp_path, texts, DATED % "dd.MM.yy", yearsFrom="1930")
    years = [1945, 1968, 1969, 2000, 2026, 1930, 2029]
    assert [found[text] and found[text].year for text in texts] == [*years, None, None]
    assert found["29.02.00"] == date(2000, 2, 29)


def test_a_leap_day_is_one_of_its_century(tmp_path: Path) -> None:
    assert become("csv", tmp_path, ["29.02.00", "29.02.04"], DATED % "dd.MM.yy", yearsFrom="1850") == {
        "29.02.00": None, "29.02.04": date(1904, 2, 29),
    }  # fmt: skip


def test_a_date_cell_outside_of_the_hundred_years_is_refused(tmp_path: Path) -> None:
    rows = [[number, (datetime(year, 5, 3), "dd.mm.yy")] for number, year in enumerate((1945, 1925))]
    landed = land(tmp_path, xlsx(("S", [["id", "x"], *rows])), feed("excel", DATED % "dd.MM.yy", yearsFrom="1930"))
    assert [row["x"] for row in landed.rows] == [date(1945, 5, 3)]
    assert len(landed.rejects) == 1


@pytest.mark.parametrize("form", WRITERS)
def test_clocks_of_half_a_day(form: str, tmp_path: Path) -> None:
    expected = {
        "04/12/2015 02:41:17 PM": (14, 41, 17), "04/12/2015 12:05:00 AM": (0, 5, 0), "04/12/2015 12:05:00 pm": (12, 5, 0),
        "04/12/2015 02:41:17\u202fPM": (14, 41, 17), "04/12/2015 02:41:17 p.m.": (14, 41, 17),
        "04/12/2015 02:41:17 p.\u00a0m.": (14, 41, 17), "04/12/2015 14:41:17 PM": None, "04/12/2015 00:05:00 AM": None,
        "04/12/2015 02:41:17": None, "04/12/2015 02:41:17 XM": None,
    }  # fmt: skip
    texts = [text for text in expected if form != "fixed" or "\u202f" not in text]
    found = become(form, tmp_path, texts, STAMPED % ("MM/dd/yyyy hh:mm:ss a", ""))
    assert found == {
        text: None if expected[text] is None else datetime(2015, 4, 12, *expected[text], tzinfo=UTC) for text in texts
    }


@pytest.mark.parametrize("form", WRITERS)
def test_days_of_the_year(form: str, tmp_path: Path) -> None:
    expected = {"2024366": date(2024, 12, 31), "2024060": date(2024, 2, 29), "2026365": date(2026, 12, 31), "2026366": None,
                "2026000": None, "2026367": None, "202660": None}  # fmt: skip
    assert become(form, tmp_path, list(expected), DATED % "yyyyDDD") == expected


def test_days_of_the_year_before_it_and_in_a_short_year(tmp_path: Path) -> None:
    found = become("csv", tmp_path, ["366 2023", "60 2024"], DATED % "D yyyy")
    assert found == {"366 2023": None, "60 2024": date(2024, 2, 29)}
    found = become("csv", tmp_path, ["45366", "44366", "26001"], DATED % "yyDDD", yearsFrom="1930")
    assert found == {"45366": None, "44366": date(1944, 12, 31), "26001": date(2026, 1, 1)}


FORMS_WITH_A_FAULT = {
    "dd.MM.yy": "nothing says of which century", "dd.mm.yyyy": "day and no month", "HH:MM dd.MM.yyyy": "month twice",
    "dd.MM": "no year", "yyyy mm": "minute and no hour", "MM/dd/yyyy hh:mm": "no AM or PM", "yyyyDDD MM": "both day of the year and month",
    "yyyyMMdd HH:mm a": "both hour and AM or PM", "YYYY-MM-dd": "YYYY, which this platform does not read", "dd.yyyy": "no month",
}  # fmt: skip


@pytest.mark.parametrize("pattern", FORMS_WITH_A_FAULT)
def test_forms_that_would_be_read_as_something_else_are_problems_of_the_contract(pattern: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=FORMS_WITH_A_FAULT[pattern]):
        load(feed("csv", STAMPED % (pattern, "")).write(tmp_path))


@pytest.mark.parametrize(
    ("column", "said", "fault"),
    [
        (DATED % "dd.MM.yyyy", {"yearsFrom": "1930"}, "yearsFrom belongs to"),
        (DATED % "dd.MM.yy", {"yearsFrom": "30"}, "yearsFrom is no whole number"),
        ("name: x, logicalType: timestamp", {"ambiguousTime": "earlier"}, "ambiguousTime belongs to"),
        (BERLIN, {"ambiguousTime": "first"}, "ambiguousTime is no known word"),
    ],
)
def test_options_of_times_that_cannot_be(column: str, said: dict[str, str], fault: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=fault):
        load(feed("csv", column, **said).write(tmp_path))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text + "Z")


HOURS = {
    "2026-03-29T01:30:00": at("2026-03-29T00:30"), "2026-03-29T02:30:00": None, "2026-03-29T03:30:00": at("2026-03-29T01:30"),
    "2026-10-25T01:59:59": at("2026-10-24T23:59:59"), "2026-10-25T02:30:00": None, "2026-10-25T03:00:00": at("2026-10-25T02:00"),
    "2026-10-25T02:30:00+02:00": at("2026-10-25T00:30"),
}  # fmt: skip


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize(("said", "twice"), [(None, None), ("earlier", "00:30"), ("later", "01:30")])
def test_local_hours_that_never_were_or_were_twice(
    form: str, said: str | None, twice: str | None, tmp_path: Path
) -> None:
    options = {"ambiguousTime": said} if said else {}
    landed = land(tmp_path, WRITERS[form][0](list(HOURS)), feed(form, BERLIN, **options))
    expected = HOURS | ({"2026-10-25T02:30:00": at(f"2026-10-25T{twice}")} if twice else {})
    assert read(landed, list(HOURS)) == expected
    reasons = [reject["reason"] for reject in landed.rejects]
    assert "put forward" in reasons[0] and "Europe/Berlin" in reasons[0]
    assert said or "put its clock back" in reasons[1]


def test_local_hours_in_a_form_of_the_contract_and_as_times_of_parquet(tmp_path: Path) -> None:
    column = STAMPED % ("dd.MM.yyyy HH:mm", ", defaultTimezone: Europe/Berlin")
    found = become(
        "csv", tmp_path, ["29.03.2026 02:30", "25.10.2026 02:30", "25.10.2026 03:30"], column, ambiguousTime="earlier"
    )
    assert list(found.values()) == [None, at("2026-10-25T00:30"), at("2026-10-25T02:30")]
    local = [datetime(2026, 3, 29, 2, 30), datetime(2026, 10, 25, 2, 30), datetime(2026, 3, 29, 3, 30), None]
    content = parquet({"id": [0, 1, 2, 3], "x": pa.array(local, pa.timestamp("us"))})
    landed = land(tmp_path, content, feed("parquet", BERLIN))
    assert [row["x"] for row in landed.rows] == [at("2026-03-29T01:30"), None]
    assert ["put forward" in reject["reason"] for reject in landed.rejects] == [True, False]


def test_the_right_neighbour_of_a_gap_is_no_double(tmp_path: Path) -> None:
    key = BERLIN + ", primaryKey: true"
    contract = load(feed("csv", key).write(tmp_path))
    landed = land_bytes(contract, tmp_path, _csv(["2026-03-29T02:30:00", "2026-03-29T03:30:00"]))
    assert [row["x"] for row in landed.rows] == [at("2026-03-29T01:30")]


@pytest.mark.parametrize("form", WRITERS)
def test_digits_below_a_microsecond_are_refused_and_never_cut(form: str, tmp_path: Path) -> None:
    expected = {"2026-01-01T00:00:00.1234567Z": None, "2026-01-01T00:00:00.123456Z": 123456, "2026-01-01T00:00:00.123456000Z": 123456,
                "2026-01-01 00:00:00.1000001": None, "2026-01-01T00:00:00.9999999+01:00": None}  # fmt: skip
    found = become(form, tmp_path, list(expected), "name: x, logicalType: timestamp")
    assert {text: value and value.microsecond for text, value in found.items()} == expected
    clocks = ["10:00:00.1234567", "10:00:00.123456", "10:00:00.1234560", "24:00:00"]
    found = become(form, tmp_path, clocks, "name: x, logicalType: time")
    assert [value is None for value in found.values()] == [True, False, False, True]


def test_digits_below_a_microsecond_in_a_form_of_the_contract(tmp_path: Path) -> None:
    nanoseconds = STAMPED % ("yyyyMMdd HH:mm:ss.SSSSSSSSS", "")
    found = become("csv", tmp_path, ["20260101 00:00:00.123456000", "20260101 00:00:00.123456001"], nanoseconds)
    assert [value and value.microsecond for value in found.values()] == [123456, None]
    found = become(
        "csv", tmp_path, ["20260101 00:00:00.12", "20260101 00:00:00.123"], STAMPED % ("yyyyMMdd HH:mm:ss.SS", "")
    )
    assert [value and value.microsecond for value in found.values()] == [120000, None]
