"""Quasi-identifiers found: columns, and sets of up to three, that single records out though nobody declared them.

A set is looked at only if none of its parts singles out enough by itself, and if it has enough combinations of values. It is counted
in a sample first: a record that is unique among all is unique in a sample too, so the share that a sample shows is rather too large.
What is left is counted among whole classes chosen by their hash, and what is told among all records. Where there are many columns,
wider sets are those whose parts came nearest to singling out.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import combinations
from math import prod
from typing import Any
from uuid import uuid4

import duckdb

from sharing.disclosure.relation import Column, Relation, columns_of, fetched, from_clause
from warehouse.engines.duckdb.engine import quoted

_SAMPLE = 50_000
# Sets of each width that are looked at, at most: of a hundred columns there are 161,700 sets of three.
_MOST_SETS = 600
_WIDEST, _AT_ONCE = 3, 50
# Records of classes that are counted before all are.
_WHOLE = 200_000
# Of a key so many records are unique; a free text is longer on average, in signs.
_KEY, _TEXT = 0.95, 25


@dataclass(frozen=True)
class Found:
    """`unique_rows` records are the only ones with their values of `columns`; `share` of all, 0 to 1. `kind` is key, free text, exact time,
    exact amount, column, or set of columns.
    """

    columns: tuple[str, ...]
    kind: str
    unique_rows: int
    share: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def found(
    connection: duckdb.DuckDBPyConnection,
    relation: Relation,
    least_share: float = 0.01,
    declared: tuple[str, ...] = (),
) -> list[Found]:
    """Sets that single out more than `least_share` of the records, the most first; not those within the declared quasi-identifiers."""
    columns = columns_of(connection, relation)
    with _sampled(connection, relation, tuple(columns)) as sampled:
        told: list[Found] = []
        near: dict[tuple[str, ...], float] = {}
        for width in range(1, _WIDEST + 1):
            near = sampled.shares(_sets(columns, width, [one.columns for one in told], near), least_share)
            for names in (names for names, share in near.items() if share > least_share):
                unique = sampled.unique(names, least_share)
                if unique > least_share * sampled.rows:
                    kind = sampled.kind([columns[name] for name in names], unique)
                    told.append(Found(names, kind, unique, unique / sampled.rows))
    open_ones = [one for one in told if not set(one.columns) <= set(declared)]
    return sorted(open_ones, key=lambda one: (-one.unique_rows, one.columns))


def _sets(
    columns: Iterable[str], width: int, singling: list[tuple[str, ...]], near: dict[tuple[str, ...], float]
) -> list[tuple[str, ...]]:
    """Sets of this width without a part that singles out; beyond the most, those whose parts came nearest to it."""
    sets = [one for one in combinations(columns, width) if not any(set(part) <= set(one) for part in singling)]
    if len(sets) <= _MOST_SETS or width == 1:
        return sets
    nearness = {one: sum(near.get(part, 0.0) for part in combinations(one, width - 1)) for one in sets}
    return sorted(sets, key=lambda one: (-nearness[one], one))[:_MOST_SETS]


@dataclass(frozen=True)
class _Sampled:
    """`table` has numbers in the place of the values of some records; `distinct` is about how many values a column has."""

    connection: duckdb.DuckDBPyConnection
    relation: Relation
    table: str
    rows: int
    distinct: dict[str, int]

    def shares(self, sets: list[tuple[str, ...]], least_share: float) -> dict[tuple[str, ...], float]:
        """Of each set the share of records of the sample that it singles out; 0 where it cannot be enough of all."""
        told = dict.fromkeys(sets, 0.0)
        # Twice, because values were counted about.
        asked = [one for one in sets if 2 * prod(self.distinct[name] for name in one) > least_share * self.rows]
        for start in range(0, len(asked), _AT_ONCE):
            parts = [
                f"""
                SELECT {number} AS number, coalesce(sum(n) FILTER (n = 1), 0) / greatest(sum(n), 1) AS share
                FROM (SELECT count(*) AS n FROM {self.table} GROUP BY {_names(one)})
                """
                for number, one in enumerate(asked[start : start + _AT_ONCE])
            ]
            rows = fetched(self.connection, " UNION ALL ".join(parts), self.relation)
            told.update({asked[start + number]: float(share or 0) for number, share in rows})
        return told

    def unique(self, names: tuple[str, ...], least_share: float) -> int:
        """Records that the columns single out; 0 where whole classes chosen by their hash show far fewer than would matter."""
        every = self.rows // _WHOLE
        if (
            every > 1
            and self._counted(names, f"WHERE hash({_names(names)}) % {every} = 0") * every < least_share * self.rows / 2
        ):
            return 0
        return self._counted(names, "")

    def _counted(self, names: tuple[str, ...], where: str) -> int:
        ((unique,),) = fetched(
            self.connection,
            f"""
            SELECT count(*)
            FROM (
                SELECT 1
                FROM {from_clause(self.relation)}
                {where}
                GROUP BY {_names(names)}
                HAVING count(*) = 1
            )
            """,
            self.relation,
        )
        return int(unique)

    def kind(self, columns: list[Column], unique: int) -> str:
        if len(columns) > 1:
            return "set of columns"
        name, type_of = quoted(columns[0].name), columns[0].type
        ((length, words),) = fetched(
            self.connection,
            f"""
            SELECT avg(length({name}::VARCHAR)), avg(length({name}::VARCHAR) - length(replace({name}::VARCHAR, ' ', '')))
            FROM (SELECT {name} FROM {from_clause(self.relation)} WHERE {name} IS NOT NULL LIMIT {_AT_ONCE * 100})
            """,
            self.relation,
        )
        if type_of == "VARCHAR" and (length or 0) > _TEXT and (words or 0) >= 2:
            return "free text"
        if type_of.startswith("TIME"):
            return "exact time"
        if type_of.startswith(("DECIMAL", "FLOAT", "DOUBLE")):
            return "exact amount"
        return "key" if unique > _KEY * self.rows else "column"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(map(quoted, names))


@contextmanager
def _sampled(connection: duckdb.DuckDBPyConnection, relation: Relation, columns: tuple[str, ...]) -> Iterator[_Sampled]:
    """Its temporary table is gone afterwards."""
    table, source = f"disclosure_{uuid4().hex}", from_clause(relation)
    counts = ", ".join(["count(*)", *(f"approx_count_distinct({quoted(name)}) + 1" for name in columns)])
    ((rows, *distinct),) = fetched(connection, f"SELECT {counts} FROM {source}", relation)
    every = max(1, rows // _SAMPLE)
    numbers = ", ".join(f"hash({quoted(name)}) AS {quoted(name)}" for name in columns)
    fetched(
        connection,
        f"""
        CREATE TEMP TABLE {table} AS
        SELECT {numbers}
        FROM {source} AS r
        {f"WHERE hash(r) % {every} = 0" if every > 1 else ""}
        """,
        relation,
    )
    try:
        yield _Sampled(connection, relation, table, rows, dict(zip(columns, distinct, strict=True)))
    finally:
        connection.execute(f"DROP TABLE IF EXISTS {table}")
