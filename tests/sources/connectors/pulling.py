"""Pulling one extract under a contract written for the test, from a server on loopback."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import obstore
import pytest
from obstore.store import S3Store

from sources.arrival.request import Arrived, Pull
from sources.connectors import fetch
from sources.contract.load import load
from sources.contract.model import Contract
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


async def sent(body: bytes, is_broken: bool) -> AsyncIterator[bytes]:
    """In two halves, or only the first of them."""
    yield body[: len(body) // 2]
    if is_broken:
        raise ConnectionAbortedError
    yield body[len(body) // 2 :]


_TRIES = 5


def put_objects(endpoint: str, bucket: str, objects: dict[str, bytes]) -> None:
    """Into a new bucket of a store on loopback."""
    store = S3Store(
        bucket, endpoint=endpoint, region="us-east-1", access_key_id="platform", secret_access_key=SECRET,
        client_options={"allow_http": True},
    )  # fmt: skip
    # The store may fail at its first request on a busy machine, while it is still loading; a bucket that is there is made again.
    made = [httpx.put(f"{endpoint}/{bucket}")]
    while not made[-1].is_success and len(made) < _TRIES:
        made.append(httpx.put(f"{endpoint}/{bucket}"))
    made[-1].raise_for_status()
    for key, content in objects.items():
        obstore.put(store, key, content)


# Every secret of these tests holds this word, so that one look at a message finds it.
SECRET = "hush-and-hide"
