"""`interagency keys`: a key is made once, told by its fingerprint, and exchanged while no night runs."""

import os
import signal
from pathlib import Path

import pytest

from tests.orchestration.conftest import command
from warehouse.home import Home
from warehouse.keys.data_key import data_key, unwrapped
from warehouse.keys.platform_key import KEY_VARIABLE, PlatformKey
from warehouse.lock import night_lock

FILE = f"{KEY_VARIABLE}_FILE"


@pytest.fixture
def key(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Made by the command, and set."""
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    file = tmp_path / "platform.key"
    assert command("keys", "create", str(file)).exit_code == 0
    monkeypatch.setenv(FILE, str(file))
    return file


def test_a_key_is_made_once_and_outside_of_the_home(key: Path, home: Home) -> None:
    kept = key.read_text()
    again = command("keys", "create", str(key))
    assert (again.exit_code, key.read_text()) == (1, kept)
    inside = command("keys", "create", str(home.root / "key"))
    assert (inside.exit_code, "in the home that the key protects" in inside.stderr) == (2, True)
    assert not (home.root / "key").exists()


def test_keys_are_told_by_name_and_none_is_shown(key: Path, home: Home) -> None:
    made = data_key(home, "feeds/health/patient/2026-11-20/rows-1")
    told = command("keys", "list").stdout
    assert "feeds/health/patient/2026-11-20\t1" in told
    assert told.count(PlatformKey.of(key.read_text().strip()).fingerprint) == 2
    assert key.read_text().strip() not in told
    assert made.secret.hex() not in told


def test_a_key_is_exchanged_and_the_old_one_is_refused(
    key: Path, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = data_key(home, "seals")
    other = tmp_path / "next.key"
    missing = command("keys", "rotate", str(other))
    assert (missing.exit_code, "interagency keys create" in missing.stderr) == (1, True)
    command("keys", "create", str(other))
    assert command("keys", "rotate", str(key)).exit_code == 2
    assert command("keys", "rotate", str(other)).exit_code == 0
    refused = command("keys", "rotate", str(key))
    assert refused.exit_code == 2
    monkeypatch.setenv(FILE, str(other))
    assert unwrapped(made.file) == made


def test_no_key_is_exchanged_while_a_night_runs(key: Path, home: Home, tmp_path: Path) -> None:
    made, other = data_key(home, "seals"), tmp_path / "next.key"
    command("keys", "create", str(other))
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with night_lock(home, wait_seconds=0):
            os.write(tell, b"!")
            signal.pause()
        os._exit(0)
    try:
        os.read(ready, 1)
        busy = command("keys", "rotate", str(other))
        assert (busy.exit_code, "is at work" in busy.stderr) == (1, True)
        assert unwrapped(made.file) == made
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
