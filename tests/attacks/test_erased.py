"""A feed's night is erased on somebody's word: its keys go first, the ledger tells it, and no later door takes it back."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import sharing.agreements.register
from nights.rows.accepted import accepted_nights
from sharing.erasure import NothingToErase, erase_feed_night
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.ledger.night import WRAPS
from sources.contract.load import load
from tests.agreements import agree
from tests.attacks.scan import texts_of
from tests.attacks.test_tampering import ID, Platform
from tests.conftest import NEXT_NIGHT, NIGHT, Feed
from tests.orchestration.conftest import command
from warehouse.home import Home
from warehouse.journal import Journal
from warehouse.keys.keyed_folder import KEYED
from warehouse.keys.platform_key import KEY_VARIABLE, PlatformKey

NAMED = "{name: note, logicalType: string, classification: personal}"
ERASED = ("keys", "destroy", "steady/whole", "--extract-date", str(NIGHT), "--reason", "The person objected")


@pytest.fixture
def platform(
    home: Home, tmp_path: Path, everything_granted: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Platform]:
    """Two nights of two feeds of people; the first is published, the second accepted."""
    monkeypatch.setenv(KEY_VARIABLE, "a key")
    paths = [
        Feed([ID, NAMED], agency="steady", feed=name, path=f"{name}.csv").write(tmp_path / "sources")
        for name in ("added", "whole")
    ]
    agree(tmp_path / "agreements", "steady", *paths)
    monkeypatch.setattr(sharing.agreements.register, "agreements_folder", lambda: tmp_path / "agreements")
    found = Platform(home, [load(path) for path in paths])
    found.send_first()
    found.ingest(NIGHT)
    assert found.publish(NIGHT)
    found.send("whole", (1, "PLANTEDLATER"))
    found.ingest(NEXT_NIGHT)
    yield found


def said(platform: Platform, kind: Kind) -> list[dict[str, object]]:
    return [dict(entry.what) for entry in Ledger(platform.home).entries() if entry.kind == kind]


def test_the_night_is_gone_with_its_keys_and_the_ledger_tells_it_without_the_reason(platform: Platform) -> None:
    backup = shutil.copytree(platform.accepted("whole").resolve(), platform.home.root / "backup")
    assert (backup / KEYED).exists()
    done = command(*ERASED)
    assert done.exit_code == 0, done.stderr
    assert "steady/whole of 2026-11-20 is erased" in done.stdout
    assert "interagency run" in done.stdout, "readers see a build with its rows"
    (entry,) = said(platform, Kind.ERASURE)
    assert (entry["feed"], entry["night"], entry["rule"]) == ("steady/whole", str(NIGHT), "erased by hand")
    assert isinstance(entry["keys"], int) and entry["keys"] > 2
    assert "objected" not in (platform.home.ledger / "entries.jsonl").read_text()
    assert Journal(platform.home, "erasures.jsonl").entries()[0]["reason"] == "The person objected"
    assert not platform.accepted("whole").exists()
    assert platform.accepted("whole", NEXT_NIGHT).exists() and platform.accepted("added").exists()
    assert list((platform.home.keys / "feeds" / "steady" / "whole").glob(f"{NIGHT}*")) == []
    assert platform.publish(NEXT_NIGHT), "later nights go on without it"
    again = command(*ERASED)
    assert (again.exit_code, "nothing is kept of steady/whole of 2026-11-20" in again.stderr) == (1, True)


def test_a_copy_that_is_put_back_is_told_and_holds_the_build(
    platform: Platform, capfd: pytest.CaptureFixture[str]
) -> None:
    true, link = platform.accepted("whole").resolve(), platform.accepted("whole")
    backup = shutil.copytree(true, platform.home.root / "backup")
    assert command(*ERASED).exit_code == 0
    shutil.copytree(backup, true)
    link.symlink_to(true)
    assert accepted_nights(platform.contract("whole"), platform.home, NIGHT)
    assert not platform.publish(NEXT_NIGHT)
    assert "accepted/steady/whole/2026-11-20 was erased on" in capfd.readouterr().err
    assert [word for file in backup.rglob("*") if file.is_file() for word in texts_of(file) if "PLANTED" in word] == []


def test_it_may_be_pulled_again_where_it_is_agreed_on(platform: Platform) -> None:
    assert command(*ERASED).exit_code == 0
    platform.send("whole", (1, "again"))
    platform.ingest(NIGHT)
    assert platform.publish(NEXT_NIGHT)
    assert platform.accepted("whole").exists()


@pytest.mark.parametrize(
    ("feed", "night", "reason", "told"),
    [
        ("steady/whole", "2026-01-01", "x", "nothing is kept"), ("steady/other", str(NIGHT), "x", "nothing is kept"),
        ("steady/whole", str(NIGHT), " ", "needs a reason"), ("steady/whole", "soon", "x", "yyyy-mm-dd"), ("steady", str(NIGHT), "x", "nothing is kept"),
        ("../landing", str(NIGHT), "x", "nothing is kept"),
    ],
)  # fmt: skip
def test_what_cannot_be_erased_is_told(feed: str, night: str, reason: str, told: str, platform: Platform) -> None:
    done = command("keys", "destroy", feed, "--extract-date", night, "--reason", reason)
    assert done.exit_code in (1, 2) and told in done.stderr
    assert platform.accepted("whole").exists()
    assert said(platform, Kind.ERASURE) == []


def test_nothing_is_erased_that_cannot_be_told(platform: Platform) -> None:
    log = platform.home.ledger / "entries.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-2]))
    done = command(*ERASED)
    assert done.exit_code == 1
    assert platform.accepted("whole").exists()
    with pytest.raises(NothingToErase):
        erase_feed_night(platform.home, "steady/none", NIGHT, "x", "y")


def test_the_ledger_says_which_key_wraps_and_what_was_rotated(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = PlatformKey.of("a key").fingerprint
    assert [one["key"] for one in said(platform, Kind.KEY_USE) if one["use"] == WRAPS] == [old]
    file = tmp_path / "new.key"
    assert command("keys", "create", str(file)).exit_code == 0
    new = PlatformKey.of(file.read_text().strip()).fingerprint
    assert {"key": new, "use": "made"} in said(platform, Kind.KEY_USE)
    assert command("keys", "rotate", str(file)).exit_code == 0
    rotated = said(platform, Kind.KEY_USE)[-1]
    assert (rotated["key"], rotated["in_place_of"], rotated["use"]) == (new, old, WRAPS)
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv(f"{KEY_VARIABLE}_FILE", str(file))
    before = len(said(platform, Kind.KEY_USE))
    assert platform.publish(NEXT_NIGHT)
    assert len(said(platform, Kind.KEY_USE)) == before, "what is known is not said twice"
    assert "a key" not in (platform.home.ledger / "entries.jsonl").read_text()
