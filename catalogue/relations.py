"""What the published night holds, as a person who looks for data wants to know it: read from the build itself and what dbt said of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from catalogue.dbt_manifest import SOURCE
from catalogue.keys import reference
from catalogue.lineage import Lineage
from catalogue.protection import Protection
from warehouse.store.feeds_in_use import InUse, read_feeds_in_use
from warehouse.store.restricted import PROTECTED

# In the order in which people look for things.
SCHEMAS = ("marts", "identity", "history", "linkage", "quality", "intermediate", "staging", "seeds")


@dataclass(frozen=True)
class Column:
    """`filled` is the share of rows with a value (None where nobody measured it), `origins` the agencies' fields it is made of."""

    name: str
    type: str
    says: str
    is_key: bool
    leads_to: str | None
    filled: float | None
    origins: tuple[str, ...]
    protected_because: str | None


@dataclass(frozen=True)
class Relation:
    """`protected_in` is the database that it lies in, where that is not the open one. `feeds` are those that it is made of, `rules` what the gates looked at in it: what each says, and whether it holds."""

    schema: str
    name: str
    protected_in: str | None
    says: str
    rows: int
    columns: tuple[Column, ...]
    feeds: tuple[InUse, ...]
    rules: tuple[tuple[str, bool, str], ...]

    @property
    def key(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def words(self) -> str:
        """All that a search looks in."""
        said = [self.key, self.says, *(f"{column.name} {column.says}" for column in self.columns)]
        return " ".join(" ".join(said).lower().split())


@dataclass(frozen=True)
class Known:
    """What was said of the relations before they were built."""

    protection: Protection
    keys: Mapping[str, tuple[str, ...]]

    @property
    def lineage(self) -> Lineage:
        return self.protection.lineage


def relations_of(connection: duckdb.DuckDBPyConnection, known: Known) -> list[Relation]:
    """Of the published database that is open, and of the protected ones where they are attached."""
    feeds, filled, rules = _feeds(connection), _filled(connection), _rules(connection)
    found = []
    for database, schema, table, says, rows in connection.execute(_TABLES).fetchall():
        key = f"{schema}.{table}"
        columns = tuple(_columns(connection, (database, schema, table), known, filled))
        sources = sorted({origin.partition(":")[0] for column in columns for origin in column.origins})
        found.append(Relation(
            schema, table, database if database in PROTECTED else None, says or _said(known, key), rows, columns,
            tuple(feeds[name] for name in sources if name in feeds),
            tuple((text, passed, observed) for text, passed, observed in rules if f".{table}" in text or f" {table} " in text),
        ))  # fmt: skip
    return sorted(found, key=lambda relation: (SCHEMAS.index(relation.schema), relation.name))


_TABLES = f"""
    SELECT database_name, schema_name, table_name, comment, estimated_size
    FROM duckdb_tables()
    WHERE NOT internal AND NOT temporary AND schema_name IN {SCHEMAS}"""
_COLUMNS = """
    SELECT column_name, data_type, coalesce(comment, '')
    FROM duckdb_columns()
    WHERE database_name = ? AND schema_name = ? AND table_name = ?
    ORDER BY column_index"""
_FILLED = """
    SELECT mart, measure, value
    FROM quality.mart_night
    QUALIFY row_number() OVER (PARTITION BY mart, measure ORDER BY extract_date DESC) = 1"""
_RULES = """
    SELECT coalesce(nullif(description, ''), rule), passed, observed_value
    FROM quality.gate_result
    WHERE agency = 'harmonised' AND extract_date = (SELECT max(extract_date) FROM quality.gate_result)
    ORDER BY passed, rule"""


def _feeds(connection: duckdb.DuckDBPyConnection) -> dict[str, InUse]:
    return {feed.name: feed for feed in read_feeds_in_use(connection)}


def _filled(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], float]:
    return {(mart, measure): value for mart, measure, value in connection.execute(_FILLED).fetchall()}


def _rules(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, bool, str]]:
    return connection.execute(_RULES).fetchall()


def _columns(
    connection: duckdb.DuckDBPyConnection,
    place: tuple[str, str, str],
    known: Known,
    filled: Mapping[tuple[str, str], float],
) -> Iterable[Column]:
    _, schema, table = place
    key = f"{schema}.{table}"
    for name, kind, says in connection.execute(_COLUMNS, list(place)).fetchall():
        noted = known.lineage.resources[key].columns.get(name) if key in known.lineage.resources else None
        yield Column(
            name, kind, says or (noted.description if noted else ""), name in known.keys.get(key, ()),
            reference(key, name, known.keys) if schema in ("marts", "identity") else None,
            filled.get((table, name)) if schema == "marts" else None,
            tuple(_origins(known.lineage, key, name)), _protected(known, key, name),
        )  # fmt: skip


def _origins(lineage: Lineage, key: str, column: str) -> list[str]:
    """Agencies' fields, as agency/feed: field, field; not what the platform itself notes of each row."""
    if key not in lineage.resources:
        return []
    fields: dict[str, list[str]] = {}
    for field in lineage.trace(key, column).fields:
        source = lineage.resources[field.relation]
        if source.kind == SOURCE and not field.column.startswith("_"):
            fields.setdefault(source.label, []).append(field.column)
    return [f"{feed}: {', '.join(sorted(names))}" for feed, names in sorted(fields.items())]


def _protected(known: Known, key: str, column: str) -> str | None:
    if key not in known.lineage.resources or known.lineage.resources[key].kind == SOURCE:
        return None
    return known.protection.why_protected(key, column)


def _said(known: Known, key: str) -> str:
    resource: Any = known.lineage.resources.get(key)
    return resource.description if resource else ""
