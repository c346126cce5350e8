"""Nothing connects beyond what contracts name: a whole night, the web page's start and the doctor, in every process that they start."""

import json
import sys
from pathlib import Path

import pytest

from tests.attacks.calls_out import Call, Watch
from tests.attacks.test_ui import started
from tests.conftest import INTERAGENCY, NIGHT, Done, ended
from warehouse.home import Home


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    folder = tmp_path / "watch"
    folder.mkdir()
    return Watch(folder)


def command(watch: Watch, home: Home, *arguments: str, **environment: str) -> Done:
    watched = watch.environment() | {"INTERAGENCY_HOME": str(home.root)} | environment
    return ended(INTERAGENCY, *arguments, is_good=False, **watched)


def test_the_watch_sees_calls_of_python_and_of_others(watch: Watch) -> None:
    script = (
        "import ctypes, socket, contextlib\n"
        "with contextlib.suppress(OSError): socket.create_connection(('127.0.0.1', 9), timeout=1)\n"
        "ctypes.CDLL(None).getaddrinfo(b'127.0.0.1', None, None, ctypes.byref(ctypes.c_void_p()))\n"
    )
    ended(sys.executable, "-c", script, **watch.environment())
    assert Call("python", "connect", "127.0.0.1", 9) in watch.calls()
    assert Call("python", "getaddrinfo", "127.0.0.1", 0) in watch.calls()
    if "LD_PRELOAD" in watch.environment():
        assert Call("native", "connect", "127.0.0.1", 9) in watch.calls()
        assert Call("native", "getaddrinfo", "127.0.0.1", 0) in watch.calls()


@pytest.mark.slow
def test_a_whole_night_of_files_connects_to_nothing(watch: Watch, home: Home, inbox: Path) -> None:
    done = command(watch, home, "run", "--extract-date", NIGHT.isoformat(), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["published"] is True
    assert watch.calls() == []


@pytest.mark.slow
def test_the_doctor_and_the_page_connect_to_nothing(
    watch: Watch, home: Home, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = command(watch, home, "doctor")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for name, value in watch.environment().items():
        monkeypatch.setenv(name, value)
    with started(home.root) as page:
        assert page.port
    assert watch.calls() == []
