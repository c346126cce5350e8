"""The whole command on a disk that is full, read-only or out of quota, and killed at any call of a real night."""

import errno
import os
import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest

from tests.conftest import INTERAGENCY, NEXT_NIGHT, PROJECT, Done, package_data
from tests.orchestration.faults import COUNT_ONLY, FULL_FROM_THEN_ON, KILL_BEFORE, Fault, compiled, orphans
from tests.orchestration.test_nights import contents, flights_per_key
from warehouse.home import Home


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = compiled(tmp_path_factory.mktemp("shim"))
    if library is None:
        # The library that makes calls fail must stand below Python; a machine without a compiler can run all the rest.
        pytest.skip("no C compiler here")
    return library


def run(home: Home, shim: Path, counter: Path, fault: Fault, *arguments: str) -> Done:
    """The command in a group of its own, which a kill ends as a whole."""
    environment = {
        **os.environ, "LD_PRELOAD": str(shim), "FAULTS_ROOT": str(home.root), "FAULTS_COUNTER": str(counter),
        "FAULTS_AT": str(fault.at), "FAULTS_KIND": str(fault.kind), "FAULTS_ERROR": str(fault.error_number),
    }  # fmt: skip
    return subprocess.run(
        [INTERAGENCY, *arguments], capture_output=True, text=True, check=False, cwd=PROJECT, env=environment,
        start_new_session=True,
    )  # fmt: skip


NIGHT_AFTER = ("run", "--extract-date", NEXT_NIGHT.isoformat())


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES], ids=errno.errorcode.get)
def test_a_home_that_cannot_be_written_is_told_its_remedy(home: Home, shim: Path, tmp_path: Path, error: int) -> None:
    home.root.mkdir()
    done = run(home, shim, tmp_path / "counter", Fault(1, FULL_FROM_THEN_ON, error), *NIGHT_AFTER)
    assert done.returncode == 1, done.stderr
    assert f"not published: {os.strerror(error)} ({home.root}" in done.stderr
    assert "free space or mend the folder's rights" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert list(home.root.rglob("*.parquet")) == []


@pytest.fixture
def night_home(published_home: Home, home: Home, inbox: Path) -> Home:
    """A copy of the published night, to go on from; the extracts are the same, but for one line."""
    shutil.copytree(published_home.root, home.root, symlinks=True)
    for real in package_data().iterdir():
        if real.is_file():
            shutil.copy(real, inbox / real.name)
    weather = (inbox / "weather.csv").read_text().splitlines(keepends=True)
    (inbox / "weather.csv").write_text("".join(weather[:-1]))
    return home


def place_of(counter: Path, call: str, part: str) -> int:
    lines = Path(f"{counter}.log").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.split(" ", 2)[1] == call and part in line)


@pytest.mark.slow
def test_whole_nights_on_a_disk_that_fills_up_and_killed_at_random_calls(
    night_home: Home, shim: Path, tmp_path: Path
) -> None:
    """INTERAGENCY_TEST_KILLS sets how often, three for each twenty of light nights. Each night goes on from what the last one left; a
    whole one ends them.
    """
    before = contents(night_home)
    copy = Home(tmp_path / "counted")
    shutil.copytree(night_home.root, copy.root, symlinks=True)
    counted = tmp_path / "counter"
    os.environ["INTERAGENCY_HOME"] = str(copy.root)
    good = run(copy, shim, counted, Fault(0, COUNT_ONLY), *NIGHT_AFTER)
    os.environ["INTERAGENCY_HOME"] = str(night_home.root)
    assert good.returncode == 0, good.stderr
    after, calls = contents(copy), len(Path(f"{counted}.log").read_text().splitlines())
    for call, part, step in (("mkdir", "landing/", "landing"), ("mkdir", "warehouse/nights/", "build")):
        fault = Fault(place_of(counted, call, part), FULL_FROM_THEN_ON, errno.ENOSPC)
        done = run(night_home, shim, tmp_path / f"full-{step}", fault, *NIGHT_AFTER)
        assert done.returncode == 1, done.stderr
        assert "No space left on device" in done.stdout + done.stderr, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert contents(night_home) == before
    random = Random(20261121)
    for number in range(max(3, int(os.environ.get("INTERAGENCY_TEST_KILLS", "200")) * 3 // 20)):
        fault = Fault(random.randint(1, calls), KILL_BEFORE)
        done = run(night_home, shim, tmp_path / f"killed-{number}", fault, *NIGHT_AFTER)
        assert done.returncode in (-9, 0), (fault, done.stdout + done.stderr)
        assert "Traceback" not in done.stdout + done.stderr
        assert contents(night_home) in (before, after), fault
        with Path(os.environ.get("INTERAGENCY_TEST_FIGURES", os.devnull)).open("a", encoding="utf-8") as figures:
            figures.write(f"whole night {number + 1}: killed at call {fault.at} of {calls}: {done.returncode}\n")
    done = run(night_home, shim, tmp_path / "whole", Fault(0, COUNT_ONLY), *NIGHT_AFTER)
    assert done.returncode == 0, done.stdout + done.stderr
    assert contents(night_home) == after
    assert orphans(night_home) == []
    assert flights_per_key(night_home) == 1
