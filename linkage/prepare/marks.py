"""Marks: hashes by which a profile is put beside others. They are kept, so that a night derives columns of new profiles only."""

import hashlib

import duckdb

from linkage.declare.entity import Entity
from linkage.memory import Memory
from linkage.prepare import steps
from linkage.prepare.described import derive
from linkage.prepare.scratch import drop, make, make_empty
from linkage.prepare.sql_functions import functions
from linkage.prepare.steps import block_mark, value_mark
from warehouse.engines.duckdb.encrypted_parquet import readable
from warehouse.engines.duckdb.engine import literal, quoted

# What is kept is written anew once it lacks more than this share of a night's profiles; until then these are derived again.
_MOST_LACKING = 0.05


def make_marks(connection: duckdb.DuckDBPyConnection, entity: Entity, memory: Memory) -> None:
    """From `said`: `mark`.

    A mark depends on nothing but what the profile says, so one that was kept is the one that would be made now.
    """
    marks = _marks_sql(entity, memory.salt())
    path = memory.kept("mark", _fingerprint(entity, marks))
    make_empty(connection, steps.mark(entity))
    if path is not None and path.exists():
        connection.execute(f"INSERT INTO mark FROM {readable(connection, path)} SEMI JOIN said USING (said_key)")
    make(connection, steps.UNMARKED, "FROM said ANTI JOIN mark USING (said_key)")
    derive(connection, entity, "SELECT example FROM unmarked")
    connection.execute(f"INSERT INTO mark {marks}")
    if path is not None and _count(connection, "unmarked") > _MOST_LACKING * _count(connection, "said"):
        memory.keep(connection, path, "FROM mark")
    drop(connection, steps.UNMARKED)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int((connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,))[0])


def _marks_sql(entity: Entity, salt: str) -> str:
    keys = {block_mark(number): block.columns for number, block in enumerate(entity.blocking, 1)}
    keys |= {value_mark(name): (name,) for name in entity.term_frequencies}
    marks = "".join(f", {_key(columns, salt)} AS {quoted(name)}" for name, columns in keys.items())
    return f"""
        SELECT said_key, ({_tells_enough(entity)}) AS is_telling{marks}
        FROM unmarked JOIN derived USING (example)"""


def _key(columns: tuple[str, ...], salt: str) -> str:
    """A number for the values, null where one lacks. What is kept must tell nothing without the key, and that has its price."""
    values = ", ".join(quoted(name) for name in columns)
    number = f"md5_number_lower(concat_ws(chr(31), {literal(salt)}, {values}))" if salt else f"hash({values})"
    return f"CASE WHEN {' AND '.join(f'{quoted(name)} IS NOT NULL' for name in columns)} THEN {number} END"


def _tells_enough(entity: Entity) -> str:
    """An identifier, or all that a likely match agrees in."""
    enough = [f"{quoted(name)} IS NOT NULL" for name in entity.identifiers]
    enough += [" AND ".join(f"{quoted(name)} IS NOT NULL" for name in rule) for rule in entity.likely_match]
    return " OR ".join(enough) or "true"


def _fingerprint(entity: Entity, marks: str) -> str:
    """Changes with all that marks are made by, and not with how that is laid out."""
    said = repr((entity.columns, entity.derived, " ".join(marks.split()), functions(), duckdb.__version__))
    return hashlib.sha256(said.encode()).hexdigest()[:16]
