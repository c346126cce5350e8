"""What dbt's connection has besides its database: our settings, our SQL functions, the files of what is protected, and errors that quote no value.

Named in dbt_project/profiles.yml.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError
from duckdb import DuckDBPyConnection

from warehouse.engines.duckdb.engine import configure, safe_message
from warehouse.engines.duckdb.functions import register_functions
from warehouse.store.published_nights import BUILD_VARIABLE
from warehouse.store.restricted import attach_protected


@contextmanager
def _without_values(manager: DuckDBConnectionManager, sql: str, connection_name: str = "master") -> Iterator[None]:
    """dbt writes what an error says to its log, its results and Dagster's events: of an error about data its kind alone."""
    try:
        yield
    except DbtRuntimeError:
        raise
    except Exception as error:
        manager.rollback_if_open()
        said = safe_message(error) if isinstance(error, duckdb.Error) else type(error).__name__
        raise DbtRuntimeError(said) from None


class Plugin(BasePlugin):
    def initialize(self, config: dict[str, object]) -> None:
        DuckDBConnectionManager.exception_handler = _without_values  # type: ignore[method-assign,assignment]

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """The last word before the database is opened. dbt looks at the profile's path to tell whether what it parsed still holds."""
        creds.path = os.environ.get(BUILD_VARIABLE, creds.path)

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        configure(conn)
        register_functions(conn)
        if self.creds:
            attach_protected(conn, Path(self.creds.path))
