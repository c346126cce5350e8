"""`resolve`: from tables of records to an entity for each, by identifiers first and by resemblance where they are lacking."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from linkage.compare.blocks import limit_blocks, make_large_block_table
from linkage.compare.pairs import find_pairs, make_nodes
from linkage.declare.config import Entity
from linkage.memory import Memory
from linkage.prepare.arrays import Integers, codes, stored
from linkage.prepare.profiles import SCRATCH, make_profiles, read_inputs
from linkage.prepare.scratch import scratch
from linkage.settle.clusters import Edges, Rules, cluster
from linkage.settle.identifiers import make_kernels

RESULT = "linkage_result"


def resolve(
    connection: duckdb.DuckDBPyConnection, inputs: dict[str, str], config: Entity, model_file: Path | None = None
) -> str:
    """Name of a temporary table (source, source_key, entity_id, match_probability, match_basis): a row per record.

    `inputs` are tables with a column `source_key` and what `config` compares, by the name of their source. `entity_id` holds
    within this result only. `match_probability` is the best one between a record's kernel and the rest of its entity: 1 where an
    identifier proves it, null where it is alone. `match_basis`: identifier, identical, resemblance, decision or alone.
    `model_file`: a model that was learnt before is read from it; one that is learnt now is written to it.
    """
    with scratch(connection) as work:
        read_inputs(connection, inputs, config)
        link(work, config, Memory(model=model_file))
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {RESULT} AS SELECT source, source_key, 'E' || entity AS entity_id, match_probability, match_basis FROM {SCRATCH}.resolved"
        )
    return f"temp.{RESULT}"


def link(connection: duckdb.DuckDBPyConnection, entity: Entity, memory: Memory) -> None:
    """From `record` in the scratch database to `resolved` (source, source_key, entity, match_probability, match_basis).

    Beside it stay `large_block`, `conflict`, `node`, `pair` and `review_pair` until the scratch database goes.
    """
    make_large_block_table(connection)
    make_profiles(connection, entity, memory)
    decided = _decided(connection, memory)
    make_kernels(connection, entity, decided[False])
    make_nodes(connection, entity, memory)
    limit_blocks(connection, entity)
    find_pairs(connection, entity, memory)
    _cluster(connection, entity, decided)
    _explain_records(connection)


def _decided(connection: duckdb.DuckDBPyConnection, memory: Memory) -> dict[bool, list[tuple[int, int]]]:
    """Stewards' decisions as pairs of profiles: True for the same thing. The last word on a pair counts."""
    last = {
        (item.one_source, item.one_key, item.other_source, item.other_key): item.is_same for item in memory.decisions
    }
    found: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    for (one_source, one_key, other_source, other_key), is_same in last.items():
        one, other = (
            connection.execute(
                "SELECT min(n) FROM record_profile WHERE source = ? AND source_key = ?", list(key)
            ).fetchone()
            or (None,)
            for key in ((one_source, one_key), (other_source, other_key))
        )
        if one[0] is not None and other[0] is not None and one[0] != other[0]:
            found[is_same].append((one[0], other[0]))
    return found


