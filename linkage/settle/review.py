"""Pairs that a steward decides on: the queue of the night, and decisions that bind later nights."""

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from linkage.memory import Decision
from warehouse.engines.duckdb.engine import literal, open_database, quoted
from warehouse.home import Home
from warehouse.journal import Journal
from warehouse.store.restricted import attach_restricted, restricted_file

# Entity, source and key.
_Record = tuple[str, str, str]


class NoQueue(Exception):
    """No night with a queue of pairs is published."""


@dataclass(frozen=True)
class Pair:
    """Two records in doubt, as they stand in the night's `review_queue`; `fields` has name, both values and their agreement."""

    entity: str
    pair_id: str
    one_source: str
    one_source_key: str
    other_source: str
    other_source_key: str
    match_weight: float
    reason: str
    fields: list[dict[str, Any]]

    @property
    def records(self) -> tuple[str, str, str, str]:
        return self.one_source, self.one_source_key, self.other_source, self.other_source_key


def queue(home: Home, entity: str | None = None) -> list[Pair]:
    """The pairs in doubt of the published night, the likeliest first, and behind each the others of the same person or body.

    Raises NoQueue, and duckdb.Error where the queue cannot be read, as without the key that it was sealed with.
    """
    published = home.published.resolve()
    if not restricted_file(published).exists():
        raise NoQueue
    with open_database() as connection:
        attach_restricted(connection, published, read_only=True)
        rows = connection.execute(
            """
            SELECT entity, pair_id, one_source, one_source_key, other_source, other_source_key, match_weight, reason, fields
            FROM restricted.linkage.review_queue
            WHERE $entity IS NULL OR entity = $entity
            ORDER BY match_weight DESC, pair_id
            """,
            {"entity": entity},
        ).fetchall()
        pairs = [Pair(*row) for row in rows]
        return _together(pairs, _entities(connection, published, pairs))


def _entities(connection: duckdb.DuckDBPyConnection, published: Path, pairs: list[Pair]) -> dict[_Record, str]:
    """The person or body of each record of the pairs, as the night has linked it."""
    connection.execute(f"ATTACH {literal(str(published))} AS night (READ_ONLY)")
    found: dict[_Record, str] = {}
    for entity in {pair.entity for pair in pairs}:
        asked = f"""
            SELECT source, source_key, {quoted(entity + "_id")}
            FROM night.linkage.{quoted(entity + "_link")}
            WHERE (source, source_key) IN (
              SELECT (one_source, one_source_key)
              FROM restricted.linkage.review_queue
              UNION ALL
              SELECT (other_source, other_source_key)
              FROM restricted.linkage.review_queue
            )"""
        found |= {(entity, source, key): name for source, key, name in connection.execute(asked).fetchall()}
    return found


def _together(pairs: list[Pair], entities: dict[_Record, str]) -> list[Pair]:
    """In their order, but a pair that shares a person or body with an earlier one stands behind that."""
    group: dict[str, str] = {}

    def first_of(name: str) -> str:
        while group.setdefault(name, name) != name:
            name = group[name]
        return name

    sides = [
        [entities.get((pair.entity, *record), str(record)) for record in (pair.records[:2], pair.records[2:])]
        for pair in pairs
    ]
    for one, other in sides:
        group[first_of(other)] = first_of(one)
    places: dict[str, int] = {}
    for place, (one, _) in enumerate(sides):
        places.setdefault(first_of(one), place)
    in_order = sorted(range(len(pairs)), key=lambda place: (places[first_of(sides[place][0])], place))
    return [pairs[place] for place in in_order]


def waiting(home: Home, entity: str | None = None) -> list[Pair]:
    """Those of the queue that nobody decided on. Raises as `queue` does, and Tampered."""
    found = queue(home, entity)
    decided = {
        (name, item.one_source, item.one_key, item.other_source, item.other_key)
        for name in {pair.entity for pair in found}
        for item in decisions(home, name, date.max)
    }
    return [pair for pair in found if (pair.entity, *pair.records) not in decided]


def folder_of(home: Home, entity: str) -> Path:
    return home.state / "linkage" / entity


def decisions(home: Home, entity: str, until: date) -> list[Decision]:
    """All that were made up to a night, in their order. Raises Tampered where they are not as they were written."""
    found = [Decision(**entry) for entry in _journal(home, entity).entries()]
    return [item for item in found if item.decided_at[:10] <= until.isoformat()]


def decide(
    home: Home, entity: str, records: tuple[str, str, str, str], is_same: bool, reason: str, steward: str
) -> None:
    """Record what the steward says of (source, key, source, key). Raises Tampered."""
    decision = Decision(*records, is_same, reason, steward, datetime.now(UTC).isoformat())
    _journal(home, entity).append(asdict(decision), steward)


def _journal(home: Home, entity: str) -> Journal:
    return Journal(home, f"linkage/{entity}/decisions.jsonl")
