"""An agency of people is added by its folder of contracts and its folder of staging models: no other file names one."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nights.rows.accepted import SCHEMA, create_empty_relations
from orchestration import dbt
from sources.contract_file import load_all
from tests.conftest import Feed
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import AGENCIES, Home
from warehouse.store.restricted import attach_restricted

pytestmark = pytest.mark.slow

COLUMNS = [
    "{name: licence, logicalType: integer, primaryKey: true, classification: internal}",
    "{name: code, logicalType: string, customProperties: [{property: identifierKind, value: ee.ik}]}",
    "{name: first, logicalType: string}",
    "{name: last, logicalType: string}",
    "{name: kept_by, logicalType: string}",
]
MODEL = """
select
    {{ identifier('fishery', 'angler', 'code') }} as national_number,
    {{ person_name('first') }} as given_name,
    {{ person_name('last') }} as family_name,
    kept_by,
    _agency as agency,
    _feed as feed,
    _extract_date as extract_date,
    _source_key as source_key
from {{ source('fishery', 'angler') }}
"""
SAID = """
models:
  - name: stg_fishery__angler
    config:
      meta:
        gives:
          person_record: {rank: 11, where: kept_by = 'person', columns: {surname: family_name}}
    columns: [{name: national_number}, {name: given_name}, {name: family_name}]
"""
ROWS = """
    (1, '38001085718', 'MARI', 'VAN DER BERG', 'person'),
    (2, '38001085719', 'Jüri', 'Kask', 'person'),
    (3, null, null, 'Angling Club', 'club')
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """dbt's project of this repository with the models of the agencies that it pulls, and of none that holds people."""
    folder, pulled = tmp_path / "dbt_project", {place.name for place in AGENCIES.iterdir()}
    staging = dbt.PROJECT_DIR / "models" / "staging"
    others = {place.name for place in staging.iterdir() if place.name not in pulled}
    shutil.copytree(dbt.PROJECT_DIR, folder, ignore=shutil.ignore_patterns("target", "logs", *others))
    monkeypatch.setattr(dbt, "PROJECT_DIR", folder)
    monkeypatch.setattr(dbt, "SOURCES", folder / "models" / "staging" / "_sources.yml")
    monkeypatch.setattr(dbt, "MANIFEST", folder / "target" / "manifest.json")
    return folder


def test_two_folders_are_enough(project: Path, tmp_path: Path) -> None:
    Feed(COLUMNS, agency="fishery", feed="angler").write(tmp_path / "contracts")
    models = project / "models" / "staging" / "fishery"
    models.mkdir()
    (models / "stg_fishery__angler.sql").write_text(MODEL)
    (models / "stg_fishery__angler.yml").write_text(SAID)
    contracts, home = load_all([AGENCIES, tmp_path / "contracts"]), Home(tmp_path / "home")
    manifest = dbt.prepare(contracts, home)
    database = tmp_path / "published.duckdb"
    with open_database(database) as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        create_empty_relations(connection, [item for item in contracts if item.agency != "fishery"])
        connection.execute(
            f"""
            CREATE TABLE {SCHEMA}.fishery__angler AS
            SELECT *, 'fishery' AS _agency, 'angler' AS _feed, DATE '2026-11-20' AS _extract_date, licence::VARCHAR AS _source_key
            FROM (VALUES {ROWS}) AS rows (licence, code, first, last, kept_by)
            """
        )
    done = subprocess.run(
        [dbt.dbt_executable(), "run", *dbt.variables(manifest), "--select", "+int_person_record",
         "--project-dir", project, "--profiles-dir", project],
        capture_output=True, text=True, check=False, cwd=project, env={**os.environ, dbt.BUILD_VARIABLE: str(database)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    with open_database(database) as connection:
        attach_restricted(connection, database)
        found = connection.execute(
            """
            SELECT source, source_key, national_number, given_name, surname_key
            FROM restricted.intermediate.int_person_record
            ORDER BY source_key
            """
        ).fetchall()
    assert found == [
        ("fishery/angler", "1", "38001085718", "Mari", "BERG"),
        ("fishery/angler", "2", None, "Jüri", "KASK"),
    ]
