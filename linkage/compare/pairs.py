"""Pairs of profiles with their weights: those of tonight's new and changed profiles, beside what earlier nights found."""

from typing import Any

import duckdb

from linkage.compare.explain import make_frequencies
from linkage.compare.splink_model import linker, load, make_settings, save, train
from linkage.declare.entity import Entity
from linkage.memory import Memory
from linkage.prepare import steps
from linkage.prepare.described import describe
from linkage.prepare.scratch import drop, make, make_empty
from linkage.prepare.steps import block_mark
from warehouse.engines.duckdb.encrypted_parquet import let_read
from warehouse.engines.duckdb.engine import quoted

# With more than this share of new profiles all pairs are looked at anew: it costs as much and forgets old rounding.
_MOST_NEW = 0.3


def make_nodes(connection: duckdb.DuckDBPyConnection, entity: Entity, memory: Memory) -> None:
    """From `profile` and `kernel`: `node`.

    `node_key` changes with a profile and with what its kernel knows, which decides what it is compared with.
    """
    ids = [quoted("id_" + name) for name in entity.authoritative]
    # The profiles' keys are keyed hashes already.
    key = f"hash({', '.join(['profile.profile_key', 'head.profile_key', *ids])})"
    known = memory.node_table()
    is_new = f"node_key NOT IN (SELECT node_key FROM {known})" if known else "true"
    node = f"""
        SELECT profile.*, kernel.* EXCLUDE (n), {key} AS node_key, {is_new} AS is_new
        FROM profile JOIN kernel USING (n) JOIN profile AS head ON head.n = kernel.kernel"""
    make(connection, steps.node(entity), node)


def find_pairs(connection: duckdb.DuckDBPyConnection, entity: Entity, memory: Memory) -> None:
    """`pair`, of at least the weight that a reviewer is asked about."""
    row = connection.execute("SELECT count(*), count(*) FILTER (is_new) FROM node").fetchone() or (0, 0)
    make_empty(connection, steps.PAIR)
    old = memory.pair_table()
    anew = old is None or row[1] > _MOST_NEW * row[0]
    if old is not None and not anew:
        let_read(connection, old)
        connection.execute(f"""
            INSERT INTO pair
            SELECT l.n, r.n, p.match_weight
            FROM {old} AS p JOIN node AS l ON l.node_key = p.one JOIN node AS r ON r.node_key = p.other""")
    shares = load(memory.model, entity) if memory.model else None
    compared = "FROM node" if anew or shares is None else _neighbourhood(entity)
    describe(connection, entity, steps.compared(entity), compared)
    if shares is None:
        shares = _learn(connection, entity, memory)
    if row[0] >= 2 and (anew or row[1] > 0):
        _score(connection, entity, make_settings(entity, shares, only_new=not anew))
    drop(connection, steps.compared(entity))


def _learn(connection: duckdb.DuckDBPyConnection, entity: Entity, memory: Memory) -> dict[str, Any]:
    """A model that is trained now, and kept for the nights to come."""
    learnt = train(connection, entity)
    if memory.model:
        save(memory.model, entity, learnt)
    return learnt


def _score(connection: duckdb.DuckDBPyConnection, entity: Entity, settings: Any) -> None:
    found = linker(connection, "compared", settings)
    for name in entity.term_frequencies:
        lookup = found._db_api.register(make_frequencies(connection, name, "compared"))
        found.table_management.register_term_frequency_lookup(lookup, name)
    predicted = found.inference.predict(threshold_match_weight=entity.review_weight, warning_mode="never")
    connection.execute(f"INSERT INTO pair SELECT n_l, n_r, match_weight FROM {predicted.physical_name}")


def _neighbourhood(entity: Entity) -> str:
    """New profiles, and all that share a blocking key with one: nobody else can be compared with them."""
    marks = [block_mark(number) for number in range(1, len(entity.blocking) + 1)]
    near = [
        f"SELECT n FROM node WHERE {mark} IN (SELECT {mark} FROM node WHERE is_new AND {mark} IS NOT NULL)"
        for mark in marks
    ]
    return f"FROM node WHERE n IN ({' UNION '.join(['SELECT n FROM node WHERE is_new', *near])})"
