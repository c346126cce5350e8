"""Pulling one extract under a contract written for the test, from a server on loopback."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sources.arrival.pull import Arrived, Pull
from sources.connectors import fetch
from sources.contract.model import Contract
from sources.contract_file import load
from sources.errors import ExtractError
from tests.conftest import NIGHT, Feed
from tests.sources.landed import ID


def contract_of(folder: Path, kind: str, location: str, **options: Any) -> Contract:
    """A contract of one text column, in CSV, whose server is of this kind; `options` are the server's."""
    contract = load(Feed([ID]).write(folder))
    connector = {"connector": kind} if kind == "xroad" else {}
    server = replace(
        contract.server, type="custom" if connector else kind, location=location, options={**connector, **options}
    )
    return replace(contract, server=server)


def pulled(contract: Contract, into: Path, extract_date: date = NIGHT, watermark: str | None = None) -> Arrived:
    into.mkdir()
    return fetch(Pull(contract, extract_date, into, watermark))


def refused(contract: Contract, into: Path) -> str:
    """Why nothing was pulled; no secret of a test is in it."""
    into.mkdir()
    with pytest.raises(ExtractError) as caught:
        fetch(Pull(contract, NIGHT, into))
    assert SECRET not in str(caught.value)
    return str(caught.value)


# Every secret of these tests holds this word, so that one look at a message finds it.
SECRET = "hush-and-hide"
