"""SFTP: the one file that is meant, whole, from the server whose key is known."""

import dataclasses
import socket
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sources.connectors import probe, retry
from sources.contract.model import Contract
from sources.errors import ExtractError
from tests.conftest import NIGHT
from tests.sources.connectors.pulling import SECRET, contract_of, pulled, refused
from tests.sources.connectors.sftp_server import SftpSite

LARGE = bytes(range(256)) * (20 << 12)


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", SECRET)


@pytest.fixture
def site(tmp_path: Path) -> Any:
    files = tmp_path / "site" / "out"
    files.mkdir(parents=True)
    (files / "tax_20261120.csv").write_bytes(b"id\n1\n")
    (files / "tax_20261119.csv").write_bytes(b"id\n0\n")
    (files / "tax_20261120.ctl").write_text("1")
    with SftpSite(files.parent).served() as served:
        yield served


def contract(
    site: SftpSite, folder: Path, path: str = "/out/tax_{extract_date:%Y%m%d}.csv", **options: Any
) -> Contract:
    """A login by password, and the right host key, unless the options say otherwise."""
    said = {
        "username": "platform", "password": "env:TEST_SECRET", "knownHosts": site.known_hosts(folder / "known_hosts"),
        "timeoutSeconds": 5, **options,
    }  # fmt: skip
    return contract_of(folder, "sftp", site.url + path, **said)


def test_the_file_of_the_night_and_its_control_file(site: SftpSite, tmp_path: Path) -> None:
    control = {"path": "tax_{extract_date:%Y%m%d}.ctl"}
    arrived = pulled(contract(site, tmp_path, control=control), tmp_path / "into")
    assert (arrived.files, arrived.control) == (("tax_20261120.csv",), "tax_20261120.ctl")
    assert (tmp_path / "into" / "tax_20261120.csv").read_bytes() == b"id\n1\n"
    assert (tmp_path / "into" / "tax_20261120.ctl").read_text() == "1"
    assert len(list((tmp_path / "into").iterdir())) == 2
    probe(contract(site, tmp_path, control=control), NIGHT)


def test_a_pattern_means_exactly_one_file(site: SftpSite, tmp_path: Path) -> None:
    arrived = pulled(contract(site, tmp_path, "/out/tax_{extract_date:%Y%m%d}.c?v"), tmp_path / "a")
    assert arrived.files == ("tax_20261120.csv",)
    assert "matches 2 files" in refused(contract(site, tmp_path, "/out/tax_*.csv"), tmp_path / "b")
    assert "matches 0 files" in refused(contract(site, tmp_path, "/out/none_*.csv"), tmp_path / "c")


@pytest.mark.parametrize("name", ["../../outside.csv", "..\\evil.csv", "a\nb.csv", "/etc/evil.csv"])
def test_a_hostile_name_in_a_listing_is_no_file(site: SftpSite, tmp_path: Path, name: str) -> None:
    site.extra_names = [name]
    assert pulled(contract(site, tmp_path, "/out/*20.csv"), tmp_path / "a").files == ("tax_20261120.csv",)
    assert "matches 0 files" in refused(contract(site, tmp_path, "/out/*[evilbouts].csv"), tmp_path / "b")


def test_a_broken_transfer_goes_on_where_it_broke(site: SftpSite, tmp_path: Path) -> None:
    (site.files / "out" / "tax_20261120.csv").write_bytes(LARGE)
    site.breaks = 1
    pulled(contract(site, tmp_path), tmp_path / "into")
    assert (tmp_path / "into" / "tax_20261120.csv").read_bytes() == LARGE
    assert site.breaks == 0
    assert site.offsets.count(0) == 1, "the beginning was read once"


def test_a_transfer_that_always_breaks_is_no_extract(site: SftpSite, tmp_path: Path) -> None:
    (site.files / "out" / "tax_20261120.csv").write_bytes(LARGE)
    site.breaks = 1000
    message = refused(contract(site, tmp_path), tmp_path / "into")
    assert f"after {retry.MAX_ATTEMPTS} attempts" in message


