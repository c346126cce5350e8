"""Pairs that a steward decides on: the queue of the night, and decisions that bind later nights."""

import getpass
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

from linkage.memory import Decision
from warehouse.home import Home


def folder_of(home: Home, entity: str) -> Path:
    return home.state / "linkage" / entity


def decisions(home: Home, entity: str, until: date) -> list[Decision]:
    """All that were made up to a night, in their order; a line cut short by a crash was never a decision."""
    path = folder_of(home, entity) / "decisions.jsonl"
    if not path.exists():
        return []
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}"))
    found: Iterable[Decision] = (Decision(**json.loads(line)) for line in lines)
    return [item for item in found if item.decided_at[:10] <= until.isoformat()]


def decide(home: Home, entity: str, pair: tuple[str, str, str, str], is_same: bool, reason: str) -> Decision:
    """Record what the person who runs the command says of (source, key, source, key)."""
    decision = Decision(*pair, is_same, reason, getpass.getuser(), datetime.now(UTC).isoformat())
    path = folder_of(home, entity) / "decisions.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        # A line that a crash cut short stays what it is; the next decision begins on a line of its own.
        file.write("\n" if path.stat().st_size and not path.read_bytes().endswith(b"\n") else "")
        file.write(json.dumps(asdict(decision), ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return decision
