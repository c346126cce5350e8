"""Publishing: readers always see one whole night; builds are kept, restored and removed."""

import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.conftest import NEXT_NIGHT, NIGHT
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.published_nights import (
    NIGHTS_BY_RUN,
    RESTORABLE_NIGHTS,
    RESTORABLE_RUNS,
    PublishError,
    note_feeds,
    prune_nights,
    publish,
    published_nights,
    restorable,
    restore,
    start_build,
)


def everything(feeds: frozenset[str]) -> str | None:
    """An agreement register that refuses nothing."""
    return None


def built(home: Home, night: date, run: str) -> Path:
    """A build with one table and a view on it; every value in it is the run's name."""
    database = start_build(home, night, run)
    note_feeds(database, {})
    with open_database(database) as connection:
        connection.execute(f"CREATE SCHEMA marts; CREATE TABLE marts.t AS SELECT '{run}' AS run FROM range(100)")
        connection.execute("CREATE VIEW marts.v AS SELECT run, count(*) AS n FROM marts.t GROUP BY run")
    return database


def seen(home: Home) -> str:
    """Which run a reader sees, through the view."""
    with open_database(home.published, read_only=True) as connection:
        rows = connection.execute("SELECT run, n FROM marts.v").fetchall()
    assert len(rows) == 1
    assert rows[0][1] == 100
    return str(rows[0][0])


READER = """
import sys, duckdb
link, opened, queried = sys.argv[1], 0, 0
print("ready", flush=True)
while opened < 5000 or queried < 40:
    with open(link, "rb") as file:
        assert len(file.read(64)) == 64
    opened += 1
    if opened % 100 == 0:
        with duckdb.connect(link, read_only=True) as connection:
            (row,) = connection.execute("SELECT run, n FROM marts.v").fetchall()
        assert row in (("one", 100), ("two", 100)), row
        queried += 1
"""


