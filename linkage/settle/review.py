"""Pairs that a steward decides on: the queue of the night, and decisions that bind later nights."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

from linkage.memory import Decision
from warehouse.home import Home
from warehouse.journal import Journal, actor


def folder_of(home: Home, entity: str) -> Path:
    return home.state / "linkage" / entity


def decisions(home: Home, entity: str, until: date) -> list[Decision]:
    """All that were made up to a night, in their order. Raises Tampered where they are not as they were written."""
    found = [Decision(**entry) for entry in _journal(home, entity).entries()]
    return [item for item in found if item.decided_at[:10] <= until.isoformat()]


def decide(home: Home, entity: str, pair: tuple[str, str, str, str], is_same: bool, reason: str) -> Decision:
    """Record what the person who runs the command says of (source, key, source, key). Raises Tampered."""
    decision = Decision(*pair, is_same, reason, actor(), datetime.now(UTC).isoformat())
    _journal(home, entity).append(asdict(decision))
    return decision


def _journal(home: Home, entity: str) -> Journal:
    return Journal(home, f"linkage/{entity}/decisions.jsonl")
