"""Which quasi-identifiers make classes too small: the smallest sets of them that do so by themselves, and k without each."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any
from uuid import uuid4

import duckdb

from sharing.disclosure.relation import Relation, fetched, from_clause
from warehouse.engines.duckdb.engine import quoted

_WIDEST = 3


@dataclass(frozen=True)
class Cause:
    """Columns that by themselves leave `rows` records in classes of fewer than were asked for; `k` is the smallest of these classes."""

    columns: tuple[str, ...]
    k: int
    rows: int


@dataclass(frozen=True)
class Causes:
    """`sets` hold no set that holds another one, and at most three columns each, the most records first; `k_without` says what k were
    if a column were not there.
    """

    sets: tuple[Cause, ...]
    k_without: dict[str, int]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the sets, in the order in which they first cause something."""
        return tuple(dict.fromkeys(name for one in self.sets for name in one.columns))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def causes(
    connection: duckdb.DuckDBPyConnection, relation: Relation, quasi_identifiers: tuple[str, ...], k: int
) -> Causes:
    """Why there are classes of fewer than `k` records. All of it from one count of the records."""
    with counted_once(connection, relation, quasi_identifiers) as counts:
        sets: list[Cause] = []
        for width in range(1, _WIDEST + 1):
            for columns in combinations(quasi_identifiers, width):
                if any(set(one.columns) <= set(columns) for one in sets):
                    continue
                smallest, rows = _below(connection, counts, columns, k)
                if smallest < k:
                    sets.append(Cause(columns, smallest, rows))
        without = {
            name: _below(connection, counts, tuple(one for one in quasi_identifiers if one != name), k)[0]
            for name in quasi_identifiers
        }
        return Causes(tuple(sorted(sets, key=lambda one: (-one.rows, one.columns))), without)


@contextmanager
def counted_once(connection: duckdb.DuckDBPyConnection, relation: Relation, columns: tuple[str, ...]) -> Iterator[str]:
    """The name of a temporary table of the columns and `records_of_class`, how many have these values; gone afterwards."""
    table = f"disclosure_{uuid4().hex}"
    names = ", ".join(map(quoted, columns))
    fetched(
        connection,
        f"""
        CREATE TEMP TABLE {table} AS
        SELECT {names}, count(*) AS records_of_class
        FROM {from_clause(relation)}
        GROUP BY {names}
        """,
        relation,
    )
    try:
        yield table
    finally:
        connection.execute(f"DROP TABLE IF EXISTS {table}")


def _below(connection: duckdb.DuckDBPyConnection, counts: str, columns: tuple[str, ...], k: int) -> tuple[int, int]:
    """The smallest class, and the records in classes of fewer than k."""
    names = ", ".join(map(quoted, columns))
    ((smallest, rows),) = fetched(
        connection,
        f"""
        SELECT min(n), coalesce(sum(n) FILTER (n < {int(k)}), 0)
        FROM (
            SELECT sum(records_of_class) AS n
            FROM {counts}
            {f"GROUP BY {names}" if names else ""}
        )
        """,
        counts,
    )
    return int(smallest or 0), int(rows)
