"""Ids that stay from night to night: a cluster keeps the id that most of its records had; what happened to ids is told."""

from pathlib import Path

import duckdb

from linkage.memory import Memory
from linkage.prepare import steps
from linkage.prepare.scratch import make
from warehouse.engines.duckdb.encrypted_parquet import parquet
from warehouse.engines.duckdb.engine import literal

# Records that no agency has sent for so long are forgotten, with the ids of those who had no other.
_REMEMBERED_DAYS = 800
# Letters and digits that are not taken for one another; 12 of them are 58 bits.
_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"


_CHANGES = """
    WITH went AS (
      SELECT old_id, entity_id, sum(records) AS records
      FROM moved JOIN identified USING (entity)
      GROUP BY ALL
    ),
    silent AS (
      SELECT entity_id, max(last_seen) AS last_seen, count(*) AS records
      FROM lost
      WHERE entity_id NOT IN (SELECT past FROM held WHERE past IS NOT NULL)
      GROUP BY entity_id
    ),
    tonight AS (SELECT entity_id FROM identified)
    SELECT 'new' AS change, NULL::VARCHAR AS from_id, entity_id AS to_id, sum(records)::BIGINT AS records
    FROM went
    GROUP BY entity_id
    HAVING count(old_id) = 0
    UNION ALL
    SELECT CASE WHEN old_id IN (FROM tonight) THEN 'split' ELSE 'merge' END, old_id, entity_id, records::BIGINT
    FROM went
    WHERE old_id IS NOT NULL AND old_id <> entity_id
    UNION ALL
    SELECT 'gone', entity_id, NULL, records
    FROM silent
    WHERE last_seen = (SELECT max(last_seen) FROM past_id) AND entity_id NOT IN (FROM tonight)"""


def give_ids(connection: duckdb.DuckDBPyConnection, memory: Memory, prefix: str) -> None:
    """From `resolved` in the scratch database: `identified` and `change`.

    Writes the night's `id` and `change` below the memory's folder. No later night is read, and new ids are a keyed
    hash of the night and a record's key: the same night again gives the same, and an id tells nothing without the key.
    """
    make(connection, steps.PAST_ID, f"FROM {_ids(memory.before('id'))}")
    # A night that is run again keeps what it gave the first time, also where an older one was filled in since.
    make(connection, steps.OWN_ID, f"FROM {_ids(memory.file('id'))}")
    held = """
        SELECT r.source, r.source_key, r.entity, p.entity_id AS past, o.entity_id AS own
        FROM resolved AS r
        LEFT JOIN past_id AS p USING (source, source_key)
        LEFT JOIN own_id AS o USING (source, source_key)"""
    make(connection, steps.HELD, held)
    lost = """
        SELECT source, source_key, entity_id, last_seen
        FROM past_id AS p
        WHERE NOT EXISTS (FROM resolved AS r WHERE r.source = p.source AND r.source_key = p.source_key)"""
    make(connection, steps.LOST, lost)
    _find_unsettled(connection)
    _identify(connection, _made("min(least)", memory, prefix))
    _tell_changes(connection, memory)
    _remember(connection, memory)


def _find_unsettled(connection: duckdb.DuckDBPyConnection) -> None:
    """`unsettled`: the other clusters have one id among all their records, and no record elsewhere has it: they keep it."""
    shared_id = """
        SELECT past AS entity_id FROM held GROUP BY past HAVING min(entity) <> max(entity)
        UNION SELECT own FROM held WHERE own IS DISTINCT FROM past"""
    make(connection, steps.SHARED_ID, shared_id)
    unsettled = """
        WITH doubted AS (
          SELECT entity
          FROM held
          GROUP BY entity
          HAVING count(past) < count(*) OR min(past) <> max(past) OR bool_or(own <> past)
          UNION SELECT entity FROM held WHERE past IN (FROM shared_id)
        )
        FROM held WHERE entity IN (FROM doubted)"""
    make(connection, steps.UNSETTLED, unsettled)


def _identify(connection: duckdb.DuckDBPyConnection, made: str) -> None:
    """`moved` of what is unsettled, and `identified` of all; `made` is SQL of a new id."""
    moved = """
        SELECT entity, past AS old_id, count(*) AS records, min(source || chr(31) || source_key) AS least
        FROM unsettled
        GROUP BY ALL"""
    make(connection, steps.MOVED, moved)
    kept = """
        WITH claim AS (
          SELECT entity, coalesce(own, past) AS old_id, count(*) AS records, min(source || chr(31) || source_key) AS least
          FROM unsettled
          GROUP BY ALL
        ),
        first_claim AS (
          SELECT *
          FROM claim
          WHERE old_id IS NOT NULL
          QUALIFY row_number() OVER (PARTITION BY entity ORDER BY records DESC, old_id) = 1
        )
        SELECT entity, old_id
        FROM first_claim
        QUALIFY row_number() OVER (PARTITION BY old_id ORDER BY records DESC, least) = 1"""
    make(connection, steps.KEPT, kept)
    identified = f"""
        SELECT entity, coalesce(any_value(kept.old_id), {made}) AS entity_id
        FROM moved LEFT JOIN kept USING (entity)
        GROUP BY entity
        UNION ALL
        SELECT entity, any_value(past)
        FROM held
        WHERE entity NOT IN (SELECT entity FROM moved)
        GROUP BY entity"""
    make(connection, steps.IDENTIFIED, identified)


def _ids(path: Path | None) -> str:
    if path is None or not path.exists():
        columns = ", ".join(f"NULL::{kind} AS {name}" for name, kind in steps.PAST_ID.columns.items())
        return f"(SELECT {columns} WHERE false)"
    return parquet(path)


def _made(text: str, memory: Memory, prefix: str) -> str:
    """SQL of a new id: the keyed hash of the night and a text, in letters and digits."""
    assert memory.night is not None
    number = (
        f"md5_number_lower(concat_ws(chr(31), {literal(memory.salt())}, {literal(memory.night.isoformat())}, {text}))"
    )
    base = len(_LETTERS)
    letters = " || ".join(
        f"{literal(_LETTERS)}[({number} // {base**place} % {base})::INTEGER + 1]" for place in range(12)
    )
    return f"{literal(prefix)} || {letters}"


def _tell_changes(connection: duckdb.DuckDBPyConnection, memory: Memory) -> None:
    """new: no record of it was known. merge: all of an id's records went to another. split: some did. gone: none came tonight."""
    make(connection, steps.CHANGE, _CHANGES)
    changes = f"SELECT {literal(str(memory.night))}::DATE AS night, * FROM change ORDER BY ALL"
    memory.write(connection, "change", changes)


def _remember(connection: duckdb.DuckDBPyConnection, memory: Memory) -> None:
    """Tonight's records with their ids, and those of earlier nights that may come again."""
    night = f"{literal(str(memory.night))}::DATE"
    ids = f"""
        SELECT source, source_key, entity_id, {night} AS last_seen
        FROM resolved JOIN identified USING (entity)
        UNION ALL
        SELECT source, source_key, entity_id, last_seen
        FROM lost
        WHERE last_seen > {night} - {_REMEMBERED_DAYS}"""
    memory.write(connection, "id", ids)
