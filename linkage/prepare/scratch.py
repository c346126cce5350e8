"""Where linkage works: a database of its own in memory, which the engine spills to disk, gone at the end."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from linkage.prepare.profiles import SCRATCH


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
