"""From which field a column comes, through which models: one reading of dbt's compiled SQL, for the report and for protection."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from catalogue.dbt_manifest import SEED, SNAPSHOT, Resource
from catalogue.sql_lineage.query import Reader
from catalogue.sql_lineage.shape import NOTHING, Field, Relation, Row, Shape, Unresolved, mark_of, merged, reduced

# The warehouse's record of a mart's versions, which has the mart's columns and these.
HISTORY, MARTS = "history", "marts"
VERSIONED = ("known_from", "known_to")
_DBT_OWN = ("dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted")


@dataclass(frozen=True)
class Trace:
    """The fields that a column is made of in the end, and the relations on the way to them, nearest first."""

    fields: tuple[Field, ...]
    through: tuple[str, ...]


class Lineage:
    """Of all `resources`, by `schema.name`. `faults` has the relations that cannot be followed, and why."""

    def __init__(self, resources: dict[str, Resource]) -> None:
        self.resources = resources
        self.faults: dict[str, str] = {}
        self._edges: dict[Field, frozenset[Field]] = {}
        self._fields: dict[tuple[str, str], list[Field]] = {}
        self._chosen: dict[str, frozenset[Field]] = {}
        self._rows: dict[str, Relation] = {}
        self._under_way: list[str] = []
        for key in resources:
            self._read(key)

    def columns(self, key: str) -> list[str]:
        """The columns of a relation, in their order; of one that cannot be followed, those that are described."""
        return list(self._rows[key][0]) if key in self._rows else list(self.resources[key].columns)

    def made_of(self, field: Field) -> frozenset[Field]:
        """The fields of other relations that this one is made of."""
        return self._edges.get(field, frozenset())

    def fields(self, key: str, column: str) -> list[Field]:
        """All that stands in a column: in each kind of its rows, in each part of its values."""
        return self._fields.get((key, column), [])

    def trace(self, key: str, column: str) -> Trace:
        """Back to agencies' fields, seeds, and what the platform makes itself; of what cannot be followed, to all that it reads."""
        if key in self.faults:
            return Trace(tuple(Field(read, "*") for read in self._all_read(key)), ())
        found, through = self._followed(self.fields(key, column))
        through.pop(key, None)
        return Trace(tuple(found), tuple(through))

    def _followed(self, fields: Iterable[Field]) -> tuple[dict[Field, None], dict[str, None]]:
        """The fields in which these end, and the relations on the way."""
        found: dict[Field, None] = {}
        through: dict[str, None] = {}
        waiting, seen = list(fields), set()
        while waiting:
            here = waiting.pop(0)
            if here in seen:
                continue
            seen.add(here)
            if self.resources[here.relation].is_made_of_nothing:
                found.setdefault(Field(here.relation, here.column))
                continue
            through.setdefault(here.relation)
            waiting += sorted(self.made_of(here))
        return found, through

    def chosen_by(self, key: str) -> Trace:
        """The agencies' fields, seeds and the like by which the rows of a relation are chosen, joined or grouped, in it and in those that
        its values or its choices come through. Of what cannot be followed, all that it reads.
        """
        if key in self.faults:
            return Trace(tuple(Field(read, "*") for read in self._all_read(key)), ())
        found: dict[Field, None] = {}
        through: dict[str, None] = {}
        waiting = [key]
        while waiting:
            here = waiting.pop(0)
            if here in through:
                continue
            through[here] = None
            if here == key:
                waiting += [step for column in self.columns(key) for step in self.trace(key, column).through]
            for field in sorted(self._chosen.get(here, frozenset())):
                ends, steps = self._followed([field])
                found |= dict.fromkeys(ends)
                waiting += list(steps)
        through.pop(key, None)
        return Trace(tuple(found), tuple(through))

    def read_view(self, sql: str) -> Row:
        """The columns of a query over these relations. Raises Unresolved."""
        return merged(self._answer(sql))

    def _all_read(self, key: str) -> list[str]:
        """The relations without SQL that one is made of, through others."""
        found: dict[str, None] = {}
        waiting, seen = list(self.resources[key].reads), set()
        while waiting:
            here = waiting.pop(0)
            if here in seen or here not in self.resources:
                continue
            seen.add(here)
            if self.resources[here].is_made_of_nothing:
                found.setdefault(here)
            waiting += self.resources[here].reads
        return list(found)

    def _read(self, key: str) -> Relation:
        """The kinds of rows of a relation, as others see them. Raises nothing: a fault is noted, and told to who reads it."""
        if key in self._rows or key in self.faults:
            return self._rows.get(key, [])
        resource = self.resources[key]
        self._under_way.append(key)
        try:
            made = [dict.fromkeys(resource.columns, NOTHING)] if resource.is_made_of_nothing else self._made(resource)
            if not made[0]:
                raise Unresolved("nobody says which columns it has")
            self._rows[key] = [self._noted(key, row) for row in made]
        except Unresolved as fault:
            self.faults[key] = str(fault)
        finally:
            self._under_way.pop()
        return self._rows.get(key, [])

    def _made(self, resource: Resource) -> Relation:
        if resource.sql is None:
            raise Unresolved("it is not made by SQL")
        chosen: set[Field] = set()
        rows = self._answer(resource.sql, chosen)
        self._chosen[resource.key] = frozenset(chosen)
        if resource.kind == SNAPSHOT:
            rows = [{**row, **_of_snapshot(row)} for row in rows]
        return rows

    def _answer(self, sql: str, chosen: set[Field] | None = None) -> Relation:
        # It warns of what it does not know; whoever asks hears of it where it matters.
        logging.getLogger("sqlglot").setLevel(logging.ERROR)
        try:
            statements = [statement for statement in sqlglot.parse(sql, dialect="duckdb") if statement is not None]
        except (SqlglotError, RecursionError) as error:
            raise Unresolved(f"its SQL cannot be parsed ({type(error).__name__})") from None
        query = statements[0] if len(statements) == 1 else None
        if isinstance(query, exp.Create):
            query = query.expression
        if query is None:
            raise Unresolved("it is not one query")
        return reduced(Reader(self._relation, self._is_code, {}, set() if chosen is None else chosen).read(query))

    def _noted(self, key: str, row: Row) -> Row:
        mark = mark_of(row)
        seen: Row = {}
        for name, shape in row.items():
            field = Field(key, name, rows=mark)
            for part, origins in shape.edges(field):
                self._edges[part] = origins
                self._fields.setdefault((key, name), []).append(part)
            seen[name] = shape.seen_as(field)
        return seen

    def _relation(self, table: exp.Table) -> Relation:
        name, schema = table.name.lower(), table.db.lower()
        if schema == HISTORY:
            return [{**row, **dict.fromkeys(VERSIONED, NOTHING)} for row in self._known(f"{MARTS}.{name}")]
        if schema:
            return self._known(f"{schema}.{name}")
        named = [key for key in self.resources if key.rpartition(".")[2] == name]
        return self._known(named[0] if len(named) == 1 else name)

    def _is_code(self, field: Field) -> bool:
        return self.resources[field.relation].kind == SEED

    def _known(self, key: str) -> Relation:
        if key not in self.resources:
            raise Unresolved(f"{key} is made by no model, seed, snapshot or contract")
        if key in self._under_way:
            raise Unresolved(f"it reads {key}, which is made of itself")
        rows = self._read(key)
        if key in self.faults:
            raise Unresolved(f"it reads {key}, which cannot be followed: {self.faults[key]}")
        return rows

    def kept_as(self, key: str) -> Iterator[tuple[Field, str]]:
        """The columns of a relation that are made of one field alone: that one, and the name here."""
        for column in self.columns(key):
            origins = {origin for field in self.fields(key, column) for origin in self.made_of(field)}
            if len(origins) == 1:
                yield next(iter(origins)), column


def _of_snapshot(row: Row) -> Row:
    """What dbt adds to each version; its id is made of the key."""
    whole = frozenset[Field]().union(*(shape.all_origins for shape in row.values()))
    return {"dbt_scd_id": Shape(whole), **dict.fromkeys(_DBT_OWN, NOTHING)}
