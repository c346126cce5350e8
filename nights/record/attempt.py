"""What is kept of the run of a night that its record is of: a night may be run again, and each run leaves files of its own."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from nights.folders import gate_folder, landed_folder
from nights.record.feed_night import FeedNight, recorded
from sources.arrival.manifest import MANIFEST, Manifest
from sources.contract.model import Contract
from warehouse.home import Home

# The gate's word on an extract, in its folder; `landing` in it names the landed attempt that was looked at.
GATE = "gate.json"


@dataclass(frozen=True)
class Attempt:
    """The folders of what landed and of the gate's word on it; None where they are gone, or of another run than the record."""

    landing: Path | None = None
    gate: Path | None = None


def recorded_attempt(contract: Contract, home: Home, extract_date: date) -> Attempt:
    """Of the recorded night, or of its only run where that was not recorded yet.

    A run that was cut short left its files beside the record of the run before it, one that brought nothing the files of that.
    """
    night = recorded(home, extract_date, contract.agency, contract.feed)
    if night is not None:
        return attempt_of(contract, home, night)
    return _attempt(contract, home, extract_date)


def attempt_of(contract: Contract, home: Home, night: FeedNight) -> Attempt:
    """Of `night`, whose pull began when that of its landing did."""
    found = _attempt(contract, home, night.extract_date)
    is_same = found.landing is not None and Manifest.read(found.landing).started_at == night.started_at
    return found if is_same else Attempt()


def _attempt(contract: Contract, home: Home, extract_date: date) -> Attempt:
    """Of the last run that landed anything, with the gate's word where it is on the same."""
    landing, gate = (folder(contract, home, extract_date) for folder in (landed_folder, gate_folder))
    if not (landing / MANIFEST).exists():
        return Attempt()
    if not (gate / GATE).exists():
        return Attempt(landing)
    looked_at = json.loads((gate / GATE).read_text(encoding="utf-8"))["landing"]
    return Attempt(landing, gate if looked_at == landing.resolve().name else None)
