"""Server options and bounds that the connectors of remote systems share."""

from datetime import date

from sources.connectors import ExtractError
from sources.connectors.location import located
from sources.contract import Contract

# No extract of an agency is larger; a body without end stops here, before the disk is full.
MAX_EXTRACT_BYTES = 20 << 30
CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0


def said(contract: Contract, option: str) -> str:
    """A server option as text with its `${VARIABLES}` filled in."""
    return located(contract, date.min, str(contract.server.options[option]))


def read_seconds(contract: Contract) -> float:
    """How long a system may be silent in the middle of an answer."""
    text = contract.server.options.get("timeoutSeconds", READ_SECONDS)
    try:
        seconds = float(text)
    except (TypeError, ValueError):
        seconds = 0.0
    if not seconds > 0:
        raise ExtractError(f"timeoutSeconds in {contract.path.name} is {text!r}; write a number of seconds such as 60")
    return seconds
