"""A file on this machine or on a mounted share, or a data file of an installed Python package (`package://NAME/…`).

The folder that a contract names may be a link, or lie behind one: whoever runs the platform made it. The file in it is the
agency's, and a link that an agency puts there must not show another agency's file, or the platform's own.
"""

import os
import stat
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from sources.arrival.limits import Meter
from sources.arrival.request import Arrived, Pull
from sources.contract.model import Contract
from sources.contract.server.location import own_path, permitted, shown_path
from sources.errors import ExtractError
from warehouse.home import PROJECT

_CHUNK_BYTES = 4 << 20
_PACKAGE = "package://"


def fetch(pull: Pull) -> Arrived:
    """Copy the night's file, and its control file where the contract names one.

    Raises ExtractError where there is no such file, it is a link that leads out of its folder, or it has more bytes than the
    contract's limits allow, and OSError where the share fails on the way.
    """
    source, meter = probe(pull.contract, pull.extract_date), Meter.of(pull)
    copied = _copy(source, pull.into / source.name, pull.contract, meter, 0)
    control = _control(pull.contract, pull.extract_date)
    if control is None:
        return Arrived((source.name,))
    if control.name == source.name:
        raise ExtractError(
            f"the control file {control} has the name of the extract; ask {pull.contract.agency_name} for another name"
        )
    _copy(control, pull.into / control.name, pull.contract, meter, copied)
    return Arrived((source.name,), control=control.name)


def _copy(source: Path, target: Path, contract: Contract, meter: Meter, before: int) -> int:
    """Copy one file; `before` bytes of the extract came before it. Returns the bytes of both."""
    # A link that took the file's place meanwhile is not followed.
    with os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0) as file, target.open("wb") as out:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise _no_file(contract, source.name)
        total = before
        meter.check_arrived(total + found.st_size, target.parent)
        while chunk := file.read(_CHUNK_BYTES):
            total += out.write(chunk)
            meter.check_arrived(total, target.parent)
    return total


def probe(contract: Contract, extract_date: date) -> Path:
    """The file of that date. Raises ExtractError where it, or its control file, is not there."""
    _control(contract, extract_date)
    return _existing(contract, extract_date, contract.server.location)


def _control(contract: Contract, extract_date: date) -> Path | None:
    control = contract.server.options.get("control")
    if not control:
        return None
    return _existing(contract, extract_date, str(control["path"]))


def _existing(contract: Contract, extract_date: date, text: str) -> Path:
    source, shown = locate(contract, extract_date, text), shown_path(text, extract_date)
    if not source.exists():
        raise ExtractError(
            f"{shown} is not there; ask {contract.agency_name} for it, or mend the path in {contract.path.name}"
        )
    if not source.is_file():
        raise _no_file(contract, shown)
    return source


def _no_file(contract: Contract, shown: str) -> ExtractError:
    return ExtractError(f"{shown} is not a file; name one file in {contract.path.name}")


def locate(contract: Contract, extract_date: date, text: str | None = None) -> Path:
    """The path that `text`, or the location of the contract, means on that date.

    Raises ExtractError where it is outside the agency's folders, or the file is a link that leads out of its own.
    """
    text = contract.server.location if text is None else text
    said = own_path(contract, text, extract_date)
    if said.startswith(_PACKAGE):
        return _in_package(said.removeprefix(_PACKAGE))
    # The folder first: where the file is a link, the reader is told so, and not where it leads.
    folder = permitted(contract, str(Path(said).parent))
    try:
        found = (folder / Path(said).name).resolve()
    except RuntimeError:
        raise ExtractError(
            f"{shown_path(text, extract_date)} is a link that leads to itself; ask {contract.agency_name} for the file"
        ) from None
    if not found.is_relative_to(folder):
        raise ExtractError(
            f"{shown_path(text, extract_date)} is a link that leads out of its folder; ask {contract.agency_name} to put the file "
            f"itself there, or name the place it leads to in {contract.path.name}"
        )
    return found


def _in_package(text: str) -> Path:
    """A data file of an installed package; the platform's own packages are none."""
    package, _, inside = text.partition("/")
    try:
        # The name of a package within one would be imported to be found.
        found = find_spec(package) if package.isidentifier() else None
    except ValueError:
        # A module without a place, as the running program is.
        found = None
    # A folder without an origin is anybody's; the platform's own are no agency's.
    if found is None or found.origin is None or not found.submodule_search_locations or (PROJECT / package).exists():
        raise ExtractError(f"Python package {package!r} is not installed; install it, or name another location")
    folder = Path(found.submodule_search_locations[0]).resolve()
    target = (folder / inside).resolve()
    if not target.is_relative_to(folder):
        raise ExtractError(f"{_PACKAGE}{text} leads out of its package; name a file in it")
    return target
