"""Lineage from dbt's compiled SQL: through models, renamings and sums, back to the agencies' fields."""

import json
from pathlib import Path
from typing import Any

from catalogue.lineage import Lineage
from reports.pages.lineage import ColumnLineage, Origin, columns_of, staged_as, trace
from sources.contract.load import load
from tests.conftest import Feed, columns
from warehouse.home import Home

PROPERTIES = columns(id="string", amount="number", tax="number")
STAGING = 'with payments as (select * from "p"."accepted"."tests__things") select id as payment_id, amount as amount_eur, tax, _source_key as source_key from payments'
MARTS = 'select s.payment_id, s.amount_eur - s.tax as net_eur, l.person_id, count(*) over () as payments from "r"."staging"."stg_tests__things" as s join "p"."linkage"."person_link" as l using (source_key)'
UNREADABLE = 'pivot "p"."marts"."payment" on person_id using sum(net_eur)'


def node(name: str, schema: str, sql: str, columns: list[str], reads: list[str]) -> dict[str, Any]:
    return {
        "name": name, "schema": schema, "resource_type": "model", "compiled_code": sql, "description": name,
        "columns": {column: {"description": column} for column in columns}, "depends_on": {"nodes": reads},
    }  # fmt: skip


def feed(name: str, identifier: str, columns: list[str]) -> dict[str, Any]:
    return {
        "name": name, "source_name": "tests", "identifier": identifier, "schema": "accepted", "resource_type": "source",
        "columns": {column: {"description": column} for column in columns},
    }  # fmt: skip


def manifest(home: Home) -> None:
    nodes = {
        "model.x.stg_tests__things": node("stg_tests__things", "staging", STAGING, ["payment_id", "amount_eur", "tax", "source_key"], ["source.x.tests.things"]),
        "model.x.payment": node("payment", "marts", MARTS, ["payment_id", "net_eur", "person_id", "payments"], ["model.x.stg_tests__things", "source.x.linkage.person_link"]),
        "model.x.odd": node("odd", "marts", UNREADABLE, ["a"], ["model.x.payment"]),
        "model.x.elsewhere": node("elsewhere", "marts", "", ["a"], []),
    }  # fmt: skip
    sources = {
        "source.x.tests.things": feed("things", "tests__things", ["id", "amount", "tax", "_source_key"]),
        "source.x.linkage.person_link": feed("person_link", "person_link", ["source_key", "person_id"])
        | {"schema": "linkage"},
    }
    file = home.root / "dbt" / "marts" / "manifest.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"nodes": nodes, "sources": sources}), encoding="utf-8")


def found(lineage: Lineage, mart: str) -> dict[str, ColumnLineage]:
    return {
        column.name: column for column in columns_of(lineage, lineage.resources[f"marts.{mart}"], {"tests__things"})
    }


def test_columns_lead_back_to_the_fields_of_agencies(home: Home, tmp_path: Path) -> None:
    manifest(home)
    lineage = trace(home)
    columns = found(lineage, "payment")
    assert columns["payment_id"].fields == (Origin("tests__things", "id", True),)
    assert columns["payment_id"].models == ("stg_tests__things",)
    assert columns["payment_id"].description == "payment_id"
    assert columns["net_eur"].fields == (Origin("tests__things", "amount", True), Origin("tests__things", "tax", True))
    assert columns["person_id"].fields == (Origin("person_link", "person_id", False),)
    assert columns["payments"].fields == ()
    assert staged_as(lineage, load(Feed(PROPERTIES).write(tmp_path))) == {
        "id": "payment_id", "amount": "amount_eur", "tax": "tax", "_source_key": "source_key",
    }  # fmt: skip


def test_what_nobody_can_follow_is_made_of_all_that_it_reads(home: Home) -> None:
    manifest(home)
    assert found(trace(home), "odd")["a"].fields == (
        Origin("tests__things", "*", True),
        Origin("person_link", "*", False),
    )


def test_a_model_that_did_not_run_has_no_page(home: Home) -> None:
    manifest(home)
    assert "marts.elsewhere" not in trace(home).resources


def test_nothing_built_yet_has_no_lineage(home: Home) -> None:
    assert trace(home).resources == {}
