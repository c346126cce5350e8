"""Equal records are one: twelve monthly records of a person that say the same are compared once."""

import duckdb

from linkage.config import Entity, common
from linkage.names import create_functions
from warehouse.engine import literal, quoted

SCRATCH = "linkage_scratch"


def read_inputs(connection: duckdb.DuckDBPyConnection, inputs: dict[str, str], entity: Entity) -> None:
    """`record` in the scratch database: source, source_key and the entity's columns of all inputs.

    An input that has a column `source` says itself where each record is from; otherwise its name is the source.
    """
    parts = [_read(connection, name, table, entity) for name, table in inputs.items()]
    empty = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in _shape(entity).items())
    connection.execute(
        f"CREATE TABLE {SCRATCH}.record AS {' UNION ALL BY NAME '.join([f'SELECT {empty} WHERE false', *parts])}"
    )


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
    return f"SELECT {', '.join([f'{source} AS source', 'source_key::varchar AS source_key', *taken])} FROM {table}"


def _trimmed(column: str, kind: str) -> str:
    """An empty text says as little as none."""
    return f"nullif(trim({quoted(column)}::varchar), '')" if kind.lower() == "varchar" else quoted(column)


def make_profiles(connection: duckdb.DuckDBPyConnection, entity: Entity, salt: str) -> None:
    """`profile` (n from 0, profile_key, records, columns, derived) and `record_profile` (source, source_key, n).

    `profile_key` is a keyed hash of the values, so that what is kept of a night tells nothing without the key. Records that
    say too little to be one because they say the same (a given name, nothing else) stay profiles of their own.
    """
    create_functions(connection, "main")
    said = ", ".join(f"coalesce({quoted(name)}::varchar, '')" for name in entity.columns)
    connection.execute(
        f"CREATE TABLE keyed AS SELECT *, md5_number_lower(concat_ws(chr(31), {literal(salt)}, {said})) AS said_key FROM record"
    )
    connection.execute("DROP TABLE record")
    values = ", ".join(f"any_value({quoted(name)}) AS {quoted(name)}" for name in entity.columns)
    derived = "".join(f", {sql} AS {quoted(name)}" for name, sql in entity.derived.items())
    connection.execute(
        f"CREATE TABLE said AS SELECT *, ({_tells_enough(entity)}) AS is_telling FROM "
        f"(SELECT *{derived} FROM (SELECT said_key, {values} FROM keyed GROUP BY said_key))"
    )
    connection.execute(
        "CREATE TABLE keyed_profile AS SELECT source, source_key, said_key, CASE WHEN is_telling THEN said_key ELSE "
        "md5_number_lower(concat_ws(chr(31), said_key, source, source_key)) END AS profile_key FROM keyed JOIN said USING (said_key)"
    )
    connection.execute(
        "CREATE TABLE profile AS SELECT (row_number() OVER (ORDER BY profile_key) - 1)::INTEGER AS n, profile_key, records, "
        "said.* EXCLUDE (said_key, is_telling) FROM (SELECT profile_key, any_value(said_key) AS said_key, count(*) AS records "
        "FROM keyed_profile GROUP BY profile_key) JOIN said USING (said_key)"
    )
    connection.execute(
        "CREATE TABLE record_profile AS SELECT source, source_key, n FROM keyed_profile JOIN profile USING (profile_key)"
    )
    for table in ("keyed", "said", "keyed_profile"):
        connection.execute(f"DROP TABLE {table}")
    for name, share in entity.common_words.items():
        _note_common_words(connection, quoted(name), quoted(common(name)), share)


def _note_common_words(connection: duckdb.DuckDBPyConnection, name: str, target: str, share: float) -> None:
    """Words that many have tell their bearers apart (North, South); what only few have may be left out without harm."""
    connection.execute(
        f"CREATE OR REPLACE TABLE common_word AS SELECT list(word) AS words FROM (SELECT word FROM (SELECT unnest({name}) AS word FROM profile) "
        f"GROUP BY word HAVING count(*) > greatest({share} * (SELECT count(*) FROM profile), 1))"
    )
    connection.execute(f"ALTER TABLE profile ADD COLUMN {target} VARCHAR[]")
    connection.execute(
        f"UPDATE profile SET {target} = list_sort(list_intersect({name}, coalesce((SELECT words FROM common_word), [])))"
    )


def _tells_enough(entity: Entity) -> str:
    """An identifier, or all that a likely match agrees in."""
    enough = [f"{quoted(name)} IS NOT NULL" for name in entity.identifiers]
    enough += [" AND ".join(f"{quoted(name)} IS NOT NULL" for name in rule) for rule in entity.likely_match]
    return " OR ".join(enough) or "true"
