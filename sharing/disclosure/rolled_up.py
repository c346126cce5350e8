"""Records counted once by their quasi-identifiers and protected values, as numbers; each generalisation is rolled up from the counts.

What fails is mostly found among few records: those that agree with a handful of rare ones in the last treatment but one. They hold
their classes whole, on every level below, so a class that is too small there is too small.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import duckdb

from sharing.disclosure.assess import broken
from sharing.disclosure.lattice import Node
from sharing.disclosure.limits import Limits
from sharing.disclosure.microdata import MicrodataRisk, sizes_of, told, values_by_size
from sharing.disclosure.relation import Column, DisclosureError, Relation, fetched, from_clause
from warehouse.engines.duckdb.engine import quoted

# How many rare records, or else how many, and the share of all counts that those beside them may be.
_RARE, _FEW = (8, 1), 0.1


@dataclass(frozen=True)
class Step:
    """A treatment by its name, and as SQL over the column."""

    name: str
    sql: str


@dataclass(frozen=True)
class Ladder:
    """Treatments of a column from the least to the most. Each puts values together that the one before it kept apart, and parts none."""

    column: str
    steps: tuple[Step, ...]


@dataclass
class RolledUp:
    """Temporary tables below `prefix`: of each column its values on each level as numbers, and counts of records on levels."""

    connection: duckdb.DuckDBPyConnection
    relation: Relation
    ladders: tuple[Ladder, ...]
    protected: tuple[Column, ...]
    prefix: str = field(default_factory=lambda: f"disclosure_{uuid4().hex}")
    values: tuple[tuple[int, ...], ...] = ()
    counted: dict[Node, int] = field(default_factory=dict)
    beside: dict[tuple[bool, ...], str | None] = field(default_factory=dict)

    @property
    def start(self) -> Node:
        return (0,) * len(self.ladders)

    @property
    def tops(self) -> Node:
        return tuple(len(ladder.steps) - 1 for ladder in self.ladders)

    @property
    def _key(self) -> str:
        return ", ".join(f"c{place}" for place in range(len(self.ladders)))

    @property
    def _kept(self) -> list[str]:
        return [f"s{place}" for place in range(len(self.protected))]

    def keeps(self, node: Node, limits: Limits) -> bool:
        """Whether the limits hold. What depends on all records is not asked of few."""
        few = self._beside_rare(node)
        if few and broken(self._risk(self._rolled(few, self.start, node)), replace(limits, t=None, unique_share=None)):
            return False
        return not broken(self.risk(node), limits)

    def risk(self, node: Node) -> MicrodataRisk:
        if node not in self.counted:
            below = [one for one in self.counted if all(a <= b for a, b in zip(one, node, strict=True))]
            source = min(below, key=lambda one: self.counted[one])
            self._keep(node, self._rolled(self._table(source), source, node))
        return self._risk(f"SELECT * FROM {self._table(node)}")

    def _risk(self, counts: str) -> MicrodataRisk:
        by_size = {
            column: self._fetched(
                values_by_size(
                    f"SELECT {self._key}, s{place} AS s, sum(n) AS n FROM ({counts}) GROUP BY ALL",
                    self._key,
                    column.is_ordered,
                )
            )
            for place, column in enumerate(self.protected)
        }
        sizes = next(iter(by_size.values())) if by_size else self._fetched(sizes_of(counts, self._key))
        return told(tuple(ladder.column for ladder in self.ladders), sizes, by_size)

    def _rolled(self, table: str, low: Node, high: Node) -> str:
        """Counts on higher levels, as a statement."""
        changed = [place for place, level in enumerate(high) if low[place] != level]
        columns = [
            f"{f'm{place}.next' if place in changed else f'c.c{place}'} AS c{place}" for place in range(len(high))
        ]
        joins = "\n".join(
            f"""JOIN (
                SELECT DISTINCT l{low[place]} AS c{place}, l{high[place]} AS next
                FROM {self._values(place)}
            ) AS m{place} USING (c{place})"""
            for place in changed
        )
        return f"""
            SELECT {", ".join([*columns, *self._kept])}, sum(n)::BIGINT AS n
            FROM {table} AS c {joins}
            GROUP BY ALL
        """

    def _beside_rare(self, node: Node) -> str | None:
        """The table of counts that agree with rare ones one level below the top, where a column is below it; None where it is large."""
        is_top = tuple(level == top for level, top in zip(node, self.tops, strict=True))
        if is_top not in self.beside:
            made = (self._made_beside(is_top, rare) for rare in _RARE)
            self.beside[is_top] = next((table for table in made if table), None)
        return self.beside[is_top]

    def _made_beside(self, is_top: tuple[bool, ...], rare: int) -> str | None:
        table, most = f"{self.prefix}_beside_{uuid4().hex}", int(self.counted[self.start] * _FEW)
        levels = [f"{'top' if top else 'high'}{place}" for place, top in enumerate(is_top)]
        self._run(f"""
            CREATE TEMP TABLE {table} AS
            SELECT c.*
            FROM {self._table(self.start)} AS c
                SEMI JOIN (FROM {self.prefix}_rare LIMIT {rare}) AS r ON {" AND ".join(f"c.{level} = r.{level}" for level in levels)}
            LIMIT {most + 1}
        """)
        ((rows,),) = self._fetched(f"SELECT count(*) FROM {table}")
        # Cut off by the limit, classes are not whole.
        return table if rows <= most else None

    def prepare(self) -> None:
        self.values = tuple(self._levels(place, ladder) for place, ladder in enumerate(self.ladders))
        places = range(len(self.ladders))
        raw = [f"{quoted(ladder.column)} AS v{place}" for place, ladder in enumerate(self.ladders)]
        protected = [f"{quoted(column.name)} AS s{place}" for place, column in enumerate(self.protected)]
        levels = [
            f"d{place}.l{level} AS {name}{place}"
            for name, wanted in self._wanted().items()
            for place, level in enumerate(wanted)
        ]
        joins = " ".join(
            f"JOIN {self._values(place)} AS d{place} ON g.v{place} IS NOT DISTINCT FROM d{place}.v" for place in places
        )
        rarity = " + ".join(f"any_value(ln(d{place}.records))" for place in places)
        self._keep(self.start, f"""
            SELECT {", ".join([*levels, *self._kept])}, sum(n)::BIGINT AS n, {rarity} AS rarity
            FROM (
                SELECT {", ".join([*raw, *protected])}, count(*) AS n
                FROM {from_clause(self.relation)}
                GROUP BY ALL
            ) AS g {joins}
            GROUP BY {", ".join(map(str, range(1, len(levels) + len(protected) + 1)))}
        """)  # fmt: skip
        self._run(f"""
            CREATE TEMP TABLE {self.prefix}_rare AS
            SELECT *
            FROM {self._table(self.start)}
            ORDER BY n, rarity, {self._key}
            LIMIT {max(_RARE)}
        """)

    def _wanted(self) -> dict[str, Node]:
        """Levels that each count carries: its own, the last but one, the last."""
        return {"c": self.start, "high": tuple(max(0, top - 1) for top in self.tops), "top": self.tops}

    def _levels(self, place: int, ladder: Ladder) -> tuple[int, ...]:
        """How many values there are on each level, whose numbers are kept."""
        table, count = self._values(place), len(ladder.steps)
        treated = ", ".join(f"{step.sql} AS t{level}" for level, step in enumerate(ladder.steps))
        numbers = ", ".join(
            f"(dense_rank() OVER (ORDER BY t{level}) - 1)::UINTEGER AS l{level}" for level in range(count)
        )
        self._run(f"""
            CREATE TEMP TABLE {table} AS
            SELECT v, records, {numbers}
            FROM (
                SELECT {quoted(ladder.column)} AS v, records, {treated}
                FROM (
                    SELECT {quoted(ladder.column)}, count(*) AS records
                    FROM {from_clause(self.relation)}
                    GROUP BY ALL
                )
            )
        """)
        own = [f"count(DISTINCT l{level})" for level in range(count)]
        pairs = [f"count(DISTINCT (l{level - 1}, l{level}))" for level in range(1, count)]
        (row,) = self._fetched(f"SELECT {', '.join([*own, *pairs])} FROM {table}")
        for level in range(1, count):
            if row[count + level - 1] != row[level - 1]:
                raise DisclosureError(
                    f"Treatments of {ladder.column}: '{ladder.steps[level].name}' parts values that '{ladder.steps[level - 1].name}' puts "
                    "together. Order them so that each only puts more together, or leave one out."
                )
        return tuple(row[:count])

    def _keep(self, node: Node, statement: str) -> None:
        self._run(f"CREATE TEMP TABLE {self._table(node)} AS {statement}")
        ((self.counted[node],),) = self._fetched(f"SELECT count(*) FROM {self._table(node)}")

    def _table(self, node: Node) -> str:
        return f"{self.prefix}_{'_'.join(map(str, node))}"

    def _values(self, place: int) -> str:
        return f"{self.prefix}_values_{place}"

    def _run(self, statement: str) -> None:
        fetched(self.connection, statement, self.relation)

    def _fetched(self, statement: str) -> list[tuple[Any, ...]]:
        return fetched(self.connection, statement, self.relation)


@contextmanager
def rolled_up(
    connection: duckdb.DuckDBPyConnection,
    relation: Relation,
    ladders: tuple[Ladder, ...],
    protected: tuple[Column, ...],
) -> Iterator[RolledUp]:
    """Its tables are gone afterwards."""
    rolled = RolledUp(connection, relation, ladders, protected)
    try:
        rolled.prepare()
        yield rolled
    finally:
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE temporary AND starts_with(table_name, ?)", [rolled.prefix]
        )
        for (name,) in tables.fetchall():
            connection.execute(f"DROP TABLE {quoted(name)}")
