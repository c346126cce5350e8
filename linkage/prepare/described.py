"""Profiles with all that is compared of them. It is derived where it is needed, and only there: it is personal and not kept."""

import duckdb

from linkage.declare.entity import Entity, common
from linkage.prepare import steps
from linkage.prepare.scratch import make
from linkage.prepare.steps import Step
from warehouse.engines.duckdb.engine import quoted


def make_derived_table(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """`derived`, empty."""
    make(connection, steps.derived(entity), f"{_derived_sql(entity)} LIMIT 0")


def derive(connection: duckdb.DuckDBPyConnection, entity: Entity, examples: str) -> None:
    """Fill `derived` with the rows that `examples` selects, where they are not there yet."""
    connection.execute(f"""
        INSERT INTO derived
        {_derived_sql(entity)}
        WHERE rowid IN ({examples}) AND rowid NOT IN (SELECT example FROM derived)""")


def describe(connection: duckdb.DuckDBPyConnection, entity: Entity, step: Step, profiles: str) -> None:
    """Make `step` of `profiles` (a selection of `profile` or `node`) with all columns, derived ones and common words.

    The identifiers are those of the selection: a placeholder is none any more.
    """
    derive(connection, entity, f"SELECT example FROM ({profiles})")
    words = "".join(f", {_common_words_of(name)} AS {quoted(common(name))}" for name in entity.common_words)
    twice = ", ".join(quoted(name) for name in ("example", *entity.identifiers))
    described = f"""
        SELECT p.*, d.* EXCLUDE ({twice}){words}
        FROM ({profiles}) AS p JOIN derived AS d USING (example)"""
    make(connection, step, described)


def _common_words_of(name: str) -> str:
    return f"list_sort(list_intersect(d.{quoted(name)}, coalesce((SELECT words FROM {quoted(common(name))}), [])))"


def make_common_words(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """Words that many have tell their bearers apart (North, South); what only few have may be left out without harm."""
    for name, share in entity.common_words.items():
        derive(connection, entity, "SELECT example FROM profile")
        words = f"""
            WITH word_of AS (SELECT unnest({quoted(name)}) AS word FROM profile JOIN derived USING (example)),
            frequent AS (
              SELECT word
              FROM word_of
              GROUP BY word
              HAVING count(*) > greatest({share} * (SELECT count(*) FROM profile), 1)
            )
            SELECT list(word) AS words
            FROM frequent"""
        make(connection, steps.common_words(name), words)


def _derived_sql(entity: Entity) -> str:
    columns = ", ".join(quoted(name) for name in entity.columns)
    derived = "".join(f", {sql} AS {quoted(name)}" for name, sql in entity.derived.items())
    return f"SELECT rowid AS example, {columns}{derived} FROM record"
