"""A text becomes a value only when it is exactly a text of its column's type."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Feed, columns, csv_text
from tests.sources.landed import land

REJECTED = object()


def landed_values(folder: Path, column: str, texts: list[str]) -> dict[str, Any]:
    """What each text became in a column; each reject must name the column, the text, the line and a reason."""
    properties = ["{name: n, logicalType: integer, primaryKey: true}", f"{{name: x, {column}}}"]
    landed = land(folder, csv_text([["n", "x"], *map(list, enumerate(texts))]), Feed(properties))
    values = {texts[row["n"]]: row["x"] for row in landed.rows}
    for reject in landed.rejects:
        assert (reject["rule"], reject["column"]) == ("type", "x")
        assert texts[reject["line"] - 2] == reject["value"]
        assert reject["reason"].startswith("not ")
        values[reject["value"]] = REJECTED
    assert len(values) == len(texts)
    return values


INTEGERS = {
    "5": 5, "-7": -7, "+5": 5, "007": 7, "-0": 0, "9223372036854775807": 2**63 - 1,
    "5.7": REJECTED, "5.0": REJECTED, "1_000": REJECTED, " 5 ": REJECTED, "5 ": REJECTED, "0x1F": REJECTED, "5e2": REJECTED,
    "1,000": REJECTED, "٣": REJECTED, "9223372036854775808": REJECTED, "true": REJECTED, "-": REJECTED, "5\n": REJECTED,
}  # fmt: skip
DECIMALS = {
    "5": Decimal("5.00"), "1.5": Decimal("1.50"), "1.230": Decimal("1.23"), "-.5": Decimal("-0.50"), "5.": Decimal("5.00"),
    "+0.10": Decimal("0.10"), "9999.99": Decimal("9999.99"), "99999": REJECTED, "1.234": REJECTED, "0.001": REJECTED,
    "1e2": REJECTED, ".": REJECTED, "+": REJECTED, "1,5": REJECTED, " 1": REJECTED, "NaN": REJECTED, "1_0": REJECTED,
}  # fmt: skip
NUMBERS = {
    "1.5": 1.5, ".5": 0.5, "5.": 5.0, "-2e-3": -0.002, "1E5": 1e5, "0.1": 0.1, "nan": REJECTED, "inf": REJECTED,
    "1e400": REJECTED, "1_0": REJECTED, "0x1F": REJECTED, " 1": REJECTED, "1,5": REJECTED, "e5": REJECTED,
}  # fmt: skip
DATES = {
    "2024-02-29": date(2024, 2, 29), "0001-01-01": date(1, 1, 1), "9999-12-31": date(9999, 12, 31), "2023-02-29": REJECTED,
    "2024-2-3": REJECTED, "20240203": REJECTED, "2024/02/03": REJECTED, "03.02.2024": REJECTED, " 2024-02-03": REJECTED,
    "2024-02-03 00:00:00": REJECTED, "infinity": REJECTED, "-infinity": REJECTED, "epoch": REJECTED,
    "0044-03-15 (BC)": REJECTED, "12345-01-01": REJECTED, "today": REJECTED,
}  # fmt: skip
TIMES = {
    "10:30:00": time(10, 30), "10:30": time(10, 30), "23:59:59.5": time(23, 59, 59, 500000), "1:30:00": REJECTED,
    "25:00:00": REJECTED, "10:60:00": REJECTED, "10:30:60": REJECTED, "10:30:00+02": REJECTED, "1030": REJECTED,
}  # fmt: skip
BOOLEANS = {
    "true": True, "TRUE": True, "t": True, "1": True, "yes": True, "y": True, "false": False, "F": False, "0": False,
    "no": False, "n": False, "on": REJECTED, "2": REJECTED, "ja": REJECTED, " true": REJECTED,
}  # fmt: skip
STAMPS = {
    "2026-11-20T10:00:00Z": datetime(2026, 11, 20, 10), "2026-11-20 10:00": datetime(2026, 11, 20, 10),
    "2026-11-20T10:00:00-05": datetime(2026, 11, 20, 15), "2026-11-20T10:00:00+05:30": datetime(2026, 11, 20, 4, 30),
    "2026-11-20T10:00:00+0530": datetime(2026, 11, 20, 4, 30), "2026-11-20T10:00+05:30": datetime(2026, 11, 20, 4, 30),
    "2026-11-20 10:00Z": datetime(2026, 11, 20, 10), "2026-11-20T10:00:00.25Z": datetime(2026, 11, 20, 10, 0, 0, 250000),
    "2026-11-20T10:00-0130": datetime(2026, 11, 20, 11, 30),
    "2026-11-20": REJECTED, "2026-02-30T10:00:00Z": REJECTED, "2026-11-20T25:00:00Z": REJECTED, "infinity": REJECTED,
    "2026-11-20T10:00:00 UTC": REJECTED, "2026-11-20T10:00:00 Europe/Riga": REJECTED, "20.11.2026 10:00": REJECTED,
}  # fmt: skip
TYPES: dict[str, tuple[str, dict[str, Any]]] = {
    "integer": ("logicalType: integer", INTEGERS),
    "decimal": ("logicalType: number, physicalType: 'DECIMAL(6,2)'", DECIMALS),
    "number": ("logicalType: number", NUMBERS),
    "date": ("logicalType: date", DATES),
    "time": ("logicalType: time", TIMES),
    "boolean": ("logicalType: boolean", BOOLEANS),
}


@pytest.mark.parametrize("kind", TYPES)
def test_texts_of_a_type(kind: str, tmp_path: Path) -> None:
    column, expected = TYPES[kind]
    assert landed_values(tmp_path, column, list(expected)) == expected


def test_time_stamps_become_utc(tmp_path: Path) -> None:
    expected = {text: at.replace(tzinfo=UTC) if isinstance(at, datetime) else at for text, at in STAMPS.items()}
    assert landed_values(tmp_path, "logicalType: timestamp", list(STAMPS)) == expected


def test_time_stamps_without_a_zone_are_of_the_default_zone(tmp_path: Path) -> None:
    column = "logicalType: timestamp, logicalTypeOptions: {defaultTimezone: America/New_York}"
    winter, summer, with_zone = "2026-01-15 12:00:00", "2026-07-15 12:00:00", "2026-07-15T12:00:00Z"
    assert landed_values(tmp_path, column, [winter, summer, with_zone]) == {
        winter: datetime(2026, 1, 15, 17, tzinfo=UTC),
        summer: datetime(2026, 7, 15, 16, tzinfo=UTC),
        with_zone: datetime(2026, 7, 15, 12, tzinfo=UTC),
    }


def test_integers_have_the_width_that_the_contract_says(tmp_path: Path) -> None:
    column = "logicalType: integer, logicalTypeOptions: {format: u8}"
    assert landed_values(tmp_path, column, ["0", "255", "256", "-1"]) == {
        "0": 0, "255": 255, "256": REJECTED, "-1": REJECTED
    }  # fmt: skip


DAY = date(2026, 1, 5)
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "day first": (
        "date, logicalTypeOptions: {format: dd.MM.yyyy}",
        {"05.01.2026": DAY, "31.02.2026": REJECTED, "5.1.2026": REJECTED, "1.1.26": REJECTED, " 05.01.2026": REJECTED,
         "05.01.2026 ": REJECTED, "2026-01-05": REJECTED, "05x01x2026": REJECTED},
    ),
    "short days": (
        "date, logicalTypeOptions: {format: d.M.yyyy}", {"5.1.2026": DAY, "05.01.2026": DAY, "5.1.26": REJECTED},
    ),
    "packed": (
        "date, logicalTypeOptions: {format: yyyyMMdd}", {"20260105": DAY, "2026105": REJECTED, "20261305": REJECTED},
    ),
    "name of the month": (
        "date, logicalTypeOptions: {format: dd-MMM-yyyy}", {"05-Jan-2026": DAY, "05-JAN-2026": DAY, "05-Foo-2026": REJECTED},
    ),
    "words between quotes": (
        "date, logicalTypeOptions: {format: \"dd 'd.' MM ''yy\"}, customProperties: [{property: yearsFrom, value: 1930}]",
        {"05 d. 01 '26": DAY, "05 01 '26": REJECTED},
    ),
    "local clock": (
        'timestamp, logicalTypeOptions: {format: "dd/MM/yyyy HH:mm", defaultTimezone: Europe/Tallinn}',
        {"05/01/2026 10:30": datetime(2026, 1, 5, 8, 30, tzinfo=UTC), "05/07/2026 10:30": datetime(2026, 7, 5, 7, 30, tzinfo=UTC),
         "5/1/2026 1:3": REJECTED},
    ),
    "with a zone": (
        "timestamp, logicalTypeOptions: {format: \"yyyy-MM-dd'T'HH:mm:ssXXX\"}",
        {"2026-01-05T10:30:00+02:00": datetime(2026, 1, 5, 8, 30, tzinfo=UTC),
         "2026-01-05T10:30:00Z": datetime(2026, 1, 5, 10, 30, tzinfo=UTC), "2026-01-05T10:30:00": REJECTED},
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_texts_in_a_form_of_the_contract(form: str, tmp_path: Path) -> None:
    kind, expected = FORMATS[form]
    assert landed_values(tmp_path, f"logicalType: {kind}", list(expected)) == expected


def test_null_values_are_no_value_in_every_type(tmp_path: Path) -> None:
    kinds = ["string", "integer", "number", "date", "time", "timestamp", "boolean"]
    properties = ["{name: n, logicalType: integer, primaryKey: true}"]
    properties += [f"{{name: x_{kind}, logicalType: {kind}}}" for kind in kinds]
    rows = [["n", *(f"x_{kind}" for kind in kinds)], [1, *[""] * 7], [2, *["NA"] * 7], [3, *["-"] * 7]]
    landed = land(tmp_path, csv_text(rows), Feed(properties, options={"nullValues": "[NA, '-']"}))
    assert landed.rejects == []
    assert [set(list(row.values())[1:]) for row in landed.rows] == [{None}] * 3


def test_a_row_with_several_faults_is_one_reject_that_tells_them_all(tmp_path: Path) -> None:
    properties = columns(n="integer", day="date", sum="number")
    landed = land(tmp_path, "n,day,sum\n1,2026-01-01,2\nx,yesterday,much\n3,2026-01-03,4\n", Feed(properties))
    (reject,) = landed.rejects
    assert reject["line"] == 3
    assert [fault["column"] for fault in reject["faults"]] == ["n", "day", "sum"]
    assert (reject["column"], reject["value"]) == ("n", "x")
    assert [row["n"] for row in landed.rows] == [1, 3]


def test_time_zone_of_this_machine_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    text = "2026-11-20T23:30:00-05:00"
    expected = datetime(2026, 11, 20, 23, 30, tzinfo=timezone(-timedelta(hours=5)))
    assert landed_values(tmp_path, "logicalType: timestamp", [text]) == {text: expected}


@pytest.mark.parametrize(
    ("column", "text", "says"),
    [
        ("logicalType: date", "2026-02-31", "not a day of the calendar"),
        ("logicalType: date", "31.02.2026", "not a date (yyyy-MM-dd)"),
        ("logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}", "31.02.2026", "not a day of the calendar"),
        ("logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}", "2026-02-31", "not in the form dd.MM.yyyy"),
        ("logicalType: date, logicalTypeOptions: {format: yyyyDDD}", "2026366", "not a day of the calendar"),
        ("logicalType: time", "25:00:00", "not a time of a day"),
        ("logicalType: time", "1:00", "not a time (HH:mm:ss, with at most six digits below a second)"),
        ("logicalType: timestamp", "2026-02-31T10:00:00Z", "not a time of the calendar and clock"),
        ("logicalType: timestamp", "2026-02-01 24:61", "not a time of the calendar and clock"),
        ("logicalType: timestamp", "1.2.2026", "not a time stamp (ISO 8601, with at most six digits below a second)"),
        ("logicalType: timestamp, logicalTypeOptions: {format: 'dd.MM.yyyy HH:mm'}", "01.02.2026 10:99", "not a time of the calendar and clock"),
        ("logicalType: timestamp, logicalTypeOptions: {format: 'dd.MM.yyyy HH:mm XXX'}", "31.02.2026 10:00 Z", "not a time of the calendar and clock"),
        ("logicalType: timestamp, logicalTypeOptions: {format: 'dd.MM.yyyy HH:mm'}", "01.02.2026", "not in the form dd.MM.yyyy HH:mm"),
        (
            "logicalType: timestamp, logicalTypeOptions: {format: 'dd.MM.yyyy HH:mm', defaultTimezone: Europe/Berlin}",
            "31.02.2026 10:00", "not a time of the calendar and clock",
        ),
        (
            "logicalType: timestamp, logicalTypeOptions: {defaultTimezone: Europe/Berlin}",
            "2026-03-29 02:30", "not a time that ever was in Europe/Berlin: its clock was put forward over it",
        ),
    ],
)  # fmt: skip
def test_a_text_in_the_form_of_what_there_is_not_says_so(column: str, text: str, says: str, tmp_path: Path) -> None:
    landed = land(
        tmp_path, csv_text([["n", "x"], [1, text]]),
        Feed(["{name: n, logicalType: integer, primaryKey: true}", f"{{name: x, {column}}}"]),
    )  # fmt: skip
    assert [reject["reason"] for reject in landed.rejects] == [says]
