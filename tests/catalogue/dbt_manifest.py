"""Resources as dbt's manifest would name them, in few words."""

from typing import Any

from catalogue.dbt_manifest import Resource, resources_of
from catalogue.lineage import Lineage
from catalogue.protection import Protection

PEOPLE = {
    "number": "personal", "name": "personal", "born": "personal", "diagnosis": "special-category", "town": "internal",
    "kind": "public", "tags": "public", "unsaid": None, "_source_key": "public",
}  # fmt: skip
CODES = {"code": "public", "label": "public"}


def source(agency: str, feed: str, columns: dict[str, str | None]) -> dict[str, Any]:
    return {
        "resource_type": "source", "schema": "accepted", "name": feed, "identifier": f"{agency}__{feed}", "source_name": agency,
        "config": {"meta": {}}, "columns": {name: _column(name, {"classification": kind} if kind else {}) for name, kind in columns.items()},
    }  # fmt: skip


def model(
    name: str, sql: str, schema: str = "marts", open_because: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "resource_type": "model", "schema": schema, "name": name, "alias": name, "compiled_code": sql, "language": "sql", "config": {},
        "columns": {column: _column(column, {"open_because": why}) for column, why in (open_because or {}).items()},
        "depends_on": {"nodes": []}, **more,
    }  # fmt: skip


def seed(name: str, columns: dict[str, str | None]) -> dict[str, Any]:
    found = source("x", name, columns)
    own = {"resource_type": "seed", "schema": "seeds", "alias": name, "identifier": None}
    return found | own | {"original_file_path": "nowhere.csv"}


def manifest(*nodes: dict[str, Any]) -> dict[str, Any]:
    """Beside `nodes`: the feed hospital/patient, the code list seeds.codes."""
    known = [source("hospital", "patient", PEOPLE), seed("codes", CODES), *nodes]
    named = {f"{node['resource_type']}.p.{node['name']}": node for node in known}
    sources = {name: node for name, node in named.items() if name.startswith("source.")}
    return {"nodes": {name: node for name, node in named.items() if name not in sources}, "sources": sources}


def resources(*nodes: dict[str, Any]) -> dict[str, Resource]:
    return resources_of([manifest(*nodes)])


def lineage(*nodes: dict[str, Any]) -> Lineage:
    return Lineage(resources(*nodes))


def protection(*nodes: dict[str, Any]) -> Protection:
    return Protection(lineage(*nodes))


def _column(name: str, meta: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "description": name, "config": {"meta": meta}, "meta": {}}
