"""A mart that says it has every row of a staging model is held to it."""

from pathlib import Path

import pytest

from expectations.cross_agency import CrossRule, gate_build
from nights.folders import page_of
from nights.record.past import open_past
from reports.figures.cross_agency_rules import cross_rules
from reports.report import write_report
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


def test_a_rule_over_empty_tables_is_told_to_have_looked_at_nothing(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [
        CrossRule("places", name, f"Every {name} has a name", "consistency", "warning", ["a"], query)
        for name, query in (("town", "FROM marts.town"), ("village", "FROM marts.village"))
    ]
    monkeypatch.setattr("expectations.cross_agency.load_rules", lambda: rules)
    build = tmp_path / "build.duckdb"
    with open_database(build) as connection:
        connection.execute("CREATE SCHEMA marts; CREATE TABLE marts.town AS SELECT 'y' AS source_key, '' AS detail")
        connection.execute("CREATE TABLE marts.village (source_key VARCHAR, detail VARCHAR)")
    found = {result.rule: result for result in gate_build([], home, build, NIGHT, {}, {})}
    assert (found["town"].row_count, found["town"].observed_value) == (None, "1 finding")
    assert (found["village"].row_count, found["village"].observed_value) == (0, "no rows to look at")
    with open_past(home, [], NIGHT) as past:
        assert {rule.observed: rule.is_idle for rule in cross_rules(past)}["no rows to look at"] is True
    write_report([], home, NIGHT)
    front = page_of(home, NIGHT).read_text(encoding="utf-8")
    assert "<dd>0 of 1 <small>1 more had no rows to look at</small></dd>" in front
