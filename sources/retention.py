"""Retention: originals are deleted when the contract's time is over, and attempts that a later one replaced with them."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

from sources.accepted import last_accepted
from sources.contract import Contract
from sources.landing import landed_folder
from warehouse.home import Home


def forget_originals(contracts: list[Contract], home: Home, today: date | None = None) -> list[Path]:
    """Delete the landed attempts whose retention is over; returns their folders.

    Accepted rows are files of their own and stay; the landing of the last good night stays as long as it is the last.
    """
    today = today or datetime.now(UTC).date()
    removed = []
    for contract in contracts:
        folder = landed_folder(contract, home, today).parent
        last = last_accepted(contract, home, today)
        for attempt in folder.glob(".versions/*"):
            night = date.fromisoformat(attempt.name[:10])
            if today - night > contract.service_level.retention and not (last and last.name == night.isoformat()):
                removed.append(attempt)
                (folder / night.isoformat()).unlink(missing_ok=True)
                shutil.rmtree(attempt)
    return removed
