"""Places in a contract's server section: `${VARIABLES}` of the environment and the date of the night filled in."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import unquote

from sources.connectors import ExtractError, kind
from sources.contract import Contract, Server, with_environment

_DATE = re.compile(r"\{extract_date(?::([^}]*))?\}")


def located(contract: Contract, extract_date: date, text: str | None = None) -> str:
    """`text` (the server's location where none is given) with `${NAME}`, `${NAME:-default}` and `{extract_date:%Y%m%d}` filled in.

    Raises ExtractError where a variable is not set.
    """
    text = contract.server.location if text is None else text
    try:
        filled = with_environment(text)
    except LookupError as error:
        # The text itself is not shown: it may hold a secret beside the variable.
        raise ExtractError(f"{contract.path.name}: {error}") from None
    return _DATE.sub(lambda match: extract_date.strftime(match[1] or "%Y-%m-%d"), filled)


def names_a_night(text: str) -> bool:
    """Whether the place is another one every night."""
    return _DATE.search(text) is not None


def beside_contract(contract: Contract, text: str) -> Path:
    """A path; a relative one starts at the contract's folder. Raises ExtractError where it can be none."""
    try:
        return (contract.path.parent / Path(text).expanduser()).resolve()
    except (RuntimeError, ValueError):
        # No such user's home, or a character that no path has.
        raise ExtractError(f"a path in {contract.path.name} cannot be one; mend it, and write no ~") from None


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
