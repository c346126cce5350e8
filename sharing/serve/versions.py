"""Versions of a table: a number for each release of a product for a recipient, from 0, in `versions.json` beside the releases.

A number stays its release's, whatever is withdrawn or deleted. It grows with the night: a release of an older night than the last
numbered one is kept and has none, as a night that is filled in later is stored and not published.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock

from sharing.agreements.signature import signer
from sharing.release.kept import Release
from sharing.release.manifest import SIGNATURE
from warehouse.files import PRIVATE_FILE, write_text

FILE = "versions.json"
_Line = dict[str, Any]


@dataclass(frozen=True)
class Version:
    """`at` is when it came to be, later with each number."""

    number: int
    at: datetime
    release: Release

    @property
    def milliseconds(self) -> int:
        return int(self.at.timestamp() * 1000)


def numbered(folder: Path, delivered: Sequence[Release]) -> list[Version]:
    """Those of `folder` (one product for one recipient) that have a number, which they get here; the oldest first."""
    kept = _read(folder)
    if {one.manifest.release for one in delivered} - {line["release"] for line in kept}:
        with FileLock(folder / ".versions.lock", mode=PRIVATE_FILE):
            known = _read(folder)
            kept = _grown(known, delivered)
            if kept != known:
                write_text(folder / FILE, json.dumps(kept, indent=1) + "\n")
    by_id = {one.manifest.release: one for one in delivered}
    return [
        Version(number, datetime.fromisoformat(line["at"]), by_id[line["release"]])
        for number, line in enumerate(kept)
        if line["release"] in by_id
    ]


def _grown(kept: list[_Line], delivered: Sequence[Release]) -> list[_Line]:
    known = {line["release"] for line in kept}
    new = [(one.manifest.night, _made(one), one.manifest.release) for one in delivered]
    grown = list(kept)
    for night, made, release in sorted(one for one in new if one[2] not in known):
        last = grown[-1] if grown else None
        if last is not None and night < last["night"]:
            continue
        earliest = datetime.fromisoformat(last["at"]) + timedelta(milliseconds=1) if last else made
        grown.append({"release": release, "night": night, "at": max(made, earliest).isoformat()})
    return grown


def _made(release: Release) -> datetime:
    signature = (release.folder / SIGNATURE).read_text(encoding="utf-8").strip()
    return signer(signature).at.astimezone(UTC)


def _read(folder: Path) -> list[_Line]:
    try:
        found: list[_Line] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return found
