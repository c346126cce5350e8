"""From which agency's field a column of the shared tables comes, and through which models: read from dbt's compiled SQL."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.pages import Site
from sources.contract import Contract
from warehouse.files import write_text
from warehouse.home import Home

_MARTS = ("marts", "identity")
_CACHE = "lineage.json"
_ALL = "*"
# The platform's own columns beside a feed's.
_OWN = ("_agency", "_feed", "_extract_date", "_source_key")


@dataclass(frozen=True)
class Origin:
    """One column that another is made of, in an agency's feed or in a relation of the platform; `*` is all that is in it."""

    relation: str
    column: str
    is_agency_field: bool


@dataclass(frozen=True)
class ColumnLineage:
    """A mart's column: the agencies' fields it is made of in the end, and the models on the way, nearest first."""

    name: str
    description: str
    fields: tuple[Origin, ...]
    models: tuple[str, ...]


@dataclass(frozen=True)
class _Model:
    """A dbt model: what it is called, its SQL as it ran, and its documented columns."""

    name: str
    schema: str
    sql: str
    columns: dict[str, str]
    description: str
    reads: tuple[str, ...]


Direct = dict[str, dict[str, list[Origin]]]


@dataclass(frozen=True)
class Lineage:
    """Of all models that ran: `direct` has, by model and column, the columns of other relations that it is made of."""

    models: dict[str, "_Model"]
    direct: Direct

    def staged_as(self, contract: Contract) -> dict[str, str]:
        """The feed's columns that its staging model only renames or casts, and what they are called there."""
        staged = self.direct.get(f"stg_{contract.relation}", {})
        names: dict[str, str] = {}
        for column, origins in staged.items():
            if column != _ALL and len(origins) == 1 and origins[0].relation == contract.relation:
                names.setdefault(origins[0].column, column)
        return names


def trace(home: Home, contracts: Sequence[Contract]) -> Lineage:
    """Read from what dbt left; empty where it has built nothing yet."""
    models = _models(home)
    return Lineage(models, _direct(models, contracts, home))


def write_lineage(lineage: Lineage, site: Site) -> list[Path]:
    """A page for each mart and one that lists them."""
    marts = {name: model for name, model in lineage.models.items() if model.schema in _MARTS}
    pages = [
        site.write("mart", f"lineage/{name}.html", mart=model, columns=_columns(model, lineage.direct))
        for name, model in sorted(marts.items())
    ]
    return [*pages, site.write("lineage", "lineage.html", marts=sorted(marts.values(), key=lambda mart: mart.name))]


def _models(home: Home) -> dict[str, _Model]:
    """By name, from the manifests that dbt left: only what ran has its SQL."""
    found: dict[str, _Model] = {}
    for manifest in sorted((home.root / "dbt").glob("*/manifest.json")):
        for node in json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values():
            if node["resource_type"] == "model" and node.get("compiled_code"):
                columns = {name: column.get("description") or "" for name, column in node["columns"].items()}
                found[node["name"]] = _Model(
                    node["name"], node["schema"], node["compiled_code"], columns, node.get("description") or "",
                    tuple(_short(name) for name in node["depends_on"]["nodes"]),
                )  # fmt: skip
    return found


def _sources(home: Home) -> dict[str, list[str]]:
    """The documented columns of what dbt reads and does not make, such as the links."""
    return {
        source["identifier"]: list(source["columns"])
        for manifest in (home.root / "dbt").glob("*/manifest.json")
        for source in json.loads(manifest.read_text(encoding="utf-8"))["sources"].values()
        if source["columns"]
    }


def _short(unique_id: str) -> str:
    """`model.project.name` as name, `source.project.agency.feed` as the relation agency__feed."""
    kind, _, *names = unique_id.split(".")
    return "__".join(names) if kind == "source" else names[-1]


def _direct(models: dict[str, _Model], contracts: Sequence[Contract], home: Home) -> Direct:
    """For each model and column, the columns of other relations that it is made of.

    To read all models takes seconds, so what was found of the same SQL is kept from night to night.
    """
    known = {contract.relation: [*(column.name for column in contract.columns), *_OWN] for contract in contracts}
    cache = home.quality / _CACHE
    before = json.loads(cache.read_text(encoding="utf-8")) if cache.exists() else {}
    columns = {**_sources(home), **known, **{name: list(model.columns) for name, model in models.items()}}
    kept, direct = {}, {}
    for name, model in models.items():
        mark = hashlib.sha256(json.dumps([model.sql, sorted(model.columns)]).encode()).hexdigest()
        kept[mark] = before.get(mark) or _traced(model, columns)
        direct[name] = {
            column: [Origin(relation, field, relation in known) for relation, field in origins]
            for column, origins in kept[mark].items()
        }
        # What the parser cannot follow column by column is made of all that the model reads.
        whole = [Origin(relation, _ALL, relation in known) for relation in model.reads]
        direct[name] |= {column: whole for column in [*model.columns, _ALL] if not direct[name].get(column)}
    if kept.keys() != before.keys():
        write_text(cache, json.dumps(kept))
    return direct


def _traced(model: _Model, columns: dict[str, list[str]]) -> dict[str, list[list[str]]]:
    """Relation and column of each origin, by column of the model; a column that the parser cannot follow is left out."""
    import logging

    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    # It warns of each column that it cannot follow; the page says so where it matters.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        tree = parse_one(model.sql, dialect="duckdb")
        # Relations by their own name alone: a model's name is unique, and what is attached under which name changes nothing.
        for table in tree.find_all(exp.Table):
            table.set("db", None)
            table.set("catalog", None)
        used = {table.name for table in tree.find_all(exp.Table)}
        schema: dict[str, object] = {name: dict.fromkeys(columns[name], "unknown") for name in used if name in columns}
        qualified = qualify(tree, schema=schema, dialect="duckdb", validate_qualify_columns=False, identify=False)
        scope = build_scope(qualified)
    except SqlglotError:
        return {}
    found = {}
    for column in model.columns:
        try:
            node = lineage(column, qualified, schema=schema, scope=scope, dialect="duckdb", trim_selects=False)
        except (SqlglotError, ValueError):
            continue
        found[column] = sorted({origin for leaf in node.walk() if not leaf.downstream for origin in _origin(leaf)})
    return {column: [list(origin) for origin in origins] for column, origins in found.items()}


def _origin(leaf: Any) -> list[tuple[str, str]]:
    from sqlglot import exp

    if not isinstance(leaf.expression, exp.Table):
        return []
    return [(leaf.expression.name, leaf.name.rpartition(".")[2].strip('"'))]


def _columns(model: _Model, direct: Direct) -> list[ColumnLineage]:
    return [ColumnLineage(name, said, *_followed(model.name, name, direct)) for name, said in model.columns.items()]


def _followed(model: str, column: str, direct: Direct) -> tuple[tuple[Origin, ...], tuple[str, ...]]:
    """Back through the models until an agency's field or a relation that no model makes."""
    fields: dict[Origin, None] = {}
    models: dict[str, None] = {}
    waiting, seen = [Origin(model, column, False)], set()
    while waiting:
        here = waiting.pop(0)
        if here in seen:
            continue
        seen.add(here)
        if here.relation in direct:
            models.setdefault(here.relation)
            waiting += direct[here.relation].get(here.column) or direct[here.relation][_ALL]
        else:
            fields.setdefault(here)
    models.pop(model, None)
    return tuple(
        sorted(fields, key=lambda origin: (not origin.is_agency_field, origin.relation, origin.column))
    ), tuple(models)
