"""Stewards' overrides: a refused night that a named person takes all the same, with a reason. Append-only, in `state/`."""

import getpass
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from warehouse.home import Home


@dataclass(frozen=True)
class Override:
    """Binds to the bytes it was given for: another file for the same night needs another decision."""

    agency: str
    feed: str
    extract_date: str
    original_sha256: str
    reason: str
    steward: str
    decided_at: str


def _file(home: Home) -> Path:
    return home.state / "overrides.jsonl"


def append(home: Home, agency: str, feed: str, extract_date: str, original_sha256: str, reason: str) -> Override:
    """Record a decision of the person who runs the command."""
    override = Override(
        agency, feed, extract_date, original_sha256, reason, getpass.getuser(), datetime.now(UTC).isoformat()
    )
    path = _file(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        # A line that a crash cut short stays what it is; the next decision begins on a line of its own.
        file.write("\n" if path.stat().st_size and not path.read_bytes().endswith(b"\n") else "")
        file.write(json.dumps(asdict(override), ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return override


def find(home: Home, agency: str, feed: str, extract_date: str, original_sha256: str) -> Override | None:
    """The last decision on these bytes for this night; a line cut short by a crash was never a decision."""
    path = _file(home)
    if not path.exists():
        return None
    decided = [
        Override(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")
    ]
    wanted = (agency, feed, extract_date, original_sha256)
    matching = [item for item in decided if (item.agency, item.feed, item.extract_date, item.original_sha256) == wanted]
    return matching[-1] if matching else None
