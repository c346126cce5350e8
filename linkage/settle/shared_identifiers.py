"""What valid shared identifiers prove: profiles that share one, and of which something else says so too, are one kernel.

A kernel's numbers stand for all its profiles afterwards: profiles of two different people are then not even compared.
"""

import duckdb
import numpy as np

from linkage.declare.entity import Entity
from linkage.prepare import steps
from linkage.prepare.arrays import codes, store
from linkage.prepare.described import describe
from linkage.prepare.scratch import drop, make, make_empty
from linkage.settle.clusters import Edges, Flags, Rules, cluster
from warehouse.engines.duckdb.engine import literal, quoted


def make_kernels(connection: duckdb.DuckDBPyConnection, entity: Entity, apart: list[tuple[int, int]]) -> None:
    """From `profile`: `kernel` and `conflict`.

    `conflict` tells which profiles have a number that others have with better reason ("disputed"), or are held apart from
    profiles with the same number because the rest of a cluster contradicts ("cut").
    """
    count = (connection.execute("SELECT count(*) FROM profile").fetchone() or (0,))[0]
    make_empty(connection, steps.CONFLICT)
    edges = _corroborated(connection, entity)
    label, refused = cluster(count, edges, Rules(codes(connection, entity.authoritative, "profile"), apart, 0.0, 0.0))
    store(connection, steps.KERNEL_OF, np.arange(count), label)
    _note_cut(connection, entity, edges, refused)
    _undisputed(connection, entity)


def _corroborated(connection: duckdb.DuckDBPyConnection, entity: Entity) -> Edges:
    """Pairs that share an identifier and meet a corroborating condition; the more of both, the heavier."""
    for name in entity.identifiers:
        _drop_placeholders(connection, entity, name)
    if not entity.identifiers:
        nothing = np.zeros(0, dtype=np.int64)
        return Edges(nothing, nothing, nothing.astype(np.float64))
    meets = " + ".join(f"coalesce(({condition}), false)::INTEGER" for condition in entity.corroborated_by)
    make(connection, steps.SHARED, _shared_sql(entity))
    sharing = "FROM profile WHERE n IN (SELECT one FROM shared UNION SELECT other FROM shared)"
    describe(connection, entity, steps.sharing(entity), sharing)
    found = connection.execute(f"""
        WITH corroborated AS (
          SELECT one, other, numbers, {meets} AS reasons
          FROM shared JOIN sharing AS l ON l.n = one JOIN sharing AS r ON r.n = other
        )
        SELECT one, other, (numbers * 10 + reasons)::DOUBLE AS weight
        FROM corroborated
        WHERE reasons > 0""").fetchnumpy()
    drop(connection, steps.sharing(entity))
    return Edges(
        found["one"].astype(np.int64), found["other"].astype(np.int64), np.asarray(found["weight"], dtype=np.float64)
    )


def _shared_sql(entity: Entity) -> str:
    parts = [
        f"""
        SELECT l.n AS one, r.n AS other
        FROM profile AS l JOIN profile AS r ON l.{quoted(name)} = r.{quoted(name)} AND l.n < r.n"""
        for name in entity.identifiers
    ]
    return f"SELECT one, other, count(*) AS numbers FROM ({' UNION ALL '.join(parts)}) GROUP BY ALL"


def _drop_placeholders(connection: duckdb.DuckDBPyConnection, entity: Entity, name: str) -> None:
    """A number that very many different profiles share identifies nobody; it would also make all of them pairs."""
    column = quoted(name)
    placeholder = f"""
        SELECT {column} AS value, count(*) AS profiles
        FROM profile
        WHERE {column} IS NOT NULL
        GROUP BY 1
        HAVING count(*) > {entity.largest_identifier_group}"""
    make(connection, steps.PLACEHOLDER, placeholder)
    connection.execute(f"""
        INSERT INTO large_block
        SELECT {literal("identifier " + name)}, profiles, profiles * (profiles - 1) // 2, 'left out'
        FROM placeholder""")
    connection.execute(f"""
        INSERT INTO conflict
        SELECT n, {literal(name)}, 'shared by too many'
        FROM profile
        WHERE {column} IN (SELECT value FROM placeholder)""")
    connection.execute(f"UPDATE profile SET {column} = NULL WHERE {column} IN (SELECT value FROM placeholder)")


def _note_cut(connection: duckdb.DuckDBPyConnection, entity: Entity, edges: Edges, refused: Flags) -> None:
    if not refused.any():
        return
    nodes = np.unique(np.concatenate([edges.left[refused], edges.right[refused]]))
    store(connection, steps.CUT, nodes)
    for name in entity.authoritative:
        connection.execute(f"""
            INSERT INTO conflict
            SELECT n, {literal(name)}, 'cut'
            FROM profile
            WHERE {quoted(name)} IS NOT NULL AND n IN (SELECT n FROM cut)""")


def _undisputed(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """Of kernels that share a number, the one with the most records owns it; where two have as many, none does."""
    chosen = []
    for name in entity.authoritative:
        column, owner = quoted(name), quoted(steps.owner(name).name)
        make(connection, steps.owner(name), _owner_sql(column))
        connection.execute(f"""
            INSERT INTO conflict
            SELECT n, {literal(name)}, 'disputed'
            FROM profile JOIN kernel_of USING (n)
            WHERE {column} IS NOT NULL
              AND NOT EXISTS (FROM {owner} AS o WHERE o.kernel = kernel_of.kernel AND o.value = profile.{column})""")
        number = f"SELECT kernel, min(value) AS {quoted('id_' + name)} FROM {owner} GROUP BY kernel"
        chosen.append(f"LEFT JOIN ({number}) USING (kernel)")
    make(connection, steps.kernel(entity), "\n".join(["SELECT * FROM kernel_of", *chosen]))


def _owner_sql(column: str) -> str:
    return f"""
        WITH held AS (
          SELECT kernel, {column} AS value, sum(records) AS records
          FROM profile JOIN kernel_of USING (n)
          WHERE {column} IS NOT NULL
          GROUP BY ALL
        )
        SELECT kernel, value
        FROM held
        QUALIFY records > coalesce(max(records) OVER (PARTITION BY value ORDER BY records DESC, kernel
                                                      ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), 0)
          AND row_number() OVER (PARTITION BY value ORDER BY records DESC, kernel) = 1"""
