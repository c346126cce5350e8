"""How an extract arrives: one module per kind of system, chosen by the contract's server type."""

from collections.abc import Callable
from datetime import date
from importlib import import_module
from pathlib import Path
from types import ModuleType

from sources.contract import Contract

Fetch = Callable[[Contract, date, Path], str]

# server type -> module with `fetch(contract, extract_date, into) -> name of the original` and `probe(contract, extract_date)`
CONNECTORS = {"local": "sources.connectors.local"}


class ExtractError(Exception):
    """An extract that did not arrive or cannot be read: what happened, where, and what to do."""


def connector(contract: Contract) -> Fetch:
    """The function that brings this contract's original. Raises ExtractError for a server type that nothing serves."""
    fetch: Fetch = _module(contract).fetch
    return fetch


def probe(contract: Contract, extract_date: date) -> None:
    """Raises ExtractError where the extract of that date could not be pulled now; pulls nothing."""
    _module(contract).probe(contract, extract_date)


def _module(contract: Contract) -> ModuleType:
    module = CONNECTORS.get(contract.server.type)
    if module is None:
        served = ", ".join(sorted(CONNECTORS))
        raise ExtractError(f"server type {contract.server.type!r} has no connector; use one of {served}")
    return import_module(module)