def _cluster(connection: duckdb.DuckDBPyConnection, entity: Entity, decided: dict[bool, list[tuple[int, int]]]) -> None:
    """`entity_of` (kernel, entity) and `review_pair` (one, other: profiles; match_weight, reason)."""
    # Of pairs that weigh the same always the same one: the queue of a night that is run again is the same queue.
    connection.execute(
        "CREATE TABLE kernel_pair AS SELECT one, other, best.weight AS match_weight, best.one AS best_one, best.other AS best_other FROM ("
        "SELECT least(l.kernel, r.kernel) AS one, greatest(l.kernel, r.kernel) AS other, "
        "max({'weight': match_weight, 'one': pair.one, 'other': pair.other}) AS best "
        "FROM pair JOIN node AS l ON l.n = pair.one JOIN node AS r ON r.n = pair.other WHERE l.kernel <> r.kernel GROUP BY ALL)"
    )
    ids = tuple(f"id_{name}" for name in entity.authoritative)
    connection.execute("CREATE TABLE head AS FROM node WHERE n = kernel")
    kernels = np.asarray(connection.execute("SELECT n FROM head ORDER BY n").fetchnumpy()["n"], dtype=np.int64)
    kernel_of = np.asarray(
        connection.execute("SELECT kernel FROM node ORDER BY n").fetchnumpy()["kernel"], dtype=np.int64
    )
    found = connection.execute(
        f"SELECT one, other, match_weight FROM kernel_pair WHERE match_weight >= {entity.match_weight} ORDER BY one, other"
    ).fetchnumpy()
    edges = _with_decisions(kernels, kernel_of, found, decided[True])
    apart = [(_at(kernels, kernel_of[one]), _at(kernels, kernel_of[other])) for one, other in decided[False]]
    rules = Rules(codes(connection, ids, "head"), [pair for pair in apart if pair[0] != pair[1]], entity.margin)
    label, refused = cluster(len(kernels), edges, rules)
    connection.execute(
        f"CREATE TABLE entity_of AS SELECT n AS kernel, label AS entity FROM {stored(connection, kernels, kernels[label])}"
    )
    refusals = stored(connection, kernels[edges.left[refused]], kernels[edges.right[refused]])
    connection.execute(
        f"CREATE TABLE review_pair AS SELECT best_one AS one, best_other AS other, match_weight, CASE WHEN refused.n IS NULL THEN 'uncertain' ELSE 'contradicted' END AS reason "
        f"FROM kernel_pair AS p LEFT JOIN {refusals} AS refused ON refused.n = p.one AND refused.label = p.other "
        f"WHERE (match_weight < {entity.match_weight} OR refused.n IS NOT NULL) "
        "AND (SELECT entity FROM entity_of WHERE kernel = p.one) <> (SELECT entity FROM entity_of WHERE kernel = p.other)"
    )


def _with_decisions(
    kernels: Integers, kernel_of: Integers, found: dict[str, Any], same: list[tuple[int, int]]
) -> Edges:
    pairs = np.array([(kernel_of[one], kernel_of[other]) for one, other in same], dtype=np.int64).reshape(-1, 2)
    left = np.concatenate([np.asarray(found["one"], dtype=np.int64), pairs.min(axis=1, initial=2**31)])
    right = np.concatenate([np.asarray(found["other"], dtype=np.int64), pairs.max(axis=1, initial=0)])
    weight = np.concatenate([np.asarray(found["match_weight"], dtype=np.float64), np.full(len(pairs), np.inf)])
    edges = Edges(np.searchsorted(kernels, left), np.searchsorted(kernels, right), weight)
    return edges.of(edges.left != edges.right)


def _at(kernels: Integers, kernel: int) -> int:
    return int(np.searchsorted(kernels, kernel))


def _explain_records(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("""
        CREATE TABLE resolved AS
        WITH kernel_size AS (SELECT kernel, count(*) AS profiles, sum(records) AS records FROM node GROUP BY kernel),
        entity_size AS (SELECT entity, count(*) AS kernels FROM entity_of GROUP BY entity),
        held AS (SELECT kernel, max(match_weight) AS weight FROM (
                   SELECT p.one AS kernel, match_weight, other FROM kernel_pair AS p UNION ALL SELECT p.other, match_weight, one FROM kernel_pair AS p) AS edge
                 JOIN entity_of AS a USING (kernel) JOIN entity_of AS b ON b.kernel = edge.other WHERE a.entity = b.entity GROUP BY kernel)
        SELECT source, source_key, min(entity) AS entity,
          max(CASE WHEN profiles > 1 THEN 1.0 WHEN kernels > 1 THEN coalesce(1 - 1 / (1 + power(2.0, least(weight, 60))), 1.0)
                   WHEN k.records > 1 THEN 1.0 END) AS match_probability,
          min(CASE WHEN profiles > 1 THEN 'identifier' WHEN kernels > 1 AND weight IS NULL THEN 'decision' WHEN kernels > 1 THEN 'resemblance'
                   WHEN k.records > 1 THEN 'identical' ELSE 'alone' END) AS match_basis
        FROM record_profile JOIN node USING (n) JOIN kernel_size AS k USING (kernel) JOIN entity_of USING (kernel) JOIN entity_size USING (entity)
        LEFT JOIN held USING (kernel) GROUP BY source, source_key""")
