"""What agreements say of how long rows are kept: deleted when that is over, and with the feed when its agreement has ended."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from nights.integrity.sealed_extracts import note_gone
from sharing.agreements.seen import Seen
from sharing.policy.policy import Action, Policy, Question
from warehouse.home import Home
from warehouse.keys.keyed_folder import erase
from warehouse.store.published_nights import Night, feeds_of, forget_night, published_nights


def forget_unagreed(home: Home, policy: Policy, today: date | None = None) -> list[Path]:
    """Delete what is kept of feeds without an agreement in force, once their retention is over; returns the folders.

    That is what landed, what was accepted, the gates' rejects, and the published nights with such rows that readers do not see.
    The retention counts from the pull. Of a feed whose retention nobody knows nothing is deleted.
    """
    today = today or datetime.now(UTC).date()
    removed = list(attempts_over(home, policy, today))
    for attempt in removed:
        forget_attempt(home, attempt, "the retention of its agreement is over")
    return removed + _forget_nights(home, policy, today)


def attempts_over(home: Home, policy: Policy, today: date) -> Iterator[Path]:
    """The folders of feeds without an agreement in force whose retention is over. Raises Tampered."""
    seen = Seen.read(home)
    for agency, feed in sorted(_feeds(home)):
        kept_for = _kept_for(policy, seen, f"{agency}/{feed}")
        if kept_for is None or not _has_ended(policy, f"{agency}/{feed}", today):
            continue
        for folder in folders_of(home, agency, feed):
            yield from (attempt for attempt in folder.glob(".versions/*") if _is_over(attempt, kept_for, today))


def _feeds(home: Home) -> set[tuple[str, str]]:
    places = [*home.landing.glob("*/*"), *home.accepted.glob("*/*"), *(home.quality / "gates").glob("*/*")]
    return {(place.parent.name, place.name) for place in places if place.is_dir()}


def folders_of(home: Home, agency: str, feed: str) -> list[Path]:
    """Where the nights of a feed lie: landed, accepted, gated."""
    return [root / agency / feed for root in (home.landing, home.accepted, home.quality / "gates")]


def _kept_for(policy: Policy, seen: Seen, name: str) -> timedelta | None:
    """What its agreements say, or said when they were seen last. None where nobody knows."""
    return policy.kept_for(name) or seen.kept_for.get(name)


def _has_ended(policy: Policy, name: str, today: date) -> bool:
    return not policy.may(Question("", Action.BUILD, name, on=today)).is_allowed


def _is_over(attempt: Path, kept_for: timedelta, today: date) -> bool:
    """By the time of the folder: nothing in it is written after the night that made it."""
    return today - datetime.fromtimestamp(attempt.stat().st_mtime, UTC).date() > kept_for


def forget_attempt(home: Home, attempt: Path, why: str) -> None:
    """Delete one try of a feed's night with its keys, and the link that names it as the night."""
    link = attempt.parent.parent / attempt.name[:10]
    if link.is_symlink() and link.resolve() == attempt.resolve():
        agency, feed = link.parent.parent.name, link.parent.name
        if link.is_relative_to(home.accepted):
            # First: a night that is gone without a note holds the next one.
            note_gone(home, agency, feed, date.fromisoformat(link.name), why)
        link.unlink()
    erase(attempt)


def nights_over(home: Home, policy: Policy, today: date) -> Iterator[Night]:
    """The published nights that readers do not see, with rows of such feeds. Raises Tampered."""
    seen = Seen.read(home)
    for night in published_nights(home):
        ended = [name for name in sorted(feeds_of(night)) if _has_ended(policy, name, today)]
        spans = [span for name in ended if (span := _kept_for(policy, seen, name)) is not None]
        if spans and not night.is_current and today - night.finished_at.date() > min(spans):
            yield night


def _forget_nights(home: Home, policy: Policy, today: date) -> list[Path]:
    gone = list(nights_over(home, policy, today))
    for night in gone:
        forget_night(night)
    return [night.folder for night in gone]
