"""Entries by what they say."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sharing.ledger.entry import Entry, Kind
from sharing.ledger.log import Ledger


@dataclass(frozen=True)
class Wanted:
    """What an entry must say; None is anything. Days are of UTC, both included."""

    kind: Kind | None = None
    actor: str | None = None
    feed: str | None = None
    agreement: str | None = None
    since: date | None = None
    until: date | None = None

    def fits(self, entry: Entry) -> bool:
        if self.kind not in (None, entry.kind) or self.actor not in (None, entry.actor):
            return False
        if not (self.since or date.min) <= entry.at.date() <= (self.until or date.max):
            return False
        return _names(entry.what, "feed", self.feed) and _names(entry.what, "agreement", self.agreement)


def search(ledger: Ledger, wanted: Wanted) -> Iterator[tuple[int, Entry]]:
    """The entries that fit, each with its number, in their order. Raises LedgerDamaged at a line that is no entry."""
    return ((index, entry) for index, entry in enumerate(ledger.entries()) if wanted.fits(entry))


def _names(what: Any, field: str, wanted: str | None) -> bool:
    """Whether `field`, or its plural as a list, names the one that is wanted."""
    several = what.get(f"{field}s")
    return wanted is None or what.get(field) == wanted or (isinstance(several, list) and wanted in several)
