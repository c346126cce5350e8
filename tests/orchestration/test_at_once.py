"""Two commands at once on one home: one is told to wait, nothing is harmed, and it can be run again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import INTERAGENCY, NIGHT, PROJECT, ended
from warehouse.home import Home
from warehouse.lock import night_lock

WORD = NIGHT.isoformat()
COMMANDS = [
    ["run", "--extract-date", WORD], ["backfill", "--from", WORD, "--to", WORD], ["prune"], ["warehouse", "restore", WORD],
]  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS, ids=[words[0] for words in COMMANDS])
def test_a_command_beside_a_night_says_so_and_changes_nothing(home: Home, inbox: Path, arguments: list[str]) -> None:
    with night_lock(home, wait_seconds=0, run="0a1b2c3d-4e5f"):
        done = ended(INTERAGENCY, *arguments, is_good=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"is at work on {home.root}; wait for it to end, then try again" in done.stderr
    assert f"Dagster (run 0a1b2c3d, process {os.getpid()}), since 2" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in home.root.iterdir() if path.name != "dagster"] == ["night.lock"]


def test_a_night_that_waits_begins_when_the_other_ends(
    home: Home, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a night before all that this home has.
    monkeypatch.delenv("INTERAGENCY_FIRST_NIGHT")
    night = [INTERAGENCY, "run", "--wait", "--agency", "faa", "--extract-date", "2026-11-20"]
    with night_lock(home, wait_seconds=0):
        waiting = subprocess.Popen(night, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=8)
        assert not home.landing.exists()
    _, said = waiting.communicate(timeout=300)
    assert "is at work" not in said
    assert "extract 1/1" in said
    assert "FAILED" not in said.partition("harmonise")[0]


HOLDER = """
import sys
from pathlib import Path
from warehouse.home import Home
from warehouse.lock import NightRunning, night_lock
home = Home(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(200):
    try:
        with night_lock(home, wait_seconds=5):
            inside = home.root / "inside"
            inside.touch(exist_ok=False)
            inside.unlink()
    except NightRunning:
        pass
print("done", flush=True)
"""


def test_no_two_ever_hold_the_lock_together(home: Home) -> None:
    home.root.mkdir()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(home.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, cwd=PROJECT,
        )
        for _ in range(2)
    ]  # fmt: skip
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        told = []
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [process.communicate(timeout=60) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert told == [("done\n", ""), ("done\n", "")]


def test_a_lock_of_a_night_that_was_killed_holds_nobody_up(home: Home) -> None:
    script = HOLDER.replace("inside.touch(exist_ok=False)", "import os; os.kill(os.getpid(), 9)")
    done = ended(sys.executable, "-c", script, home.root, is_good=False, given="go\n")
    assert done.returncode == -9
    with night_lock(home, wait_seconds=0):
        pass
