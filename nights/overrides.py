"""What a person decides on a feed's night against the gate's word, by name and with a reason: it is taken all the same, or it is refused
after all. Append-only, in `state/`.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import ClassVar

from warehouse.home import Home
from warehouse.journal import Journal

OVERRIDES = "overrides.jsonl"


@dataclass(frozen=True)
class Override:
    """The night is taken. Binds to the bytes it was given for: another file for the same night needs another decision."""

    JOURNAL: ClassVar[str] = OVERRIDES

    agency: str
    feed: str
    extract_date: str
    original_sha256: str
    reason: str
    steward: str
    decided_at: str

    @property
    def place(self) -> str:
        """Where it is kept, from the home's root."""
        return f"state/{self.JOURNAL}"


@dataclass(frozen=True)
class Refusal(Override):
    """The night is not taken, of the same bytes. It is kept apart: a refusal is asked for every feed, an override where one is needed."""

    JOURNAL: ClassVar[str] = "refusals.jsonl"


def append(home: Home, decision: Override) -> None:
    """Record a steward's decision. Raises Tampered."""
    Journal(home, decision.JOURNAL).append(asdict(decision), decision.steward)


def overrides(home: Home) -> list[Override]:
    """All nights that were taken all the same, in their order. Raises Tampered where they are not as they were written."""
    return [Override(**entry) for entry in Journal(home, Override.JOURNAL).entries()]


def refusals(home: Home) -> list[Refusal]:
    """All nights that were refused after all, in their order. Raises Tampered where they are not as they were written."""
    return [Refusal(**entry) for entry in Journal(home, Refusal.JOURNAL).entries()]


def find(home: Home, agency: str, feed: str, extract_date: str, original_sha256: str) -> Override | None:
    """The last override on these bytes for this night. Raises Tampered where overrides are not as they were written."""
    return _last(overrides(home), (agency, feed, extract_date, original_sha256))


def find_refusal(home: Home, agency: str, feed: str, extract_date: str, original_sha256: str) -> Override | None:
    """The last refusal of these bytes for this night, or the override that came after it and ended it.

    Raises Tampered where refusals, or overrides where there is a refusal, are not as they were written.
    """
    what = (agency, feed, extract_date, original_sha256)
    refused = _last(refusals(home), what)
    taken = _last(overrides(home), what) if refused is not None else None
    return max((one for one in (refused, taken) if one is not None), key=_moment, default=None)


def standing_refusals(home: Home) -> list[Refusal]:
    """Those that no later override ended. Raises Tampered."""
    found = [(one, find_refusal(home, *_what(one))) for one in refusals(home)]
    return [one for one, last in found if last == one]


def _last(decisions: list[Override] | list[Refusal], what: tuple[str, str, str, str]) -> Override | None:
    return next((one for one in reversed(decisions) if _what(one) == what), None)


def _what(one: Override) -> tuple[str, str, str, str]:
    return one.agency, one.feed, one.extract_date, one.original_sha256


def _moment(one: Override) -> datetime:
    return datetime.fromisoformat(one.decided_at)
