"""What is kept of the run of a night that its record is of: a night may be run again, and each run leaves files of its own."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sources.contract import Contract
from sources.feed_night import FeedNight, recorded
from sources.kept import gate_folder, landed_folder
from sources.manifest import MANIFEST, Manifest
from warehouse.home import Home

# The gate's word on an extract, in its folder; `landing` in it names the landed attempt that was looked at.
GATE = "gate.json"


@dataclass(frozen=True)
class Attempt:
    """The folders of what landed and of the gate's word on it; None where they are gone, or of another run than the record."""

    landing: Path | None = None
    gate: Path | None = None


def recorded_attempt(contract: Contract, home: Home, extract_date: date) -> Attempt:
    """Of the recorded night. A run that was cut short, or brought nothing, left the files of the run before it in their place."""
    night = recorded(home, extract_date, contract.agency, contract.feed)
    return attempt_of(contract, home, night) if night else Attempt()


def attempt_of(contract: Contract, home: Home, night: FeedNight) -> Attempt:
    """Of `night`, whose pull began when that of its landing did."""
    landing, gate = (folder(contract, home, night.extract_date) for folder in (landed_folder, gate_folder))
    if not (landing / MANIFEST).exists() or Manifest.read(landing).started_at != night.started_at:
        return Attempt()
    if not (gate / GATE).exists():
        return Attempt(landing)
    looked_at = json.loads((gate / GATE).read_text(encoding="utf-8"))["landing"]
    return Attempt(landing, gate if looked_at == landing.resolve().name else None)
