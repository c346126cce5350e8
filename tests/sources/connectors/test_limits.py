"""Limits of an extract while it arrives: whatever a system sends without end, in bytes or in time, it is stopped."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sources.arrival.limits import Meter, check_disk, watched
from sources.connectors import retry
from sources.contract.load import load
from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.landing.land_extract import land_extract
from tests.conftest import Feed
from tests.postgres import Database
from tests.sources.connectors import drip_server
from tests.sources.connectors.drip_server import answering_bytes
from tests.sources.connectors.pulling import SECRET, contract_of, put_objects, refused
from tests.sources.connectors.sftp_server import SftpSite
from tests.sources.connectors.test_download import answering
from tests.sources.landed import ID
from warehouse.engines.duckdb.engine import open_database

ONE_SECOND = {"seconds": 1}
IN_TIME = "the extract took more than 1 seconds, its limit; ask Agency of Tests what is slow"


@pytest.mark.parametrize(
    "name", ["header_in_drops", "informed_for_ever", "body_in_drops", "body_of_known_length_in_drops"]
)
def test_a_drip_ends_with_the_time_of_the_extract(tmp_path: Path, name: str) -> None:
    """Every drop comes long before the time-out of silence."""
    answer = getattr(drip_server, name)
    began = time.monotonic()
    with answering_bytes(answer) as url:
        contract = contract_of(tmp_path, "api", url, limits=ONE_SECOND, timeoutSeconds=30)
        assert IN_TIME in refused(contract, tmp_path / "into")
        paged = contract_of(tmp_path, "api", url, limits=ONE_SECOND, paging={"style": "link"})
        assert IN_TIME in refused(paged, tmp_path / "pages")
    assert time.monotonic() - began < 8
    assert not [thread for thread in threading.enumerate() if thread.name == "limits"]


def test_a_body_without_end_ends_with_the_bytes_of_the_extract(tmp_path: Path) -> None:
    with answering_bytes(drip_server.body_without_end) as url:
        message = refused(contract_of(tmp_path, "api", url, limits={"arrivedBytes": 5 << 20}), tmp_path / "into")
    assert "the extract has more than 5242880 bytes, its limit; ask Agency of Tests for smaller ones" in message
    assert sum(path.stat().st_size for path in (tmp_path / "into").iterdir()) <= 5 << 20


class Endless:
    """Pages that lead on for ever, none of them like another."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, request: Request) -> Response:
        self.number += 1
        return JSONResponse({"items": [{"id": f"{self.number}"}], "next": f"{self.number}"})


@pytest.mark.parametrize(("limits", "words"), [(ONE_SECOND, IN_TIME), ({"arrivedBytes": 500}, "more than 500 bytes")])
def test_pages_without_end_end_with_the_extract(tmp_path: Path, limits: dict[str, int], words: str) -> None:
    paging = {"style": "cursor", "parameter": "after", "next": "/next", "records": "/items"}
    with answering(Endless()) as url:
        assert words in refused(contract_of(tmp_path, "api", url, paging=paging, limits=limits), tmp_path / "into")


def test_a_page_that_is_packed_twice_is_not_unpacked(tmp_path: Path) -> None:
    """A gigabyte in two kilobytes: it must not be whole in memory at any time."""
    once = gzip.compress(bytes(1 << 20))
    for encoding, body in (("gzip, gzip", gzip.compress(once)), ("br", once), ("deflate", once)):
        headers = {"Content-Encoding": encoding}
        with answering(lambda _, body=body, headers=headers: Response(body, headers=headers)) as url:
            contract = contract_of(tmp_path, "api", url, paging={"style": "link"})
            assert f"answers in the encoding '{encoding}'" in refused(contract, tmp_path / encoding[:4].strip(", "))


def test_a_retry_does_not_begin_the_time_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT_SECONDS", 0.1)
    with answering(lambda _: Response(status_code=503, headers={"Retry-After": "1"})) as url:
        assert IN_TIME in refused(contract_of(tmp_path, "api", url, limits=ONE_SECOND), tmp_path / "into")


@pytest.fixture
def sftp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SftpSite, Callable[..., Contract]]]:
    monkeypatch.setenv("SFTP_PASSWORD", SECRET)
    (tmp_path / "files").mkdir()
    with SftpSite(tmp_path / "files").served() as site:
        known = site.known_hosts(tmp_path / "known_hosts")

        def contract(**options: Any) -> Contract:
            said = {"username": "platform", "password": "env:SFTP_PASSWORD", "knownHosts": known, **options}
            return contract_of(tmp_path, "sftp", f"{site.url}/x.csv", **said)

        yield site, contract


