"""Server options and bounds that the connectors of remote systems share."""

from datetime import date

from sources.contract import defaults
from sources.contract.model import Contract
from sources.contract.reading.value_shapes import is_number_between
from sources.contract.server.location import located
from sources.errors import ExtractError

CONNECT_SECONDS = 10.0
LONGEST_SILENCE_SECONDS = 86_400.0
# Those of libpq.
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def said(contract: Contract, option: str, *, as_written: bool = False) -> str:
    """A server option as text with its `${VARIABLES}` filled in, or `as_written`. Raises ExtractError where it is not there."""
    found = contract.server.options.get(option)
    if found is None:
        raise ExtractError(f"{contract.path.name} has no {option}; add it to the server")
    return str(found) if as_written else located(contract, date.min, str(found))


def read_seconds(contract: Contract) -> float:
    """How long a system may be silent in the middle of an answer."""
    seconds = contract.server.options.get("timeoutSeconds", defaults.TIMEOUT_SECONDS)
    if not is_number_between(seconds, 0, LONGEST_SILENCE_SECONDS):
        raise ExtractError(
            f"timeoutSeconds in {contract.path.name} is no number of seconds up to {LONGEST_SILENCE_SECONDS:.0f}; "
            "write one such as 60"
        )
    return float(seconds)
