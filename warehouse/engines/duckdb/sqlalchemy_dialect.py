"""The engine as great-expectations sees it: a SQLAlchemy dialect that hands out results after the cursor moved on.

great-expectations reads a result after it has given its connection back; the engine's cursor is empty by then, so results
are buffered here. One connection serves a whole suite (opening one takes longer than most rules); who makes an engine
disposes of it, because the file must be free when dbt opens it.
"""

from pathlib import Path
from typing import Any

from duckdb_sqlalchemy import Dialect as DuckDBDialect
from duckdb_sqlalchemy import DuckDBExecutionContext
from sqlalchemy.dialects import registry
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.pool import StaticPool

from warehouse.engines.duckdb.engine import UNSIGNED, configure, lock
from warehouse.engines.duckdb.functions import register_functions

NAME = "interagency_duckdb"
# The argument of a connection that lists the files which the database's views read.
READABLE = "readable"


class BufferedExecutionContext(DuckDBExecutionContext):
    """Fetches a result at once."""

    def post_exec(self) -> None:
        super().post_exec()
        if self.cursor is not None and self.cursor.description:
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
                self.cursor, initial_buffer=self.cursor.fetchall()
            )


class BufferedDialect(DuckDBDialect):
    """duckdb-sqlalchemy's dialect with buffered results, our settings and our SQL functions."""

    name = "duckdb"
    supports_statement_cache = False
    execution_ctx_cls = BufferedExecutionContext

    def connect(self, *arguments: Any, **options: Any) -> Any:
        readable = options.pop(READABLE, ())
        # As `configure` expects it, which ends it.
        options["config"] = {UNSIGNED: True, **options.get("config", {})}
        connection = super().connect(*arguments, **options)
        # The wrapper hands everything that is not its own on to the engine's connection.
        configure(connection)
        register_functions(connection)
        # A suite holds what contracts say, and a contract is written by a stranger.
        lock(connection, readable)
        return connection

    @classmethod
    def get_pool_class(cls, url: Any) -> type[StaticPool]:
        return StaticPool


registry.register(NAME, __name__, BufferedDialect.__name__)


def url(database: Path) -> str:
    """Read-only: a gate looks, it never writes."""
    return f"{NAME}:///{database}?access_mode=read_only"
