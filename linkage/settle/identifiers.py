"""What valid shared identifiers prove: profiles that share one, and of which something else says so too, are one kernel.

A kernel's numbers stand for all its profiles afterwards: profiles of two different people are then not even compared.
"""

import duckdb
import numpy as np

from linkage.declare.config import Entity
from linkage.prepare.arrays import codes, stored
from linkage.prepare.described import describe
from linkage.settle.clusters import Edges, Flags, Rules, cluster
from warehouse.engines.duckdb.engine import literal, quoted


def make_kernels(connection: duckdb.DuckDBPyConnection, entity: Entity, apart: list[tuple[int, int]]) -> None:
    """`kernel` (n, kernel: the least n of it, id_<identifier>: its number where nobody disputes it) and `conflict`.

    `conflict` (n, identifier, conflict) tells which profiles have a number that others have with better reason ("disputed"),
    or are held apart from profiles with the same number because the rest of a cluster contradicts ("cut"). No values.
    """
    count = (connection.execute("SELECT count(*) FROM profile").fetchone() or (0,))[0]
    connection.execute("CREATE TABLE conflict (n INTEGER, identifier VARCHAR, conflict VARCHAR)")
    edges = _corroborated(connection, entity)
    label, refused = cluster(count, edges, Rules(codes(connection, entity.authoritative, "profile"), apart, 0.0, 0.0))
    connection.execute(f"ALTER TABLE {stored(connection, np.arange(count), label)} RENAME TO kernel_of")
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
    parts = [
        f"SELECT l.n AS one, r.n AS other FROM profile AS l JOIN profile AS r ON l.{quoted(name)} = r.{quoted(name)} AND l.n < r.n"
        for name in entity.identifiers
    ]
    connection.execute(
        f"CREATE TABLE shared AS SELECT one, other, count(*) AS numbers FROM ({' UNION ALL '.join(parts)}) GROUP BY ALL"
    )
    sharing = "FROM profile WHERE n IN (SELECT one FROM shared UNION SELECT other FROM shared)"
    describe(connection, entity, sharing, "sharing")
    found = connection.execute(
        f"SELECT one, other, (numbers * 10 + reasons)::DOUBLE AS weight FROM (SELECT one, other, numbers, {meets} AS reasons "
        "FROM shared JOIN sharing AS l ON l.n = one JOIN sharing AS r ON r.n = other) WHERE reasons > 0"
    ).fetchnumpy()
    connection.execute("DROP TABLE sharing")
    return Edges(
        found["one"].astype(np.int64), found["other"].astype(np.int64), np.asarray(found["weight"], dtype=np.float64)
    )


def _drop_placeholders(connection: duckdb.DuckDBPyConnection, entity: Entity, name: str) -> None:
    """A number that very many different profiles share identifies nobody; it would also make all of them pairs."""
    column = quoted(name)
    connection.execute(
        f"CREATE OR REPLACE TABLE placeholder AS SELECT {column} AS value, count(*) AS profiles FROM profile "
        f"WHERE {column} IS NOT NULL GROUP BY 1 HAVING count(*) > {entity.largest_identifier_group}"
    )
    connection.execute(
        f"INSERT INTO large_block SELECT {literal('identifier ' + name)}, profiles, profiles * (profiles - 1) // 2, 'left out' FROM placeholder"
    )
    connection.execute(
        f"INSERT INTO conflict SELECT n, {literal(name)}, 'shared by too many' FROM profile WHERE {column} IN (SELECT value FROM placeholder)"
    )
    connection.execute(f"UPDATE profile SET {column} = NULL WHERE {column} IN (SELECT value FROM placeholder)")


def _note_cut(connection: duckdb.DuckDBPyConnection, entity: Entity, edges: Edges, refused: Flags) -> None:
    if not refused.any():
        return
    nodes = np.unique(np.concatenate([edges.left[refused], edges.right[refused]]))
    table = stored(connection, nodes, nodes)
    for name in entity.authoritative:
        connection.execute(
            f"INSERT INTO conflict SELECT n, {literal(name)}, 'cut' FROM profile WHERE {quoted(name)} IS NOT NULL AND n IN (SELECT n FROM {table})"
        )


def _undisputed(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """Of kernels that share a number, the one with the most records owns it; where two have as many, none does."""
    chosen = []
    for name in entity.authoritative:
        column, table = quoted(name), quoted(f"owner_{name}")
        connection.execute(f"""
            CREATE OR REPLACE TABLE {table} AS
            WITH held AS (SELECT label, {column} AS value, sum(records) AS records FROM profile JOIN kernel_of USING (n)
                          WHERE {column} IS NOT NULL GROUP BY ALL)
            SELECT label, value FROM held
            QUALIFY records > coalesce(max(records) OVER (PARTITION BY value ORDER BY records DESC, label
                                       ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), 0)
                    AND row_number() OVER (PARTITION BY value ORDER BY records DESC, label) = 1""")
        connection.execute(
            f"INSERT INTO conflict SELECT n, {literal(name)}, 'disputed' FROM profile JOIN kernel_of USING (n) WHERE {column} IS NOT NULL "
            f"AND NOT EXISTS (FROM {table} AS o WHERE o.label = kernel_of.label AND o.value = profile.{column})"
        )
        chosen.append(
            f"LEFT JOIN (SELECT label, min(value) AS {quoted('id_' + name)} FROM {table} GROUP BY label) USING (label)"
        )
    connection.execute(
        f"CREATE OR REPLACE TABLE kernel AS SELECT * RENAME (label AS kernel) FROM kernel_of {' '.join(chosen)}"
    )
