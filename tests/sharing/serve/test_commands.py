"""The commands that let a recipient read, on the files of a platform: a profile is issued, the server runs, what is ended is ended."""

import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import delta_sharing
import httpx
import pytest
import trustme
import uvicorn
from requests.exceptions import HTTPError
from typer.testing import CliRunner

from orchestration.command.main import app
from sharing.agreements.drafts import revoke_text
from sharing.release.deliver import deliver
from sharing.release.errors import NotReleased
from sharing.serve.server import Listening, NotServed, public_address, serve
from sharing.serve.today import CoverOfFiles
from tests.agreements import PROVIDER, key_of, put
from tests.catalogue.dbt_manifest import manifest, model
from tests.conftest import INTERAGENCY
from tests.sharing.office import SEEN, Office, source_agreement
from tests.sharing.serve.counter import SHARE, served

ALWAYS = {"valid_from": "2020-01-01", "valid_until": "2099-12-31", "review_on": "2050-01-01"}


@pytest.fixture
def platform(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Its agreements are signed files, its lineage is in the manifest of dbt, and one night of a product is released."""
    office.source = source_agreement(**ALWAYS)
    office.give(served(), **ALWAYS)
    for data in (office.source, office.release):
        put(office.folder, data)
    monkeypatch.setenv("INTERAGENCY_AGREEMENTS", str(office.folder))
    path = office.home.dbt / "marts" / "manifest.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(manifest(model("stay", SEEN))))
    office.on = datetime.now(UTC).date()
    office.publish()
    deliver(office.home, office.made(), office.wanted()[0].product)
    return office


@contextmanager
def serving(port: int) -> "Iterator[subprocess.Popen[str]]":
    """`interagency serve`, once it listens."""
    command = [INTERAGENCY, "serve", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            assert f"Delta Sharing on http://127.0.0.1:{port}" in process.stdout.readline()
            yield process
        finally:
            process.terminate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def run(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done.output


def test_a_recipient_reads_until_its_token_is_revoked(
    platform: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, file = free_port(), tmp_path / "office.share"
    monkeypatch.setenv("INTERAGENCY_SHARE_URL", f"http://127.0.0.1:{port}/")
    issue = ("release", "profile", SHARE, "--recipient", "tests-office", "--out", file)
    said, profile = run(*issue), json.loads(file.read_text())
    assert profile["shareCredentialsVersion"] == 1 and profile["expirationTime"] == "2100-01-01T00:00:00Z"
    assert profile["bearerToken"] not in said and file.stat().st_mode & 0o777 == 0o600
    assert "is there already" in run(*issue, code=2)
    with serving(port) as process:
        table = f"{file}#{SHARE}.products.stays"
        assert len(delta_sharing.load_as_pandas(table)) == 200
        (listed,) = run("release", "profiles").splitlines()[1:]
        token, *rest = listed.split("\t")
        assert (rest[:2], rest[-1]) == ([SHARE, "tests-office"], "good")
        run("release", "revoke", token, "--reason", "its laptop was lost")
        with pytest.raises(HTTPError, match="401"):
            delta_sharing.load_as_pandas(table)
        process.terminate()
        log = process.stdout.read() if process.stdout else ""
    assert "query tests-office 200" in log and "401 UNAUTHENTICATED" in log
    assert profile["bearerToken"] not in log and "Traceback" not in log and "sig=" not in log


@pytest.mark.parametrize(
    ("agreement", "party", "why"),
    [
        ("nothing", "tests-office", "there is no agreement 'nothing'"), (SHARE, "nobody", "nobody is no party"),
        (SHARE, "tests-ministry", "has no product that tests-ministry reads from the server"),
    ],
)  # fmt: skip
def test_no_profile_is_issued_for_what_nobody_agreed(
    agreement: str, party: str, why: str, platform: Office, tmp_path: Path
) -> None:
    file = tmp_path / "office.share"
    assert why in run("release", "profile", agreement, "--recipient", party, "--out", file, code=1)
    assert not file.exists()


def test_what_decides_is_read_again_once_a_file_changes(platform: Office) -> None:
    manifests = sorted(platform.home.dbt.glob("*/manifest.json"))
    read, today = CoverOfFiles(platform.home, lambda: manifests), datetime.now(UTC).date()
    covered = read(today)
    assert read(today) is covered
    assert covered.agreement(SHARE).id == SHARE
    revoke_text([platform.folder], SHARE, PROVIDER, key_of(PROVIDER), today, "The study is over")
    ended_now = read(today)
    assert ended_now is not covered and not ended_now.policy.register.by_id(SHARE).is_in_force(today)
    assert ended_now.protection is covered.protection
    whole = manifests[0].read_text()
    manifests[0].write_text(whole[:100])
    with pytest.raises(NotReleased, match="nobody can say what may leave"):
        read(today)
    manifests[0].write_text(whole + "\n")
    assert read(today).protection is not covered.protection


def test_it_listens_to_others_by_tls_alone(tmp_path: Path) -> None:
    with pytest.raises(NotServed, match="can be reached from elsewhere"):
        Listening("0.0.0.0", 8443).check()
    with pytest.raises(NotServed, match="go together"):
        Listening("127.0.0.1", 8443, certificate=tmp_path / "x.pem").check()
    with pytest.raises(NotServed, match="is no file"):
        Listening("0.0.0.0", 8443, tmp_path / "x.pem", tmp_path / "y.pem").check()
    for loopback in ("127.0.0.1", "::1", "localhost", "127.8.8.8"):
        Listening(loopback, 8443).check()
    Listening("0.0.0.0", 8443, proxy_does_tls=True).check()
    assert "tokens would go there in clear" in run("serve", "--host", "0.0.0.0", code=2)


@pytest.mark.parametrize(
    "address", ["http://share.example.org", "share.example.org", "ftp://share.example.org", "https://"]
)
def test_no_profile_leads_to_an_address_without_tls(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERAGENCY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INTERAGENCY_SHARE_URL", address)
    file = tmp_path / "x.share"
    assert "begins with https://" in run("release", "profile", SHARE, "--recipient", "x", "--out", file, code=2)
    assert "begins with https://" in run("serve", code=2)
    assert public_address("https://share.example.org/") == "https://share.example.org" and not file.exists()


def test_it_speaks_tls_where_it_has_a_certificate(
    platform: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[uvicorn.Server] = []

    class Kept(uvicorn.Server):
        def __init__(self, config: uvicorn.Config) -> None:
            super().__init__(config)
            started.append(self)

    monkeypatch.setattr("sharing.serve.server.uvicorn.Server", Kept)
    authority = trustme.CA()
    certificate, key = tmp_path / "share.pem", tmp_path / "share.key"
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    listening = Listening("127.0.0.1", free_port(), certificate, key)
    with listening.opened() as opened:
        read = CoverOfFiles(platform.home, lambda: [])
        thread = Thread(target=serve, args=(platform.home, read, opened, None))
        thread.start()
        try:
            while not (started and started[0].started):
                time.sleep(0.01)
            answer = httpx.get(f"{listening.address}/delta-sharing/shares", verify=trusted)
            assert (listening.address[:8], answer.status_code) == ("https://", 401)
            assert "server" not in answer.headers
            with pytest.raises(httpx.TransportError):
                httpx.get(f"http://127.0.0.1:{listening.port}/delta-sharing/shares")
        finally:
            started[0].should_exit = True
            thread.join()
