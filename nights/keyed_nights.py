"""The keys of a feed's night: each try of landing, gate and acceptance has its own, and rows that only landed have another than what
was sent, because they are kept for longer. Feeds without a protected column have none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Literal

from sources.arrival.manifest import ROWS
from sources.contract.model import Contract
from sources.landing.land_extract import ORIGINAL
from warehouse.files import versioned_folder
from warehouse.home import Home
from warehouse.keys.data_key import all_keys, destroy, is_protected
from warehouse.keys.keyed_folder import destroy_keys, give_keys
from warehouse.keys.platform_key import HOW_TO_SET, platform_key


def refusal_without_key(contract: Contract) -> str | None:
    """Why a feed is not pulled: it holds what is protected, and there is no key to encrypt it with."""
    if not contract.is_protected or platform_key() is not None:
        return None
    named = [column.name for column in contract.columns if column.is_masked]
    more = f" and {len(named) - 1} more" if named[1:] else ""
    return (
        f"{named[0]}{more} of its columns are personal, and no key is set to encrypt them with: interagency keys create FILE "
        f"makes one, outside of the home; then {HOW_TO_SET}"
    )


@contextmanager
def keyed_night(
    contract: Contract, home: Home, link: Path, step: Literal["landing", "gate", "accepted"]
) -> Iterator[Path]:
    """As `versioned_folder` makes it, with keys where the feed is protected and the platform has one. Raises KeyRefused."""
    with versioned_folder(link) as folder:
        try:
            if contract.is_protected and is_protected(home):
                give_keys(home, folder, _names(contract, link.name, step, folder.name.rpartition("-")[2]))
            yield folder
        except BaseException:
            destroy_keys(folder)
            raise


def _names(contract: Contract, night: str, step: str, attempt: str) -> dict[str, str | None]:
    own = f"{_place(contract.agency, contract.feed, night)}/{step}-{attempt}"
    if step != "landing":
        return {"": own}
    # Originals are sealed as they came, when they have been read.
    rows = f"{_place(contract.agency, contract.feed, night)}/rows-{attempt}"
    return {f"{ORIGINAL}/": None, ROWS: rows, "": own}


def erase_night(home: Home, agency: str, feed: str, night: date) -> int:
    """Destroy all keys of a feed's night: nobody reads again what was sent, refused or accepted, wherever copies lie. How many."""
    found = keys_of_night(home, agency, feed, night)
    for file in found:
        destroy(file)
    return len(found)


def keys_of_night(home: Home, agency: str, feed: str, night: date) -> list[Path]:
    """The files of all keys of a feed's night."""
    folder = home.keys / _place(agency, feed, night.isoformat())
    return [file for file in all_keys(home) if file.parent == folder]


def _place(agency: str, feed: str, night: str) -> str:
    return f"feeds/{agency}/{feed}/{night}"
