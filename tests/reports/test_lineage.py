"""Lineage from dbt's compiled SQL: through models, renamings and sums, back to the agencies' fields."""

import json
from pathlib import Path
from typing import Any

from reports.lineage import Origin, _columns, trace
from sources.contract_file import load
from tests.conftest import Feed
from warehouse.home import Home

PROPERTIES = [
    "{name: id, logicalType: string, primaryKey: true}",
    "{name: amount, logicalType: number}",
    "{name: tax, logicalType: number}",
]
STAGING = 'with payments as (select * from "p"."accepted"."tests__things") select id as payment_id, amount as amount_eur, tax, _source_key as source_key from payments'
MARTS = 'select s.payment_id, s.amount_eur - s.tax as net_eur, l.person_id, count(*) over () as payments from "r"."staging"."stg_tests__things" as s join "p"."linkage"."person_link" as l using (source_key)'
UNREADABLE = 'select unnest([{ \'a\': payment_id }], recursive := true) from "p"."marts"."payment"'


def node(name: str, schema: str, sql: str, columns: list[str], reads: list[str]) -> dict[str, Any]:
    return {
        "name": name, "schema": schema, "resource_type": "model", "compiled_code": sql, "description": name,
        "columns": {column: {"description": column} for column in columns}, "depends_on": {"nodes": reads},
    }  # fmt: skip


def manifest(home: Home) -> None:
    nodes = {
        "1": node("stg_tests__things", "staging", STAGING, ["payment_id", "amount_eur", "tax", "source_key"], ["source.x.tests.things"]),
        "2": node("payment", "marts", MARTS, ["payment_id", "net_eur", "person_id", "payments"], ["model.x.stg_tests__things", "source.x.linkage.person_link"]),
        "3": node("odd", "marts", UNREADABLE, ["a"], ["model.x.payment"]),
    }  # fmt: skip
    file = home.root / "dbt" / "marts" / "manifest.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"nodes": nodes, "sources": {}}), encoding="utf-8")


def test_columns_lead_back_to_the_fields_of_agencies(home: Home, tmp_path: Path) -> None:
    manifest(home)
    contract = load(Feed(PROPERTIES).write(tmp_path))
    for _ in range(2):
        lineage = trace(home, [contract])
        found = {column.name: column for column in _columns(lineage.models["payment"], lineage.direct)}
        assert found["payment_id"].fields == (Origin("tests__things", "id", True),)
        assert found["payment_id"].models == ("stg_tests__things",)
        assert found["net_eur"].fields == (
            Origin("tests__things", "amount", True),
            Origin("tests__things", "tax", True),
        )
        assert [origin.relation for origin in found["person_id"].fields] == ["person_link"]
        assert lineage.staged_as(contract) == {
            "id": "payment_id",
            "amount": "amount_eur",
            "tax": "tax",
            "_source_key": "source_key",
        }
    assert (home.quality / "lineage.json").exists()


def test_what_the_parser_cannot_follow_is_made_of_all_that_it_reads(home: Home, tmp_path: Path) -> None:
    manifest(home)
    lineage = trace(home, [load(Feed(PROPERTIES).write(tmp_path))])
    (column,) = _columns(lineage.models["odd"], lineage.direct)
    assert Origin("tests__things", "*", True) in column.fields


def test_nothing_built_yet_has_no_lineage(home: Home) -> None:
    assert trace(home, []).models == {}
