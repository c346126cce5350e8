"""What was decided of cases and why: appended to state, read as of a night, given to each build."""

import json
import os
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from warehouse.engine import literal
from warehouse.home import Home

DISPOSITIONS = ("open", "fraud", "error", "false positive", "no issue")


@dataclass(frozen=True)
class Disposition:
    """One decision. `decided_at` is UTC in ISO 8601."""

    match_case_id: str
    disposition: str
    reason: str
    decided_by: str
    decided_at: str


def dispositions_file(home: Home) -> Path:
    return home.state / "cases" / "disposition.jsonl"


def decide(home: Home, decision: Disposition) -> None:
    """Append one decision. Nothing is ever taken back: a later decision of the same case counts."""
    file = dispositions_file(home)
    file.parent.mkdir(parents=True, exist_ok=True)
    # One write of one line at the end of the file: two at once do not mix, and half a line is told by its missing end.
    line = (json.dumps(asdict(decision), ensure_ascii=False) + "\n").encode()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        if _is_cut(file):
            line = b"\n" + line
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_cut(file: Path) -> bool:
    with file.open("rb") as content:
        content.seek(0, os.SEEK_END)
        if content.tell() == 0:
            return False
        content.seek(-1, os.SEEK_END)
        return content.read(1) != b"\n"


def load_dispositions(connection: duckdb.DuckDBPyConnection, home: Home, night: date) -> None:
    """Make `linkage.case_disposition` of the build: the last decision of each case, as of the end of the night's day (UTC)."""
    file = dispositions_file(home)
    columns = {
        "match_case_id": "VARCHAR",
        "disposition": "VARCHAR",
        "reason": "VARCHAR",
        "decided_by": "VARCHAR",
        "decided_at": "VARCHAR",
    }
    shape = "{" + ", ".join(f"{name}: '{kind}'" for name, kind in columns.items()) + "}"
    source = (
        # A line that a crash cut off is none.
        f"read_json({literal(str(file))}, format='newline_delimited', columns={shape}, ignore_errors=true)"
        if file.exists()
        else f"(SELECT {', '.join(f'NULL::{kind} AS {name}' for name, kind in columns.items())} WHERE false)"
    )
    connection.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    connection.execute(
        "CREATE OR REPLACE TABLE linkage.case_disposition AS SELECT match_case_id, disposition, reason, decided_by, "
        f"CAST(CAST(decided_at AS TIMESTAMPTZ) AS DATE) AS decided_on FROM {source} "
        f"WHERE match_case_id IS NOT NULL AND CAST(CAST(decided_at AS TIMESTAMPTZ) AS DATE) <= DATE {literal(night.isoformat())} "
        "QUALIFY row_number() OVER (PARTITION BY match_case_id ORDER BY decided_at DESC) = 1"
    )
    connection.execute(
        "COMMENT ON TABLE linkage.case_disposition IS 'The last decision of each case that was decided.'"
    )


def now_text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
