"""The open database as roles see it while somebody's processing is restricted: every relation without that person's rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from sharing.rights.person import Relation, relations
from sharing.rights.restriction import hold_restrictions, not_restricted, restrictions
from warehouse.engines.duckdb.engine import literal, open_database, quoted
from warehouse.home import Home


@contextmanager
def opened_for_roles(home: Home, published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published database, to be read; where people are restricted, views of it without their rows. Raises Tampered.

    Names with a database before them still mean what lies there: the file itself is open to whoever may read it.
    """
    if not restrictions(home):
        with open_database(published, read_only=True) as connection:
            yield connection
        return
    with open_database() as connection:
        # Views of the file store its own name.
        connection.execute(f"ATTACH {literal(str(published))} AS {quoted(published.stem)} (READ_ONLY)")
        hold_restrictions(connection, home)
        for one in relations(connection):
            if one.database == published.stem:
                _show(connection, one)
        _show_versions(connection, published.stem)
        yield connection


def _show(connection: duckdb.DuckDBPyConnection, one: Relation) -> None:
    left = not_restricted(one.columns)
    where = f" WHERE {left}" if left else ""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(one.schema)}")
    connection.execute(f"""
        CREATE VIEW {quoted(one.schema)}.{quoted(one.name)} AS
        SELECT *
        FROM {one.place} AS source{where}
    """)


def _show_versions(connection: duckdb.DuckDBPyConnection, published: str) -> None:
    """The marts as they were known on a day read versions by name, and so those that are shown."""
    macros = connection.execute(f"""
        SELECT schema_name, function_name, parameters, macro_definition
        FROM duckdb_functions()
        WHERE database_name = {literal(published)} AND function_type = 'table_macro'
    """).fetchall()
    for schema, name, parameters, definition in macros:
        place = f"{quoted(schema)}.{quoted(name)}"
        connection.execute(f"CREATE MACRO {place}({', '.join(parameters)}) AS TABLE {definition}")
