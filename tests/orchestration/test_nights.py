"""Whole nights: a crash, readers and a second night meanwhile, a corrupted extract, the same night twice."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import duckdb
import pytest

from tests.conftest import INTERAGENCY, NEXT_NIGHT, NIGHT, PROJECT, package_data, read_zip, write_zip
from tests.orchestration.conftest import command
from warehouse.home import Home

FLIGHTS = 336_776
READER = """
import duckdb, sys, time
while True:
    with duckdb.connect(sys.argv[1], read_only=True) as connection:
        found = connection.execute(
            "SELECT (SELECT count(*) FROM marts.flight), (SELECT count(*) FROM marts.weather_observation), "
            "(SELECT max(extract_date) FROM quality.feed_night)"
        ).fetchone()
    print(*found, flush=True)
    time.sleep(0.4)
"""


@pytest.fixture
def night_home(published_home: Home, home: Home, inbox: Path) -> Home:
    """A copy of the published night, to go on from."""
    shutil.copytree(published_home.root, home.root, symlinks=True)
    return home


@contextmanager
def started(arguments: list[str], output: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that is ended with the block, its output in a file."""
    with output.open("a") as file:
        process = subprocess.Popen(arguments, stdout=file, stderr=file, text=True, cwd=PROJECT)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"no {what} within {seconds} s"
        time.sleep(0.05)


def contents(home: Home) -> dict[str, tuple[int, int]]:
    """Rows of every table of staging, marts and quality, and a sum over all of what is in them, but for the clock."""
    clock = {"feed_night": "EXCLUDE (started_at, finished_at)"}
    with duckdb.connect(str(home.published), read_only=True) as connection:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name IN ('staging', 'marts', 'quality')"
        ).fetchall()
        return {
            f"{schema}.{table}": connection.execute(
                f"SELECT count(*), sum(hash(found)) FROM (SELECT * {clock.get(table, '')} FROM {schema}.{table}) AS found"
            ).fetchall()[0]
            for schema, table in tables
        }


def statuses(home: Home) -> dict[str, str]:
    with duckdb.connect(str(home.published), read_only=True) as connection:
        query = "SELECT agency || '/' || feed, status FROM quality.feed_night WHERE extract_date = ?"
        return dict(connection.execute(query, [NEXT_NIGHT]).fetchall())


def leftovers(home: Home) -> list[Path]:
    """What a crash leaves behind: attempts without their last file, builds without their mark, temporary names."""
    attempts = [path for path in home.root.glob("landing/*/*/.versions/*") if not (path / "manifest.json").exists()]
    attempts += [path for path in home.root.glob("accepted/*/*/.versions/*") if not (path / "accepted.json").exists()]
    builds = [path for path in home.nights.glob("*") if not (path / "complete").exists()]
    return attempts + builds


def flights_per_key(home: Home) -> int:
    with duckdb.connect(str(home.published), read_only=True) as connection:
        row = connection.execute("SELECT max(n) FROM (SELECT count(*) AS n FROM marts.flight GROUP BY flight_id)")
        return int((row.fetchone() or (0,))[0])


def corrupt_flights(inbox: Path) -> int:
    """All the flights, each twentieth of them wrong; returns how many are."""
    flights = read_zip(package_data() / "flights.csv.zip").splitlines(keepends=True)
    broken = [line.replace(",", ",unknown,", 1) if number % 20 == 5 else line for number, line in enumerate(flights)]
    write_zip(inbox / "flights.csv.zip", "".join(broken))
    return sum(number % 20 == 5 for number in range(len(flights)))


