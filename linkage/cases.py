"""What was decided of cases: in state, and for each build."""

from datetime import date

import duckdb

from warehouse.home import Home


def load_dispositions(connection: duckdb.DuckDBPyConnection, home: Home, night: date) -> None:
    connection.execute(
        "CREATE OR REPLACE TABLE linkage.case_disposition "
        "(match_case_id VARCHAR, disposition VARCHAR, reason VARCHAR, decided_by VARCHAR, decided_on DATE)"
    )
