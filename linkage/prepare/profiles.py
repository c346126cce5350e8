"""Equal records are one: twelve monthly records of a person that say the same are compared once."""

import duckdb

from linkage.declare.entity import Entity
from linkage.memory import Memory
from linkage.prepare import steps
from linkage.prepare.described import make_common_words, make_derived_table
from linkage.prepare.marks import make_marks
from linkage.prepare.scratch import drop, make
from linkage.prepare.sql_functions import create_functions
from warehouse.engines.duckdb.engine import literal, quoted


def read_inputs(connection: duckdb.DuckDBPyConnection, inputs: dict[str, str], entity: Entity) -> None:
    """`record` of all inputs.

    An input that has a column `source` says itself where each record is from; otherwise its name is the source.
    """
    parts = [_read(connection, name, table, entity) for name, table in inputs.items()]
    empty = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in _shape(entity).items())
    make(connection, steps.record(entity), "\nUNION ALL BY NAME\n".join([f"SELECT {empty} WHERE false", *parts]))


def _shape(entity: Entity) -> dict[str, str]:
    return {"source": "varchar", "source_key": "varchar", **entity.columns}


def _read(connection: duckdb.DuckDBPyConnection, name: str, table: str, entity: Entity) -> str:
    present = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()}
    source = "source::varchar" if "source" in present else literal(name)
    taken = [
        f"try_cast({_trimmed(column, kind)} AS {kind}) AS {quoted(column)}"
        for column, kind in entity.columns.items()
        if column in present
    ]
    columns = ", ".join([f"{source} AS source", "source_key::varchar AS source_key", *taken])
    return f"SELECT {columns} FROM {table}"


def _trimmed(column: str, kind: str) -> str:
    """An empty text says as little as none."""
    return f"nullif(trim({quoted(column)}::varchar), '')" if kind.lower() == "varchar" else quoted(column)


def make_profiles(connection: duckdb.DuckDBPyConnection, entity: Entity, memory: Memory) -> None:
    """From `record`: `profile` and `record_profile`.

    `profile_key` is a keyed hash of the values, so that what is kept of a night tells nothing without the key. Records that
    say too little to be one because they say the same (a given name, nothing else) stay profiles of their own.
    """
    create_functions(connection, "main")
    said = ", ".join(f"coalesce({quoted(name)}::varchar, '')" for name in entity.columns)
    keyed = f"""
        SELECT rowid AS row, source, source_key,
          md5_number_lower(concat_ws(chr(31), {literal(memory.salt())}, {said})) AS said_key
        FROM record"""
    make(connection, steps.KEYED, keyed)
    make(connection, steps.SAID, "SELECT said_key, min(row) AS example FROM keyed GROUP BY said_key")
    make_derived_table(connection, entity)
    make_marks(connection, entity, memory)
    keyed_profile = """
        SELECT source, source_key, said_key,
          CASE WHEN is_telling THEN said_key
               ELSE md5_number_lower(concat_ws(chr(31), said_key, source, source_key)) END AS profile_key
        FROM keyed JOIN mark USING (said_key)"""
    make(connection, steps.KEYED_PROFILE, keyed_profile)
    make(connection, steps.profile(entity), _profile_sql(entity))
    record_profile = "SELECT source, source_key, n FROM keyed_profile JOIN profile USING (profile_key)"
    make(connection, steps.RECORD_PROFILE, record_profile)
    for step in (steps.KEYED, steps.SAID, steps.mark(entity), steps.KEYED_PROFILE):
        drop(connection, step)
    make_common_words(connection, entity)


def _profile_sql(entity: Entity) -> str:
    taken = "".join(f", record.{quoted(name)}" for name in entity.identifiers)
    return f"""
        WITH numbered AS (
          SELECT (row_number() OVER (ORDER BY profile_key) - 1)::INTEGER AS n, profile_key,
            any_value(said_key) AS said_key, count(*) AS records
          FROM keyed_profile
          GROUP BY profile_key
        )
        SELECT n, profile_key, records, example, mark.* EXCLUDE (said_key, is_telling){taken}
        FROM numbered JOIN said USING (said_key) JOIN mark USING (said_key)
        JOIN record ON record.rowid = example"""
