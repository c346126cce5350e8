"""What was published stays what was published: versions of a mart, night by night."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from warehouse.home import Home
from warehouse.store.history import Versioned, add_history, history_folder, keep_history

PAY = Versioned("memory", "pay", ("id",))
FIRST, SECOND, THIRD = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 4)
Rows = list[tuple[int, int | None]]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA marts")
        yield connection


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def publish(build: duckdb.DuckDBPyConnection, home: Home, night: date, rows: Rows, is_kept: bool = True) -> None:
    build.execute("CREATE OR REPLACE TABLE marts.pay (id INTEGER, euro INTEGER, extract_date DATE)")
    for row in rows:
        build.execute("INSERT INTO marts.pay VALUES (?, ?, ?)", [*row, night])
    add_history(build, home, night, [PAY])
    if is_kept:
        keep_history(home, night, [PAY])


def as_of(build: duckdb.DuckDBPyConnection, night: date) -> Rows:
    return build.execute(f"SELECT id, euro FROM marts.pay_as_of(DATE '{night}') ORDER BY ALL").fetchall()


def test_a_correction_does_not_change_what_was_published(build: duckdb.DuckDBPyConnection, home: Home) -> None:
    nights: dict[date, Rows] = {
        FIRST: [(1, 10), (2, 20)],
        SECOND: [(1, 11), (3, None)],
        THIRD: [(1, 11), (2, 20), (3, 30)],
    }
    for night, rows in nights.items():
        publish(build, home, night, rows)
    assert {night: as_of(build, night) for night in nights} == nights
    assert as_of(build, date(2026, 3, 3)) == nights[SECOND]
    assert as_of(build, date(2026, 2, 28)) == []
    versions = build.execute(
        "SELECT id, euro, known_from, known_to FROM history.pay ORDER BY id, known_from"
    ).fetchall()
    assert versions == [
        (1, 10, FIRST, SECOND), (1, 11, SECOND, None), (2, 20, FIRST, SECOND), (2, 20, THIRD, None), (3, None, SECOND, THIRD),
        (3, 30, THIRD, None),
    ]  # fmt: skip


def test_a_night_that_is_run_again_replaces_its_own_record(build: duckdb.DuckDBPyConnection, home: Home) -> None:
    publish(build, home, FIRST, [(1, 10)])
    publish(build, home, SECOND, [(1, 99)])
    publish(build, home, SECOND, [(1, 11)])
    assert (as_of(build, FIRST), as_of(build, SECOND)) == ([(1, 10)], [(1, 11)])


def test_a_night_that_is_not_published_leaves_nothing(build: duckdb.DuckDBPyConnection, home: Home) -> None:
    publish(build, home, FIRST, [(1, 10)])
    publish(build, home, SECOND, [(1, 99)], is_kept=False)
    publish(build, home, THIRD, [(1, 10)])
    assert build.execute("SELECT count(*) FROM history.pay").fetchone() == (1,)
    assert as_of(build, SECOND) == [(1, 10)]


def test_a_column_that_came_later_is_empty_before(build: duckdb.DuckDBPyConnection, home: Home) -> None:
    publish(build, home, FIRST, [(1, 10)])
    build.execute(
        "CREATE OR REPLACE TABLE marts.pay AS SELECT 1 AS id, '10' AS euro, true AS is_checked, DATE '2026-03-02' AS extract_date"
    )
    add_history(build, home, SECOND, [PAY])
    found = build.execute("SELECT euro, is_checked, known_from FROM history.pay ORDER BY known_from").fetchall()
    assert found == [("10", None, FIRST), ("10", True, SECOND)]


def test_the_record_is_for_its_owner_alone(build: duckdb.DuckDBPyConnection, home: Home) -> None:
    publish(build, home, FIRST, [(1, 10)])
    files = list(history_folder(home, "pay").iterdir())
    assert [file.stat().st_mode & 0o077 for file in files] == [0]
