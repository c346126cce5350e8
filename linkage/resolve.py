"""`resolve`: from tables of records to an entity for each, by identifiers first and by resemblance where they are lacking."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from linkage.compare.blocks import limit_blocks
from linkage.compare.pairs import find_pairs, make_nodes
from linkage.declare.entity import Entity
from linkage.memory import Memory
from linkage.prepare import steps
from linkage.prepare.arrays import Integers, codes, store
from linkage.prepare.profiles import make_profiles, read_inputs
from linkage.prepare.scratch import SCRATCH, make, make_empty, scratch
from linkage.settle.clusters import Edges, Rules, cluster
from linkage.settle.shared_identifiers import make_kernels

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
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE {RESULT} AS
            SELECT source, source_key, 'E' || entity AS entity_id, match_probability, match_basis
            FROM {SCRATCH}.resolved""")
    return f"temp.{RESULT}"


def link(connection: duckdb.DuckDBPyConnection, entity: Entity, memory: Memory) -> None:
    """From `record` in the scratch database to `resolved`.

    Beside it stay `large_block`, `conflict`, `node`, `pair` and `review_pair` until the scratch database goes.
    """
    make_empty(connection, steps.LARGE_BLOCK)
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
    """From `pair` and `node`: `entity_of` and `review_pair`."""
    _make_kernel_pairs(connection)
    ids = tuple(f"id_{name}" for name in entity.authoritative)
    make(connection, steps.head(entity), "FROM node WHERE n = kernel")
    kernels = np.asarray(connection.execute("SELECT n FROM head ORDER BY n").fetchnumpy()["n"], dtype=np.int64)
    kernel_of = np.asarray(
        connection.execute("SELECT kernel FROM node ORDER BY n").fetchnumpy()["kernel"], dtype=np.int64
    )
    found = connection.execute(f"""
        SELECT one, other, match_weight
        FROM kernel_pair
        WHERE match_weight >= {entity.match_weight}
        ORDER BY one, other""").fetchnumpy()
    edges = _with_decisions(kernels, kernel_of, found, decided[True])
    apart = [(_at(kernels, kernel_of[one]), _at(kernels, kernel_of[other])) for one, other in decided[False]]
    rules = Rules(codes(connection, ids, "head"), [pair for pair in apart if pair[0] != pair[1]], entity.margin)
    label, refused = cluster(len(kernels), edges, rules)
    store(connection, steps.ENTITY_OF, kernels, kernels[label])
    store(connection, steps.REFUSED, kernels[edges.left[refused]], kernels[edges.right[refused]])
    _make_review_pairs(connection, entity.match_weight)


def _make_kernel_pairs(connection: duckdb.DuckDBPyConnection) -> None:
    """Of pairs that weigh the same always the same one: the queue of a night that is run again is the same queue."""
    kernel_pair = """
        WITH joined AS (
          SELECT least(l.kernel, r.kernel) AS one, greatest(l.kernel, r.kernel) AS other,
            max({'weight': match_weight, 'one': pair.one, 'other': pair.other}) AS best
          FROM pair JOIN node AS l ON l.n = pair.one JOIN node AS r ON r.n = pair.other
          WHERE l.kernel <> r.kernel
          GROUP BY ALL
        )
        SELECT one, other, best.weight AS match_weight, best.one AS best_one, best.other AS best_other
        FROM joined"""
    make(connection, steps.KERNEL_PAIR, kernel_pair)


def _make_review_pairs(connection: duckdb.DuckDBPyConnection, match_weight: float) -> None:
    review_pair = f"""
        SELECT best_one AS one, best_other AS other, match_weight,
          CASE WHEN refused.one IS NULL THEN 'uncertain' ELSE 'contradicted' END AS reason
        FROM kernel_pair AS p
        JOIN entity_of AS a ON a.kernel = p.one JOIN entity_of AS b ON b.kernel = p.other
        LEFT JOIN refused ON refused.one = p.one AND refused.other = p.other
        WHERE a.entity <> b.entity AND (match_weight < {match_weight} OR refused.one IS NOT NULL)"""
    make(connection, steps.REVIEW_PAIR, review_pair)


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
    resolved = """
        WITH kernel_size AS (
          SELECT kernel, count(*) AS profiles, sum(records) AS records
          FROM node
          GROUP BY kernel
        ),
        entity_size AS (SELECT entity, count(*) AS kernels FROM entity_of GROUP BY entity),
        edge AS (
          SELECT one AS kernel, other, match_weight FROM kernel_pair
          UNION ALL SELECT other, one, match_weight FROM kernel_pair
        ),
        held AS (
          SELECT kernel, max(match_weight) AS weight
          FROM edge JOIN entity_of AS a USING (kernel) JOIN entity_of AS b ON b.kernel = edge.other
          WHERE a.entity = b.entity
          GROUP BY kernel
        )
        SELECT source, source_key, min(entity) AS entity,
          max(CASE WHEN profiles > 1 THEN 1.0
                   WHEN kernels > 1 THEN coalesce(1 - 1 / (1 + power(2.0, least(weight, 60))), 1.0)
                   WHEN k.records > 1 THEN 1.0 END) AS match_probability,
          min(CASE WHEN profiles > 1 THEN 'identifier'
                   WHEN kernels > 1 AND weight IS NULL THEN 'decision'
                   WHEN kernels > 1 THEN 'resemblance'
                   WHEN k.records > 1 THEN 'identical'
                   ELSE 'alone' END) AS match_basis
        FROM record_profile JOIN node USING (n)
        JOIN kernel_size AS k USING (kernel) JOIN entity_of USING (kernel) JOIN entity_size USING (entity)
        LEFT JOIN held USING (kernel)
        GROUP BY source, source_key"""
    make(connection, steps.RESOLVED, resolved)
