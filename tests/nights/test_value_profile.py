"""The profile of an accepted night: right where it is exact, of no person, and never the reason that a night fails."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nights.accept import accept_night
from nights.record.feed_night import recorded
from nights.rows import value_profile
from nights.rows.value_profile import SAMPLE, profile_of
from sources.contract.load import load
from tests.conftest import NIGHT, Feed
from tests.expectations.landed import land_rows
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.night_records import records

COLUMNS = [
    "{name: id, logicalType: integer, classification: internal, primaryKey: true}",
    "{name: amount, logicalType: number, classification: internal}",
    "{name: income, logicalType: number, classification: personal}",
    "{name: born, logicalType: date, classification: internal}",
    "{name: at, logicalType: timestamp, classification: internal}",
    "{name: sex, logicalType: string, classification: special-category}",
    "{name: 'odd \"name''', logicalType: string, classification: internal}",
    "{name: is_open, logicalType: boolean, classification: internal}",
    "{name: empty, logicalType: string, classification: internal}",
]


def profiled(home: Home, folder: Path, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is recorded of an accepted night, by column."""
    contract = load(Feed(COLUMNS).write(folder))
    land_rows(contract, home, NIGHT, rows)
    assert accept_night(contract, home, NIGHT).is_taken
    with open_database() as connection:
        found = connection.execute(f"FROM {records(home, 'column_profile')}").to_arrow_table().to_pylist()
    assert {row["extract_date"] for row in found} <= {NIGHT}
    return {row["column_name"]: row for row in found}


def test_a_profile(home: Home, tmp_path: Path) -> None:
    rows = [
        {"id": n, "amount": float(n), "income": n * 1.2345, "sex": "F" if n % 4 else "M", 'odd "name\'': "x" * (n % 7),
         "is_open": n % 2 == 0 if n % 5 else None}
        for n in range(1, 1001)
    ]  # fmt: skip
    found = profiled(home, tmp_path, rows)
    assert len(found) == len(COLUMNS)
    assert {(row["rows"], row["nulls"]) for name, row in found.items() if name in ("id", "amount", "sex")} == {
        (1000, 0)
    }
    assert np.allclose(
        found["amount"]["quantiles"], np.quantile(np.arange(1, 1001), (np.arange(21) + 0.5) / 21), rtol=1e-4
    )
    assert found["id"]["distinct_values"] == pytest.approx(1000, rel=0.1)
    assert found["sex"]["value_shares"] == [0.75, 0.25]
    assert (found["is_open"]["nulls"], found["is_open"]["value_shares"]) == (200, [0.5, 0.5])
    assert max(found["odd \"name'"]["quantiles"]) == 6
    assert (found["empty"]["nulls"], found["empty"]["quantiles"], found["empty"]["value_shares"]) == (1000, None, [])


def test_no_value_of_a_person_is_kept(home: Home, tmp_path: Path) -> None:
    rows = [{"id": n, "income": 12345.678 + n, "sex": "Hermaphrodite" if n == 5 else "Female"} for n in range(300)]
    found = profiled(home, tmp_path, rows)
    assert all(value == float(f"{value:.3g}") for value in found["income"]["quantiles"])
    assert len(found["sex"]["value_hashes"]) == 1
    assert "emale" not in json.dumps(found, default=str)


def test_few_values_have_no_quantiles(home: Home, tmp_path: Path) -> None:
    found = profiled(home, tmp_path, [{"id": n, "amount": 1.0, "income": 1.0} for n in range(30)])
    assert found["income"]["quantiles"] is None
    assert found["amount"]["quantiles"] == [1.0] * 21


def test_a_night_without_a_row(home: Home, tmp_path: Path) -> None:
    found = profiled(home, tmp_path, [])
    assert {(row["rows"], row["nulls"], row["quantiles"]) for row in found.values()} == {(0, 0, None)}


def test_a_night_is_taken_where_its_profile_fails(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_profile, "profile_sql", lambda *arguments: "SELECT 'secret'::INTEGER")
    assert profiled(home, tmp_path, [{"id": 1}]) == {}
    night = recorded(home, NIGHT, "tests", "things")
    assert night is not None
    assert night.is_taken


def test_a_large_extract_is_sampled_alike_each_time(tmp_path: Path) -> None:
    contract, rows, count = load(Feed(COLUMNS[:2]).write(tmp_path)), tmp_path / "rows.parquet", 10 * SAMPLE
    with open_database() as connection:
        connection.execute(
            f"COPY (SELECT i AS id, CASE WHEN i % 4 > 0 THEN (i % 1000)::DOUBLE END AS amount FROM range({count}) AS t(i)) TO '{rows}'"
        )
    first, again = profile_of(contract, rows, count), profile_of(contract, rows, count)
    assert first == again
    assert first[1]["nulls"] == count // 4
    assert np.allclose(first[1]["quantiles"], np.quantile(np.arange(1000), (np.arange(21) + 0.5) / 21), atol=10)
