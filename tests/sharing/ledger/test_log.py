"""What was written stays, through crashes, full disks and several writers."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sharing.ledger import platform
from sharing.ledger.entry import Kind
from sharing.ledger.errors import LedgerDamaged, NotLoggable
from sharing.ledger.log import Ledger
from sharing.ledger.tree import leaf_hash
from sharing.ledger.tree_file import TreeInMemory
from tests.sharing.ledger.books import filled, verified
from warehouse.home import PROJECT, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_entries_come_back_in_their_order_with_actor_and_moment(home: Home) -> None:
    ledger = Ledger(home)
    before = datetime.now(UTC)
    written = [ledger.append(Kind.PULL, {"feed": "a/b", "rows": n}, f"actor {n}") for n in range(5)]
    assert list(ledger.entries()) == written
    assert [entry.what["rows"] for entry in ledger.entries(2, 4)] == [2, 3]
    assert list(ledger.entries(5)) == []
    assert before <= written[0].at <= written[-1].at <= datetime.now(UTC)
    assert ledger.root(5) == TreeInMemory.of((leaf_hash(line), 0) for line in ledger.lines()).root(5)


def test_only_the_owner_may_read_it(home: Home) -> None:
    filled(home, 2)
    platform.make_checkpoint(home)
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in [home.ledger, *home.ledger.rglob("*")]}
    assert len(found) >= 7
    assert {mode for path, mode in found.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in found.items() if path.is_file()} == {0o600}


def test_all_of_several_or_nothing(home: Home) -> None:
    ledger = filled(home, 1)
    with pytest.raises(NotLoggable):
        ledger.append_all([(Kind.PULL, {"rows": 1}), (Kind.PULL, {"rows": 0.5})], "night")
    assert ledger.size == 1
    assert ledger.append_all([], "night") == []


@pytest.mark.parametrize("cut", [1, 40, 100])
def test_a_line_that_a_crash_cut_short_is_taken_away_and_told(home: Home, cut: int) -> None:
    ledger = filled(home, 3)
    size, line = ledger.path.stat().st_size, next(ledger.lines())
    with ledger.path.open("ab") as file:
        file.write(line[:cut])
    assert verified(home).remarks[0].startswith(f"{min(cut, len(line))} bytes after the last entry")
    ledger.append(Kind.PULL, {"rows": 9}, "night")
    *before, repair, last = ledger.entries()
    assert (len(before), last.what) == (3, {"rows": 9})
    assert (repair.kind, repair.what["bytes"], repair.what["entries"]) == (Kind.REPAIR, min(cut, len(line)), 3)
    assert ledger.path.read_bytes()[:size].count(b"\n") == 3
    assert verified(home).holds


def test_lines_that_a_crash_left_uncounted_are_counted(home: Home) -> None:
    ledger = filled(home, 3)
    tree = ledger.tree.path.read_bytes()
    filled(home, 2, 3)
    whole = ledger.tree.path.read_bytes()
    for left in range(len(tree), len(whole)):
        ledger.tree.path.write_bytes(whole[:left])
        ledger.append_all([], "night")
        assert ledger.tree.path.read_bytes() == whole, left
    assert [entry.what["rows"] for entry in ledger.entries()] == [0, 1, 2, 3, 4]


def test_a_tree_that_is_lost_is_made_anew(home: Home) -> None:
    ledger = filled(home, 13)
    tree = ledger.tree.path.read_bytes()
    ledger.tree.path.unlink()
    ledger.append_all([], "night")
    assert ledger.tree.path.read_bytes() == tree


def test_nothing_is_added_to_a_log_that_lost_its_end_or_its_last_entry(home: Home) -> None:
    ledger = filled(home, 3)
    content = ledger.path.read_bytes()
    for changed, told in (
        (content[:-1], "lost its end"),
        (b"", "lost its end"),
        (content.replace(b"2}", b"7}"), "entry 2"),
    ):
        ledger.path.write_bytes(changed)
        with pytest.raises(LedgerDamaged, match=told):
            ledger.append(Kind.PULL, {}, "night")
        assert ledger.path.read_bytes() == changed
    ledger.path.write_bytes(content)
    ledger.append(Kind.PULL, {}, "night")


def test_an_entry_that_is_none_is_named(home: Home) -> None:
    ledger = filled(home, 3)
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b'"rows":1', b'"rows" 1'))
    with pytest.raises(LedgerDamaged, match=r"entry 1 of .* is no JSON"):
        list(ledger.entries())


_APPENDS = """
import sys
from pathlib import Path
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
for n in range(40):
    Ledger(Path(sys.argv[1])).append(Kind.PULL, {"n": n}, sys.argv[2])
