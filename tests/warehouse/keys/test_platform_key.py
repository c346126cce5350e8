"""Where the platform's key comes from, and what is said where it cannot be had."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from sources.contract.grants import Grant, NotGranted
from warehouse.errors import KeyRefused, SettingError
from warehouse.home import Home
from warehouse.keys.platform_key import KEY_VARIABLE, PlatformKey, create_key_file, platform_key
from warehouse.settings import SETTINGS_FILE, settings

FILE, VAULT = f"{KEY_VARIABLE}_FILE", f"{KEY_VARIABLE}_VAULT"


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (KEY_VARIABLE, FILE, VAULT, "VAULT_ADDR", "VAULT_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def refused(words: str) -> None:
    with pytest.raises(KeyRefused, match=words) as caught:
        platform_key()
    assert "a-secret" not in str(caught.value)


def test_a_key_that_was_made_is_for_its_owner_alone_and_never_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert platform_key() is None
    file = create_key_file(tmp_path / "key")
    monkeypatch.setenv(FILE, str(file))
    found = platform_key()
    assert found is not None
    assert file.stat().st_mode & 0o777 == 0o600
    assert found == PlatformKey.of(file.read_text().strip())
    assert found.text not in repr(found)
    with pytest.raises(KeyRefused, match="never written over"):
        create_key_file(file)
    assert create_key_file(tmp_path / "other").read_text() != file.read_text()


def test_a_key_file_that_others_may_use_is_gone_or_empty_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    monkeypatch.setenv(FILE, str(file))
    refused("No such file")
    file.write_text("\n")
    file.chmod(0o600)
    refused("is empty")
    file.write_text("a-secret")
    file.chmod(0o640)
    refused("chmod 600")


def test_two_keys_at_once_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FILE, str(create_key_file(tmp_path / "key")))
    monkeypatch.setenv(KEY_VARIABLE, "a-secret")
    refused("are both set")


def test_the_homes_settings_name_a_key_elsewhere_and_hold_none(home: Home, tmp_path: Path) -> None:
    home.root.mkdir()
    said = home.root / SETTINGS_FILE
    for inside in (home.root / "key", home.root / "state" / ".." / "key"):
        said.write_text(f"{FILE}={inside}\n")
        said.chmod(0o600)
        with pytest.raises(SettingError, match="in the home that it protects"):
            settings()
    said.write_text(f"{FILE}={create_key_file(tmp_path / 'key')}\n")
    assert platform_key() is not None


@pytest.mark.parametrize("name", [KEY_VARIABLE, FILE, VAULT, "VAULT_TOKEN", "VAULT_ADDR"])
def test_no_contract_names_the_key_whatever_was_granted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "a-secret")
    with pytest.raises(NotGranted):
        Grant("tests", variables=("*",)).variable(name)


def test_the_key_file_is_no_file_of_an_agency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = create_key_file(tmp_path / "key")
    grant = Grant("tests", folders=(tmp_path,))
    grant.permit_file(file)
    monkeypatch.setenv(FILE, str(file))
    with pytest.raises(NotGranted):
        grant.permit_file(file.resolve())


class _Vault(BaseHTTPRequestHandler):
    """Answers as the key-value store of version 2 does."""

    def do_GET(self) -> None:
        is_known = self.path == "/v1/secret/data/interagency" and self.headers["X-Vault-Token"] == "let-me"
        answer: dict[str, Any] = {"data": {"data": {"key": "a-secret"}, "metadata": {"version": 1}}}
        self.send_response(200 if is_known else 403)
        self.end_headers()
        self.wfile.write(json.dumps(answer if is_known else {"errors": ["a-secret was denied"]}).encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Vault)
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("VAULT_ADDR", address)
    yield address
    server.shutdown()
    server.server_close()


def test_a_key_lies_in_vault(vault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VAULT, "secret/interagency#key")
    refused("set VAULT_ADDR and VAULT_TOKEN")
    monkeypatch.setenv("VAULT_TOKEN", "wrong")
    refused("gives no key")
    monkeypatch.setenv("VAULT_TOKEN", "let-me")
    assert platform_key() == PlatformKey.of("a-secret")
    monkeypatch.setenv(VAULT, "secret/interagency#other")
    refused("no text in the field other")
    monkeypatch.setenv(VAULT, "secret")
    refused("write mount/path#field")
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
    monkeypatch.setenv(VAULT, "secret/interagency#key")
    refused("gives no key")
