"""Drift of the shared tables against the nights before: what grows as ever is no drift, what jumps is."""

from datetime import timedelta
from pathlib import Path

from nights.record.verdict import RuleResult
from tests.conftest import NIGHT
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from watch.drift import drifted


def night(home: Home, folder: Path, number: int, rows: int, with_value: float = 0.9) -> list[RuleResult]:
    """The night of a build with one mart of so many rows, of which a share has a value in its column."""
    database = folder / f"{number}.duckdb"
    with open_database(database) as connection:
        connection.execute(
            "CREATE SCHEMA marts; CREATE TABLE marts.person AS SELECT i AS person_id, "
            f"CASE WHEN i < {rows * with_value} THEN 'x' END AS municipality FROM range({rows}) t(i); "
            "CREATE TABLE marts.nothing (a INTEGER)"
        )
    return drifted(home, database, NIGHT + timedelta(days=number))


def steady(home: Home, folder: Path, nights: int = 7) -> None:
    for number in range(nights):
        night(home, folder, number, 10_000 + 50 * number)


def of_person(results: list[RuleResult]) -> RuleResult:
    return next(result for result in results if result.rule == "drift_of_person")


def test_what_grows_as_ever_is_no_drift(home: Home, tmp_path: Path) -> None:
    steady(home, tmp_path)
    found = of_person(night(home, tmp_path, 7, 10_400))
    assert found.passed
    assert found.severity == "warning"


def test_a_jump_of_the_rows_is_told(home: Home, tmp_path: Path) -> None:
    steady(home, tmp_path)
    found = of_person(night(home, tmp_path, 7, 8_000))
    assert not found.passed
    assert found.observed_value == "rows: 10,300 before, 8,000 now"


def test_values_that_are_gone_are_told(home: Home, tmp_path: Path) -> None:
    steady(home, tmp_path)
    found = of_person(night(home, tmp_path, 7, 10_350, with_value=0.7))
    assert found.observed_value == "municipality has a value in 70.0 % of the rows, 90.0 % before"
    # The same night again is held against the nights before it, not against itself.
    assert not of_person(drifted(home, tmp_path / "7.duckdb", NIGHT + timedelta(days=7))).passed


def test_with_few_nights_nothing_is_said(home: Home, tmp_path: Path) -> None:
    steady(home, tmp_path, 3)
    assert night(home, tmp_path, 3, 1) == []
