"""Stewards' overrides: a refused night that a named person takes all the same, with a reason. Append-only, in `state/`."""

from dataclasses import asdict, dataclass

from warehouse.home import Home
from warehouse.journal import Journal

OVERRIDES = "overrides.jsonl"


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


def _journal(home: Home) -> Journal:
    return Journal(home, OVERRIDES)


def append(home: Home, override: Override) -> None:
    """Record a steward's decision. Raises Tampered."""
    _journal(home).append(asdict(override), override.steward)


def overrides(home: Home) -> list[Override]:
    """All decisions, in their order. Raises Tampered where they are not as they were written."""
    return [Override(**entry) for entry in _journal(home).entries()]


def find(home: Home, agency: str, feed: str, extract_date: str, original_sha256: str) -> Override | None:
    """The last decision on these bytes for this night. Raises Tampered where decisions are not as they were written."""
    wanted = (agency, feed, extract_date, original_sha256)
    matching = [
        item for item in overrides(home) if (item.agency, item.feed, item.extract_date, item.original_sha256) == wanted
    ]
    return matching[-1] if matching else None
