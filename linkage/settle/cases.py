"""What was decided of cases and why: appended to state, read as of a night, given to each build."""

from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from warehouse.engines.duckdb.engine import comment_on, literal, open_database
from warehouse.home import Home
from warehouse.journal import Journal

DISPOSITIONS = ("open", "fraud", "error", "false positive", "no issue")


class NotPublished(Exception):
    """No night is published."""


class NoCases(Exception):
    """The published night has no cases: none of its agencies sends records of people."""


@dataclass(frozen=True)
class Disposition:
    """One decision. `decided_at` is UTC in ISO 8601."""

    match_case_id: str
    disposition: str
    reason: str
    decided_by: str
    decided_at: str


def dispositions_file(home: Home) -> Path:
    return _journal(home).path


def decide(home: Home, decision: Disposition) -> None:
    """Append one decision. Nothing is ever taken back: a later decision of the same case counts. Raises Tampered."""
    _journal(home).append(asdict(decision), decision.decided_by)


def ask_published(home: Home, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of a query on `marts.match_case` of the published night. Raises NotPublished and NoCases."""
    if not home.published.exists():
        raise NotPublished
    with open_database(home.published, read_only=True) as connection:
        try:
            return connection.execute(sql, values).fetchall()
        except duckdb.CatalogException:
            raise NoCases from None


def _journal(home: Home) -> Journal:
    return Journal(home, "cases/disposition.jsonl")


_SAYS = {
    "match_case_id": "The case, as in marts.match_case.",
    "disposition": "What was decided.",
    "reason": "Why, in the words of whoever decided.",
    "decided_by": "The user of the operating system who decided.",
    "decided_on": "The day on which it was decided, UTC.",
}


def load_dispositions(connection: duckdb.DuckDBPyConnection, home: Home, night: date) -> None:
    """Make `linkage.case_disposition` of the build: the last decision of each case, as of the end of the night's day (UTC).

    Raises Tampered where decisions are not as they were written.
    """
    _journal(home).check()
    file = dispositions_file(home)
    columns = [field.name for field in fields(Disposition)]
    shape = "{" + ", ".join(f"{name}: 'VARCHAR'" for name in columns) + "}"
    source = (
        # A line that a crash cut off is none.
        f"read_json({literal(str(file))}, format='newline_delimited', columns={shape}, ignore_errors=true)"
        if file.exists()
        else f"(SELECT {', '.join(f'NULL::VARCHAR AS {name}' for name in columns)} WHERE false)"
    )
    connection.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    decided_on = "CAST(CAST(decided_at AS TIMESTAMPTZ) AS DATE)"
    connection.execute(f"""
        CREATE OR REPLACE TABLE linkage.case_disposition AS
        SELECT match_case_id, disposition, reason, decided_by, {decided_on} AS decided_on
        FROM {source}
        WHERE match_case_id IS NOT NULL AND {decided_on} <= DATE {literal(night.isoformat())}
        QUALIFY row_number() OVER (PARTITION BY match_case_id ORDER BY decided_at DESC) = 1""")
    comment_on(connection, "linkage.case_disposition", "The last decision of each case that was decided.", _SAYS)


def now_text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
