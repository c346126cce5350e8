"""Linkage of one night: what stands between staging and marts."""

from datetime import date
from typing import Any

import duckdb

from warehouse.home import Home

LINKAGE_TABLES = {
    "person_link": "The person of each record.",
    "body_link": "The body of each record.",
    "case_disposition": "What was decided of cases, the last decision of each.",
}
_COLUMNS = "source VARCHAR, source_key VARCHAR, {entity}_id VARCHAR, match_probability DOUBLE, match_basis VARCHAR"


def link_night(connection: duckdb.DuckDBPyConnection, home: Home, night: date) -> dict[str, dict[str, Any]]:
    """Write the tables of the schema `linkage`; returns figures for each."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    for entity in ("person", "body"):
        connection.execute(f"CREATE OR REPLACE TABLE linkage.{entity}_link ({_COLUMNS.format(entity=entity)})")
    connection.execute(
        "CREATE OR REPLACE TABLE linkage.case_disposition (match_case_id VARCHAR, disposition VARCHAR, reason VARCHAR, decided_by VARCHAR, decided_on DATE)"
    )
    return {}
