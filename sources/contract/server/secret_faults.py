"""Secrets and logins that a contract's server section must not hold, or would send unencrypted."""

import re
from collections.abc import Iterator
from typing import Any

from sources.contract.model import Server
from sources.contract.server.known_systems import Kind
from sources.contract.server.secret import holds_secret, is_own_machine, is_reference, is_secret_name, parameters

_ELSEWHERE = "keep it elsewhere and write env:NAME or file:PATH"
_LOGIN = re.compile(r"://[^/?#@\s]*:[^/?#@\s]*@")
# Of a web address a name alone may be a key; SQLAlchemy takes all up to the `@` as the password, a `/` too.
_NAME = re.compile(r"://[^/?#@\s]*@")
_SQLALCHEMY_LOGIN = re.compile(r"://[^/?#@\s]*:[^?#@]*@")
_UNENCRYPTED = re.compile(r"http://(\[[^\]]*\]|[^/:?#]*)", re.IGNORECASE)
_LOGINS = frozenset({"tokenUrl", "username", "bearerToken", "apiKey", "accessKeyId"})
_ADDRESSES = ("location", "endpointUrl", "tokenUrl")


def secret_faults(server: Server, kind: Kind) -> Iterator[str]:
    """What is wrong, each with its option and a remedy; no value is shown."""
    options = server.options
    for name in sorted(kind.secrets & set(options)):
        if not is_reference(options[name]):
            yield f"{name} holds a secret; {_ELSEWHERE}"
    for option in ("headers", "query"):
        for name, value in _items(options.get(option)):
            if holds_secret(name, value):
                yield f"{option} holds a secret as {name}; {_ELSEWHERE}"
    for option, text in options.items():
        if isinstance(text, str) and "://" in text:
            yield from _address_faults(option, text)
    yield from _clear_text_faults(options)


def _items(mapping: Any) -> list[tuple[str, Any]]:
    """A database's query is a text, and has no names."""
    return [(str(name), value) for name, value in mapping.items()] if isinstance(mapping, dict) else []


def _address_faults(option: str, text: str) -> Iterator[str]:
    is_url = option == "url"
    forbidden = (_LOGIN, _SQLALCHEMY_LOGIN) if is_url else (_LOGIN, _NAME)
    if any(pattern.search(text) for pattern in forbidden):
        yield f"{option} holds a login in its address; write username and password as env:NAME or file:PATH"
    wrong = sorted({name for name, value in parameters(text) if holds_secret(name, value)})
    if not wrong:
        return
    way = "write password as env:NAME or file:PATH" if is_url else "write it under query as env:NAME or file:PATH"
    if option not in ("location", "url"):
        way = "write ${NAME} there, and set the variable"
    yield f"{option} holds a secret in its address, as {', '.join(wrong)}; {way}"


def _clear_text_faults(options: dict[str, Any]) -> Iterator[str]:
    """Where a host stands in the contract itself; the others are told by the night."""
    named = [*_items(options.get("headers")), *_items(options.get("query"))]
    has_login = bool(_LOGINS & set(options)) or any(
        is_secret_name(name) or is_reference(value) for name, value in named
    )
    for option in _ADDRESSES:
        found = _UNENCRYPTED.match(str(options.get(option, "")))
        if found and has_login and "$" not in found[1] and not is_own_machine(found[1]):
            yield f"{option} is not encrypted, and the login would be read on the way; write https"
