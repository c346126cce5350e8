"""Landing of a night: where it lies, what is kept of it, and its seal."""

from datetime import date
from pathlib import Path

from nights.folders import landed_folder
from nights.integrity.sealed_extracts import check_originals, seal_landed
from nights.keyed_nights import keyed_night
from nights.pulling.kept_originals import kept_originals, share
from nights.rows.watermark import since
from sources.arrival.manifest import MANIFEST, Manifest
from sources.arrival.request import Pull
from sources.connectors import fetch
from sources.contract.model import Contract
from sources.contract.server.known_systems import kind
from sources.landing.land_extract import ORIGINAL, land_pull
from sources.landing.left_out import leave_out, note_left_out
from sources.landing.sealed_originals import seal_originals
from warehouse.files import remove_unfinished
from warehouse.home import Home
from warehouse.keys.keyed_folder import erase


def land_night(contract: Contract, home: Home, extract_date: date, left_out: frozenset[str] = frozenset()) -> Manifest:
    """Land the extract of one night under `landing/<agency>/<feed>/<extract_date>`, without what is to be `left_out` of its columns.

    Raises as `land_extract` does, and Tampered where the originals to land from again are not those that came.
    """
    night = landed_folder(contract, home, extract_date)
    remove_unfinished(night.parent, MANIFEST, erase)
    kept = kept_originals(contract, home, extract_date)
    if kept:
        check_originals(home, kept)
    with keyed_night(contract.leaving_out(left_out), home, night, "landing") as folder:
        absent = _never_come(contract, kept, left_out)
        asked = contract.leaving_out(absent).loosened(left_out)
        pull = Pull(asked, extract_date, folder / ORIGINAL, since(contract, home, extract_date))
        manifest = land_pull(pull, (lambda pull: share(kept, pull.into)) if kept else fetch)
        if left_out - absent:
            leave_out(asked, folder, left_out - absent)
        if left_out:
            manifest = note_left_out(folder, left_out)
        seal_originals(folder, ORIGINAL)
        seal_landed(home, folder)
    return manifest


def _never_come(contract: Contract, kept: Path | None, left_out: frozenset[str]) -> frozenset[str]:
    """Of the columns that are left out those that the system is not asked for: a database sends what is named to it. Of originals
    that are kept, those that were left out when they came.
    """
    found = kind(contract.server)
    if found is None or not found.chooses_columns:
        return frozenset()
    return left_out & frozenset(Manifest.read(kept).left_out) if kept else left_out
