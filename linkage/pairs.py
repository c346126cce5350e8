"""Pairs of profiles with their weights: those of tonight's new and changed profiles, beside what earlier nights found."""

from typing import Any

import duckdb

from linkage.config import Entity
from linkage.explain import make_frequencies
from linkage.memory import Memory
from linkage.model import linker, make_settings
from warehouse.engine import quoted

# With more than this share of new profiles all pairs are looked at anew: it costs as much and forgets old rounding.
_MOST_NEW = 0.3


def name_nodes(connection: duckdb.DuckDBPyConnection, entity: Entity, memory: Memory) -> None:
    """`node_key`: changes with a profile and with what its kernel knows, which decides what it is compared with; `is_new`."""
    ids = "".join(f", {quoted('id_' + name)}" for name in entity.authoritative)
    connection.execute(
        "CREATE TABLE named AS SELECT node.*, md5_number_lower(concat_ws(chr(31), node.profile_key, head.profile_key"
        f"{ids})) AS node_key FROM node JOIN profile AS head ON head.n = node.kernel"
    )
    known = memory.node_table()
    is_new = f"NOT EXISTS (FROM {known} AS k WHERE k.node_key = named.node_key)" if known else "true"
    connection.execute("DROP TABLE node")
    connection.execute(f"CREATE TABLE node AS SELECT *, {is_new} AS is_new FROM named")
    connection.execute("DROP TABLE named")


def score(connection: duckdb.DuckDBPyConnection, entity: Entity, shares: dict[str, Any], memory: Memory) -> None:
    """`pair` (one, other: numbers of profiles; match_weight) of at least the weight that a reviewer is asked about."""
    row = connection.execute("SELECT count(*), count(*) FILTER (is_new) FROM node").fetchone() or (0, 0)
    connection.execute("CREATE TABLE pair (one INTEGER, other INTEGER, match_weight DOUBLE)")
    old = memory.pair_table()
    anew = old is None or row[1] > _MOST_NEW * row[0]
    if not anew:
        connection.execute(
            f"INSERT INTO pair SELECT l.n, r.n, p.match_weight FROM {old} AS p JOIN node AS l ON l.node_key = p.one JOIN node AS r ON r.node_key = p.other"
        )
    if row[0] < 2 or (not anew and row[1] == 0):
        return
    table = "node" if anew else _neighbourhood(connection, entity)
    found = linker(connection, table, make_settings(entity, shares, only_new=not anew))
    for name in entity.term_frequencies:
        # Of all profiles, also where only a part is compared.
        lookup = found._db_api.register(make_frequencies(connection, name))
        found.table_management.register_term_frequency_lookup(lookup, name)
    predicted = found.inference.predict(threshold_match_weight=entity.review_weight, warning_mode="never")
    connection.execute(f"INSERT INTO pair SELECT n_l, n_r, match_weight FROM {predicted.physical_name}")


def _neighbourhood(connection: duckdb.DuckDBPyConnection, entity: Entity) -> str:
    """New profiles, and all that share a blocking key with one: nobody else can be compared with them."""
    near = [
        f"SELECT n FROM node WHERE block_{number} IN (SELECT block_{number} FROM node WHERE is_new AND block_{number} IS NOT NULL)"
        for number in range(1, len(entity.blocking) + 1)
    ]
    near.append("SELECT n FROM node WHERE is_new")
    connection.execute(f"CREATE TABLE near_node AS SELECT * FROM node WHERE n IN ({' UNION '.join(near)})")
    return "near_node"
