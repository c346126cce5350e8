"""Of each feed the accepted night that a build's rows are of, as a table of the build.

`feed_night` tells what became of a night's last run; where that was refused, readers go on with rows that it says nothing of.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass

import duckdb

from warehouse.engines.duckdb.engine import comment_on

RELATION = "quality.feed_in_use"
SAYS = "One row per feed that the published tables are made of: the night whose rows are in use, also where it was run again and refused."
COLUMNS = {
    "agency": ("VARCHAR", "The agency's folder below sources/."),
    "feed": ("VARCHAR", "The feed's name within its agency."),
    "extract_date": ("DATE", "The night of the newest rows in use, UTC."),
    "status": ("VARCHAR", "How that night was taken: accepted, unchanged or accepted_by_steward."),
    "rows_sent": ("BIGINT", "Records in its original file."),
    "rows_accepted": ("BIGINT", "Rows taken of it."),
    "rows_rejected": ("BIGINT", "Records of it that were refused at landing or at the gate."),
    "original_sha256": ("VARCHAR", "SHA-256 of its original bytes."),
}


@dataclass(frozen=True)
class InUse:
    """A row of the table; `extract_date` is yyyy-mm-dd."""

    agency: str
    feed: str
    extract_date: str
    status: str
    rows_sent: int
    rows_accepted: int
    rows_rejected: int
    original_sha256: str

    @property
    def name(self) -> str:
        return f"{self.agency}/{self.feed}"


def write_feeds_in_use(connection: duckdb.DuckDBPyConnection, feeds: Iterable[InUse]) -> None:
    """Make the table in the build that is open."""
    listed = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS quality; CREATE TABLE {RELATION} ({listed})")
    for feed in sorted(feeds, key=lambda feed: feed.name):
        connection.execute(f"INSERT INTO {RELATION} VALUES ({', '.join('?' * len(COLUMNS))})", astuple(feed))
    comment_on(connection, RELATION, SAYS, {name: said for name, (_, said) in COLUMNS.items()})


def read_feeds_in_use(connection: duckdb.DuckDBPyConnection) -> list[InUse]:
    """Of the build that is open; none of a build of an earlier version, which has no such table."""
    found = connection.execute("FROM duckdb_tables() WHERE schema_name || '.' || table_name = ?", [RELATION])
    if found.fetchone() is None:
        return []
    rows = connection.execute(f"SELECT * REPLACE (extract_date::VARCHAR AS extract_date) FROM {RELATION}").fetchall()
    return [InUse(*row) for row in rows]
