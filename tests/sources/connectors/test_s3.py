"""S3 against a store on loopback: every object that is meant, once, under a name that is safe."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from simulation.systems.web import serving
from sources.connectors import probe, retry, s3
from sources.contract.model import Contract
from sources.errors import ExtractError
from tests.conftest import NIGHT
from tests.sources.connectors.pulling import SECRET, contract_of, pulled, put_objects, refused, sent

KEYS = [
    "towns/20261120/north.parquet", "towns/20261120/south.parquet", "towns/20261120/deep/west.parquet",
    "towns/20261120/deep__west.parquet", "towns/20261120/counts.ctl", "towns/20261119/north.parquet",
]  # fmt: skip


@pytest.fixture(scope="module")
def endpoint(store: str) -> str:
    put_objects(store, "municipalities", {key: key.encode() for key in KEYS})
    return store


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_ID", "platform")
    monkeypatch.setenv("TEST_SECRET", SECRET)


def contract(folder: Path, endpoint: str, location: str, **options: Any) -> Contract:
    said = {"endpointUrl": endpoint, "accessKeyId": "env:TEST_ID", "secretAccessKey": "env:TEST_SECRET", **options}
    return contract_of(folder, "s3", location, **said)


NIGHTLY = "s3://municipalities/towns/{extract_date:%Y%m%d}/"


def test_every_object_of_the_night_in_order(endpoint: str, tmp_path: Path) -> None:
    arrived = pulled(contract(tmp_path, endpoint, NIGHTLY + "*.parquet"), tmp_path / "into")
    assert arrived.files == ("deep__west.parquet", "north.parquet", "south.parquet")
    assert (tmp_path / "into" / "north.parquet").read_text() == KEYS[0]
    assert all(arrived.evidence[name].startswith('ETag: "') for name in arrived.files)
    probe(contract(tmp_path, endpoint, NIGHTLY + "*.parquet"), NIGHT)


def test_objects_of_folders_keep_their_own_names(endpoint: str, tmp_path: Path) -> None:
    arrived = pulled(contract(tmp_path, endpoint, NIGHTLY + "**.parquet"), tmp_path / "into")
    assert len(arrived.files) == 4
    assert {(tmp_path / "into" / name).read_text() for name in arrived.files} == set(KEYS[:4])


def test_a_control_object_is_not_part_of_the_extract(endpoint: str, tmp_path: Path) -> None:
    arrived = pulled(contract(tmp_path, endpoint, NIGHTLY, control={"path": "counts.ctl"}), tmp_path / "into")
    assert arrived.control == "counts.ctl"
    assert "counts.ctl" not in arrived.files
    assert len(arrived.files) == 4
    message = refused(contract(tmp_path, endpoint, NIGHTLY, control={"path": "none.ctl"}), tmp_path / "b")
    assert "is not there" in message


def test_one_object_by_its_name(endpoint: str, tmp_path: Path) -> None:
    arrived = pulled(contract(tmp_path, endpoint, NIGHTLY + "north.parquet"), tmp_path / "into")
    assert arrived.files == ("north.parquet",)


@pytest.mark.parametrize(
    ("location", "said"),
    [
        (NIGHTLY + "*.csv", "matches no object"),
        ("s3://no-such-bucket/*.parquet", "is not there"),
        ("https://municipalities/x", "is not s3://bucket/key"),
    ],
)
def test_nothing_to_pull_is_refused(endpoint: str, tmp_path: Path, location: str, said: str) -> None:
    assert said in refused(contract(tmp_path, endpoint, location), tmp_path / "into")
    with pytest.raises(ExtractError, match=said.split(":")[0]):
        probe(contract(tmp_path, endpoint, location), NIGHT)


def test_a_store_that_is_down(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert "cannot be reached" in refused(contract(tmp_path, address, NIGHTLY), tmp_path / "into")


LISTED = """<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>municipalities</Name><IsTruncated>false</IsTruncated>
<KeyCount>1</KeyCount><Contents><Key>x.csv</Key><LastModified>2026-11-20T01:00:00.000Z</LastModified><ETag>&quot;v1&quot;</ETag>
<Size>{size}</Size></Contents></ListBucketResult>"""
MOMENT = "Fri, 20 Nov 2026 01:00:00 GMT"
CONTENT = bytes(range(256)) * 20_000


class Store:
    """One object `x.csv`; `answers` are what its downloads get, in their order: a status, or `half` of it, or `whole`."""

    def __init__(self, answers: list[str]) -> None:
        self.answers = answers
        self.ranges: list[str] = []

    def app(self) -> Starlette:
        listing = Route("/municipalities", lambda _: Response(LISTED.format(size=len(CONTENT)), media_type="text/xml"))
        return Starlette(routes=[listing, Route("/municipalities/x.csv", lambda request: self._object(request))])

    def _object(self, request: Request) -> Response:
        answer, asked = self.answers.pop(0), request.headers.get("range", "")
        self.ranges.append(asked)
        if answer not in ("half", "whole"):
            return Response(f"<Error><AWSAccessKeyId>{SECRET}</AWSAccessKeyId></Error>", int(answer))
        start, end = map(int, asked.removeprefix("bytes=").split("-"))
        body = CONTENT[start : end + 1]
        headers = {
            "etag": '"v1"', "content-length": str(len(body)), "last-modified": MOMENT,
            "content-range": f"bytes {start}-{end}/{len(CONTENT)}",
        }  # fmt: skip
        return StreamingResponse(sent(body, answer == "half"), 206, headers)


def test_a_broken_transfer_goes_on_where_it_broke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_RANGE_BYTES", 3 << 20)
    store = Store(["503", "half", "half", "whole", "whole"])
    with serving(store.app()) as base:
        pulled(contract(tmp_path, base, "s3://municipalities/*"), tmp_path / "into")
    assert (tmp_path / "into" / "x.csv").read_bytes() == CONTENT
    assert store.answers == []
    starts = [int(asked.removeprefix("bytes=").partition("-")[0]) for asked in store.ranges]
    assert starts[:2] == [0, 0]
    assert 0 < starts[2] < starts[3] < starts[4] == 3 << 20


STATUSES = {
    "403": "login is refused",
    "401": "login is refused",
    "412": "changed while it was read",
    "400": "answers 400",
}


@pytest.mark.parametrize("status", STATUSES)
def test_a_refusal_is_told_without_the_key(tmp_path: Path, status: str) -> None:
    store = Store([status])
    with serving(store.app()) as base:
        assert STATUSES[status] in refused(contract(tmp_path, base, "s3://municipalities/*"), tmp_path / "into")


ENDPOINTS = [
    f"http://me:{SECRET}@127.0.0.1:1",
    f"http://127.0.0.1:1/?key={SECRET}",
    SECRET,
    "http://127.0.0.1:port",
    "http://",
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_endpoint_that_is_no_plain_address_is_refused_unseen(tmp_path: Path, endpoint: str) -> None:
    assert "endpointUrl in things.odcs.yaml" in refused(contract(tmp_path, endpoint, NIGHTLY), tmp_path / "into")


def test_a_store_is_named_by_its_host_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "MAX_ATTEMPTS", 1)
    monkeypatch.setenv("TEST_ENDPOINT", f"http://127.0.0.1:1/{SECRET}")
    message = refused(contract(tmp_path, "${TEST_ENDPOINT}", NIGHTLY), tmp_path / "into")
    assert "at 127.0.0.1 cannot be reached" in message


def test_keys_do_not_travel_in_clear_to_another_machine(tmp_path: Path) -> None:
    assert "is not encrypted" in refused(contract(tmp_path, "http://store.example", NIGHTLY), tmp_path / "into")


def test_a_store_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "MAX_ATTEMPTS", 2)
    released = threading.Event()
    routes = [Route("/municipalities", lambda _: Response(str(released.wait(10))))]
    with serving(Starlette(routes=routes)) as base:
        message = refused(contract(tmp_path, base, "s3://municipalities/*", timeoutSeconds=0.3), tmp_path / "into")
        released.set()
    assert "after 2 attempts" in message


def test_certificates_are_verified(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with serving(Store(["whole"]).app(), certificate=authority.issue_cert("127.0.0.1")) as base:
        place = "s3://municipalities/*"
        assert "certificate is not trusted" in refused(contract(tmp_path, base, place), tmp_path / "a")
        pulled(contract(tmp_path, base, place, caFile="../ca.pem"), tmp_path / "b")
