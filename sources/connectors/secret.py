"""Secrets: a contract names where one is kept, `env:NAME` or `file:PATH`; the value itself is in no contract, log or error."""

import os

from sources.connectors import ExtractError
from sources.connectors.location import beside_contract
from sources.contract import Contract, with_environment


def secret(contract: Contract, option: str) -> str | None:
    """The secret that a server option names; None where the contract has no such option.

    Raises ExtractError where the variable is not set or the file cannot be read; the message never holds the value.
    """
    if option not in contract.server.options:
        return None
    keeper, _, name = str(contract.server.options[option]).partition(":")
    if keeper == "env":
        value = os.environ.get(name)
        if value is None:
            raise ExtractError(
                f"environment variable {name}, which {contract.path.name} names as its {option}, is not set; set it"
            )
        return value
    try:
        return beside_contract(contract, with_environment(name)).read_text(encoding="utf-8").strip()
    except (OSError, LookupError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise ExtractError(
            f"the file that {contract.path.name} names as its {option} cannot be read ({what}); put it there"
        ) from None


def is_reference(text: object) -> bool:
    """Whether an option names a keeper, and does not hold the secret itself."""
    return isinstance(text, str) and text.partition(":")[0] in ("env", "file") and bool(text.partition(":")[2])
