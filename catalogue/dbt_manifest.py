"""What dbt knows of its models, seeds, snapshots and sources, read from its manifests: their SQL, and what is said of their columns."""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.home import Home

# What everybody may see who may read the warehouse; anything else is protected, and what nobody classified too.
OPEN = ("public", "internal")
SOURCE, SEED, SNAPSHOT = "source", "seed", "snapshot"
_MADE = ("model", SEED, SNAPSHOT)


@dataclass(frozen=True)
class Noted:
    """What is written of a column: `open_because` is a reviewer's reason why it may be open although what it is made of is not,
    `data_type` and `identifier_kind` what its contract says of an agency's field.
    """

    description: str = ""
    classification: str | None = None
    open_because: str | None = None
    data_type: str | None = None
    identifier_kind: str | None = None


@dataclass(frozen=True)
class Resource:
    """A relation that dbt makes or reads. `label` is what people call it: agency/feed, or a model's name."""

    unique_id: str
    kind: str
    schema: str
    name: str
    label: str
    description: str
    sql: str | None
    columns: dict[str, Noted]
    reads: tuple[str, ...]
    hooks: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """`schema.name`: the same in whichever of a night's databases it lies."""
        return f"{self.schema}.{self.name}".lower()

    @property
    def is_made_of_nothing(self) -> bool:
        """Where lineage ends."""
        return self.kind in (SOURCE, SEED)


def read_manifests(files: Iterable[Path]) -> list[dict[str, Any]]:
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def resources_of(manifests: Iterable[dict[str, Any]]) -> dict[str, Resource]:
    """By `schema.name`. Of a model that several manifests know, the one that has its SQL as it ran."""
    found: dict[str, Resource] = {}
    for manifest in manifests:
        names = {
            unique_id: f"{node['schema']}.{node.get('identifier') or node.get('alias') or node['name']}".lower()
            for unique_id, node in [*manifest["nodes"].items(), *manifest["sources"].items()]
        }
        for unique_id, node in [*manifest["nodes"].items(), *manifest["sources"].items()]:
            if node["resource_type"] in (*_MADE, SOURCE):
                resource = _resource(unique_id, node, names)
                if resource.key not in found or resource.sql or found[resource.key].sql is None:
                    found[resource.key] = resource
    return found


def run_hooks(manifests: Iterable[dict[str, Any]]) -> list[str]:
    """SQL that dbt runs before or after all models."""
    return [
        str(node.get("raw_code") or "")
        for manifest in manifests
        for node in manifest["nodes"].values()
        if node["resource_type"] == "operation"
    ]


def _resource(unique_id: str, node: dict[str, Any], names: dict[str, str]) -> Resource:
    kind, config = node["resource_type"], node.get("config") or {}
    whole = _meta(node)
    columns = {
        name.lower(): _noted(column, whole.get("classification") if kind in (SOURCE, SEED) else None)
        for name, column in node.get("columns", {}).items()
    }
    if kind == SEED:
        columns = {
            name: columns.get(name, Noted(classification=whole.get("classification"))) for name in _heading(node)
        } | columns
    is_sql = kind in ("model", SNAPSHOT) and node.get("language", "sql") == "sql"
    return Resource(
        unique_id=unique_id, kind=kind, schema=node["schema"], name=node.get("identifier") or node.get("alias") or node["name"],
        label=f"{node['source_name']}/{node['name']}" if kind == SOURCE else node["name"],
        description=node.get("description") or "", sql=node.get("compiled_code") or None if is_sql else None, columns=columns,
        reads=tuple(names[read] for read in (node.get("depends_on") or {}).get("nodes", []) if read in names),
        hooks=tuple(str(hook["sql"]) for side in ("pre-hook", "post-hook") for hook in config.get(side) or []),
    )  # fmt: skip


def _noted(column: dict[str, Any], otherwise: str | None) -> Noted:
    meta = _meta(column)
    reason = meta.get("open_because")
    # A reason is words: `true` is none.
    said = reason.strip() if isinstance(reason, str) and len(reason.split()) > 1 else None
    return Noted(
        column.get("description") or "",
        meta.get("classification") or otherwise,
        said,
        column.get("data_type"),
        meta.get("identifier_kind"),
    )


def _meta(node: dict[str, Any]) -> dict[str, Any]:
    return {**(node.get("meta") or {}), **((node.get("config") or {}).get("meta") or {})}


def _heading(node: dict[str, Any]) -> list[str]:
    """The columns that a seed's file has, also those that nobody described."""
    file = Path(node.get("root_path") or ".") / node["original_file_path"]
    if not file.is_file():
        return []
    with file.open(encoding="utf-8-sig", newline="") as lines:
        delimiter = (node.get("config") or {}).get("delimiter") or ","
        return [name.strip().lower() for name in next(csv.reader(lines, delimiter=delimiter), [])]


def ran(home: Home) -> list[Path]:
    """The manifests that a night's invocations of dbt left, with the SQL that ran."""
    return sorted(home.dbt.glob("*/manifest.json"))