def test_a_file_that_is_still_being_written_is_refused(site: SftpSite, tmp_path: Path) -> None:
    site.grows = True
    assert "is still being written" in refused(contract(site, tmp_path), tmp_path / "into")


def test_a_server_that_hangs_is_not_waited_for(site: SftpSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "MAX_ATTEMPTS", 2)
    site.hangs = True
    assert "breaks off (TimeoutError)" in refused(contract(site, tmp_path, timeoutSeconds=0.5), tmp_path / "into")


def test_a_server_with_another_key_is_refused(site: SftpSite, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    known = site.known_hosts(tmp_path / "others", other)
    message = refused(contract(site, tmp_path, knownHosts=known), tmp_path / "a")
    assert "shows another host key" in message
    (tmp_path / "empty").write_text("")
    assert "host key" in refused(contract(site, tmp_path, knownHosts=str(tmp_path / "empty")), tmp_path / "b")
    assert "is not there" in refused(contract(site, tmp_path, knownHosts=str(tmp_path / "none")), tmp_path / "c")
    for number, content in enumerate([b"garbage", b"\xff\xfe\x00", b"@cert-authority"]):
        (tmp_path / "odd").write_bytes(content)
        message = refused(contract(site, tmp_path, knownHosts=str(tmp_path / "odd")), tmp_path / f"odd-{number}")
        assert "cannot be read (" in message


def test_a_wrong_password_is_refused_at_once(site: SftpSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", f"another {SECRET}")
    message = refused(contract(site, tmp_path), tmp_path / "into")
    assert "refuses the login" in message
    assert "attempts" not in message


def test_a_login_by_key(site: SftpSite, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    site.authorized = key.convert_to_public()
    key.write_private_key(tmp_path / "plain")
    key.write_private_key(tmp_path / "sealed", "pkcs8-pem", passphrase=SECRET)
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "stranger")
    base = contract(site, tmp_path)
    ours = {name: value for name, value in base.server.options.items() if name != "password"}

    def with_key(**options: str) -> Contract:
        return dataclasses.replace(base, server=dataclasses.replace(base.server, options={**ours, **options}))

    pulled(with_key(privateKey="../plain"), tmp_path / "a")
    pulled(with_key(privateKey="../sealed", passphrase="env:TEST_SECRET"), tmp_path / "b")
    assert "refuses the login" in refused(with_key(privateKey="../stranger"), tmp_path / "c")
    assert "cannot be read" in refused(with_key(privateKey="../sealed"), tmp_path / "d")
    assert "cannot be read" in refused(with_key(privateKey="../nowhere"), tmp_path / "e")


def test_a_file_that_is_not_there(site: SftpSite, tmp_path: Path) -> None:
    assert "is not there" in refused(contract(site, tmp_path, "/out/none.csv"), tmp_path / "a")
    assert "is not there" in refused(contract(site, tmp_path, "/nowhere/*.csv"), tmp_path / "b")
    assert "is not a file" in refused(contract(site, tmp_path, "/out"), tmp_path / "c")
    assert "is not there" in refused(contract(site, tmp_path, control={"path": "none.ctl"}), tmp_path / "d")
    with pytest.raises(ExtractError, match="is not there"):
        probe(contract(site, tmp_path, control={"path": "none.ctl"}), NIGHT)


def test_a_server_that_is_down(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        down = SftpSite(tmp_path, port=taken.getsockname()[1])
        assert "cannot be reached" in refused(contract(down, tmp_path), tmp_path / "into")


@pytest.mark.parametrize(
    "location",
    ["sftp://host/out/*/x.csv", "sftp:///out/x.csv", "http://host/x.csv", "sftp://host/", f"sftp://me:{SECRET}@host/x"],
)
def test_a_location_that_is_none(tmp_path: Path, location: str) -> None:
    assert "things.odcs.yaml" in refused(contract_of(tmp_path, "sftp", location), tmp_path / "into")
