"""What dbt's connection has besides its database: our SQL functions, and the restricted file. Named in dbt_project/profiles.yml."""

from pathlib import Path

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from warehouse.functions import register_functions
from warehouse.restricted import attach_restricted


class Plugin(BasePlugin):
    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        register_functions(conn)
        if self.creds:
            attach_restricted(conn, Path(self.creds.path))
