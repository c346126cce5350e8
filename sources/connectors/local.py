"""A file on this machine or on a mounted share, or a data file of an installed Python package (`package://NAME/…`)."""

import re
import shutil
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from sources.connectors import ExtractError
from sources.contract import Contract, with_environment

_DATE = re.compile(r"\{extract_date(?::([^}]*))?\}")


def fetch(contract: Contract, extract_date: date, into: Path) -> str:
    """Copy the file of `extract_date` into the folder `into`; returns its name.

    The location may hold `{extract_date}` (with a strftime format: `{extract_date:%Y%m%d}`) and `${VARIABLES}`.
    Raises ExtractError where there is no such file or it cannot be read, and OSError where the share fails on the way.
    """
    source = probe(contract, extract_date)
    shutil.copyfile(source, into / source.name)
    return source.name


def probe(contract: Contract, extract_date: date) -> Path:
    """The file of that date. Raises ExtractError where it is not there."""
    source = locate(contract, extract_date)
    if not source.exists():
        raise ExtractError(
            f"{source} is not there; ask {contract.agency_name} for it, or mend the path in {contract.path.name}"
        )
    if not source.is_file():
        raise ExtractError(f"{source} is not a file; name one file in {contract.path.name}")
    return source


def locate(contract: Contract, extract_date: date) -> Path:
    """The path that the contract means on that date; relative paths start at the contract's folder."""
    try:
        text = with_environment(contract.server.location)
    except LookupError as error:
        raise ExtractError(f"location {contract.server.location!r} of {contract.path.name}: {error}") from None
    text = _DATE.sub(lambda match: extract_date.strftime(match[1] or "%Y-%m-%d"), text)
    if text.startswith("package://"):
        return _in_package(text.removeprefix("package://"))
    return (contract.path.parent / Path(text).expanduser()).resolve()


def _in_package(text: str) -> Path:
    package, _, inside = text.partition("/")
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ExtractError(f"Python package {package!r} is not installed; install it, or name another location")
    return Path(found.submodule_search_locations[0]) / inside