def test_sftp_ends_with_the_extract(tmp_path: Path, sftp: tuple[SftpSite, Callable[..., Contract]]) -> None:
    site, contract = sftp
    (site.files / "x.csv").write_bytes(b"id\n" + b"1\n" * 1000)
    (site.files / "x.ctl").write_bytes(b"count=1000\n")
    assert "more than 2000 bytes" in refused(contract(limits={"arrivedBytes": 2000}), tmp_path / "a")
    beside = contract(limits={"arrivedBytes": 2005}, control={"path": "x.ctl", "count": "count"})
    assert "more than 2005 bytes" in refused(beside, tmp_path / "b"), "the control file is of the extract, too"
    site.hangs = True
    assert IN_TIME in refused(contract(limits=ONE_SECOND, timeoutSeconds=30), tmp_path / "c")


def test_objects_of_a_store_are_counted_together(tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_ID", "platform")
    monkeypatch.setenv("TEST_SECRET", SECRET)
    # Stores of one process share what they hold: the name is of this test alone.
    put_objects(store, "counted", dict.fromkeys(("a.csv", "b.csv"), b"id\n" + b"1\n" * 500))
    login = {"endpointUrl": store, "accessKeyId": "env:TEST_ID", "secretAccessKey": "env:TEST_SECRET"}
    contract = contract_of(tmp_path, "s3", "s3://counted/", limits={"arrivedBytes": 2000}, **login)
    assert "more than 2000 bytes" in refused(contract, tmp_path / "into")
    assert list((tmp_path / "into").iterdir()) == [], "told before the first byte"


ENDLESS_SQL = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT CAST(id AS text) AS id FROM n"


def test_a_query_without_end_ends_with_the_extract(tmp_path: Path, database: Database) -> None:
    sqlite = contract_of(
        tmp_path, "custom", "", connector="sqlalchemy", url="sqlite://", query=ENDLESS_SQL, limits=ONE_SECOND
    )
    made = [database.contract(tmp_path, [ID], "nothing", connector) for connector in ("scanner", "sqlalchemy")]
    for number, contract in enumerate([sqlite, *made]):
        options = {**contract.server.options, "query": ENDLESS_SQL, "limits": ONE_SECOND}
        began = time.monotonic()
        endless = replace(contract, server=replace(contract.server, options=options))
        assert IN_TIME in refused(endless, tmp_path / str(number))
        assert time.monotonic() - began < 5


def test_a_table_is_held_to_the_bytes_of_the_extract(tmp_path: Path, database: Database, connector: str) -> None:
    database.run(
        "DROP TABLE IF EXISTS large; CREATE TABLE large AS SELECT md5(n::text) AS id FROM generate_series(1, 200000) n"
    )
    contract = database.contract(tmp_path, [ID], "large", connector, options={"limits": "{arrivedBytes: 1048576}"})
    assert "more than 1048576 bytes" in refused(contract, tmp_path / "into")


def test_a_local_file_is_held_to_the_bytes_of_the_extract(tmp_path: Path) -> None:
    contract = load(Feed([ID], options={"limits": "{arrivedBytes: 5}"}).write(tmp_path))
    (tmp_path / "tests" / "extract.csv").write_text("id\n1\n")
    land_extract(contract, tmp_path / "fits")
    (tmp_path / "tests" / "extract.csv").write_text("id\n12\n")
    with pytest.raises(ExtractError, match="more than 5 bytes"):
        land_extract(contract, tmp_path / "does not")


def test_reading_ends_with_the_time_of_the_extract(tmp_path: Path) -> None:
    """The engine's own work is ended too, not only what arrives."""
    meter = Meter(contract_of(tmp_path, "local", "x.csv", limits=ONE_SECOND), time.monotonic())
    began = time.monotonic()
    with (
        open_database() as connection,
        pytest.raises(ExtractError, match="took more than 1 seconds"),
        watched(connection, meter.check_time),
    ):
        connection.execute("SELECT count(DISTINCT md5(range::VARCHAR)) FROM range(1000000000)").fetchall()
    assert time.monotonic() - began < 5


def test_some_of_the_disk_stays_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40, 0, (1 << 30) + 10))
    check_disk(tmp_path, 10)
    with pytest.raises(ExtractError, match="free some space, then run the night again"):
        check_disk(tmp_path, 11)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1000, 0, 50))
    check_disk(tmp_path)
    contract = load(Feed([ID]).write(tmp_path))
    (tmp_path / "tests" / "extract.csv").write_text("id\n1\n")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1000, 0, 49))
    with pytest.raises(ExtractError, match="the disk has 49 bytes left"):
        land_extract(contract, tmp_path / "landed")
