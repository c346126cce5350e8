"""Where linkage works: a database of its own in memory, which the engine spills to disk, gone at the end."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from linkage.profiles import SCRATCH
from warehouse.engine import quoted


@contextmanager
def scratch(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """The scratch database is attached within the block; afterwards the connection stands where it stood."""
    database, schema = connection.execute("SELECT current_database(), current_schema()").fetchone() or ("memory", "main")
    connection.execute(f"ATTACH ':memory:' AS {SCRATCH}")
    try:
        yield
    finally:
        connection.execute(f"USE {quoted(database)}.{quoted(schema)}")
        connection.execute(f"DETACH {SCRATCH}")
