"""What each option of a server may be, whatever kind or format it belongs to: told with the contract, and not at night."""

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from sources.contract.model import Server
from sources.contract.reading.value_shapes import (
    NAME,
    Shape,
    faults,
    has_variable,
    is_name,
    is_number_between,
    is_whole,
    list_of,
    mapping,
    names_with,
    one_of,
    text,
    whole,
)
from sources.contract.server.connection import LONGEST_SILENCE_SECONDS, SSL_MODES
from sources.contract.server.known_systems import Kind
from sources.contract.server.paging_option import paging_faults
from sources.typing.date_pattern import pattern_fault
from sources.typing.local_time import EARLIER, LATER
from warehouse.engines.duckdb.engine import engine_fault, literal

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORMAT = text("letters such as yyyyMMdd", lambda value: pattern_fault(value) is None, "form of a date")
_PLACE = {"start": whole("the first place, from 1", low=1), "length": whole("a number of places", low=1)}
_IN = one_of(("header", "trailer"))
_ENCODED_AS = one_of(("text", "zoned", "packed", "binary"))
_SIGN_PLACE = one_of(("leading", "trailing", "CR", "DB"))
_DIGITS = whole("how many digits follow the point", high=38)
_FILE = text("the path of a file")
_PART_OF = "its parts with a / between them"


def _parts(count: int) -> Shape:
    """An X-Road identifier of so many parts."""
    return text(
        _PART_OF, lambda value: len(value.split("/")) == count and all(value.split("/")), f"name of {count} parts"
    )


def _is_pattern(value: str) -> bool:
    return engine_fault(f"regexp_matches('', {literal(value)})") is None


def _checks_identifiers(value: str) -> bool:
    try:
        return hasattr(import_module(f"stdnum.{value}"), "validate")
    except (ImportError, ValueError):
        return False


_CONTROL = mapping(
    {
        "path": _FILE, "separator": Shape("text", "what stands between name and value", lambda value: value and isinstance(value, str)),
        "count": NAME, "sums": names_with(NAME), "date": NAME, "dateFormat": _FORMAT, "decimalSeparator": one_of((".", ",")),
    },
    ("path",), "one such as {path: …, count: NAME, sums: {column: NAME}}",
)  # fmt: skip
_RECORD_TYPES = mapping(
    {**_PLACE, **{role: text("a code, in quotes") for role in ("header", "detail", "trailer")}},
    ("start", "length"), "one such as {start: 1, length: 2, header: '00'}",
)  # fmt: skip
_TOTAL = mapping(
    {**_PLACE, "in": _IN, "of": one_of(("count", "sum")), "encodedAs": _ENCODED_AS, "decimals": _DIGITS, "sign": _SIGN_PLACE,
     "column": text("the name of a column")},
    ("start", "length", "in", "of"), "one such as {in: trailer, start: 3, length: 9, of: count}",
)  # fmt: skip
_STATED_DATE = mapping(
    {**_PLACE, "in": _IN, "format": _FORMAT}, ("start", "length", "in"), "one such as {in: header, start: 1, length: 8}"
)
_HEADERS = Shape(
    "mapping of headers", "names with their values",
    lambda value: isinstance(value, dict) and all(map(_HEADER_NAME.fullmatch, value)), each=NAME,
)  # fmt: skip
_QUERY = Shape("text", "one statement", lambda value: isinstance(value, str) and value.strip() != "")
_RECORDS = Shape("JSON pointer", "one such as /items", lambda value: isinstance(value, str))
_SECONDS = Shape(
    "number of seconds up to a day", "one such as 60", lambda value: is_number_between(value, 0, LONGEST_SILENCE_SECONDS)
)  # fmt: skip
_PORT = Shape(
    "number of a port", "one such as 5432", lambda value: has_variable(value) or (is_whole(value) and 0 < int(value) < 65536)
)  # fmt: skip
_DETECT = "detect"
_LONGEST_DELIMITER = 8


def _is_sign(value: str) -> bool:
    return len(value) == 1 and value not in "\r\n"


_SIGN = text(
    "one character, none or detect",
    lambda value: value in (_DETECT, "none", "") or _is_sign(value),
    "character, none or detect",
)
_DELIMITER = Shape(
    "text", f"up to {_LONGEST_DELIMITER} characters, or detect",
    lambda value: isinstance(value, str) and 0 < len(value) <= _LONGEST_DELIMITER and not set(value) & set("\r\n"),
)  # fmt: skip
_HEADER_ROW = Shape(
    "number of a line, or detect", "the line of the header, from 1, or detect",
    lambda value: value == _DETECT or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1_048_576),
)  # fmt: skip
_NULL_VALUE = Shape(
    "text", "it in quotes", lambda value: isinstance(value, str) or is_name(value) or isinstance(value, float)
)
_LENGTH = Shape(
    "whole number from 1 on", "how many bytes or characters a record has",
    lambda value: isinstance(value, int) and not isinstance(value, bool) and value > 0,
)  # fmt: skip
# A petabyte, a week: beyond them a limit is none.
_MOST_BYTES, _MOST_SECONDS = 1 << 50, 7 * 86_400
_BYTES = whole("a number of bytes such as 5368709120", low=1, high=_MOST_BYTES)
_LIMITS = mapping(
    {"arrivedBytes": _BYTES, "unpackedBytes": _BYTES, "expansion": whole("one such as 1000", low=1, high=1_000_000),
     "members": whole("one such as 1000", low=1, high=1_000_000), "seconds": whole("one such as 600", low=1, high=_MOST_SECONDS)},
    (), "one such as {arrivedBytes: 5368709120, seconds: 600}",
)  # fmt: skip