def test_readers_never_fail_while_nights_are_swapped(home: Home) -> None:
    """A reader in a process of its own opens the link thousands of times, and now and then queries through it."""
    publish(home, built(home, NIGHT, "one"))
    publish(home, built(home, NEXT_NIGHT, "two"))
    command = [sys.executable, "-c", READER, str(home.published)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
        swaps, last = 0, time.monotonic() + 20
        while reader.poll() is None and time.monotonic() < last:
            restore(home, (NIGHT, NEXT_NIGHT)[swaps % 2], everything)
            swaps += 1
        reader.kill()
        _, errors = reader.communicate()
    assert errors == ""
    assert reader.returncode == 0, "the reader did not come to its end in time"
    assert swaps > 50


def test_a_reader_keeps_its_night_while_another_is_published(home: Home) -> None:
    publish(home, built(home, NIGHT, "first"))
    with open_database(home.published, read_only=True) as reader:
        publish(home, built(home, NEXT_NIGHT, "second"))
        assert reader.execute("SELECT DISTINCT run FROM marts.t").fetchall() == [("first",)]
    assert seen(home) == "second"


def test_what_a_crash_left_is_removed_by_the_next_build(home: Home) -> None:
    publish(home, built(home, NIGHT, "whole"))
    crashed = built(home, NEXT_NIGHT, "crashed")
    assert crashed.exists()
    assert [night.extract_date for night in published_nights(home)] == [NIGHT], "a build is no night yet"
    built(home, NEXT_NIGHT, "another")
    assert not crashed.parent.exists()
    assert seen(home) == "whole"
    assert home.building.resolve().name == f"{NEXT_NIGHT}-another"


def test_a_backfill_is_stored_and_does_not_take_the_place_of_a_later_night(home: Home) -> None:
    assert publish(home, built(home, NEXT_NIGHT, "later"))
    assert publish(home, built(home, NIGHT, "backfill")) is False
    assert seen(home) == "later"
    kept = [(night.extract_date, night.is_current) for night in published_nights(home)]
    assert kept == [(NEXT_NIGHT, True), (NIGHT, False)]


def test_the_same_night_again_takes_the_place_of_the_first(home: Home) -> None:
    publish(home, built(home, NIGHT, "first"))
    publish(home, built(home, NIGHT, "second"))
    assert seen(home) == "second"
    assert [(night.run, night.is_current) for night in restorable(home)] == [("second", True), ("first", False)]


def test_a_bad_second_run_of_a_night_is_undone(home: Home) -> None:
    publish(home, built(home, NIGHT, "good"))
    publish(home, built(home, NIGHT, "bad"))
    assert prune_nights(home, timedelta(0)) == []
    assert restore(home, NIGHT, everything, "go").run == "good"
    assert seen(home) == "good"
    assert prune_nights(home, timedelta(0)) == []
    assert restore(home, NIGHT, everything).run == "bad"
    with pytest.raises(PublishError, match=f"no run begins with 'x' among the builds of {NIGHT}; kept: bad, good"):
        restore(home, NIGHT, everything, "x")
    publish(home, built(home, NIGHT, "bald"))
    with pytest.raises(PublishError, match=r"several runs begin with 'ba' .*kept: bald, bad"):
        restore(home, NIGHT, everything, "ba")
    with pytest.raises(PublishError, match="no agreement"):
        restore(home, NIGHT, lambda feeds: "no agreement", "good")
    assert seen(home) == "bald"


def test_so_many_builds_are_kept_and_no_more(home: Home) -> None:
    nights = [NIGHT + timedelta(days=number) for number in range(RESTORABLE_NIGHTS + 1)]
    for night in nights:
        for run in "abcd":
            publish(home, built(home, night, run))
    prune_nights(home, timedelta(0))
    kept = {(night.extract_date, night.run) for night in published_nights(home)}
    by_run = {(night, run) for night in nights[-2:] for run in "bcd"}
    assert kept == by_run | {(night, "d") for night in nights[1:-2]}
    assert len(kept) == RESTORABLE_NIGHTS + NIGHTS_BY_RUN * (RESTORABLE_RUNS - 1)


def test_nights_are_listed_restored_and_pruned(home: Home) -> None:
    nights = [NIGHT + timedelta(days=number) for number in range(RESTORABLE_NIGHTS + 3)]
    for night in nights:
        publish(home, built(home, night, "a"))
    publish(home, built(home, nights[0], "b"))
    assert [night.extract_date for night in restorable(home)] == nights[: -RESTORABLE_NIGHTS - 1 : -1]
    assert restore(home, nights[-3], everything).extract_date == nights[-3]
    assert seen(home) == "a"
    removed = prune_nights(home, timedelta(0))
    assert {folder.name for folder in removed} == {f"{night}-a" for night in nights[:3]} | {f"{nights[0]}-b"}
    assert [night.extract_date for night in published_nights(home)] == nights[: -RESTORABLE_NIGHTS - 1 : -1]
    with pytest.raises(PublishError, match=f"no build of {nights[0]} is kept; kept: {nights[3]}, "):
        restore(home, nights[0], everything)
    assert prune_nights(home, timedelta(0)) == []


def test_a_build_that_readers_saw_a_moment_ago_stays_until_the_next_time(home: Home) -> None:
    for number in range(RESTORABLE_RUNS + 1):
        publish(home, built(home, NIGHT, f"run{number}"))
    assert prune_nights(home) == []
    assert [folder.name for folder in prune_nights(home, timedelta(0))] == [f"{NIGHT}-run0"]


def test_the_night_that_readers_see_is_never_pruned(home: Home) -> None:
    nights = [NIGHT + timedelta(days=number) for number in range(RESTORABLE_NIGHTS + 1)]
    for night in nights:
        publish(home, built(home, night, "a"))
    restore(home, nights[0], everything)
    assert prune_nights(home, timedelta(0)) == []
    assert seen(home) == "a"


def test_nothing_published_yet(home: Home) -> None:
    assert published_nights(home) == []
    assert prune_nights(home, timedelta(0)) == []
    with pytest.raises(PublishError, match="kept: none"):
        restore(home, NIGHT, everything)


@pytest.mark.parametrize("source", ["read_parquet('{0}')", "'{0}'", "parquet_scan('{0}')", "read_csv('{1}')", "'{1}'"])
def test_a_view_on_files_outside_is_not_published(source: str, home: Home, tmp_path: Path) -> None:
    parquet, text = tmp_path / "x.parquet", tmp_path / "x.csv"
    database = built(home, NIGHT, "run")
    with open_database(database) as connection:
        connection.execute(f"COPY (SELECT 1 AS a) TO '{parquet}'")
        connection.execute(f"COPY (SELECT 1 AS a) TO '{text}'")
        connection.execute(f"CREATE VIEW marts.outside AS FROM {source.format(parquet, text)}")
    with pytest.raises(PublishError, match="outside; make them tables"):
        publish(home, database)
    assert not home.published.exists()
    assert published_nights(home) == []


def test_a_build_that_is_no_database_is_not_published(home: Home) -> None:
    publish(home, built(home, NIGHT, "good"))
    database = start_build(home, NEXT_NIGHT, "broken")
    database.write_bytes(b"this is no database" * 1000)
    with pytest.raises((PublishError, duckdb.Error)):
        publish(home, database)
    assert seen(home) == "good"


def test_the_engine_reaches_for_nothing_and_knows_one_time_zone() -> None:
    with open_database() as connection:
        assert connection.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]
        for name in ("autoinstall_known_extensions", "autoload_known_extensions"):
            assert connection.execute(f"SELECT current_setting('{name}')").fetchall() == [(False,)]
