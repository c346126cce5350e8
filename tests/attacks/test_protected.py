"""What a contract calls personal comes into the open database by no door: not by `select *`, a union, a view, a hook, a history."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from catalogue.dbt_manifest import OPEN
from catalogue.protection import Exposed, Protection, refuse_exposed
from orchestration import dbt
from sources.contract.load import load
from tests.attacks.scan import texts_of
from tests.catalogue.dbt_manifest import model, protection, seed
from tests.conftest import Feed, ended
from warehouse.home import PROJECT, Home
from warehouse.store.restricted import attach_protected

T = "accepted.hospital__patient"
STAGED = model("stg_hospital__patient", f"with source as (select * from {T}) select * from source", schema="staging")
S = "staging.stg_hospital__patient"
# Models of what may be seen by everybody, and of what may not; with the path that a refusal tells.
OPEN_MODELS = {
    "the open columns": f"select town, kind, _source_key from {S}",
    "a count by town": f"select town, count(*) as people from {S} where diagnosis is not null group by town",
    "a join by number": f"select a.town from {S} as a join {S} as b on a.number = b.number",
    "all but what is protected": f"select * exclude (number, name, born, diagnosis, unsaid) from {S}",
}
PROTECTED_MODELS = {
    "a column": (f"select number from {S}", "hospital/patient.number -> stg_hospital__patient.number -> m.number"),
    "another name": (f"select md5(name) as x from {S}", "hospital/patient.name -> stg_hospital__patient.name -> m.x"),
    "select star": (f"select * from {S}", "hospital/patient.number -> stg_hospital__patient.number -> m.number"),
    "a union that hides it": (f"select town as x from {S} union all select diagnosis from {S}", "hospital/patient.diagnosis -> stg_hospital__patient.diagnosis -> m.x"),
    "a union by name": (f"select town as x from {S} union all by name select born as x from {S}", "hospital/patient.born -> stg_hospital__patient.born -> m.x"),
    "a structure": (f"select {{'a': town, 'b': {{'c': number}}}} as x from {S}", "hospital/patient.number -> stg_hospital__patient.number -> m.x"),
    "a list": (f"select list(name) as x from {S}", "hospital/patient.name -> stg_hospital__patient.name -> m.x"),
    "a scalar subquery": (f"select (select max(number) from {S}) as x", "hospital/patient.number -> stg_hospital__patient.number -> m.x"),
    "a condition": (f"select case when diagnosis = 'x' then 1 end as x from {S}", "hospital/patient.diagnosis -> stg_hospital__patient.diagnosis -> m.x"),
    "a rank": (f"select town, rank() over (order by born) as x from {S}", "hospital/patient.born -> stg_hospital__patient.born -> m.x"),
    "a code list": (f"select codes.label from {S} as s join seeds.codes on s.diagnosis = codes.code", "hospital/patient.diagnosis -> stg_hospital__patient.diagnosis -> m.label"),
    "a code list in WHERE": (f"select codes.label from {S} as s, seeds.codes where s.diagnosis = codes.code", "hospital/patient.diagnosis -> stg_hospital__patient.diagnosis -> m.label"),
    "a column that nobody classified": (f"select unsaid from {S}", "hospital/patient.unsaid -> stg_hospital__patient.unsaid -> m.unsaid"),
    "past dbt's ref": (f"select number from {T}", "hospital/patient.number -> m.number"),
    "by another catalog": (f"select number from restricted.{S}", "hospital/patient.number -> stg_hospital__patient.number -> m.number"),
    "a file": ("select * from read_parquet('accepted/*.parquet')", "m"),
    "no relation of ours": ("select * from elsewhere.people", "m"),
    "a function of somebody's": (f"select reveal(town) as x from {S}", "m"),
}  # fmt: skip


@pytest.mark.parametrize("sql", OPEN_MODELS.values(), ids=OPEN_MODELS)
def test_a_relation_of_open_columns_is_open(sql: str) -> None:
    assert "model.p.m" in protection(STAGED, model("m", sql)).open_relations()


@pytest.mark.parametrize(("sql", "path"), PROTECTED_MODELS.values(), ids=PROTECTED_MODELS)
def test_a_relation_that_a_protected_field_reaches_is_restricted_and_the_path_is_told(sql: str, path: str) -> None:
    found = protection(STAGED, model("m", sql), model("reader", "select * from marts.m"))
    assert not {"model.p.m", "model.p.reader", "model.p.stg_hospital__patient"} & set(found.open_relations())
    columns = found.lineage.columns("marts.m") or ["x"]
    whys = [why for column in columns if (why := found.why_protected("marts.m", column))]
    assert any(why == path or path == "m" for why in whys)


def test_a_relation_of_which_nobody_knows_the_sql_is_restricted() -> None:
    python, people = model("odd", "", language="python"), seed("people", {"name": None})
    found = protection(STAGED, python, people, model("m", "select * from seeds.people"))
    assert found.open_relations() == ["seed.p.codes"]


def test_a_snapshot_is_as_open_as_what_it_keeps() -> None:
    kept = {"resource_type": "snapshot", "schema": "snapshots"}
    found = protection(
        STAGED, model("a", f"select town from {S}", **kept), model("b", f"select number from {S}", **kept)
    )
    assert {"snapshot.p.a", "seed.p.codes"} == set(found.open_relations())
    assert found.why_protected("snapshots.b", "dbt_scd_id") is not None


def test_an_exception_needs_words_and_opens_its_own_column_alone() -> None:
    sql = f"select number as a, name as b from {S}"
    good = "A hash that nobody can turn round."
    for reason, is_open in ((good, True), (True, False), ("yes", False), ("", False), (None, False)):
        found = protection(STAGED, model("m", sql, open_because={"a": reason}), model("over", "select a from marts.m"))
        assert (found.why_protected("marts.m", "a") is None) == is_open
        assert found.why_protected("marts.m", "b") is not None
        assert found.is_open("marts.over") == is_open


def test_a_hook_that_may_write_closes_its_model() -> None:
    for hook, is_open in (
        ("comment on table {{ this }} is 'x'", True),
        ("create index i on {{ this }} (town)", True),
        (f"create table marts.copy as select * from {S}", False),
        (f"update {{{{ this }}}} set town = (select number from {S})", False),
        ("{% if true %} analyze {% endif %}", False),
        (f"analyze; insert into {{{{ this }}}} select number from {S}", False),
    ):
        found = protection(STAGED, model("m", f"select town from {S}", config={"post-hook": [{"sql": hook}]}))
        assert found.is_open("marts.m") == is_open, hook


PUBLISHED = {"marts.towns": f"select town, count(*) as people from {S} group by town"}


def build(folder: Path, *statements: str) -> Path:
    """A build whose open database has what `statements` made, beside a mart that may be there."""
    database = folder / "published.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "CREATE SCHEMA marts; CREATE SCHEMA staging; CREATE SCHEMA history; CREATE SCHEMA quality; CREATE SCHEMA linkage"
        )
        connection.execute("CREATE TABLE marts.towns AS SELECT 'Tartu' AS town, 1 AS people")
        connection.execute("CREATE TABLE quality.finding AS SELECT 1 AS x")
        for statement in statements:
            connection.execute(statement)
    return database


def published(*more: dict[str, Any]) -> Protection:
    return protection(STAGED, model("towns", PUBLISHED["marts.towns"]), *more)


OWN = ["quality.finding"]


def test_a_clean_build_is_published(tmp_path: Path) -> None:
    view = model("towns_view", "select town from marts.towns")
    database = build(
        tmp_path,
        "CREATE VIEW marts.towns_view AS select town from marts.towns",
        "CREATE TABLE history.towns AS SELECT *, DATE '2026-01-01' AS known_from, NULL::DATE AS known_to FROM marts.towns",
        "CREATE VIEW marts.towns_ever AS SELECT town, known_from FROM history.towns",
    )
    refuse_exposed(database, published(view), OWN)


LEAKS = {
    "dbt placed a protected mart openly": (
        "CREATE TABLE marts.people AS SELECT '1' AS number", "hospital/patient.number -> stg_hospital__patient.number -> people.number",
    ),
    "its staging lies beside it": ("CREATE TABLE staging.stg_hospital__patient AS SELECT '1' AS number", "hospital/patient.number"),
    "its history": ("CREATE TABLE history.people AS SELECT '1' AS number, DATE '2026-01-01' AS known_from", "history.people.number"),
    "a hook made a table": ("CREATE TABLE marts.copied AS SELECT '1' AS x", "marts.copied.x (no model makes this table)"),
    "a table of its own schema": ("CREATE SCHEMA odd; CREATE TABLE odd.copied AS SELECT '1' AS x", "odd.copied.x"),
    "a hook added a column": ("ALTER TABLE marts.towns ADD COLUMN number VARCHAR", "towns.number (its SQL has no such column)"),
    "an accepted relation stayed": ("CREATE SCHEMA accepted; CREATE TABLE accepted.hospital__patient AS SELECT '1' AS number", "accepted.hospital__patient.number"),
    "a view over it": (
        "CREATE TABLE staging.stg_hospital__patient AS SELECT '1' AS number, 'x' AS town; "
        "CREATE VIEW marts.seen AS SELECT number AS x FROM staging.stg_hospital__patient", "marts.seen: hospital/patient.number",
    ),
    "a view in the place of a mart": (
        "CREATE TABLE staging.stg_hospital__patient AS SELECT '1' AS number, 'x' AS town; DROP TABLE marts.towns; "
        "CREATE VIEW marts.towns AS SELECT number AS town FROM staging.stg_hospital__patient", "marts.towns: hospital/patient.number",
    ),
    "a table that is called like one of ours": ("CREATE TABLE quality.findings AS SELECT '1' AS x", "quality.findings.x"),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "told"), LEAKS.values(), ids=LEAKS)
def test_publishing_refuses_what_stands_in_the_open_database_whoever_put_it_there(
    statement: str, told: str, tmp_path: Path
) -> None:
    people = model("people", f"select number from {S}")
    with pytest.raises(Exposed) as refused:
        refuse_exposed(build(tmp_path, statement), published(people), OWN)
    assert told in str(refused.value)
    assert "open_because" in str(refused.value)


def test_publishing_refuses_hooks_of_all_runs_that_may_write(tmp_path: Path) -> None:
    found = published()
    refuse_exposed(build(tmp_path), Protection(found.lineage, ("analyze",)), OWN)
    with pytest.raises(Exposed, match="a hook of all runs"):
        refuse_exposed(
            tmp_path / "published.duckdb", Protection(found.lineage, ("insert into marts.towns select 1, 2",)), OWN
        )


HOSPITAL = [
    "{name: visit, logicalType: integer, primaryKey: true, classification: internal}",
    "{name: number, logicalType: string, classification: public, customProperties: [{property: identifierKind, value: ee.ik}]}",
    "{name: name, logicalType: string}",
    "{name: diagnosis, logicalType: string, classification: special-category}",
    "{name: town, logicalType: string, classification: internal}",
]
HOSTILE = {
    "staging/stg_hospital__visit.sql": "select * from {{ source('hospital', 'visit') }}",
    "marts/open_town.sql": "select town, visit from {{ ref('stg_hospital__visit') }}",
    "marts/star.sql": "select * from {{ ref('stg_hospital__visit') }}",
    "marts/hidden.sql": "select town as x from {{ ref('stg_hospital__visit') }} union all select number from {{ ref('stg_hospital__visit') }}",
    "marts/seen.sql": "{{ config(materialized='view') }} select name from {{ ref('stg_hospital__visit') }}",
    "marts/by_macro.sql": "select {{ peek() }} as x from {{ ref('stg_hospital__visit') }}",
    "marts/placed.sql": "{{ config(database='published') }} select diagnosis from {{ ref('stg_hospital__visit') }}",
    "marts/excepted.sql": "select town, left(number, 1) as sex from {{ ref('stg_hospital__visit') }}",
    "marts/over.sql": "select sex from {{ ref('excepted') }}",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Home]]:
    """dbt's project with this repository's settings and macros, and a few models of somebody in a hurry."""
    folder, home = tmp_path / "dbt_project", Home(tmp_path / "home")
    shutil.copytree(dbt.PROJECT_DIR / "macros", folder / "macros")
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(dbt.PROJECT_DIR / name, folder / name)
    settings = (folder / "dbt_project.yml").read_text()
    # These marts have no YAML of their own.
    (folder / "dbt_project.yml").write_text(settings.replace("enforced: true", "enforced: false"))
    for name, sql in HOSTILE.items():
        (folder / "models" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "models" / name).write_text(sql)
    (folder / "macros" / "peek.sql").write_text("{% macro peek() %} diagnosis {% endmacro %}")
    column = {
        "name": "sex",
        "config": {"meta": {"open_because": "One digit of the number, which tells the sex alone."}},
    }
    (folder / "models" / "marts" / "excepted.yml").write_text(
        json.dumps({"models": [{"name": "excepted", "columns": [column]}]})
    )
    (folder / "seeds").mkdir()
    (folder / "seeds" / "staff.csv").write_text("name\nMari Mets\n")
    monkeypatch.setenv("INTERAGENCY_HOME", str(home.root))
    monkeypatch.setattr(dbt, "PROJECT_DIR", folder)
    monkeypatch.setattr(dbt, "SOURCES", folder / "models" / "staging" / "_sources.yml")
    yield folder, home


def test_dbt_places_each_relation_by_what_is_proved_of_it(project: tuple[Path, Home], tmp_path: Path) -> None:
    contract = load(Feed(HOSPITAL, agency="hospital", feed="visit").write(tmp_path / "contracts"))
    nodes = json.loads(dbt.prepare([contract], project[1]).read_text())["nodes"]
    places = {node["name"]: node["database"] for node in nodes.values()}
    assert places == {
        "stg_hospital__visit": "vault", "open_town": "published", "star": "vault", "hidden": "vault", "seen": "vault",
        "by_macro": "vault", "placed": "vault", "excepted": "published", "over": "published", "staff": "vault",
    }  # fmt: skip
    # A model that begins to read what is protected moves at the next start.
    (project[0] / "models" / "marts" / "open_town.sql").write_text(
        "select town, name from {{ ref('stg_hospital__visit') }}"
    )
    os.utime(project[0] / "models" / "marts" / "open_town.sql", (2**31, 2**31))
    nodes = json.loads(dbt.prepare([contract], project[1]).read_text())["nodes"]
    assert nodes["model.interagency.open_town"]["database"] == "vault"


def test_dbt_without_the_platform_puts_everything_into_the_vault(project: tuple[Path, Home], tmp_path: Path) -> None:
    contract = load(Feed(HOSPITAL, agency="hospital", feed="visit").write(tmp_path / "contracts"))
    dbt.write_dbt_sources([contract], dbt.SOURCES)
    places = ("--project-dir", project[0], "--profiles-dir", project[0])
    ended(dbt.dbt_executable(), "--quiet", "parse", *places, cwd=project[0])
    nodes = json.loads((project[0] / "target" / "manifest.json").read_text())["nodes"].values()
    assert {node["database"] for node in nodes} == {"vault"}


def test_every_exception_of_this_repository_has_a_reason_and_is_needed(country_models: None) -> None:
    manifest = dbt.prepare(dbt.modelled_contracts(), Home.from_environment())
    found = Protection.read([manifest])
    noted = [(key, *item) for key, resource in found.lineage.resources.items() for item in resource.columns.items()]
    excepted = [(key, column) for key, column, said in noted if said.open_because]
    assert len(excepted) > 20
    without = Protection.read([manifest])
    for resource in without.lineage.resources.values():
        resource.columns.update(
            {name: type(noted)(noted.description, noted.classification) for name, noted in resource.columns.items()}
        )
    assert [place for place in excepted if without.why_protected(*place) is None] == []
    seeds = [resource for resource in found.lineage.resources.values() if resource.kind == "seed"]
    assert {said.classification for resource in seeds for said in resource.columns.values()} <= set(OPEN)


PATIENTS = "number,name,diagnosis,town\n" + "".join(
    f"{number},{name},{diagnosis},{town}\n"
    for number, name, diagnosis, town in (
        ("38001085718", "Planted Person", "Planted Illness F20", "Tartu"), ("49403136526", "Second Planted", "Planted Illness F32", "Narva"),
        ("37605030299", "Third Planted", "Planted Illness F41", "Tartu"),
    )
)  # fmt: skip
PLANTED = ["38001085718", "49403136526", "37605030299", "Planted Person", "Second Planted", "Planted Illness"]


@pytest.mark.slow
def test_new_feed_and_run_as_documented_publish_nothing_of_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a copy of the project: the draft goes beside its contracts, and its staging model into its dbt project."""
    checkout = tmp_path / "checkout"
    left_out = shutil.ignore_patterns(
        ".venv", ".git", "data", "target", "logs", "__pycache__", ".hypothesis", ".*_cache"
    )
    shutil.copytree(PROJECT, checkout, ignore=left_out, symlinks=True)
    sample = tmp_path / "patients.csv"
    sample.write_text(PATIENTS)
    home = Home(tmp_path / "home")
    environment = {
        "INTERAGENCY_HOME": str(home.root),
        "PYTHONPATH": str(checkout),
        "INTERAGENCY_KEY": "a key of a test",
    }
    monkeypatch.setenv("INTERAGENCY_KEY", environment["INTERAGENCY_KEY"])

    def interagency(*arguments: str) -> str:
        script = "from orchestration.command.main import app; app()"
        return ended(sys.executable, "-c", script, *arguments, cwd=checkout, **environment).stdout

    interagency("new-feed", str(sample), "--agency", "hospital", "--feed", "patient")
    interagency("agreements", "sign-trial", "trial-hospital-patient", "--keys", str(tmp_path / "keys"))
    assert "Published" in interagency("run", "--agency", "hospital")
    with duckdb.connect(str(home.published), read_only=True) as connection:
        tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        assert ("staging", "stg_hospital__patient") not in tables
        attach_protected(connection, home.published.resolve(), read_only=True)
        assert connection.execute("SELECT count(*) FROM vault.staging.stg_hospital__patient").fetchone() == (3,)
        keys = connection.execute("SELECT source_key FROM vault.staging.stg_hospital__patient").fetchall()
    # Its key is the number: what stands in its place tells nothing.
    assert all(len(key) == 32 and key not in PATIENTS for (key,) in keys)
    for file in (home.published, *home.quality.rglob("*"), *home.dagster.rglob("*"), *home.dbt.rglob("*")):
        if file.is_file() and "rejects" not in file.name:
            assert [word for word in PLANTED for text in texts_of(file) if word in text] == [], file