SHAPES: Mapping[str, Shape] = {
    **dict.fromkeys(("caFile", "clientCertFile", "clientKeyFile", "privateKey", "knownHosts"), _FILE),
    **{name: text("one, in quotes") for name in
       ("url", "username", "tokenUrl", "clientId", "scope", "userId", "servicePath", "host", "database", "schema", "region",
        "record", "connector", "format", "encoding")},
    "apiKeyHeader": text("the name of a header", lambda value: _HEADER_NAME.fullmatch(value) is not None, "name of a header"),
    "client": _parts(4),
    "control": _CONTROL,
    "fillMerged": list_of(NAME, "the headings, such as [School]"),
    "footer": text("one that RE2 knows", _is_pattern, "regular expression"),
    "delimiter": _DELIMITER,
    "dialect": one_of((_DETECT,)),
    "escape": _SIGN,
    "headerRow": _HEADER_ROW,
    "headerRows": whole("how many rows the headings have, 0 where there are none", high=10),
    "headers": _HEADERS,
    "limits": _LIMITS,
    "member": text("a pattern of names such as '*.csv'"),
    "namespaces": names_with(text("the namespace")),
    "nullValues": Shape("list", "one such as [NA]", lambda value: isinstance(value, list), each=_NULL_VALUE),
    "port": _PORT,
    "positions": one_of(("bytes", "characters")),
    "query": names_with(NAME),
    "quote": _SIGN,
    "recordLength": _LENGTH,
    "recordTypes": _RECORD_TYPES,
    "records": _RECORDS,
    "rows": one_of(("records", "entries")),
    "service": _parts(5),
    "sheet": NAME,
    "sheets": list_of(NAME, "their names, such as [2025, 2026]"),
    "sslMode": text(f"one of {', '.join(SSL_MODES)}", lambda value: value in SSL_MODES, "mode of libpq"),
    "statedDate": _STATED_DATE,
    "timeoutSeconds": _SECONDS,
    "trailingBlanks": one_of(("kept", "stripped")),
    "unproven": one_of(("refuse", "reject")),
    "totals": list_of(_TOTAL, "one such as [{in: trailer, start: 3, length: 9, of: count}]"),
}  # fmt: skip
# Of a property: where its value stands in a record, and which identifier it is.
_COLUMN_SHAPES: Mapping[str, Shape] = {
    **_PLACE, "encodedAs": _ENCODED_AS, "decimals": _DIGITS, "sign": _SIGN_PLACE,
    "yearsFrom": whole("the first of the hundred years that two digits stand for, such as 1930", low=1000, high=9900),
    "ambiguousTime": one_of((EARLIER, LATER)),
    "identifierKind": text("one such as iban or ee.ik", _checks_identifiers, "name of a module of python-stdnum"),
}  # fmt: skip
# Options that say nothing, or cannot be used, without another one.
_NEEDS = {
    "tokenUrl": "clientId", "clientId": "tokenUrl", "clientSecret": "tokenUrl", "scope": "tokenUrl", "apiKeyHeader": "apiKey",
    "clientKeyFile": "clientCertFile", "accessKeyId": "secretAccessKey", "secretAccessKey": "accessKeyId",
    "passphrase": "privateKey",
}  # fmt: skip


def option_faults(server: Server, kind: Kind) -> Iterator[str]:
    """What is wrong with the options that there are, each with its place and a remedy."""
    options = server.options
    for name in sorted(options):
        yield from _faults(name, options[name], kind)
    for name, needed in _NEEDS.items():
        if name in options and needed not in options:
            yield f"{name} is said without {needed}; add it, or take {name} out"
    logins = [name for name in ("tokenUrl", "username", "bearerToken") if name in options]
    if "tokenUrl" in kind.options:
        yield from _login_faults(options, logins)
    yield from _scheme_faults(server, kind)


def column_faults(name: str, value: Any) -> Iterator[str]:
    """What is wrong with a customProperty of a property, with a remedy."""
    return faults(name, value, _COLUMN_SHAPES[name]) if name in _COLUMN_SHAPES else iter(())


def _faults(name: str, value: Any, kind: Kind) -> Iterator[str]:
    if value is None:
        yield f"{name} has no value; write one, or take it out"
    elif name == "paging":
        yield from paging_faults(value)
    elif name == "query" and not kind.needs_place:
        yield from faults(name, value, _QUERY)
    elif name in SHAPES:
        yield from faults(name, value, SHAPES[name])


def _login_faults(options: Mapping[str, Any], logins: list[str]) -> Iterator[str]:
    if len(logins) > 1:
        yield f"{', '.join(logins)} are several logins; keep one"
    if "password" in options and "username" not in options:
        yield "password is said without username; add it, or take password out"


def _scheme_faults(server: Server, kind: Kind) -> Iterator[str]:
    """An address that begins with a variable is left to the night."""
    if not kind.schemes or not server.location or server.location.startswith("${"):
        return
    scheme, found, rest = server.location.partition("://")
    if not found or scheme.lower() not in kind.schemes or not rest.strip("/"):
        known = " or ".join(f"{scheme}://" for scheme in kind.schemes)
        yield f"location is no address that begins with {known}; write one"
