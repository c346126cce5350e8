"""The record of every night: replaced per feed and night, read up to a night, copied into a build."""

from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from nights.record.feed_night import FeedNight
from nights.record.verdict import RuleResult
from tests.conftest import NEXT_NIGHT, NIGHT
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import PROJECT, Home
from warehouse.store.night_records import COMMENTS, SCHEMAS, copy_into, record, records
from watch.alerts import Alert


def result(rule: str, passed: bool = True) -> dict[str, Any]:
    return {"rule": rule, "dimension": "coverage", "severity": "error", "passed": passed, "unexpected_count": 0,
            "row_count": 1, "observed_value": "0", "description": ""}  # fmt: skip


def recorded(home: Home, until: date | None = None) -> list[tuple[Any, ...]]:
    with open_database() as connection:
        return connection.execute(
            f"SELECT extract_date, agency, feed, rule, passed FROM {records(home, 'gate_result', until)} ORDER BY ALL"
        ).fetchall()


def test_a_feeds_night_is_replaced_and_the_others_stay(home: Home) -> None:
    one, other = {"agency": "a", "feed": "one"}, {"agency": "a", "feed": "other"}
    record(home, "gate_result", NIGHT, [result("r1", False), result("r2")], one)
    record(home, "gate_result", NIGHT, [result("r1")], other)
    record(home, "gate_result", NEXT_NIGHT, [result("r1")], one)
    record(home, "gate_result", NIGHT, [result("r3")], one)
    first = [(NIGHT, "a", "one", "r3", True), (NIGHT, "a", "other", "r1", True)]
    assert recorded(home) == [*first, (NEXT_NIGHT, "a", "one", "r1", True)]
    assert len(recorded(home, until=NIGHT)) == 2
    record(home, "gate_result", NIGHT, [], one)
    assert [feed for _, _, feed, *_ in recorded(home, until=NIGHT)] == ["other"]


@pytest.mark.parametrize("table", SCHEMAS)
def test_a_record_of_nothing_has_its_columns(table: str, home: Home) -> None:
    with open_database() as connection:
        found = connection.execute(f"FROM {records(home, table)}")
        assert [name for name, *_ in found.description or []] == SCHEMAS[table].names
        assert found.fetchall() == []


def test_a_build_has_a_copy_up_to_its_night_with_a_comment_on_everything(home: Home) -> None:
    for night in (NIGHT, NEXT_NIGHT):
        record(home, "gate_result", night, [result("r")], {"agency": "a", "feed": "one"})
    with open_database() as connection:
        copy_into(connection, home, NIGHT)
        copy_into(connection, home, NIGHT)
        assert connection.execute("SELECT extract_date FROM quality.gate_result").fetchall() == [(NIGHT,)]
        bare = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'quality' AND comment IS NULL"
        ).fetchall()
    assert bare == []
    # The others are written after the publication.
    assert SCHEMAS.keys() - COMMENTS.keys() == {"night", "alert", "release"}


@pytest.mark.parametrize(
    ("table", "kind", "beside"),
    [
        ("feed_night", FeedNight, set()),
        ("gate_result", RuleResult, {"extract_date", "agency", "feed"}),
        ("alert", Alert, {"extract_date"}),
    ],
)
def test_what_is_recorded_has_the_columns_of_its_table(table: str, kind: type[Any], beside: set[str]) -> None:
    written = {field.name for field in fields(kind)} - {"examples"}
    assert written | beside == set(SCHEMAS[table].names)
    assert not written & beside


def test_analysts_are_told_of_every_table() -> None:
    said = (PROJECT / "docs" / "analyst.md").read_text(encoding="utf-8")
    assert [table for table in COMMENTS if f"`{table}`" not in said] == []


def test_times_are_kept_as_utc(home: Home) -> None:
    at = datetime(2026, 11, 20, 1, 2, 3, 456789, tzinfo=UTC)
    row = {"status": "failed", "started_at": at, "finished_at": at + timedelta(hours=1), "reason": "it's <b>"}
    record(home, "feed_night", NIGHT, [row], {"agency": "a", "feed": "one"})
    with open_database() as connection:
        found = connection.execute(
            f"SELECT started_at, finished_at, reason FROM {records(home, 'feed_night')}"
        ).fetchone()
    assert found == (at, at + timedelta(hours=1), "it's <b>")
