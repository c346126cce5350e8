"""How an extract arrives: one module per kind of system, which `sources/contract/server/known_systems.py` names for each server type."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from importlib import import_module
from types import ModuleType
from urllib.parse import quote, quote_plus

from sources.arrival.request import Arrived, Pull
from sources.contract.grants import named_variables
from sources.contract.model import Contract
from sources.contract.server.known_systems import KINDS, kind, kind_name
from sources.errors import ExtractError

_SHORTEST_HIDDEN = 4


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
