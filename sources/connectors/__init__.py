"""How an extract arrives: one module per kind of system, chosen by the contract's server."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from sources.connectors.names import printable
from sources.contract import Contract, Server
from sources.grants import named_variables

if TYPE_CHECKING:
    from sources.totals import Totals

_LONGEST_MESSAGE = 3000
_SHORTEST_HIDDEN = 4


class ExtractError(Exception):
    """An extract that did not arrive or cannot be read: what happened, where, and what to do.

    Names that an agency chose stand in it, so it is made safe to print and of a length that a person reads.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message, _LONGEST_MESSAGE))


@dataclass(frozen=True)
class Pull:
    """What a connector is to bring: the extract of one night, its originals as files below `into`.

    `watermark` is where the last accepted night of an incremental feed ended, as text; None for a whole extract. `began` is
    the monotonic clock from which the extract's seconds are counted, over all attempts.
    """

    contract: Contract
    extract_date: date
    into: Path
    watermark: str | None = None
    began: float = field(default_factory=time.monotonic, compare=False)


@dataclass(frozen=True)
class Arrived:
    """What a connector brought: names of the originals below `into`, in the order in which they are read.

    `control` is the control file among what came, read by `control_file.py`. `totals` are what the system itself says
    it sent. `evidence` goes into the manifest: hashes, versions and rights that prove what was asked and answered.
    """

    files: tuple[str, ...]
    control: str | None = None
    totals: "Totals | None" = None
    evidence: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """A kind of system: the module that serves it, and what its contracts may and must say beside the place and format.

    `secrets` are options that name an environment variable (`env:NAME`) or a file (`file:PATH`), never the secret.
    `is_live` is a system that shows its state of now, whatever night is asked for. `format` is what it always sends;
    `needs_place` is off where host and database, and not a path or address, say where it is. `schemes` are those that its
    address may have; it may be a path where there are none.
    """

    module: str
    options: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    is_live: bool = False
    format: str | None = None
    needs_place: bool = True
    schemes: tuple[str, ...] = ()


# Files may be archives, and have a control file beside them; an API or a database says itself how much it sends.
_FILES = frozenset({"control", "member"})
_TABLE = frozenset({"query"})
_TLS = frozenset({"caFile", "clientCertFile", "clientKeyFile"})

_POSTGRES = Kind(
    "sources.connectors.postgres",
    options=_TABLE | {"schema", "port", "sslMode", "caFile"},
    required=frozenset({"host", "database"}),
    secrets=frozenset({"username", "password"}),
    is_live=True,
    format="parquet",
    needs_place=False,
)

_WEB = ("http", "https")
_HTTP = _TLS | {"timeoutSeconds", "headers", "query", "paging", "member"}

# A module has `fetch(pull: Pull) -> Arrived` and `probe(contract, extract_date)`; heavy imports stay inside it.
KINDS: dict[str, Kind] = {
    "local": Kind("sources.connectors.local", options=_FILES),
    "postgres": _POSTGRES,
    "postgresql": _POSTGRES,
    "sqlalchemy": Kind(
        "sources.connectors.database",
        options=_TABLE | {"schema"},
        required=frozenset({"url"}),
        secrets=frozenset({"username", "password"}),
        is_live=True,
        format="parquet",
        needs_place=False,
    ),
    "api": Kind(
        "sources.connectors.api",
        secrets=frozenset({"clientSecret", "apiKey", "password", "bearerToken"}),
        options=_HTTP | {"tokenUrl", "clientId", "scope", "apiKeyHeader", "username"},
        is_live=True,
        schemes=_WEB,
    ),
    "xroad": Kind(
        "sources.connectors.xroad",
        options=_HTTP | {"servicePath", "userId"},
        required=frozenset({"client", "service"}),
        is_live=True,
        schemes=_WEB,
    ),
    "sftp": Kind(
        "sources.connectors.sftp",
        options=_FILES | {"privateKey", "timeoutSeconds"},
        required=frozenset({"username", "knownHosts"}),
        secrets=frozenset({"password", "passphrase"}),
        schemes=("sftp",),
    ),
    "s3": Kind(
        "sources.connectors.s3",
        options=_FILES | {"region", "caFile", "timeoutSeconds"},
        secrets=frozenset({"accessKeyId", "secretAccessKey"}),
        schemes=("s3",),
    ),
}


def kind_name(server: Server) -> str:
    """The standard's server type; for its `custom`, the option `connector`."""
    return str(server.options.get("connector", "custom")) if server.type == "custom" else server.type


def kind(server: Server) -> Kind | None:
    return KINDS.get(kind_name(server))


def fetch(pull: Pull) -> Arrived:
    """Bring the originals of one night. Raises ExtractError, and OSError where a share or disk fails on the way."""
    with _as_written(pull.contract):
        arrived: Arrived = _module(pull.contract).fetch(pull)
    evidence = {name: hidden(pull.contract, text) for name, text in arrived.evidence.items()}
    return replace(arrived, evidence=evidence)


def probe(contract: Contract, extract_date: date) -> None:
    """Raises ExtractError where the extract of that date could not be pulled now; pulls nothing."""
    with _as_written(contract):
        _module(contract).probe(contract, extract_date)


@contextmanager
def _as_written(contract: Contract) -> Iterator[None]:
    """What was filled in for a variable is not repeated: messages are recorded, published and sent."""
    try:
        yield
    except ExtractError as error:
        raise ExtractError(hidden(contract, str(error))) from None


def hidden(contract: Contract, text: str) -> str:
    """The text with `${NAME}` where the value of a variable that the contract's server names stands."""
    for name in named_variables(str([contract.server.location, contract.server.options])):
        value = os.environ.get(name, "")
        # A shorter one is no secret, and is found by chance.
        if len(value) >= _SHORTEST_HIDDEN:
            for form in {value, quote(value), quote_plus(value)}:
                text = re.sub(re.escape(form), f"${{{name}}}", text, flags=re.IGNORECASE)
    return text


def _module(contract: Contract) -> ModuleType:
    found = kind(contract.server)
    if found is None:
        served = ", ".join(sorted(KINDS))
        raise ExtractError(f"server type {kind_name(contract.server)!r} has no connector; use one of {served}")
    return import_module(found.module)
