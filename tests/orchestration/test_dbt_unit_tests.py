"""dbt's own unit tests, on empty relations: they bring their rows with them."""

import json
from datetime import date
from pathlib import Path

from linkage.link_night import link_night
from linkage.settle.cases import load_dispositions
from nights.rows.accepted import create_relations
from orchestration.dbt import (
    PROJECT_DIR,
    build_variable,
    dbt_executable,
    modelled_contracts,
    prepare,
    variables,
)
from tests.conftest import ended
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.published_nights import BUILD_VARIABLE

NIGHT = date(2026, 11, 20)


def test_unit_tests_of_the_models_pass(country_models: None, tmp_path: Path) -> None:
    database, target = tmp_path / "published.duckdb", tmp_path / "target"
    contracts, home = modelled_contracts(), Home(tmp_path / "home")
    manifest = prepare(contracts, home)
    with open_database(database) as connection:
        create_relations(connection, contracts, home, NIGHT)
        link_night(connection, home, NIGHT)
        load_dispositions(connection, home, NIGHT)
    # In one invocation: each model's unit tests run once its parents are there.
    kinds = [word for kind in ("seed", "model", "unit_test") for word in ("--resource-type", kind)]
    places = ("--project-dir", PROJECT_DIR, "--profiles-dir", PROJECT_DIR)
    places += ("--target-path", target, "--log-path", tmp_path / "logs")
    build = build_variable(home) | {BUILD_VARIABLE: str(database)}
    ended(dbt_executable(), "build", *kinds, *variables(manifest), *places, cwd=PROJECT_DIR, **build)
    results = json.loads((target / "run_results.json").read_text())["results"]
    found = {item["unique_id"]: item["status"] for item in results if item["unique_id"].startswith("unit_test.")}
    known = json.loads((target / "manifest.json").read_text())["unit_tests"]
    assert len(known) >= 19
    assert found == dict.fromkeys(known, "pass")
