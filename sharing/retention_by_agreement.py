"""What agreements say of how long rows are kept: deleted when that is over, and with the feed when its agreement has ended."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from nights.integrity.sealed_extracts import note_gone
from sharing.agreements import Register
from warehouse.files import write_text
from warehouse.home import Home
from warehouse.keys.keyed_folder import erase
from warehouse.store.builds import feeds_of, forget_night, published_nights

_SEEN = "agreed_retention.json"


def remember(home: Home, register: Register) -> None:
    """Keep how long each feed's rows may be kept: an agreement may be taken away before that time is over."""
    known = _remembered(home)
    now = {feed: item.kept_for.days for item in register.agreements if not item.is_draft for feed in item.feeds}
    if known | now != known:
        write_text(home.state / _SEEN, json.dumps(known | now, indent=1, sort_keys=True) + "\n")


def forget_unagreed(home: Home, register: Register, today: date | None = None) -> list[Path]:
    """Delete what is kept of feeds without an agreement in force, once their retention is over; returns the folders.

    That is what landed, what was accepted, the gates' rejects, and the published nights with such rows that readers do not see.
    The retention counts from the pull. Of a feed whose retention nobody knows nothing is deleted.
    """
    today = today or datetime.now(UTC).date()
    removed = []
    for agency, feed in sorted(_feeds(home)):
        kept_for = _kept_for(home, register, agency, feed)
        if kept_for is None or register.refusal_of(agency, feed, today) is None:
            continue
        for folder in _folders(home, agency, feed):
            removed += [attempt for attempt in folder.glob(".versions/*") if _is_over(attempt, kept_for, today)]
    for attempt in removed:
        _forget(home, attempt)
    return removed + _forget_nights(home, register, today)


def _feeds(home: Home) -> set[tuple[str, str]]:
    places = [*home.landing.glob("*/*"), *home.accepted.glob("*/*"), *(home.quality / "gates").glob("*/*")]
    return {(place.parent.name, place.name) for place in places if place.is_dir()}


def _folders(home: Home, agency: str, feed: str) -> list[Path]:
    return [root / agency / feed for root in (home.landing, home.accepted, home.quality / "gates")]


def _kept_for(home: Home, register: Register, agency: str, feed: str) -> timedelta | None:
    said = register.kept_for(agency, feed)
    if said is not None:
        return said
    remembered = _remembered(home)
    days = remembered.get(f"{agency}/{feed}", remembered.get(f"{agency}/*"))
    return None if days is None else timedelta(days=days)


def _remembered(home: Home) -> dict[str, int]:
    path = home.state / _SEEN
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _is_over(attempt: Path, kept_for: timedelta, today: date) -> bool:
    """By the time of the folder: nothing in it is written after the night that made it."""
    return today - datetime.fromtimestamp(attempt.stat().st_mtime, UTC).date() > kept_for


def _forget(home: Home, attempt: Path) -> None:
    link = attempt.parent.parent / attempt.name[:10]
    if link.is_symlink() and link.resolve() == attempt.resolve():
        agency, feed = link.parent.parent.name, link.parent.name
        if link.is_relative_to(home.accepted):
            # First: a night that is gone without a note holds the next one.
            note_gone(home, agency, feed, date.fromisoformat(link.name), "the retention of its agreement is over")
        link.unlink()
    erase(attempt)


def _forget_nights(home: Home, register: Register, today: date) -> list[Path]:
    removed = []
    for night in published_nights(home):
        spans = list(_ended(home, register, feeds_of(night), today))
        if spans and not night.is_current and today - night.finished_at.date() > min(spans):
            forget_night(night)
            removed.append(night.folder)
    return removed


def _ended(home: Home, register: Register, feeds: frozenset[str], today: date) -> Iterator[timedelta]:
    """The retention of each of these feeds without an agreement in force."""
    for agency, _, feed in (name.partition("/") for name in sorted(feeds)):
        kept_for = _kept_for(home, register, agency, feed)
        if kept_for is not None and register.refusal_of(agency, feed, today) is not None:
            yield kept_for
