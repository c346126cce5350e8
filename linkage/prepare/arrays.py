"""Between the engine's tables and arrays: codes of values, and numbers stored as a table."""

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.prepare.scratch import make
from linkage.prepare.steps import Step
from warehouse.engines.duckdb.engine import quoted

Integers = NDArray[np.int64]
NONE = -1


def codes(connection: duckdb.DuckDBPyConnection, names: tuple[str, ...], table: str) -> Integers:
    """By row of `table` in the order of its column n, and by column named: a number for the value, NONE where it is null."""
    if not names:
        rows = (connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,))[0]
        return np.full((rows, 0), NONE, dtype=np.int64)
    columns = [
        f"CASE WHEN {quoted(name)} IS NULL THEN {NONE} ELSE (hash({quoted(name)}) >> 1)::BIGINT END AS c{at}"
        for at, name in enumerate(names)
    ]
    found = connection.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY n").fetchnumpy()
    return np.column_stack([np.asarray(found[f"c{at}"], dtype=np.int64) for at in range(len(names))])


def store(connection: duckdb.DuckDBPyConnection, step: Step, *columns: Integers) -> None:
    """Make `step` of its columns."""
    arrays = [column.astype(np.int32) for column in columns]
    connection.register("handed_over", pa.table(arrays, names=list(step.columns)))
    make(connection, step, "FROM handed_over")
    connection.unregister("handed_over")
