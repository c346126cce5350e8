"""A mart that says it has every row of a staging model is held to it."""

from pathlib import Path

import pytest

from expectations.cross_agency import gate_build
from tests.conftest import NIGHT
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home

STAGED = "VALUES ('a', 'f', DATE '2026-11-20', '1'), ('a', 'f', DATE '2026-11-20', '2')"
COLUMNS = "(agency, feed, extract_date, source_key)"


@pytest.mark.parametrize(
    ("mart", "wrong"),
    [
        ("FROM staging.stg_a__f", 0),
        ("FROM staging.stg_a__f WHERE source_key = '1'", 1),
        ("FROM staging.stg_a__f UNION ALL FROM staging.stg_a__f WHERE source_key = '1'", 1),
        # As many, and yet not the same.
        ("FROM staging.stg_a__f WHERE source_key = '1' UNION ALL FROM staging.stg_a__f WHERE source_key = '1'", 2),
        ("FROM staging.stg_a__f WHERE false", 2),
    ],
)
def test_every_staged_row_is_in_the_mart_once(
    mart: str, wrong: int, tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("expectations.cross_agency.load_rules", list)
    build = tmp_path / "build.duckdb"
    with open_database(build) as connection:
        connection.execute(f"CREATE SCHEMA staging; CREATE TABLE staging.stg_a__f AS FROM ({STAGED}) AS rows {COLUMNS}")
        connection.execute(f"CREATE SCHEMA marts; CREATE TABLE marts.town AS {mart}")
    results = gate_build([], home, build, NIGHT, {}, {"town": "stg_a__f", "not_built": "stg_a__f"})
    held = [result for result in results if result.rule.endswith("_reconciles")]
    assert [(result.rule, result.passed, result.severity, result.unexpected_count) for result in held] == [
        ("town_reconciles", not wrong, "error", wrong)
    ]
