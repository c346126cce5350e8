"""Places in a contract's server section: `${VARIABLES}` of the environment and the date of the night filled in."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import unquote

from sources.contract.grants import NotGranted
from sources.contract.model import Contract, Server
from sources.contract.server.known_systems import kind
from sources.errors import ExtractError

_DATE = re.compile(r"\{extract_date(?::([^}]*))?\}")


def located(contract: Contract, extract_date: date, text: str | None = None) -> str:
    """`text` (the server's location where none is given) with `${NAME}`, `${NAME:-default}` and `{extract_date:%Y%m%d}` filled in.

    Raises ExtractError where a variable is not set, or not granted to the agency.
    """
    return _filled(contract, extract_date, contract.server.location if text is None else text, stays_here=False)


def _filled(contract: Contract, extract_date: date, text: str, *, stays_here: bool) -> str:
    try:
        filled = contract.grant.filled(text, stays_here=stays_here)
    except (LookupError, NotGranted) as error:
        # The text itself is not shown: it may hold a secret beside the variable.
        raise ExtractError(f"{contract.path.name}: {error}") from None
    return _with_date(filled, extract_date)


def _with_date(text: str, extract_date: date) -> str:
    return _DATE.sub(lambda match: extract_date.strftime(match[1] or "%Y-%m-%d"), text)


def names_a_night(text: str) -> bool:
    """Whether the place is another one every night."""
    return _DATE.search(text) is not None


def own_path(contract: Contract, text: str, extract_date: date = date.min) -> str:
    """The path of a file on this machine as the contract writes it, with variables and date filled in. Raises ExtractError."""
    return _filled(contract, extract_date, text, stays_here=True)


def shown_path(text: str, extract_date: date) -> str:
    """A path as messages may show it: with its date, and its variables by their names."""
    return _with_date(text, extract_date)


def own_file(contract: Contract, text: str, extract_date: date = date.min) -> Path:
    """A file on this machine that the contract names (`text`); a relative path starts at the contract's folder.

    Raises ExtractError where it can be no path, or lies outside the folders that the agency was granted.
    """
    return permitted(contract, own_path(contract, text, extract_date))


def permitted(contract: Contract, path: str) -> Path:
    """The resolved file of a path. Raises ExtractError as `own_file` does."""
    try:
        found = (contract.path.parent / Path(path).expanduser()).resolve()
    except (RuntimeError, ValueError):
        # No such user's home, or a character that no path has.
        raise ExtractError(f"a path in {contract.path.name} cannot be one; mend it, and write no ~") from None
    try:
        contract.grant.permit_file(found)
    except NotGranted as error:
        raise ExtractError(f"{contract.path.name} names {error}") from None
    return found


def permit_host(contract: Contract, host: str | None) -> None:
    """Raises ExtractError where the contract may not connect to the host; none at all is this machine."""
    try:
        contract.grant.permit_host(host or "")
    except NotGranted as error:
        raise ExtractError(f"{contract.path.name}: {error}") from None


def permit_address(contract: Contract, address: str) -> None:
    """Raises ExtractError where a connection went to an address that the contract may not reach."""
    try:
        contract.grant.permit_address(address)
    except NotGranted as error:
        raise ExtractError(f"{contract.path.name}: {error}") from None


def elsewhere(server: Server, location: str) -> Server:
    """The same server with its extract at another place: of its own system where such a place can be there, else a file or download."""
    if location.startswith("file://"):
        location = unquote(location.removeprefix("file://"))
    scheme, _, rest = location.partition("://")
    if not rest:
        return replace(server, type="local", location=str(Path(location).expanduser().absolute()))
    own = kind(server)
    if own is not None and scheme in own.schemes:
        return replace(server, location=location)
    return replace(
        server, type={"http": "api", "https": "api", "package": "local"}.get(scheme, scheme), location=location
    )
