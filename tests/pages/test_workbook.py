"""What a query answers is in the workbook as it is: no formula, no rounded number, no shifted time."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import fastexcel
import pytest

from pages import workbook
from pages.workbook import TooManyRows, write_workbook
from tests.orchestration.test_nights import command
from warehouse.home import Home

HERE = timezone(timedelta(hours=2))
VALUES = [
    (1, 1.0), (-7.25, -7.25), (True, True), ("=1+1", "=1+1"), ("https://a.example", "https://a.example"), ("007", "007"),
    (12345678901234567890, "12345678901234567890"), (Decimal("12345678901234567.89"), "12345678901234567.89"),
    (Decimal("6942.60"), 6942.6), (date(2026, 3, 2), "2026-03-02 00:00:00"), (date(1850, 1, 2), "1850-01-02"),
    (datetime(2026, 3, 2, 4, 5, 6), "2026-03-02 04:05:06"), (datetime(2026, 3, 2, 4, 5, 6, tzinfo=HERE), "2026-03-02 02:05:06"),
    ([1, 2], "[1, 2]"), ("õäü \u4e2d", "õäü \u4e2d"), (None, None),
]  # fmt: skip


@pytest.mark.parametrize(("value", "read"), VALUES, ids=lambda value: repr(value)[:20])
def test_a_value_is_read_as_it_was_written(value: object, read: object, tmp_path: Path) -> None:
    file, rows = tmp_path / "a.xlsx", [[(value, "x")], []]
    assert write_workbook(file, ["one", "two"], lambda: rows.pop(0), {"query": "=1"}) == 1
    sheet = fastexcel.read_excel(file).load_sheet("answer").to_arrow()
    (found,) = sheet["one"].to_pylist()
    assert (str(found) if isinstance(found, datetime) else found) == read
    about = fastexcel.read_excel(file).load_sheet("about", header_row=None).to_arrow()
    assert about.to_pylist()[0] == {"__UNNAMED__0": "query", "__UNNAMED__1": "=1"}


def test_a_clock_is_one(tmp_path: Path) -> None:
    file, rows = tmp_path / "a.xlsx", [[(time(14, 30),)], []]
    write_workbook(file, ["at"], lambda: rows.pop(0), {})
    assert "14:30:00" in str(fastexcel.read_excel(file).load_sheet("answer").to_arrow()["at"].to_pylist()[0])


def test_more_rows_than_a_sheet_takes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 2)
    rows = [[(1,), (2,)], [(3,)], []]
    with pytest.raises(TooManyRows):
        write_workbook(tmp_path / "a.xlsx", ["one"], lambda: rows.pop(0), {})


def test_a_query_answers_as_a_workbook(published_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERAGENCY_HOME", str(published_home.root))
    file, sql = tmp_path / "airlines.xlsx", "SELECT airline_code, airline_name FROM marts.airline ORDER BY ALL"
    done = command("query", sql, "--out", str(file))
    assert done.exit_code == 0, done.output
    sheet = fastexcel.read_excel(file).load_sheet("answer").to_arrow().to_pylist()
    assert len(sheet) == 16
    assert sheet[0]["airline_code"] == "9E"
    assert command("query", sql, "--out", str(file), "--csv").exit_code == 2
    assert datetime.now(UTC).strftime("%Y") in str(
        fastexcel.read_excel(file).load_sheet("about", header_row=None).to_arrow()
    )
