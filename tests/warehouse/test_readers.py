"""Readers open the published warehouse thousands of times while builds are published as fast as can be; none ever fails."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import NIGHT
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.published_nights import prune_nights, publish, start_build

READER = """
import sys, duckdb
link, wanted = sys.argv[1], int(sys.argv[2])
seen = set()
print("ready", flush=True)
for _ in range(wanted):
    with duckdb.connect(link, read_only=True, config={"threads": 1}) as connection:
        ((run, n, least, most),) = connection.execute(
            "SELECT min(run), count(*), (SELECT min(run) FROM marts.second), (SELECT max(run) FROM marts.second) FROM marts.first"
        ).fetchall()
    assert n == 100 and run == least == most, (run, n, least, most)
    seen.add(run)
print(len(seen), flush=True)
"""


def publish_one(home: Home, number: int) -> None:
    """A build in which every value is its own number, published and pruned as at the end of a night."""
    database = start_build(home, NIGHT, f"{number:08d}")
    with open_database(database) as connection:
        connection.execute(
            f"CREATE SCHEMA marts; CREATE TABLE marts.first AS SELECT {number} AS run FROM range(100); "
            f"CREATE TABLE marts.second AS SELECT {number} AS run FROM range(100)"
        )
    assert publish(home, database)
    prune_nights(home)


@pytest.mark.parametrize(
    ("openings", "seconds"), [(1_000, 240), pytest.param(10_000, 600, marks=pytest.mark.slow)], ids=["1000", "10000"]
)
def test_no_opening_fails_while_builds_are_published(home: Home, tmp_path: Path, openings: int, seconds: int) -> None:
    """Two readers in processes of their own; every publication takes the place of the one before and removes its folder."""
    publish_one(home, 0)
    command = [sys.executable, "-c", READER, str(home.published), str(openings // 2)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        swaps, last = 0, time.monotonic() + seconds
        while any(reader.poll() is None for reader in readers) and time.monotonic() < last:
            swaps += 1
            publish_one(home, swaps)
            time.sleep(0.02)
    finally:
        for reader in readers:
            reader.kill()
    told = [reader.communicate() for reader in readers]
    assert [errors for _, errors in told] == ["", ""]
    assert [reader.returncode for reader in readers] == [0, 0], "the readers did not come to their end in time"
    assert swaps > 20
    (tmp_path / "figures").write_text(f"{openings} openings, {swaps} publications, distinct builds seen: {told}")
    assert all(int(output.split()[-1]) > 5 for output, _ in told), "the readers saw hardly any of the builds"
