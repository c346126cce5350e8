"""Ids that stay from night to night: a cluster keeps the id that most of its records had; what happened to ids is told."""

from pathlib import Path

import duckdb

from linkage.memory import Memory
from warehouse.engine import literal

# Records that no agency has sent for so long are forgotten, with the ids of those who had no other.
_REMEMBERED_DAYS = 800
# Letters and digits that are not taken for one another; 12 of them are 58 bits.
_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"


def give_ids(connection: duckdb.DuckDBPyConnection, memory: Memory, prefix: str) -> None:
    """From `resolved` in the scratch database: `identified` (entity, entity_id) and `change` (change, from_id, to_id, records).

    Writes the night's `id` and `change` below the memory's folder. No later night is read, and new ids are a keyed
    hash of the night and a record's key: the same night again gives the same, and an id tells nothing without the key.
    """
    connection.execute(f"CREATE TABLE past_id AS FROM {_ids(memory.before('id'))}")
    # A night that is run again keeps what it gave the first time, also where an older one was filled in since.
    connection.execute(f"CREATE TABLE own_id AS FROM {_ids(memory.file('id'))}")
    connection.execute("""
        CREATE TABLE moved AS SELECT r.entity, p.entity_id AS old_id, count(*) AS records, min(r.source || chr(31) || r.source_key) AS least
        FROM resolved AS r LEFT JOIN past_id AS p USING (source, source_key) GROUP BY ALL""")
    connection.execute("""
        CREATE TABLE kept AS
        WITH held AS (SELECT r.entity, coalesce(o.entity_id, p.entity_id) AS old_id, count(*) AS records, min(r.source || chr(31) || r.source_key) AS least
                      FROM resolved AS r LEFT JOIN own_id AS o USING (source, source_key) LEFT JOIN past_id AS p USING (source, source_key) GROUP BY ALL)
        SELECT entity, old_id FROM
          (SELECT * FROM held WHERE old_id IS NOT NULL QUALIFY row_number() OVER (PARTITION BY entity ORDER BY records DESC, old_id) = 1)
        QUALIFY row_number() OVER (PARTITION BY old_id ORDER BY records DESC, least) = 1""")
    made = _made("min(least)", memory, prefix)
    connection.execute(
        f"CREATE TABLE identified AS SELECT entity, coalesce(any_value(kept.old_id), {made}) AS entity_id FROM moved LEFT JOIN kept USING (entity) GROUP BY entity"
    )
    _tell_changes(connection, memory)
    _remember(connection, memory)


def _ids(path: Path | None) -> str:
    if path is None or not path.exists():
        return "(SELECT NULL::VARCHAR AS source, NULL::VARCHAR AS source_key, NULL::VARCHAR AS entity_id, NULL::DATE AS last_seen WHERE false)"
    return f"read_parquet({literal(str(path))})"


def _made(text: str, memory: Memory, prefix: str) -> str:
    """SQL of a new id: the keyed hash of the night and a text, in letters and digits."""
    assert memory.night is not None
    number = f"md5_number(concat_ws(chr(31), {literal(memory.salt())}, {literal(memory.night.isoformat())}, {text}))"
    base = len(_LETTERS)
    letters = " || ".join(
        f"{literal(_LETTERS)}[({number} // {base**place} % {base})::INTEGER + 1]" for place in range(12)
    )
    return f"{literal(prefix)} || {letters}"


def _tell_changes(connection: duckdb.DuckDBPyConnection, memory: Memory) -> None:
    """new: no record of it was known. merge: all of an id's records went to another. split: some did. gone: none came tonight."""
    connection.execute("""
        CREATE TABLE change AS
        WITH went AS (SELECT old_id, entity_id, sum(records) AS records FROM moved JOIN identified USING (entity) GROUP BY ALL),
        tonight AS (SELECT DISTINCT entity_id FROM identified),
        known AS (SELECT entity_id, max(last_seen) AS last_seen, count(*) AS records FROM past_id GROUP BY entity_id)
        SELECT 'new' AS change, NULL::VARCHAR AS from_id, entity_id AS to_id, sum(records)::BIGINT AS records FROM went
          GROUP BY entity_id HAVING count(old_id) = 0
        UNION ALL SELECT CASE WHEN old_id IN (SELECT entity_id FROM tonight) THEN 'split' ELSE 'merge' END, old_id, entity_id, records::BIGINT
          FROM went WHERE old_id IS NOT NULL AND old_id <> entity_id
        UNION ALL SELECT 'gone', entity_id, NULL, records FROM known
          WHERE last_seen = (SELECT max(last_seen) FROM past_id) AND entity_id NOT IN (SELECT entity_id FROM tonight)
            AND entity_id NOT IN (SELECT old_id FROM went WHERE old_id IS NOT NULL)""")
    memory.write(
        connection, "change", f"SELECT {literal(str(memory.night))}::DATE AS night, * FROM change ORDER BY ALL"
    )


def _remember(connection: duckdb.DuckDBPyConnection, memory: Memory) -> None:
    """Tonight's records with their ids, and those of earlier nights that may come again."""
    night = f"{literal(str(memory.night))}::DATE"
    memory.write(
        connection, "id",
        f"SELECT source, source_key, entity_id, {night} AS last_seen FROM resolved JOIN identified USING (entity) UNION ALL "
        f"SELECT source, source_key, entity_id, last_seen FROM past_id AS p WHERE last_seen > {night} - {_REMEMBERED_DAYS} "
        "AND NOT EXISTS (FROM resolved AS r WHERE r.source = p.source AND r.source_key = p.source_key) ORDER BY source, source_key",
    )  # fmt: skip
