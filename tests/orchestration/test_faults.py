"""A disk that fails, fills up or is cut off at any call of a night: readers keep a whole night, and the next one mends all."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import duckdb
import pytest

from nights.folders import page_of
from tests.conftest import NEXT_NIGHT
from tests.orchestration.faults import (
    COUNT_ONLY,
    FAIL_ONCE,
    FULL_FROM_THEN_ON,
    KILL_AFTER,
    KILL_BEFORE,
    Contents,
    Disk,
    Fault,
    compiled,
    contents,
    orphans,
    started_disk,
)
from warehouse.home import Home
from warehouse.store.published_nights import current_night

LATER_NIGHT = NEXT_NIGHT.replace(day=NEXT_NIGHT.day + 1)
TAKEN = ("accepted", "unchanged", "accepted_by_steward")
FEEDS = ("added", "whole")
BEFORE = {"whole": {(1, "a"), (2, "b")}, "added": {(1, "x")}}
AFTER = {"whole": {(1, "a"), (2, "c"), (3, "d")}, "added": {(1, "x"), (2, "y"), (3, "z")}}


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    folder = tmp_path_factory.mktemp("disk")
    library = compiled(folder)
    if library is None:
        # The library that makes calls fail must stand below Python; a machine without a compiler can run all the rest.
        pytest.skip("no C compiler here")
    with started_disk(folder, library) as started:
        yield started


@pytest.fixture(scope="module")
def undisturbed(disk: Disk) -> tuple[list[str], Contents]:
    """The calls of a night in which nothing happens, and what readers see after it."""
    home = disk.copy()
    assert disk.run(home, fault=Fault(0, COUNT_ONLY)) == 0, disk.said()
    assert orphans(home) == []
    return disk.calls(), contents(home)


def points(calls: list[str]) -> list[int]:
    """Each call's number; of the many writes and fsyncs in a row of one file the first two, the middle and the last."""
    runs: list[list[int]] = []
    last = ""
    for number, line in enumerate(calls, start=1):
        _, call, path = line.split(" ", 2)
        what = path if call in ("write", "fsync") else f"{number}"
        if what != last:
            runs.append([])
        runs[-1].append(number)
        last = what
    return [at for run in runs for at in sorted({run[0], run[min(1, len(run) - 1)], run[len(run) // 2], run[-1]})]


def rows_of(seen: Contents, feed: str) -> list[tuple[object, ...]]:
    return sorted(row[:2] for row in seen[f"marts.steady__{feed}"])


def statuses(seen: Contents, night: object) -> dict[str, str]:
    return {str(row[2]): str(row[3]) for row in seen["quality.feed_night"] if row[0] == night}


def what_is_untrue(home: Home, before: Contents) -> str | None:
    """Readers see the night before, or this night with each feed's rows as its record says; never anything between."""
    seen = contents(home)
    if seen == before:
        return None
    told = statuses(seen, NEXT_NIGHT)
    for feed in FEEDS:
        expected = AFTER if told.get(feed) in TAKEN else BEFORE
        if rows_of(seen, feed) != sorted(expected[feed]):
            return f"{feed} is {told.get(feed)} and has {rows_of(seen, feed)}"
    if set(told) != set(FEEDS):
        return f"the record knows only {told}"
    return None


def what_does_not_add_up(home: Home) -> str | None:
    """Every record of what landed is a row or a reject; what is accepted is recorded so, night by night."""
    with duckdb.connect() as connection:
        for manifest in home.root.glob("landing/*/*/[0-9]*/manifest.json"):
            told = json.loads(manifest.read_text())
            rows, rejects = (
                connection.execute(f"SELECT count(*) FROM '{manifest.with_name(name)}'").fetchall()[0][0]
                for name in ("rows.parquet", "rejects.parquet")
            )
            if (told["rows_landed"], told["rows_rejected"], told["rows_sent"]) != (rows, rejects, rows + rejects):
                return f"{manifest}: {told}"
    current = current_night(home)
    assert current is not None
    if not page_of(home, current.extract_date).exists():
        return f"the night of {current.extract_date} has no report"
    seen = contents(home)
    for row in seen["quality.feed_night"]:
        night, _, feed, status, sent, accepted, rejected = row[:7]
        is_there = (home.accepted / "steady" / feed / str(night) / "accepted.json").exists()
        if is_there != (status in TAKEN) or (is_there and sent != accepted + rejected):
            return f"{night} {feed} is {row}, accepted: {is_there}"
    recorded = {(str(row[0]), row[2]) for row in seen["quality.feed_night"]}
    for path in home.accepted.glob("steady/*/[0-9]*"):
        if (path.name, path.parent.name) not in recorded:
            return f"{path} is accepted and not recorded"
    return None


def trial(disk: Disk, fault: Fault, after: Contents, later: bool = False) -> str | None:
    """Break one night, run the same or a later one; what is wrong then, or None."""
    home = disk.copy()
    before = contents(home)
    code = disk.run(home, fault=fault)
    broken = disk.said()
    calls = disk.calls()
    place = calls[fault.at - 1] if fault.at <= len(calls) else "not reached"
    where = f"{fault} ({place}), ended with {code}"
    untrue = what_is_untrue(home, before)
    if untrue:
        return f"{where}: {untrue}\n{broken[-1500:]}"
    night = LATER_NIGHT if later else NEXT_NIGHT
    again = disk.run(home, night.isoformat())
    if again != 0:
        return f"{where}: the next night ended with {again}\n{disk.said()[-1500:]}"
    found = contents(home)
    wrong = what_does_not_add_up(home) or (f"left behind: {orphans(home)}" if orphans(home) else None)
    if wrong is None and not later and found != after:
        wrong = f"not the whole night: {[name for name in after if found.get(name) != after[name]]}"
    if wrong is None and {feed: rows_of(found, feed) for feed in FEEDS} != {
        feed: sorted(AFTER[feed]) for feed in FEEDS
    }:
        wrong = f"not every row once: {[rows_of(found, feed) for feed in FEEDS]}"
    if wrong is None:
        shutil.rmtree(home.root)
    return f"{where}, later: {later}: {wrong}" if wrong else None


def place_of(calls: list[str], call: str, part: str, nth: int = 0) -> int:
    """The number of the first call of that kind on such a path."""
    found = [number for number, line in enumerate(calls, 1) if line.split(" ", 2)[1] == call and part in line]
    return found[nth]


# Each of these once went wrong.
CASES = [
    ("write", "manifest.json", KILL_BEFORE, 0, False),
    ("write", "/.complete", KILL_BEFORE, 0, False),
    ("rename", "accepted/steady/whole/2026-11-21", KILL_AFTER, 0, True),
    ("rename", "feed_night/2026-11-21.parquet", FAIL_ONCE, errno.EIO, False),
    ("rename", "warehouse/published.duckdb", KILL_BEFORE, 0, True),
    ("open", "warehouse/nights", FULL_FROM_THEN_ON, errno.ENOSPC, False),
    # Between what was accepted, its line in the journal, and the journal's end.
    ("write", "state/accepted/steady/whole.jsonl", KILL_BEFORE, 0, False),
    ("write", "state/accepted/steady/whole.jsonl", KILL_AFTER, 0, True),
    ("rename", "journal-heads.json", KILL_BEFORE, 0, False),
    ("rename", "whole/.versions", KILL_AFTER, 0, True),
]
# So did these, and each takes as long.
FURTHER_CASES = [
    # Publishing.
    ("rename", "state/history/steady__whole", KILL_AFTER, 0, False),
    ("rename", "/complete", KILL_AFTER, 0, True),
    ("rename", "warehouse/published.duckdb", KILL_AFTER, 0, False),
    ("rename", "warehouse/published.duckdb", KILL_AFTER, 0, True),
    # Reporting.
    ("rename", "quality/night/2026-11-21.parquet", KILL_BEFORE, 0, False),
    ("rename", "report/nights/2026-11-21/agencies", KILL_AFTER, 0, True),
    ("rename", "quality/alert/2026-11-21.parquet", KILL_AFTER, 0, False),
    ("rename", "quality/report/index.html", KILL_BEFORE, 0, False),
]


@pytest.mark.parametrize(
    ("call", "part", "kind", "error", "later"),
    [*CASES, *(pytest.param(*case, marks=pytest.mark.slow) for case in FURTHER_CASES)],
)
def test_a_night_broken_at_a_call_harms_nothing(
    disk: Disk, undisturbed: tuple[list[str], Contents], call: str, part: str, kind: int, error: int, later: bool
) -> None:
    calls, after = undisturbed
    assert trial(disk, Fault(place_of(calls, call, part), kind, error), after, later) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "error"),
    [(FAIL_ONCE, errno.EIO), (FULL_FROM_THEN_ON, errno.ENOSPC), (FULL_FROM_THEN_ON, errno.EDQUOT), (KILL_BEFORE, 0)],
    ids=["EIO", "ENOSPC", "EDQUOT", "SIGKILL"],
)
def test_a_night_broken_at_every_call_harms_nothing(
    disk: Disk, undisturbed: tuple[list[str], Contents], kind: int, error: int
) -> None:
    """INTERAGENCY_TEST_EVERY=5 breaks only every fifth of the calls; the same or a later night follows by turns."""
    calls, after = undisturbed
    every = int(os.environ.get("INTERAGENCY_TEST_EVERY", "1"))
    chosen = points(calls)[::every]
    found = []
    for number, at in enumerate(chosen):
        wrong = trial(disk, Fault(at, kind, error), after, number % 2 == 1)
        _write_figure(f"{kind} {error}: call {at} of {len(calls)}, {number + 1} of {len(chosen)}: {wrong or 'good'}")
        found += [wrong] if wrong else []
    assert found == [], "\n\n".join(found)


@pytest.mark.slow
def test_two_hundred_kills_in_a_row_harm_nothing(disk: Disk, undisturbed: tuple[list[str], Contents]) -> None:
    """Killed at random calls, each night going on from what the last one left; every tenth is followed by a whole one.

    A home changes at calls only, so a kill between two of them is a kill before the second.
    """
    calls, after = undisturbed
    kills = int(os.environ.get("INTERAGENCY_TEST_KILLS", "200"))
    random = Random(20261121)
    home = disk.copy()
    before = contents(home)
    killed = 0
    for number in range(1, kills + 1):
        disk.trials += 1
        fault = Fault(random.randint(1, len(calls)), random.choice((KILL_BEFORE, KILL_AFTER)))
        killed += disk.run(home, fault=fault) == -9
        assert what_is_untrue(home, before) is None, (number, fault)
        if number % 10 == 0:
            assert disk.run(home) == 0, (number, fault, disk.said())
            assert contents(home) == after, (number, fault)
            assert what_does_not_add_up(home) is None, (number, fault)
            assert orphans(home) == [], (number, fault)
        _write_figure(f"kill {number} of {kills}: {fault}, {killed} died")
    assert killed > 0.9 * kills


def _write_figure(text: str) -> None:
    """To the file INTERAGENCY_TEST_FIGURES, for those who watch a long test."""
    with Path(os.environ.get("INTERAGENCY_TEST_FIGURES", os.devnull)).open("a", encoding="utf-8") as figures:
        figures.write(f"{text}\n")
