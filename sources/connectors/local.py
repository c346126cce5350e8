"""A file on this machine or on a mounted share, or a data file of an installed Python package (`package://NAME/…`)."""

import shutil
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from sources.connectors import Arrived, ExtractError, Pull
from sources.connectors.location import beside_contract, located
from sources.contract import Contract


def fetch(pull: Pull) -> Arrived:
    """Copy the night's file, and its control file where the contract names one.

    Raises ExtractError where there is no such file or it cannot be read, and OSError where the share fails on the way.
    """
    source = probe(pull.contract, pull.extract_date)
    shutil.copyfile(source, pull.into / source.name)
    control = _control(pull.contract, pull.extract_date)
    if control is None:
        return Arrived((source.name,))
    if control.name == source.name:
        raise ExtractError(
            f"the control file {control} has the name of the extract; ask {pull.contract.agency_name} for another name"
        )
    shutil.copyfile(control, pull.into / control.name)
    return Arrived((source.name,), control=control.name)


def probe(contract: Contract, extract_date: date) -> Path:
    """The file of that date. Raises ExtractError where it, or its control file, is not there."""
    _control(contract, extract_date)
    return _existing(contract, locate(contract, extract_date))


def _control(contract: Contract, extract_date: date) -> Path | None:
    control = contract.server.options.get("control")
    if not control:
        return None
    return _existing(contract, locate(contract, extract_date, str(control["path"])))


def _existing(contract: Contract, source: Path) -> Path:
    if not source.exists():
        raise ExtractError(
            f"{source} is not there; ask {contract.agency_name} for it, or mend the path in {contract.path.name}"
        )
    if not source.is_file():
        raise ExtractError(f"{source} is not a file; name one file in {contract.path.name}")
    return source


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