"""


def test_two_processes_and_several_threads_write_at_once(home: Home) -> None:
    arguments = [sys.executable, "-c", _APPENDS, str(home.ledger)]
    processes = [subprocess.Popen([*arguments, name], cwd=PROJECT) for name in ("one", "two")]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: Ledger(home).append(Kind.PULL, {"n": n}, "three"), range(40)))
    assert [process.wait() for process in processes] == [0, 0]
    found = list(Ledger(home).entries())
    assert len(found) == 120
    assert [entry.what["n"] for entry in found if entry.actor == "one"] == list(range(40))
    assert [entry.what["n"] for entry in found if entry.actor == "two"] == list(range(40))
    assert sorted(entry.what["n"] for entry in found if entry.actor == "three") == list(range(40))
    assert verified(home).holds


_KILLED = """
import os, sys
from pathlib import Path
from sharing.ledger import log
from sharing.ledger.entry import Kind
left = int(sys.argv[2])
write = os.write
def dies(descriptor, content):
    global left
    if left < len(content):
        write(descriptor, bytes(content[:left]))
        os._exit(9)
    left -= len(content)
    return write(descriptor, content)
ledger = log.Ledger(Path(sys.argv[1]))
log.os.write = dies
ledger.append_all([(Kind.PULL, {"n": n}) for n in range(3)], "night")
"""


@pytest.mark.parametrize("bytes_written", [0, 5, 92, 200, 260, 300, 341, 400, 430])
def test_a_process_that_is_killed_while_it_writes_leaves_a_log_that_goes_on(home: Home, bytes_written: int) -> None:
    ledger = filled(home, 2)
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(home.ledger), str(bytes_written)], cwd=PROJECT)
    assert killed.returncode == 9
    ledger.append(Kind.QUERY, {"after": 1}, "night")
    assert verified(home).holds
    found = [entry for entry in ledger.entries() if entry.kind is not Kind.REPAIR]
    assert [entry.what.get("rows") for entry in found[:2]] == [0, 1]
    assert found[-1].what == {"after": 1}


_FULL = """
import subprocess, sys
from pathlib import Path
from sharing.ledger.entry import Kind
from sharing.ledger.errors import NotWritten
from sharing.ledger.log import Ledger
from sharing.ledger.verify import verify
place = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(place)], check=True)
ledger = Ledger(place / "ledger")
for n in range(100000):
    try:
        ledger.append_all([(Kind.PULL, {"n": n, "text": "x" * 3000})] * 5, "night")
    except NotWritten as error:
        print(error)
        break
size = ledger.size
verdict = verify(ledger, [])
print(size, verdict.entries, verdict.holds, size % 5)
"""


def test_a_full_disk_is_told_and_leaves_the_log_valid(tmp_path: Path) -> None:
    own_mounts = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*own_mounts, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    done = subprocess.run(
        [*own_mounts, sys.executable, "-c", _FULL, str(tmp_path)], cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told, figures = done.stdout.splitlines()
    assert "was not written: No space left on device; free space" in told
    size, entries, holds, half = figures.split()
    assert (int(size), holds, half) == (int(entries), "True", "0")
    assert int(size) > 5


def test_a_clock_that_goes_back_is_told_and_is_no_tampering(home: Home) -> None:
    now = datetime(2026, 11, 30, 22, 0, tzinfo=UTC)
    for minutes in (0, 1, -1, -90, 5):
        Ledger(home, now=lambda minutes=minutes: now + timedelta(minutes=minutes)).append(Kind.PULL, {}, "night")
    verdict = verified(home)
    assert verdict.holds
    assert [remark for remark in verdict.remarks if "clock" in remark] == [
        "entry 3 is 1:29:00 earlier than the one before; a clock was set back"
    ]


def test_who_may_not_write_is_told(home: Home) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    filled(home, 1)
    Ledger(home).path.chmod(0o400)
    with pytest.raises(Exception, match="was not written"):
        Ledger(home).append(Kind.PULL, {}, "night")
