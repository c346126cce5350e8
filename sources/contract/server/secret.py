"""Secrets: a contract names where one is kept, `env:NAME` or `file:PATH`; the value itself is in no contract, log or error."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from sources.contract.grants import NotGranted
from sources.contract.model import Contract
from sources.contract.server.location import own_file
from sources.errors import ExtractError

# Names of headers and of parameters, in lower case and of letters alone, that carry a secret.
_SECRET_NAMES = frozenset({"auth", "key", "pass", "pw", "sas", "sig"})
_SECRET_WORDS = re.compile(
    "authorization|token|passw|passphrase|pwd|secret|signature|credential|cookie|(api|access|account|auth|client|functions|"
    "licen[cs]e|private|shared|subscription)key"
)
# What the night fills in, and the words that may stand before a secret in a header.
_FILLED_IN = re.compile(r"\$\{\w+\}|\{watermark\}|\{extract_date(:[^}]*)?\}")
_SCHEMES = frozenset({"", "apikey", "basic", "bearer", "key", "token"})
_SCHEME_AND_SECRET = re.compile(r"(basic|bearer)\s+\S", re.IGNORECASE)


def secret(contract: Contract, option: str) -> str | None:
    """The secret that a server option names; None where the contract has no such option.

    Raises ExtractError where the variable is not set or the file cannot be read; the message never holds the value.
    """
    if option not in contract.server.options:
        return None
    return referred(contract, option, str(contract.server.options[option]))


def referred(contract: Contract, option: str, reference: str) -> str:
    """What `env:NAME` or `file:PATH` refers to. Raises ExtractError as `secret` does, naming the option."""
    keeper, _, name = reference.partition(":")
    if keeper == "env":
        try:
            value = contract.grant.variable(name)
        except NotGranted as error:
            raise ExtractError(f"{contract.path.name}: {option}: {error}") from None
        if value is None:
            raise ExtractError(
                f"environment variable {name}, which {contract.path.name} names as its {option}, is not set; set it"
            )
        return value
    try:
        return own_file(contract, name).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise ExtractError(
            f"the file that {contract.path.name} names as its {option} cannot be read ({what}); put it there"
        ) from None


def is_reference(text: object) -> bool:
    """Whether an option names a keeper, and does not hold the secret itself."""
    return isinstance(text, str) and text.partition(":")[0] in ("env", "file") and bool(text.partition(":")[2])


def is_secret_name(name: str) -> bool:
    """Whether a header or parameter of this name carries a secret, as far as its name tells."""
    folded = re.sub("[^a-z]", "", name.lower())
    return folded in _SECRET_NAMES or _SECRET_WORDS.search(folded) is not None


def holds_secret(name: str, value: Any) -> bool:
    """Whether a header or parameter holds a secret in itself, and does not say where one is kept.

    A default of a variable is a value in the contract, too.
    """
    text = str(value).strip()
    if not is_secret_name(name) and not _SCHEME_AND_SECRET.match(text):
        return False
    return not is_reference(text) and _FILLED_IN.sub("", text).strip().lower() not in _SCHEMES


def parameters(address: str) -> Iterator[tuple[str, str]]:
    """Names and values behind the `?` of an address, also those inside a value, as in the `odbc_connect` of SQLAlchemy."""
    for part in re.split("[?&#;]", address)[1:]:
        name, _, value = part.partition("=")
        plain = unquote_plus(value)
        yield unquote_plus(name), plain
        if "=" in plain:
            yield from parameters(f";{plain}")


def is_own_machine(host: str) -> bool:
    """Whether what is sent to this host stays on this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
