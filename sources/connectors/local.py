"""A file on this machine or on a mounted share, or a data file of an installed Python package (`package://NAME/…`).

The folder that a contract names may be a link, or lie behind one: whoever runs the platform made it. The file in it is the
agency's, and a link that an agency puts there must not show another agency's file, or the platform's own.
"""

import os
import stat
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from sources.connectors import Arrived, ExtractError, Pull
from sources.connectors.location import beside_contract, located
from sources.contract import Contract
from sources.limits import Meter

_CHUNK_BYTES = 4 << 20


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
            raise _no_file(contract, source)
        total = before
        meter.check_arrived(total + found.st_size, target.parent)
        while chunk := file.read(_CHUNK_BYTES):
            total += out.write(chunk)
            meter.check_arrived(total, target.parent)
    return total


def probe(contract: Contract, extract_date: date) -> Path:
    """The file of that date. Raises ExtractError where it, or its control file, is not there."""
    _control(contract, extract_date)
    return _existing(contract, _inside(contract, extract_date))


def _control(contract: Contract, extract_date: date) -> Path | None:
    control = contract.server.options.get("control")
    if not control:
        return None
    return _existing(contract, _inside(contract, extract_date, str(control["path"])))


def _existing(contract: Contract, source: Path) -> Path:
    if not source.exists():
        raise ExtractError(
            f"{source} is not there; ask {contract.agency_name} for it, or mend the path in {contract.path.name}"
        )
    if not source.is_file():
        raise _no_file(contract, source)
    return source


def _no_file(contract: Contract, source: Path) -> ExtractError:
    return ExtractError(f"{source} is not a file; name one file in {contract.path.name}")


def _inside(contract: Contract, extract_date: date, text: str | None = None) -> Path:
    """As `locate`. Raises ExtractError where the file is a link that leads out of its folder."""
    found, said = locate(contract, extract_date, text), located(contract, extract_date, text)
    folder = beside_contract(contract, str(Path(said).parent))
    if not said.startswith("package://") and not found.is_relative_to(folder):
        raise ExtractError(
            f"{folder / Path(said).name} is a link that leads out of its folder; ask {contract.agency_name} to put the file itself "
            f"there, or name the place it leads to in {contract.path.name}"
        )
    return found


def locate(contract: Contract, extract_date: date, text: str | None = None) -> Path:
    """The path that `text`, or the location of the contract, means on that date."""
    text = located(contract, extract_date, text)
    if text.startswith("package://"):
        return _in_package(text.removeprefix("package://"))
    return beside_contract(contract, text)


def _in_package(text: str) -> Path:
    package, _, inside = text.partition("/")
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ExtractError(f"Python package {package!r} is not installed; install it, or name another location")
    return Path(found.submodule_search_locations[0]) / inside
