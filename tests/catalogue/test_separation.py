"""Who somebody is and what is said of them lie in databases apart: proved on the models, and looked at in what was built."""

from pathlib import Path

import duckdb
import pytest

from catalogue.protection import Exposed
from catalogue.separation import RECORDS, Separation, refuse_mixed
from linkage.link_night import INPUTS
from nights.dbt_sources import write_dbt_sources
from sources.contract.load import load
from tests.catalogue.dbt_manifest import model, protection, source
from tests.conftest import Feed

PAY = {"number": "personal", "name": "personal", "born": "personal", "employer": "personal", "diagnosis": "special-category", "_source_key": "public"}  # fmt: skip
T, S = "accepted.tax__pay", "staging.stg_tax__pay"
STAGED = model("stg_tax__pay", f"select * from {T}", schema="staging")
RECORD = f"select 'tax/pay' as source, _source_key as source_key, number, name, born, upper(name) as name_key from {S}"
# What a relation may hold to lie in the restricted database, and what sends it into the vault.
IDENTIFYING = {
    "names and numbers": f"select name, number from {S}",
    "made of names": f"select md5(concat(name, born)) as key, _source_key from {S}",
    "counts of names": f"select name, count(*) as people from {S} group by name",
    "with the platform's ids": f"select l.person_id, r.name from {S} as r join linkage.person_link as l on l.source_key = r._source_key",
    "of the records": "select * from intermediate.int_person_record",
}  # fmt: skip
MIXED = {
    "an amount": f"select name, amount from {S}",
    "an amount in a text": f"select name || amount as name from {S}",
    "an amount under a name": f"select amount::varchar as name from {S}",
    "an employer": f"select name, employer from {S}",
    "an amount in a structure": f"select {{'name': name, 'more': {{'x': amount}}}} as x from {S}",
    "a union that hides it": f"select name as x from {S} union all select employer as x from {S}",
    "all columns": f"select * from {S}",
    "all sent": f"select * from {T}",
    "what nobody can follow": "select * from read_parquet('x.parquet')",
    "content alone": f"select amount, _source_key from {S}",
}  # fmt: skip


def separation(*models: dict[str, object], record: str = RECORD) -> Separation:
    sent = source("tax", "pay", {**PAY, "amount": "personal"})
    sent["columns"]["amount"]["data_type"] = "DECIMAL(12,2)"
    links = source("linkage", "person_link", {"source_key": "internal", "person_id": "internal"})
    links |= {"schema": "linkage", "identifier": "person_link"}
    records = model("int_person_record", record, schema="intermediate")
    return Separation(protection(sent, links, STAGED, records, *models))


def test_what_linkage_reads_is_what_is_called_identifying() -> None:
    assert set(RECORDS) == {f"intermediate.{name}" for name in INPUTS.values()}
    assert {field.column for field in separation().identifying} == {"number", "name", "born"}


@pytest.mark.parametrize("sql", IDENTIFYING.values(), ids=IDENTIFYING)
def test_a_relation_of_identifying_columns_is_restricted(sql: str) -> None:
    assert "model.p.m" in separation(model("m", sql)).identifying_relations()


@pytest.mark.parametrize("sql", MIXED.values(), ids=MIXED)
def test_a_relation_with_anything_else_is_in_the_vault(sql: str) -> None:
    found = separation(model("m", sql), model("reader", "select * from marts.m"))
    assert found.identifying_relations() == ["model.p.int_person_record"]
    assert found.why_mixed("marts.m") is not None


def test_a_hook_that_may_write_sends_its_model_into_the_vault() -> None:
    hook = {"post-hook": [{"sql": "alter table {{ this }} add column pay integer"}]}
    assert "model.p.m" not in separation(model("m", f"select name from {S}", config=hook)).identifying_relations()


@pytest.mark.parametrize("content", ["amount", "diagnosis"])
def test_records_that_read_content_are_no_records_for_linkage(content: str) -> None:
    """Otherwise whatever linkage was given would be identifying for that."""
    found = separation(record=f"select name, {content}::varchar as surname from {S}")
    (why,) = found.mixed_records()
    assert why == f"int_person_record.surname <- tax/pay.{content}"
    assert found.identifying_relations() == []


def test_the_type_of_a_contract_goes_with_its_column(tmp_path: Path) -> None:
    columns = ["{name: id, logicalType: integer, primaryKey: true}", "{name: pay, logicalType: number}"]
    write_dbt_sources([load(Feed(columns).write(tmp_path))], tmp_path / "sources.yml")
    assert "data_type: D" in (tmp_path / "sources.yml").read_text()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("CREATE TABLE restricted.marts.who AS SELECT 'Kask' AS name", None),
        ("CREATE TABLE restricted.linkage.review_queue AS SELECT 1 AS x", None),
        ("CREATE TABLE restricted.marts.paid AS SELECT 'Kask' AS name, 1 AS amount", "paid.amount <- tax/pay.amount"),
        ("CREATE TABLE restricted.marts.copy AS SELECT 1 AS amount", "marts.copy (no model makes it)"),
        ("CREATE VIEW restricted.marts.paid AS SELECT 1 AS amount", "paid.amount <- tax/pay.amount"),
        ("CREATE TABLE restricted.history.paid AS SELECT 1 AS amount", "paid.amount <- tax/pay.amount"),
        ("CREATE TABLE vault.marts.paid AS SELECT 'Kask' AS name, 1 AS amount", None),
    ],
)
def test_a_build_is_looked_at_whoever_put_it_there(statement: str, told: str | None, tmp_path: Path) -> None:
    models = model("who", f"select name from {S}"), model("paid", f"select name, amount from {S}")
    with duckdb.connect(str(tmp_path / "published.duckdb")) as connection:
        for name in ("restricted", "vault"):
            connection.execute(f"ATTACH '{tmp_path / name}.duckdb' AS {name}")
            for schema in ("marts", "linkage", "history"):
                connection.execute(f"CREATE SCHEMA {name}.{schema}")
        connection.execute(statement)
    if told is None:
        refuse_mixed(tmp_path / "published.duckdb", separation(*models), frozenset(["linkage.review_queue"]))
        return
    with pytest.raises(Exposed) as refused:
        refuse_mixed(tmp_path / "published.duckdb", separation(*models), frozenset(["linkage.review_queue"]))
    assert told in str(refused.value)
