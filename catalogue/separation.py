"""The separation principle of statistical offices, proved on the models: who somebody is stands apart from what is said of them.

A relation that is protected lies in `restricted` only where lineage proves that each of its columns is identifying or says nothing of
anybody; any other lies in the vault. Identifying are the agencies' fields that the records of people and bodies are made of, which is
all that linkage reads. A field is never identifying that is an amount by its contract, or special-category and no identifier: a model of records
that reads one is not proved, and such a build is refused before it begins.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from catalogue.dbt_manifest import SEED, SOURCE
from catalogue.lineage import HISTORY, MARTS, Lineage
from catalogue.protection import Exposed, Protection, has_writing_hook
from catalogue.sql_lineage.shape import Field
from warehouse.engines.duckdb.engine import open_database
from warehouse.store.restricted import RESTRICTED, VAULT, attach_protected, restricted_file

# What linkage reads.
RECORDS = ("intermediate.int_person_record", "intermediate.int_body_record")
_SPECIAL = "special-category"
_AMOUNTS = ("DECIMAL", "DOUBLE", "FLOAT")
_EVERY = "*"


@dataclass(frozen=True)
class Separation:
    """What `protection` knows of the models, and what follows of it for the two protected databases."""

    protection: Protection

    @property
    def lineage(self) -> Lineage:
        return self.protection.lineage

    @cached_property
    def identifying(self) -> frozenset[Field]:
        """The agencies' fields, whole, that say who somebody is."""
        read = (
            _whole(field)
            for key in RECORDS
            if key in self.lineage.resources
            for column in self.lineage.columns(key)
            for field in self.lineage.trace(key, column).fields
        )
        return frozenset(field for field in read if not self._says_nothing(field) and not self._is_content(field))

    def identifying_relations(self) -> list[str]:
        """The unique ids of the models and snapshots that are protected and may lie in `restricted`."""
        return sorted(
            resource.unique_id
            for key, resource in self.lineage.resources.items()
            if resource.kind not in (SOURCE, SEED) and not self.protection.is_open(key) and self.why_mixed(key) is None
        )

    def why_mixed(self, key: str) -> str | None:
        """The first column of a relation that is not proved identifying, and what it is made of; None where all are."""
        resource = self.lineage.resources[key]
        if has_writing_hook(resource):
            return f"{resource.label} (a hook may write there what its SQL does not say)"
        if key in self.lineage.faults:
            return f"{resource.label} ({self.lineage.faults[key]})"
        for column in self.lineage.columns(key):
            for field in self.lineage.trace(key, column).fields:
                if not self._says_nothing(field) and _whole(field) not in self.identifying:
                    return f"{resource.label}.{column} <- {self.lineage.resources[field.relation].label}.{field.column}"
        return None

    def mixed_records(self) -> list[str]:
        """Why the relations that linkage reads may not be read by it; empty where they hold identifying columns alone."""
        found = (self.why_mixed(key) for key in RECORDS if key in self.lineage.resources)
        return [why for why in found if why is not None]

    def _says_nothing(self, field: Field) -> bool:
        """Where a row is from, a code list, and what linkage says of records: their random ids."""
        resource = self.lineage.resources[field.relation]
        return field.column.startswith("_") or resource.kind == SEED or resource.schema == "linkage"

    def _is_content(self, field: Field) -> bool:
        noted = self.lineage.resources[field.relation].columns.get(field.column)
        if field.column == _EVERY or noted is None:
            return True
        is_special = noted.classification == _SPECIAL and noted.identifier_kind is None
        return is_special or (noted.data_type or "").startswith(_AMOUNTS)


def _whole(field: Field) -> Field:
    return Field(field.relation, field.column)


def refuse_mixed(database: Path, separation: Separation, own: frozenset[str]) -> None:
    """Look at what stands in the restricted database of a build, whoever put it there. `own` are relations that linkage makes.

    Raises Exposed naming each relation that is not proved to tell only who people are.
    """
    if not restricted_file(database).exists():
        return
    with open_database(database, read_only=True) as connection:
        attach_protected(connection, database, read_only=True)
        rows = connection.execute(f"""
            SELECT DISTINCT lower(schema_name), lower(name)
            FROM (
                SELECT database_name, schema_name, table_name AS name FROM duckdb_tables()
                UNION ALL
                SELECT database_name, schema_name, view_name FROM duckdb_views() WHERE NOT internal
            )
            WHERE database_name = '{RESTRICTED}'
            ORDER BY ALL
        """).fetchall()
    found = list(_mixed(rows, separation, own))
    if found:
        more = f"; and {len(found) - 5} more" if found[5:] else ""
        raise Exposed(
            f"what is said of people stands beside who they are in the restricted database: {'; '.join(found[:5])}{more}. Let dbt place "
            f"the relation: it belongs into the {VAULT}"
        )


def _mixed(rows: list[tuple[str, str]], separation: Separation, own: frozenset[str]) -> Iterator[str]:
    for schema, name in rows:
        if f"{schema}.{name}" in own:
            continue
        key = f"{MARTS if schema == HISTORY else schema}.{name}"
        if key not in separation.lineage.resources:
            yield f"{schema}.{name} (no model makes it)"
        elif why := separation.why_mixed(key):
            yield f"{schema}.{name}: {why}"
