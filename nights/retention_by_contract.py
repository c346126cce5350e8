"""Retention: originals are deleted when the contract's time is over, and attempts that a later one replaced with them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from nights.folders import landed_folder
from nights.record.attempt import GATE
from nights.rows.accepted import ACCEPTANCE, last_accepted
from sources.arrival.manifest import MANIFEST, Manifest
from sources.contract.model import Contract
from warehouse.home import Home
from warehouse.keys.keyed_folder import erase
from warehouse.store.published_nights import prune_nights


@dataclass(frozen=True)
class Forgotten:
    """What was deleted: the folders of landed attempts; how many results that a later run replaced, and builds."""

    originals: tuple[Path, ...]
    superseded: int
    builds: int


def forget_all(contracts: list[Contract], home: Home) -> Forgotten:
    """Delete what is not needed any more: the restorable nights and the last good night of each feed stay."""
    builds, originals = prune_nights(home), forget_originals(contracts, home)
    return Forgotten(tuple(originals), len(forget_superseded(home)), len(builds))


def forget_originals(contracts: list[Contract], home: Home, today: date | None = None) -> list[Path]:
    """Delete the landed attempts whose retention is over; returns their folders.

    Accepted rows are files of their own and stay; the landing of the last good night stays as long as it is the last.
    """
    removed = list(originals_over(contracts, home, today or datetime.now(UTC).date()))
    for attempt in removed:
        link = attempt.parent.parent / attempt.name[:10]
        if link.resolve() == attempt.resolve():
            agency, feed = link.parent.parent.name, link.parent.name
            # First: once the link is gone, nobody would know that this gate belongs to it.
            _forget_gate(home.quality / "gates" / agency / feed / link.name)
            link.unlink()
        erase(attempt)
    return removed


def originals_over(contracts: Sequence[Contract], home: Home, today: date) -> Iterator[Path]:
    """The folders of landed attempts whose retention is over."""
    for contract in contracts:
        folder = landed_folder(contract, home, today).parent
        last = last_accepted(contract, home, today)
        for attempt in folder.glob(".versions/*"):
            kept_days = (
                today - Manifest.read(attempt).started_at.date() if (attempt / MANIFEST).exists() else timedelta(0)
            )
            is_over = kept_days > contract.service_level.retention
            if is_over and not _is_last_good(last, folder / attempt.name[:10], attempt):
                yield attempt


def _is_last_good(last: Path | None, night: Path, attempt: Path) -> bool:
    return last is not None and last.name == night.name and night.resolve() == attempt.resolve()


def _forget_gate(night: Path) -> None:
    """The gate's rejects are records of the original, in clear; its counts stay in the record of the night."""
    if night.is_symlink():
        if night.exists():
            erase(night.resolve())
        night.unlink()


def forget_unfinished(home: Home) -> None:
    """Remove what a killed night left of its landings and gates, where plain files may lie that were being read. One night at a time."""
    gates = home.quality / "gates"
    for folder, marker in ((home.landing, MANIFEST), (gates, GATE), (home.accepted, ACCEPTANCE)):
        for attempt in folder.glob("*/*/.versions/*"):
            if not (attempt / marker).exists():
                erase(attempt)


def forget_superseded(home: Home) -> list[Path]:
    """Delete accepted extracts and gate results that a later run of the same night took the place of; returns their folders.

    They are derived: the landing they were made from is kept.
    """
    removed = []
    for attempt in [*home.accepted.glob("*/*/.versions/*"), *(home.quality / "gates").glob("*/*/.versions/*")]:
        link = attempt.parent.parent / attempt.name[:10]
        if link.resolve() != attempt.resolve():
            removed.append(attempt)
            erase(attempt)
    return removed
