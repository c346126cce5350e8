"""Landing of a night: where it lies, what is kept of it, and its seal."""

from datetime import date

from nights.folders import landed_folder
from nights.integrity.sealed_extracts import check_originals, seal_landed
from nights.pulling.kept_originals import kept_originals, share
from nights.rows.watermark import since
from sources.arrival.manifest import MANIFEST, Manifest
from sources.arrival.request import Pull
from sources.connectors import fetch
from sources.contract.model import Contract
from sources.landing.land_extract import ORIGINAL, land_pull
from sources.landing.left_out import leave_out
from warehouse.files import remove_unfinished, versioned_folder
from warehouse.home import Home


def land_night(contract: Contract, home: Home, extract_date: date, left_out: frozenset[str] = frozenset()) -> Manifest:
    """Land the extract of one night under `landing/<agency>/<feed>/<extract_date>`, without what is to be `left_out` of its columns.

    Raises as `land_extract` does, and Tampered where the originals to land from again are not those that came.
    """
    night = landed_folder(contract, home, extract_date)
    remove_unfinished(night.parent, MANIFEST)
    kept = kept_originals(contract, home, extract_date)
    if kept:
        check_originals(home, kept)
    with versioned_folder(night) as folder:
        pull = Pull(contract.loosened(left_out), extract_date, folder / ORIGINAL, since(contract, home, extract_date))
        manifest = land_pull(pull, (lambda pull: share(kept, pull.into)) if kept else fetch)
        if left_out:
            manifest = leave_out(contract, folder, left_out)
        seal_landed(home, folder)
    return manifest
