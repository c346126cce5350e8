"""Purpose follows the data: which agreements and purposes each column of a mart stands under by lineage, and its rows by what joins and
chooses them; and what may not be joined.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import reduce
from pathlib import Path

from catalogue.dbt_manifest import SOURCE, Resource
from catalogue.lineage import Lineage
from catalogue.sql_lineage.shape import Field
from sharing.agreements.purposes import broadest
from sharing.policy.policy import Cover, Policy
from warehouse.engines.duckdb.engine import literal, open_database, quoted
from warehouse.store.restricted import attach_protected

_MARTS = ("marts", "identity")
_EVERY = "*"
ROWS = "(which rows)"


class NotForOnePurpose(Exception):
    """A mart joins what may be joined for no purpose: which fields, under which agreements, and what to do."""


@dataclass(frozen=True)
class Use:
    """A column, the agencies' fields it is made of (`agency/feed: column`), and what it stands under. `purposes` are all that every
    agreement on it allows; None where it is made of no agency's field.
    """

    column: str
    fields: tuple[str, ...]
    agreements: tuple[str, ...]
    purposes: frozenset[str] | None


@dataclass(frozen=True)
class Purposes:
    """The purposes of marts, by the agreements in force on a day and the lineage of a build."""

    policy: Policy
    lineage: Lineage
    on: date

    @classmethod
    def today(cls, policy: Policy, lineage: Lineage) -> "Purposes":
        return cls(policy, lineage, datetime.now(UTC).date())

    def marts(self) -> list[Resource]:
        found = [one for one in self.lineage.resources.values() if one.schema in _MARTS and one.kind != SOURCE]
        return sorted(found, key=lambda mart: mart.key)

    def uses(self, key: str) -> list[Use]:
        """Of each column of a relation, in their order. Raises KeyError where there is no such relation."""
        return [self.use(key, column) for column in self.lineage.columns(key)]

    def use(self, key: str, column: str) -> Use:
        return self._use(column, self.lineage.trace(key, column).fields)

    def rows_by(self, key: str) -> Use:
        """The agencies' fields by which the rows of a relation are chosen or joined, whether they stand in a column or not."""
        return self._use(
            ROWS, [field for field in self.lineage.chosen_by(key).fields if not field.column.startswith("_")]
        )

    def _use(self, column: str, read: Iterable[Field]) -> Use:
        fields = [field for field in read if self._is_agencys(field)]
        covers = [(field, self._cover(field)) for field in fields]
        agreements = sorted({f"{one.id} version {one.version}" for _, cover in covers for one in cover.agreements})
        said = [purposes for field, cover in covers if (purposes := _purposes(cover, field.column)) is not None]
        return Use(
            column,
            tuple(f"{self.lineage.resources[field.relation].label}: {field.column}" for field in fields),
            tuple(agreements),
            reduce(frozenset.intersection, said) if said else None,
        )

    def common(self, key: str) -> frozenset[str] | None:
        """The purposes that all columns of a mart, and what its rows are chosen by, may serve; None where there is no agency's field."""
        said = [use.purposes for use in (*self.uses(key), self.rows_by(key)) if use.purposes is not None]
        return reduce(frozenset.intersection, said) if said else None

    def conflict(self, key: str) -> str | None:
        """Why a mart may serve no purpose: two of its fields whose agreements have none in common, or None where it may."""
        if self.common(key) != frozenset():
            return None
        uses = [use for use in (*self.uses(key), self.rows_by(key)) if use.purposes is not None]
        label = self.lineage.resources[key].label
        for place, one in enumerate(uses):
            for other in uses[place:]:
                if not (one.purposes or frozenset()) & (other.purposes or frozenset()):
                    return f"{label} joins {_told(one, label)} with {_told(other, label)}"
        return f"{label} joins {'; '.join(_told(use, label) for use in uses)}"

    def _is_agencys(self, field: Field) -> bool:
        return self.lineage.resources[field.relation].kind == SOURCE

    def _cover(self, field: Field) -> Cover:
        return self.policy.cover(self.lineage.resources[field.relation].label, self.on)


def refuse_joined(purposes: Purposes) -> None:
    """Raises NotForOnePurpose where a mart may serve none."""
    found = [said for mart in purposes.marts() if (said := purposes.conflict(mart.key)) is not None]
    if found:
        raise NotForOnePurpose(
            f"{'; '.join(found[:3])}: no purpose is common to all of it. Leave a side out of the mart, or have the agreements allow "
            "one purpose for both (onward_use)"
        )


def comment(database: Path, purposes: Purposes) -> None:
    """Say of each mart in its comment under which agreements it stands, and for which purposes."""
    with open_database(database) as connection:
        attach_protected(connection, database)
        rows = connection.execute(f"""
            SELECT database_name, schema_name, table_name, coalesce(comment, '')
            FROM duckdb_tables()
            WHERE schema_name IN {_MARTS}
        """).fetchall()
        for catalog, schema, table, says in rows:
            key = f"{schema}.{table}".lower()
            if key not in purposes.lineage.resources:
                continue
            place = f"{quoted(catalog)}.{quoted(schema)}.{quoted(table)}"
            text = " ".join([says, *_sentences(purposes, key)]).strip()
            connection.execute(f"COMMENT ON TABLE {place} IS {literal(text)}")


def _sentences(purposes: Purposes, key: str) -> Iterator[str]:
    agreements = sorted({name for use in (*purposes.uses(key), purposes.rows_by(key)) for name in use.agreements})
    common = purposes.common(key)
    if agreements and common is not None:
        yield f"Under the agreements {_listed(agreements)}, for {_listed(broadest(common))}."


def _purposes(cover: Cover, column: str) -> frozenset[str] | None:
    """Of a field that no agreement covers there is no value, so it stands under nothing."""
    if column == _EVERY:
        every = [cover.purposes(name) for name in cover.columns]
        return reduce(frozenset.intersection, every) if every else None
    return cover.purposes(column) if column in cover.columns else None


def _told(use: Use, label: str) -> str:
    purposes = _listed(broadest(use.purposes or frozenset())) or "no purpose"
    place = f"the rows of {label}" if use.column == ROWS else f"{label}.{use.column}"
    return f"{place} <- {_listed(use.fields[:3])} ({_listed(use.agreements)}: {purposes})"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
