"""Where linkage works: a database of its own in memory, which the engine spills to disk, gone at the end."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from linkage.prepare.steps import ANY, Step
from warehouse.engines.duckdb.encrypted_parquet import let_read
from warehouse.engines.duckdb.engine import quoted

SCRATCH = "linkage_scratch"


@contextmanager
def scratch(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A second connection that stands in the scratch database, where no temporary table of the first one hides another."""
    connection.execute(f"ATTACH ':memory:' AS {SCRATCH}")
    work = connection.cursor()
    try:
        work.execute(f"USE {SCRATCH}")
        yield work
    finally:
        work.close()
        connection.execute(f"DETACH {SCRATCH}")


def make(connection: duckdb.DuckDBPyConnection, step: Step, select: str) -> None:
    """The step's table in the scratch database, anew where there was one. Raises TypeError where `select` gives other columns."""
    table = _place(step)
    let_read(connection, select)
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS {select}")
    given = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE {table}").fetchall()}
    declared = {name: given.get(name, ANY) if kind == ANY else kind for name, kind in step.columns.items()}
    if list(given.items()) != list(declared.items()):
        raise TypeError(f"step {step.name} is declared as {step.columns} and was given {given}")


def make_empty(connection: duckdb.DuckDBPyConnection, step: Step) -> None:
    """The step's table, to be filled afterwards."""
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in step.columns.items())
    connection.execute(f"CREATE TABLE {_place(step)} ({columns})")


def drop(connection: duckdb.DuckDBPyConnection, step: Step) -> None:
    connection.execute(f"DROP TABLE {_place(step)}")


def _place(step: Step) -> str:
    return f"{SCRATCH}.{quoted(step.name)}"
