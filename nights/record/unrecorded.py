"""Nights that a defect cut short: accepted and not recorded, their rows in use, or failed at a step. No night goes without a record."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from nights.accept import record_not_taken, record_taken, with_changes
from nights.folders import accepted_folder, landed_folder
from nights.record.feed_night import FAILED, FeedNight, verdicts_given
from nights.rows.accepted import ACCEPTANCE, Acceptance, accepted_nights
from sources.arrival.manifest import MANIFEST, Manifest
from sources.contract.model import Contract
from warehouse.home import Home


def record_missed(contracts: Sequence[Contract], home: Home) -> list[FeedNight]:
    """Record every accepted night whose record is missing or older than its acceptance; returns them."""
    given = verdicts_given(home)
    found = []
    for contract in contracts:
        for folder in accepted_nights(contract, home, date.max):
            acceptance = Acceptance.read(folder)
            known = given.get((folder.name, contract.agency, contract.feed))
            if known is None or known < datetime.fromisoformat(acceptance.decided_at):
                found.append(_record(contract, home, acceptance))
    return found


def record_failed(contract: Contract, home: Home, extract_date: date, began: datetime, reason: str) -> None:
    """Record the feed's failed night: a step of it that `began` then ended with a defect."""
    # Where the rows are in use, the record must not say failed; the step does.
    if _is_taken_since(contract, home, extract_date, began):
        return
    landing = landed_folder(contract, home, extract_date)
    pulled_at = Manifest.read(landing).started_at if (landing / MANIFEST).exists() else began
    failed = FeedNight(
        extract_date, contract.agency, contract.feed, FAILED, pulled_at, datetime.now(UTC), reason=reason
    )
    record_not_taken(contract, home, failed)


def _is_taken_since(contract: Contract, home: Home, extract_date: date, moment: datetime) -> bool:
    """Record the night as taken, if it was accepted after `moment`, whatever went wrong after that; False where it was not."""
    folder = accepted_folder(contract, home, extract_date)
    if not (folder / ACCEPTANCE).exists():
        return False
    acceptance = Acceptance.read(folder)
    if datetime.fromisoformat(acceptance.decided_at) < moment:
        return False
    _record(contract, home, acceptance)
    return True


def _record(contract: Contract, home: Home, acceptance: Acceptance) -> FeedNight:
    night = night_of_acceptance(contract, home, acceptance)
    if acceptance.changes is not None:
        night = with_changes(night, acceptance.changes)
    before = accepted_nights(contract, home, night.extract_date - timedelta(days=1))
    record_taken(contract, home, night, Acceptance.read(before[-1]) if before else None)
    return night


def night_of_acceptance(contract: Contract, home: Home, acceptance: Acceptance) -> FeedNight:
    """What the record says of an accepted night, but for the counts of what it changed."""
    extract_date = date.fromisoformat(acceptance.extract_date)
    decided_at = datetime.fromisoformat(acceptance.decided_at)
    return FeedNight(
        extract_date=extract_date, agency=contract.agency, feed=contract.feed, status=acceptance.status,
        started_at=_started_at(landed_folder(contract, home, extract_date), acceptance) or decided_at,
        finished_at=decided_at, rows_sent=acceptance.rows_sent, rows_accepted=acceptance.rows_accepted,
        rows_rejected=acceptance.rows_rejected, original_sha256=acceptance.original_sha256 or None, reason=acceptance.reason,
    )  # fmt: skip


def _started_at(landed: Path, acceptance: Acceptance) -> datetime | None:
    """When the pull began; None where its landing is gone, or another came since."""
    if not (landed / MANIFEST).exists():
        return None
    manifest = Manifest.read(landed)
    return manifest.started_at if manifest.original_sha256 == acceptance.original_sha256 else None
