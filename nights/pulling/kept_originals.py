"""Originals that are kept of a landed night, and when a past night is landed from them again instead of being pulled."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

from nights.folders import accepted_folder, landed_folder
from nights.rows.accepted import ACCEPTANCE, Acceptance
from sources.arrival.manifest import MANIFEST, Manifest
from sources.arrival.request import Arrived
from sources.contract.model import Contract
from sources.contract.server.known_systems import kind
from sources.contract.server.location import names_a_night
from sources.errors import ExtractError
from sources.landing.sealed_originals import give_original, original_names
from warehouse.home import Home


def kept_originals(contract: Contract, home: Home, extract_date: date) -> Path | None:
    """The landed folder of a past, accepted night of a system that only shows its state of now; None where to pull.

    Raises ExtractError where the night was accepted and its originals are past their retention.

    Asked again, such a system would answer with other rows; a place that is named by its night is pulled again, so that a
    corrected file replaces its own night.
    """
    found = kind(contract.server)
    if extract_date >= datetime.now(UTC).date() or found is None or not found.is_live or _is_dated(contract):
        return None
    landed, accepted = landed_folder(contract, home, extract_date), accepted_folder(contract, home, extract_date)
    if not (accepted / ACCEPTANCE).exists():
        return None
    if not _has_originals(landed):
        raise ExtractError(
            f"the originals of {extract_date} are gone, and the system shows only what it holds now; "
            "the rows that were accepted stay, leave this night as it is"
        )
    is_taken = Acceptance.read(accepted).original_sha256 == Manifest.read(landed).original_sha256
    return landed.resolve() if is_taken else None


def _has_originals(landed: Path) -> bool:
    """They go before the rows: when their retention is over, or when somebody in them was erased."""
    if not (landed / MANIFEST).exists():
        return False
    originals = Manifest.read(landed).originals
    return not originals or (landed / originals[0].path).parent.is_dir()


def _is_dated(contract: Contract) -> bool:
    return names_a_night(contract.server.location) or names_a_night(json.dumps(contract.server.options, default=str))


def share(landed: Path, into: Path) -> Arrived:
    """The kept originals under `into`, as they arrived, with the documents that lie beside them as evidence."""
    manifest = Manifest.read(landed)
    for name in original_names(landed, Path(manifest.originals[0].path).parent):
        give_original(landed, name, into)
    names = [Path(original.path).name for original in manifest.originals]
    return Arrived(
        tuple(name for name in names if name != manifest.control), control=manifest.control, evidence=manifest.evidence
    )
