"""Protected by default: a relation may stand in the open database only where each of its columns is proved open.

A column is open where all that it is made of is classified as public or internal by a contract, a seed or a source, or where
a reviewer has said in the model's YAML why it may be (`open_because`). What lineage cannot follow is protected.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import sqlglot
from sqlglot.errors import SqlglotError

from catalogue.dbt_manifest import OPEN, Resource, read_manifests, resources_of, run_hooks
from catalogue.lineage import HISTORY, MARTS, VERSIONED, Lineage
from catalogue.sql_lineage.shape import Field, Unresolved
from warehouse.engines.duckdb.engine import open_database

# Hooks that write no rows.
_HARMLESS = re.compile(r"(?is)^\s*(comment\s+on|analyze|checkpoint|vacuum|create\s+(unique\s+)?index)\b")
_PLACEHOLDER = re.compile(r"\{\{.*?\}\}", re.DOTALL)


class Exposed(Exception):
    """A build whose open database has what is protected, or what nobody can follow: each column with its path."""


@dataclass(frozen=True)
class Protection:
    """`run_hooks` is SQL that dbt runs beside all models."""

    lineage: Lineage
    run_hooks: tuple[str, ...] = ()

    @classmethod
    def read(cls, manifests: Iterable[Path]) -> "Protection":
        """From dbt's manifests, with the compiled SQL of what is or was built."""
        read = read_manifests(manifests)
        return cls(Lineage(resources_of(read)), tuple(run_hooks(read)))

    def open_relations(self) -> list[str]:
        """The unique ids of the models, seeds and snapshots whose columns are all proved open."""
        return sorted(
            resource.unique_id
            for key, resource in self.lineage.resources.items()
            if resource.kind != "source" and self.is_open(key)
        )

    def is_open(self, key: str) -> bool:
        columns = self.lineage.columns(key)
        return bool(columns) and all(self.why_protected(key, column) is None for column in columns)

    def why_protected(self, key: str, column: str) -> str | None:
        """The path from a protected field to this column, or why it cannot be followed; None where it is open."""
        resource = self.lineage.resources[key]
        if self._is_excepted(resource, column):
            return None
        if has_writing_hook(resource):
            return f"{resource.label}.{column} (a hook of {resource.label} may write there what its SQL does not say)"
        if key in self.lineage.faults:
            return f"{resource.label}.{column} ({self.lineage.faults[key]})"
        if column not in self.lineage.columns(key):
            return f"{resource.label}.{column} (its SQL has no such column)"
        return self._path_to([(field, None) for field in self.lineage.fields(key, column)])

    def why_protected_in_view(self, sql: str) -> str | None:
        """The same for any column of a view over these relations."""
        try:
            row = self.lineage.read_view(sql)
        except Unresolved as fault:
            return str(fault)
        return self._path_to([(field, None) for shape in row.values() for field in sorted(shape.all_origins)])

    def _path_to(self, waiting: list[tuple[Field, Field | None]]) -> str | None:
        """Breadth first, so that the path is a shortest one."""
        came_from: dict[Field, Field | None] = {}
        while waiting:
            here, before = waiting.pop(0)
            resource = self.lineage.resources[here.relation]
            if here in came_from or self._is_excepted(resource, here.column):
                continue
            came_from[here] = before
            noted = resource.columns.get(here.column)
            if resource.is_made_of_nothing and (noted is None or noted.classification not in OPEN):
                return self._told(here, came_from)
            waiting += [(origin, here) for origin in sorted(self.lineage.made_of(here))]
        return None

    def _told(self, field: Field, came_from: dict[Field, Field | None]) -> str:
        steps: list[str] = []
        at: Field | None = field
        while at is not None:
            step = f"{self.lineage.resources[at.relation].label}.{at.column}"
            if step not in steps:
                steps.append(step)
            at = came_from[at]
        return " -> ".join(steps)

    @staticmethod
    def _is_excepted(resource: Resource, column: str) -> bool:
        noted = resource.columns.get(column)
        return not resource.is_made_of_nothing and noted is not None and noted.open_because is not None


def has_writing_hook(resource: Resource) -> bool:
    """Whether a hook may write into a relation what its SQL does not say."""
    return any(_writes(hook) for hook in resource.hooks)


def _writes(hook: str) -> bool:
    statements = [part for part in _PLACEHOLDER.sub("x", hook).split(";") if part.strip()]
    return any("{%" in part or not _HARMLESS.match(part) for part in statements)


def refuse_exposed(database: Path, protection: Protection, own: Sequence[str]) -> None:
    """Look at what stands in the open database, whoever put it there. `own` are the schemas' relations that the platform makes.

    Raises Exposed naming each column that a protected field reaches, and by which path.
    """
    with open_database(database, read_only=True) as connection:
        found = [*_exposed_tables(connection, protection, frozenset(own)), *_exposed_views(connection, protection)]
    found += [
        f"a hook of all runs may write anywhere: {hook.strip()[:80]}" for hook in protection.run_hooks if _writes(hook)
    ]
    if found:
        shown = "; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
        raise Exposed(
            f"what is protected stands in the open database: {shown}. Leave the column out, let dbt place the relation, or have "
            "`open_because` reviewed and written beside the column in the model's YAML"
        )


def _exposed_tables(connection: duckdb.DuckDBPyConnection, protection: Protection, own: frozenset[str]) -> list[str]:
    rows = connection.execute("""
        SELECT lower(schema_name), lower(table_name), lower(column_name)
        FROM duckdb_columns() SEMI JOIN duckdb_tables() USING (database_name, schema_name, table_name)
        WHERE database_name = current_database()
        ORDER BY ALL""").fetchall()
    found = []
    for schema, table, column in rows:
        if f"{schema}.{table}" in own or (schema == HISTORY and column in VERSIONED):
            continue
        key = f"{MARTS if schema == HISTORY else schema}.{table}"
        if key not in protection.lineage.resources or protection.lineage.resources[key].kind == "source":
            found.append(f"{schema}.{table}.{column} (no model makes this table)")
        elif why := protection.why_protected(key, column):
            found.append(f"{schema}.{table}.{column}: {why}")
    return found


def _exposed_views(connection: duckdb.DuckDBPyConnection, protection: Protection) -> list[str]:
    rows = connection.execute("""
        SELECT lower(schema_name), lower(view_name), sql
        FROM duckdb_views()
        WHERE NOT internal AND database_name = current_database()
        ORDER BY ALL""").fetchall()
    found = []
    for schema, view, sql in rows:
        resource = protection.lineage.resources.get(f"{schema}.{view}")
        # A model's view by its model, where exceptions are written; any other by its own words.
        if resource is not None and resource.kind != "source" and _same_query(resource.sql, sql):
            whys = [
                protection.why_protected(resource.key, column) for column in protection.lineage.columns(resource.key)
            ]
            why = next((why for why in whys if why), None)
        else:
            why = protection.why_protected_in_view(sql)
        if why:
            found.append(f"{schema}.{view}: {why}")
    return found


def _same_query(model: str | None, view: str) -> bool:
    """Whether a view is what its model says: nothing has replaced it since."""
    try:
        created = sqlglot.parse_one(view, dialect="duckdb")
        return model is not None and created.expression.sql() == sqlglot.parse_one(model, dialect="duckdb").sql()
    except (SqlglotError, AttributeError):
        return False
