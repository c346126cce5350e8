"""One feed's night erased on somebody's word: its keys are destroyed first, so that copies of its files stay closed wherever they lie.

What was derived of it stays where other nights are in it too: the build that readers see until the next one, versions of marts
(`state/history`), what linkage remembers.
"""

from dataclasses import dataclass
from datetime import date

from nights.keyed_nights import erase_night, keys_of_night
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.retention_by_agreement import folders_of, forget_attempt
from warehouse.home import Home
from warehouse.journal import Journal
from warehouse.store.published_nights import feeds_of, forget_night, published_nights

JOURNAL = "erasures.jsonl"


class NothingToErase(Exception):
    """A feed's night of which nothing is kept, or no reason: what, and what to do."""


@dataclass(frozen=True)
class Erased:
    """How many keys were destroyed, folders and builds deleted, and whether the build that readers see has rows of the feed."""

    keys: int
    folders: int
    builds: int
    is_still_read: bool


def erase_feed_night(home: Home, feed: str, night: date, reason: str, by: str) -> Erased:
    """`feed` is `agency/feed`. Raises NothingToErase, Tampered, and LedgerError before anything is done where that cannot be told.

    It is told first: after a crash in between it is done again.
    """
    agency, _, name = feed.partition("/")
    if not reason.strip():
        raise NothingToErase('an erasure needs a reason: --reason "…"')
    attempts = [
        attempt
        for place in folders_of(home, agency, name)
        for attempt in place.glob(f".versions/{night.isoformat()}-*")
    ]
    keys = keys_of_night(home, agency, name, night)
    if not attempts and not keys:
        raise NothingToErase(f"nothing is kept of {feed} of {night}; `interagency status` tells the nights that are")
    Journal(home, JOURNAL).append({"feed": feed, "night": night.isoformat(), "reason": reason}, by)
    told = {"feed": feed, "night": night.isoformat(), "keys": len(keys), "rule": "erased by hand"}
    Ledger(home).append(Kind.ERASURE, told, by)
    erase_night(home, agency, name, night)
    for attempt in attempts:
        forget_attempt(home, attempt, "erased")
    builds = [one for one in published_nights(home) if one.extract_date >= night and feed in feeds_of(one)]
    gone = [one for one in builds if not one.is_current]
    for one in gone:
        forget_night(one)
    return Erased(len(keys), len(attempts), len(gone), len(gone) < len(builds))
