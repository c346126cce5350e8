"""An agency of people is added by its folder of contracts and its folder of staging models: no other file names one."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nights.rows.accepted import SCHEMA, create_empty_relations
from orchestration import dbt
from tests.conftest import Feed, columns, ended
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.published_nights import BUILD_VARIABLE, note_feeds
from warehouse.store.restricted import attach_restricted

pytestmark = pytest.mark.slow

COLUMNS = columns(
    licence="integer, classification: internal",
    code="string, customProperties: [{property: identifierKind, value: ee.ik}]",
    first="string",
    last="string",
    kept_by="string",
)
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


def test_two_folders_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, feeds, models = tmp_path / "dbt_project", tmp_path / "feeds", tmp_path / "models"
    # A copy, because dbt's artefacts of each choice of models stay in its project.
    shutil.copytree(dbt.PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs"))
    monkeypatch.setattr(dbt, "PROJECT_DIR", project)
    monkeypatch.setattr(dbt, "SOURCES", project / "models" / "staging" / "_sources.yml")
    monkeypatch.setenv("INTERAGENCY_SOURCES", str(feeds))
    monkeypatch.setenv("INTERAGENCY_MODELS", str(models))
    Feed(COLUMNS, agency="fishery", feed="angler").write(feeds)
    (models / "staging" / "fishery").mkdir(parents=True)
    (models / "staging" / "fishery" / "stg_fishery__angler.sql").write_text(MODEL)
    (models / "staging" / "fishery" / "stg_fishery__angler.yml").write_text(SAID)
    contracts, home = dbt.modelled_contracts(), Home(tmp_path / "home")
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
    build = dbt.build_variable(home) | {BUILD_VARIABLE: str(database)}
    words = ("--select", "+int_person_record", "--project-dir", project, "--profiles-dir", project)
    ended(dbt.dbt_executable(), "run", *dbt.variables(manifest), *words, cwd=project, **build)
    with open_database(database) as connection:
        attach_restricted(connection, database)
        found = connection.execute(
            """
            SELECT source, source_key, national_number, given_name, surname_key
            FROM restricted.intermediate.int_person_record
            ORDER BY source_key
            """
        ).fetchall()
    mari, juri = ("1", "38001085718", "Mari", "BERG"), ("2", None, "Jüri", "KASK")
    assert found == [("fishery/angler", *mari), ("fishery/angler", *juri)]
    # By hand on the same build, whose rows no agreement covers.
    note_feeds(database, {"fishery/angler": ["licence", "code"]})
    by_hand = [dbt.dbt_executable(), "run", *dbt.variables(manifest), *words]
    refused = subprocess.run(
        by_hand, capture_output=True, text=True, check=False, cwd=project, env={**os.environ, **build}
    )
    assert refused.returncode != 0
    assert "no agreement covers fishery/angler" in " ".join(refused.stdout.split())
