"""Registers (RSF): records and entries, hashes that must be right, and the real registers where they are at hand."""

import os
import re
from pathlib import Path

import pytest

from sources.errors import ExtractError
from tests.conftest import Feed
from tests.sources.formats.samples import Register, prop
from tests.sources.landed import land

COLUMNS = [
    prop("code", "string", "key"),
    prop("name", "string"),
    prop("entry_number", "integer, primaryKey: true", "entry-number"),
    prop("entered_at", "timestamp", "entry-timestamp"),
]
SHARED = Path(os.environ.get("INTERAGENCY_SHARED_DATA", "")) / "uk_local_authorities" / "registers"


def feed(rows: str = "records", **more: str) -> Feed:
    return Feed(COLUMNS, path="x.rsf", format="rsf", options={"rows": rows, **more})


@pytest.fixture
def register() -> Register:
    made = Register()
    for number in range(7):
        made.add(f"K{number % 5}", {"name": f"Name {number}", "fields": ["a", number]})
    return made


def test_records_are_the_latest_entries(register: Register, tmp_path: Path) -> None:
    landed = land(tmp_path, register.content(), feed())
    assert [(row["code"], row["name"], row["entry_number"]) for row in landed.rows] == [
        ("K2", "Name 2", 3), ("K3", "Name 3", 4), ("K4", "Name 4", 5), ("K0", "Name 5", 6), ("K1", "Name 6", 7),
    ]  # fmt: skip
    assert "fields" not in landed.rows[0]
    assert landed.manifest.extra_columns == ["fields"]


def test_entries_are_all_of_them(register: Register, tmp_path: Path) -> None:
    landed = land(tmp_path, register.content(), feed("entries"))
    assert [row["entry_number"] for row in landed.rows] == [1, 2, 3, 4, 5, 6, 7]


def test_every_size_of_tree_is_proven(tmp_path: Path) -> None:
    made = Register()
    for number in range(1, 20):
        made.add(f"K{number}", {"name": "x"})
        assert len(land(tmp_path, made.content(), feed()).rows) == number


@pytest.mark.parametrize("after", [1, 3, 9])
def test_entries_after_the_last_root_are_rejected_where_that_is_declared(after: int, tmp_path: Path) -> None:
    made = Register()
    for number in range(7):
        made.add(f"K{number % 5}", {"name": f"Name {number}"})
    proven = made.content()
    for number in range(after):
        made.add(f"K{number}", {"name": f"Later {number}", "other": "é"})
    content = proven + "".join(f"{line}\n" for line in made.lines[14:]).encode()
    landed = land(tmp_path, content, feed(unproven="reject"))
    assert [(row["code"], row["name"]) for row in landed.rows] == [
        ("K2", "Name 2"), ("K3", "Name 3"), ("K4", "Name 4"), ("K0", "Name 5"), ("K1", "Name 6"),
    ]  # fmt: skip
    assert landed.reject_lines == [17 + 2 * number for number in range(after)]
    assert {reject["reason"] for reject in landed.rejects} == {
        "an entry after the last assert-root-hash, which nothing proves"
    }
    assert "Later 0" in landed.rejects[0]["record"]
    assert len(land(tmp_path, content, feed("entries", unproven="reject")).rows) == 7
    refused(tmp_path, content, "no assert-root-hash.*unproven: reject")
    # With its root, all of it is proven.
    assert not land(tmp_path, made.content(), feed(unproven="reject")).rejects


def test_a_register_without_any_root_is_refused_whatever_is_declared(register: Register, tmp_path: Path) -> None:
    lines = register.content().splitlines(keepends=True)[:-1]
    with pytest.raises(ExtractError, match="no assert-root-hash"):
        land(tmp_path, b"".join(lines), feed(unproven="reject"))


def refused(tmp_path: Path, content: bytes, said: str) -> str:
    with pytest.raises(ExtractError, match=said) as raised:
        land(tmp_path, content, feed())
    return str(raised.value)


def test_a_changed_item_is_found(register: Register, tmp_path: Path) -> None:
    refused(tmp_path, register.content().replace(b"Name 3", b"Name 9"), "line 8: no item before it has the hash")


@pytest.mark.parametrize(("old", "new"), [(b"\tK4\t", b"\tK9\t"), (b"2026-01-01", b"2026-01-02")])
def test_a_changed_entry_is_found_with_both_hashes(register: Register, tmp_path: Path, old: bytes, new: bytes) -> None:
    said = refused(tmp_path, register.content().replace(old, new), "line 15: the root hash is stated as")
    assert len(set(re.findall("[0-9a-f]{64}", said))) == 2


def test_a_missing_entry_is_found(register: Register, tmp_path: Path) -> None:
    lines = register.content().splitlines(keepends=True)
    refused(tmp_path, b"".join(lines[:3] + lines[4:]), "root hash")
    refused(tmp_path, b"".join(lines[:-1]), "no assert-root-hash")
    refused(tmp_path, b"".join(lines)[:-100], "cut off")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("add-item\t{", "no JSON object"),
        ("add-item\t[]", "no JSON object"),
        ('add-item\t{"a":1,"a":2}', "no JSON object"),
        ("append-entry\tuser\tK\t2026-01-01T00:00:00Z", "no command"),
        ("append-entry\tother\tK\t2026-01-01T00:00:00Z\tsha-256:0", "no item"),
        ("hello", "no command"),
    ],
)
def test_a_line_of_no_command_refuses_the_register(register: Register, tmp_path: Path, line: str, said: str) -> None:
    register.lines.insert(4, line)
    refused(tmp_path, register.content(), f"line 5: .*{said}")


@pytest.mark.skipif(not SHARED.is_dir(), reason="INTERAGENCY_SHARED_DATA names no folder with the real registers")
def test_the_real_registers_prove_themselves(tmp_path: Path) -> None:
    files = sorted(SHARED.glob("*.rsf"))
    assert files
    for file in files:
        landed = land(tmp_path, file.read_bytes(), feed())
        assert landed.rows
        assert not landed.rejects
        *before, last = file.read_bytes().splitlines(keepends=True)
        entry = next(line for line in reversed(before) if line.startswith(b"append-entry\tuser"))
        later = land(tmp_path, b"".join([*before, last, entry]), feed(unproven="reject"))
        assert (later.rows, len(later.rejects)) == (landed.rows, 1)
        refused(tmp_path, re.sub(rb"(append-entry\tuser\t)(\w)", rb"\1\2x", file.read_bytes(), count=1), "root hash")