@pytest.mark.slow
def test_a_crash_a_corrupted_extract_and_the_same_night_again(night_home: Home, inbox: Path, tmp_path: Path) -> None:
    wrong = corrupt_flights(inbox)
    weather = (package_data() / "weather.csv").read_text().splitlines(keepends=True)
    (inbox / "weather.csv").write_text("".join(line for number, line in enumerate(weather) if number % 10 != 5))
    hours = len((inbox / "weather.csv").read_text().splitlines()) - 1
    night = ["run", "--extract-date", NEXT_NIGHT.isoformat()]
    reads, crashed, second = tmp_path / "reads", tmp_path / "crashed", tmp_path / "second"
    before = contents(night_home)
    with started([sys.executable, "-c", READER, str(night_home.published)], reads) as reader:
        with started([INTERAGENCY, *night], crashed) as first:
            wait_for(lambda: "extract 1/1" in crashed.read_text(), "landing")
            # A second night at the same time changes nothing, and says so.
            with started([INTERAGENCY, *night], second) as other:
                assert other.wait(timeout=60) == 1
            assert "is at work on" in second.read_text()
            assert "Traceback" not in second.read_text()
            wait_for(lambda: any(night_home.nights.glob(f"{NEXT_NIGHT}-*")), "build")
            first.send_signal(signal.SIGKILL)
            first.wait()
        assert contents(night_home) == before
        assert leftovers(night_home)

        strict = command(*night, "--strict")
        assert strict.exit_code == 1, strict.output
        last = strict.stdout.strip().splitlines()[-1]
        assert last == f"Stale or refused: bts/flights refused, rows of {NIGHT}"
        assert f"Published: {night_home.published}" in strict.stdout
        told = f"bts/flights: {wrong} of 336776 rows rejected, more than the 0.1 % that the contract allows"
        assert told in strict.stdout
        assert leftovers(night_home) == []
        once = contents(night_home)
        wait_for(lambda: NEXT_NIGHT.isoformat() in reads.read_text(), "reader of the new night", 5)

        again = command(*night, "--agency", "noaa", "--json")
        assert reader.poll() is None, reads.read_text()
    assert again.exit_code == 0
    outcome = json.loads(again.stdout)
    assert (outcome["published"], outcome["reason"]) == (True, None)
    assert {f"{feed['agency']}/{feed['feed']}": feed["status"] for feed in outcome["feeds"]} == statuses(night_home)
    assert contents(night_home) == once

    assert statuses(night_home) == {
        "bts/airlines": "unchanged", "bts/flights": "refused", "faa/aircraft": "unchanged", "faa/airports": "unchanged",
        "noaa/weather": "accepted",
    }  # fmt: skip
    assert flights_per_key(night_home) == 1
    assert {name: rows for name, (rows, _) in once.items() if name.startswith("marts.")} == {
        name: rows for name, (rows, _) in before.items() if name.startswith("marts.")
    } | {"marts.weather_observation": hours}
    seen = {tuple(line.split()) for line in reads.read_text().splitlines()}
    assert seen == {
        (str(FLIGHTS), str(before["marts.weather_observation"][0]), NIGHT.isoformat()),
        (str(FLIGHTS), str(hours), NEXT_NIGHT.isoformat()),
    }


@pytest.mark.slow
def test_an_older_night_is_stored_and_not_published(night_home: Home, inbox: Path) -> None:
    """Only one feed has an extract so old; the others are empty in that build."""
    before = contents(night_home)
    older = NIGHT.replace(day=NIGHT.day - 1).isoformat()
    done = command("run", "--extract-date", older, "--feed", "weather")
    assert done.exit_code == 1
    assert f"NOT PUBLISHED: the night of {NIGHT} is published already; this one is stored" in done.stdout
    assert contents(night_home) == before
    assert [line.split("\t")[::3] for line in command("warehouse", "list").stdout.splitlines()[1:]] == [
        [NIGHT.isoformat(), "readers see it"], [older, ""],
    ]  # fmt: skip


EARLY = [
    ("Night of", 0.5), ("Night of", 3.0), ("extract 1/1", 0.0), ("gate 2/5", 0.3), ("accept 1/5", 0.0),
    ("accept 5/5", 0.0),
]  # fmt: skip
LATE = [
    ("accept 5/5", 3.0), ("harmonise 1/2", 1.0), ("harmonise 2/2", 0.0), ("cross-agency gate 1/1", 0.0), ("publish 1/1", 0.0),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kills", [EARLY, LATE], ids=["ingest", "harmonise"])
def test_nights_killed_in_every_step_harm_nothing(
    night_home: Home, inbox: Path, tmp_path: Path, kills: list[tuple[str, float]]
) -> None:
    """Killed a little later than a step's end each time; a whole night in the end finds nothing broken."""
    for real in package_data().iterdir():
        shutil.copy(real, inbox / real.name)
    weather = (inbox / "weather.csv").read_text().splitlines(keepends=True)
    night = ["run", "--extract-date", NEXT_NIGHT.isoformat()]
    reads = tmp_path / "reads"
    with started([sys.executable, "-c", READER, str(night_home.published)], reads) as reader:
        for number, (line, seconds_after) in enumerate(kills):
            (inbox / "weather.csv").write_text("".join(weather[: -1 - number]))
            output = tmp_path / f"killed{number}"
            with started([INTERAGENCY, *night], output) as process:
                wait_for(lambda: line in output.read_text() or process.poll() is not None, line, 120)  # noqa: B023  (it ends within its turn of the loop)
                time.sleep(seconds_after + Random().uniform(0, 0.3))
                process.send_signal(signal.SIGKILL)
                process.wait()
            assert "Traceback" not in output.read_text(), output.read_text()
            assert contents(night_home)
        done = command(*night)
        assert done.exit_code == 0, done.output
        assert reader.poll() is None, reads.read_text()
    assert done.stdout.strip().splitlines()[-1] == "Every feed is of this night."
    assert leftovers(night_home) == []
    assert flights_per_key(night_home) == 1
    found = contents(night_home)
    assert found["marts.flight"][0] == FLIGHTS
    assert found["marts.weather_observation"][0] == len(weather) - 1 - len(kills)
    assert found["quality.feed_night"][0] == 10
    assert {line.split()[0] for line in reads.read_text().splitlines()} == {str(FLIGHTS)}
