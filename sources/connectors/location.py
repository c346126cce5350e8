"""Places in a contract's server section: `${VARIABLES}` of the environment and the date of the night filled in."""

import re
from datetime import date
from pathlib import Path

from sources.connectors import ExtractError
from sources.contract import Contract, with_environment

_DATE = re.compile(r"\{extract_date(?::([^}]*))?\}")


def located(contract: Contract, extract_date: date, text: str | None = None) -> str:
    """`text` (the server's location where none is given) with `${NAME}`, `${NAME:-default}` and `{extract_date:%Y%m%d}` filled in.

    Raises ExtractError where a variable is not set.
    """
    text = contract.server.location if text is None else text
    try:
        filled = with_environment(text)
    except LookupError as error:
        raise ExtractError(f"{text!r} of {contract.path.name}: {error}") from None
    return _DATE.sub(lambda match: extract_date.strftime(match[1] or "%Y-%m-%d"), filled)


def names_a_night(text: str) -> bool:
    """Whether the place is another one every night."""
    return _DATE.search(text) is not None


def beside_contract(contract: Contract, text: str) -> Path:
    """A path; a relative one starts at the contract's folder."""
    return (contract.path.parent / Path(text).expanduser()).resolve()
