"""Whatever is changed in a ledger is found, and the first wrong entry is named as exactly as can be known."""

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.tampering import COVERS, NIGHTS, WAYS, keeper
from sharing.ledger import platform
from sharing.ledger.checkpoint import stored
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.ledger.verify import Verdict
from tests.sharing.ledger.books import asked, copied, filled, verified, witness_of
from warehouse.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Nine entries, the seventh that of the key, checkpoints of 7 and 9."""
    home = Home(tmp_path / "home")
    filled(home, 6)
    platform.make_checkpoint(home)
    filled(home, 2, 6)
    platform.make_checkpoint(home)
    return home


def change(home: Home, old: bytes, new: bytes) -> None:
    path = Ledger(home).path
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


def first(verdict: Verdict) -> tuple[int | None, str]:
    assert not verdict.holds
    return verdict.problems[0].index, verdict.problems[0].what


def test_what_nobody_touched_holds(home: Home) -> None:
    verdict = verified(home)
    assert (verdict.holds, verdict.entries, verdict.checkpoints, verdict.remarks) == (True, 9, 2, [])


def test_an_empty_home_holds_and_says_that_nothing_is_proven(tmp_path: Path) -> None:
    verdict = verified(Home(tmp_path / "home"))
    assert (verdict.holds, verdict.entries) == (True, 0)
    assert "no checkpoint" in verdict.remarks[0]


def test_falsifications_are_found_and_their_first_entry_named(tmp_path: Path) -> None:
    tampered = keeper(tmp_path / "ledger")
    assert tampered.honest_verdict().holds
    met: Counter[str] = Counter()
    for _ in range(400):
        found = tampered.tamper()
        assert not found.verdict.holds, found
        met.update([found.way, found.cover])
        named = found.verdict.problems[0].index
        assert named is not None, found
        if found.cover == "log" and found.way != "roll back":
            assert named == found.first, found
        else:
            bound = max((size for size in (0, *NIGHTS) if size <= found.first), default=0)
            assert named <= found.first, found
            assert named >= bound or found.cover == "fresh" or found.cover == "signed", found
    assert set(met) == {*WAYS, *COVERS}


@pytest.mark.parametrize(
    ("old", "new", "index", "told"),
    [
        (b'"rows":2', b'"rows":3', 2, "entry 2 is the first"),
        (b'"rows":7', b'"rows":8', 8, "entry 8 is the first"),
        (b'"rows":4}}\n', b'"rows":4}}\n\n', 5, "entry 5 "),
        (b'"actor":"night"', b'"actor":"Night"', 0, "entry 0 is the first"),
    ],
)
def test_the_first_wrong_entry_is_named(home: Home, old: bytes, new: bytes, index: int, told: str) -> None:
    change(home, old, new)
    found = first(verified(home))
    assert found[0] == index
    assert told in found[1]


def test_what_happened_to_the_entry_is_told(home: Home) -> None:
    path = Ledger(home).path
    lines = path.read_bytes().splitlines(keepends=True)
    for changed, told in (
        ([*lines[:3], *lines[4:]], "entry 3 was taken out"),
        ([*lines[:3], lines[5], *lines[3:]], "entry 3 was put in"),
        ([*lines[:3], lines[4], lines[3], *lines[5:]], "entry 3 and the next one have changed places"),
        (lines[:8], "entries from 8 to 8 are gone"),
        ([*lines, lines[2]], "entries from 9 on stand in the log and are not counted"),
    ):
        path.write_bytes(b"".join(changed))
        assert told in " ".join(problem.what for problem in verified(home).problems)


def test_a_tree_that_was_changed_is_not_taken_for_a_changed_entry(home: Home) -> None:
    tree = Ledger(home).tree.path
    content = bytearray(tree.read_bytes())
    for place in (0, 41, 90, len(content) - 1):
        tree.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        index, told = first(verified(home))
        assert index is None
        assert "remove" in told and "entry 0 is not" not in told
    tree.unlink()
    assert "makes it anew" in first(verified(home))[1]
    Ledger(home).append(Kind.PULL, {}, "night")
    assert verified(home).holds


def test_a_whole_history_written_anew_is_found_by_the_witness_alone(home: Home, tmp_path: Path) -> None:
    witness = witness_of(home, tmp_path)
    platform.make_checkpoint(home, [asked(home, witness)])
    assert verified(home, witness).cosignatures == 2
    forged = Home(tmp_path / "forged")
    for name in ("origin", "keys"):
        forged.ledger.mkdir(parents=True, exist_ok=True)
        (forged.ledger / name).write_bytes((home.ledger / name).read_bytes())
    platform.signing.create(forged.state / "keys" / "ledger.pem")
    (forged.state / "keys" / "ledger.pem").write_bytes((home.state / "keys" / "ledger.pem").read_bytes())
    filled(forged, 9, 100)
    platform.make_checkpoint(forged)
    assert verified(forged).holds, "whoever has the platform's key can write a ledger"
    index, told = first(verified(forged, witness))
    assert index == 0
    assert "what the witness saw contradicts" in told


def test_a_roll_back_is_found_by_the_witness_alone(home: Home, tmp_path: Path) -> None:
    witness = witness_of(home, tmp_path)
    before = copied(home, tmp_path / "before")
    filled(home, 3, 8)
    platform.make_checkpoint(home, [asked(home, witness)])
    assert verified(before).holds
    index, told = first(verified(before, witness))
    assert (index, "says 12 entries, 9 are there: its end from entry 9 on is gone" in told) == (9, True)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"\n9\n", b"\n8\n", "does not hold"),
        (b"\n9\n", b"\n09\n", "no checkpoint"),
        ("—".encode(), b"-", "not written as it must be"),
        (b"interagency-ledger", b"another-ledger", "no known key"),
    ],
)
def test_a_checkpoint_that_was_changed_is_named(home: Home, old: bytes, new: bytes, told: str) -> None:
    path = stored(Ledger(home))[-1]
    path.write_bytes(path.read_bytes().replace(old, new))
    verdict = verified(home)
    assert not verdict.holds
    assert told in verdict.problems[-1].what


def test_a_checkpoint_under_another_size_is_named(home: Home) -> None:
    path = stored(Ledger(home))[-1]
    path.rename(path.with_name("000000000008.note"))
    assert "is a checkpoint of 9 entries" in verified(home).problems[0].what


def test_a_large_log_is_read_by_processes_to_the_same_verdict(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from sharing.ledger import reading

    filled(home, 200, 8)
    change(home, b'"rows":150}', b'"rows":151}')
    change(home, b'"rows":160}', b'"rows" 160}')
    alone = verified(home)
    monkeypatch.setattr(reading, "_PART_BYTES", 3000)
    monkeypatch.setattr(reading, "_WORTH_PROCESSES", 0)
    assert verified(home) == alone
    assert first(alone)[0] == 151


def test_lines_beyond_all_measure_are_no_entries(home: Home) -> None:
    with Ledger(home).path.open("ab") as file:
        file.write(b"x" * 200_000 + b"\n" + b"y" * 100)
    verdict = verified(home)
    assert {problem.index for problem in verdict.problems} == {9}
    assert verdict.remarks[0].startswith("100 bytes")
