"""A night of people under its own keys: nothing of it is readable without, and what is erased or rotated is just that."""

import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

import warehouse.files
from expectations.gate import run_gate
from nights.accept import accept_night
from nights.folders import accepted_folder, landed_folder
from nights.integrity.sealed_extracts import check_originals
from nights.integrity.tampered import tampered
from nights.integrity.vouched import refuse_new_key, take_over, vouch_for_all
from nights.keyed_nights import erase_night
from nights.pulling.all_feeds import pull
from nights.pulling.kept_originals import share
from nights.pulling.one_feed import land_night
from nights.record.feed_night import FAILED
from nights.record.rejects import rejects_of
from nights.retention_by_contract import forget_unfinished
from nights.rows.accepted import accepted_nights, state_of
from sources.arrival.manifest import ROWS
from sources.contract.load import load
from sources.contract.model import Contract
from tests.attacks.scan import texts_of
from tests.conftest import NEXT_NIGHT, NIGHT, Feed
from warehouse.engines.duckdb.encrypted_parquet import let_read, parquet
from warehouse.engines.duckdb.engine import open_database
from warehouse.errors import KeyRefused
from warehouse.home import Home
from warehouse.keys import data_key
from warehouse.keys.data_key import all_keys, rotate
from warehouse.keys.keyed_folder import erase
from warehouse.keys.platform_key import KEY_VARIABLE, PlatformKey
from warehouse.store.seal import Tampered

COLUMNS = [
    "{name: id, logicalType: integer, primaryKey: true, classification: internal}",
    "{name: name, logicalType: string, classification: personal, required: true}",
    "{name: pay, logicalType: integer, classification: personal}",
    "{name: town, logicalType: string, classification: public, logicalTypeOptions: {pattern: '[A-Z].*'}}",
]
# One good row, one that the landing refuses, one that the gate does.
SENT = "id,name,pay,town\n1,PLANTEDONE,7,Tartu\n2,PLANTEDTWO,much,Tartu\n3,PLANTEDTHREE,9,tartu\n"
CLEAN = "id,name,pay,town\n1,PLANTEDONE,7,Tartu\n"


@pytest.fixture
def contract(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> Contract:
    monkeypatch.setenv(KEY_VARIABLE, "a key")
    path = Feed(COLUMNS).write(tmp_path)
    (path.parent / "extract.csv").write_text(SENT)
    take_over(home)
    return load(path)


def run(contract: Contract, home: Home, night: date = NIGHT, sent: str | None = None) -> None:
    if sent is not None:
        (contract.path.parent / "extract.csv").write_text(sent)
    land_night(contract, home, night)
    run_gate(contract, home, night)
    accept_night(contract, home, night)


def rows(contract: Contract, home: Home, night: date = NIGHT) -> list[tuple[object, ...]]:
    sql = state_of(contract, accepted_nights(contract, home, night))
    with open_database() as connection:
        let_read(connection, sql)
        return connection.execute(f"SELECT id, name, pay, town FROM ({sql}) ORDER BY id").fetchall()


def rejects(contract: Contract, home: Home, night: date = NIGHT) -> list[tuple[object, ...]]:
    relation = rejects_of(contract, home, night)
    assert relation is not None
    with open_database() as connection:
        let_read(connection, relation)
        return connection.execute(f"SELECT step, line, is_as_sent FROM {relation} ORDER BY line").fetchall()


def original(contract: Contract, home: Home, into: Path, night: date = NIGHT) -> str:
    into.mkdir()
    try:
        share(landed_folder(contract, home, night), into)
        return (into / "extract.csv").read_text()
    finally:
        shutil.rmtree(into)


def leaking(home: Home) -> list[Path]:
    files = [path for path in home.root.rglob("*") if path.is_file()]
    assert len(files) > 10
    return [path for path in files if any("PLANTED" in text for text in texts_of(path))]


def test_nothing_of_a_night_is_readable_without_its_keys_and_all_with_them(
    contract: Contract, home: Home, tmp_path: Path
) -> None:
    run(contract, home)
    assert leaking(home) == []
    assert rows(contract, home) == [(1, "PLANTEDONE", 7, "Tartu")]
    # With its line and texts, for which the original was read once more.
    assert rejects(contract, home) == [("landing", 3, True), ("gate", 4, True)]
    assert original(contract, home, tmp_path / "into") == SENT


def test_a_feed_of_nobody_is_as_it_was(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "a key")
    contract = load(Feed([COLUMNS[0], COLUMNS[3]]).write(tmp_path))
    take_over(home)
    run(contract, home, sent="id,town\n1,Tartu\n")
    landed = landed_folder(contract, home, NIGHT)
    assert (landed / "original" / "extract.csv").exists()
    assert (landed / ROWS).read_bytes()[:4] == b"PAR1"


def test_without_a_key_people_are_not_pulled_and_others_are(
    contract: Contract, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = load(Feed([COLUMNS[0]], feed="numbers", path="numbers.csv").write(tmp_path))
    (public.path.parent / "numbers.csv").write_text("id\n1\n")
    monkeypatch.delenv(KEY_VARIABLE)
    for path in home.keys.rglob("*.*"):
        path.unlink()
    people, numbers = pull([contract, public], lambda one: one, home, NIGHT)
    assert people.missed is not None
    assert people.missed.status == FAILED
    assert "interagency keys create FILE" in (people.missed.reason or "")
    assert not landed_folder(contract, home, NIGHT).exists()
    assert numbers.manifest is not None


def test_a_night_that_is_run_again_is_the_same_night(contract: Contract, home: Home) -> None:
    run(contract, home)
    before = rows(contract, home), rejects(contract, home)
    run(contract, home)
    assert (rows(contract, home), rejects(contract, home)) == before
    assert leaking(home) == []


@pytest.mark.parametrize("sent", [SENT, CLEAN])
def test_an_erased_night_is_unreadable_and_no_other_is(
    contract: Contract, home: Home, tmp_path: Path, sent: str
) -> None:
    run(contract, home, NIGHT, sent)
    run(contract, home, NEXT_NIGHT, sent)
    assert erase_night(home, contract.agency, contract.feed, NIGHT) > 3
    readers: list[Callable[[date], object]] = [
        lambda night: rows(contract, home, night),
        lambda night: original(contract, home, tmp_path / "into", night),
        *([lambda night: rejects(contract, home, night)] if sent == SENT else []),
    ]
    for read in readers:
        with pytest.raises(KeyRefused, match="destroyed"):
            read(NIGHT)
        assert read(NEXT_NIGHT)


def test_when_the_retention_of_what_was_sent_is_over_the_accepted_rows_stay(contract: Contract, home: Home) -> None:
    run(contract, home, sent=CLEAN)
    landed, accepted = landed_folder(contract, home, NIGHT), accepted_folder(contract, home, NIGHT)
    assert (landed / ROWS).samefile(accepted / ROWS)
    copy = shutil.copytree(landed.resolve(), home.landing / "copy")
    erase(landed.resolve())
    assert rows(contract, home) == [(1, "PLANTEDONE", 7, "Tartu")]
    with pytest.raises(KeyRefused, match=r"does not say|destroyed"), open_database() as connection:
        let_read(connection, parquet(copy / ROWS))


def test_the_original_that_somebody_changed_is_told(contract: Contract, home: Home) -> None:
    run(contract, home)
    landed = landed_folder(contract, home, NIGHT)
    check_originals(home, landed.resolve())
    sealed = landed / "original" / "extract.csv.sealed"
    sealed.write_bytes(sealed.read_bytes()[:-1])
    with pytest.raises((Tampered, KeyRefused)):
        check_originals(home, landed.resolve())


def test_a_rotated_key_reads_every_night_and_the_old_one_says_why_not(
    contract: Contract, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(contract, home, NIGHT)
    run(contract, home, NEXT_NIGHT)
    content = {path: path.read_bytes() for path in home.accepted.rglob("*") if path.is_file()}
    old, new = PlatformKey.of("a key"), PlatformKey.of("another")
    assert rotate(home, old, new) == len(list(all_keys(home)))
    with pytest.raises(KeyRefused, match=rf"{new.fingerprint}, and the one that is set is {old.fingerprint}"):
        rows(contract, home)
    with pytest.raises(KeyRefused, match="rotated"):
        land_night(contract, home, NEXT_NIGHT)
    monkeypatch.setenv(KEY_VARIABLE, "another")
    for night in (NIGHT, NEXT_NIGHT):
        assert rows(contract, home, night)
        assert rejects(contract, home, night)
    assert {path: path.read_bytes() for path in home.accepted.rglob("*") if path.is_file()} == content
    run(contract, home, NEXT_NIGHT)


def test_a_rotation_that_was_cut_short_leaves_one_key_that_opens_all_and_goes_on(
    contract: Contract, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(contract, home)
    old, new = PlatformKey.of("a key"), PlatformKey.of("another")
    kept, writes = home.keys.parent / "kept", 2 * len(list(all_keys(home))) + 2
    shutil.copytree(home.keys, kept)
    for cut in range(writes):
        shutil.rmtree(home.keys)
        shutil.copytree(kept, home.keys)
        _rotate_and_stop(home, old, new, cut, monkeypatch)
        opens = [key for key in (old, new) if _opens_all(contract, home, key, monkeypatch)]
        assert opens, f"after {cut} writes"
        rotate(home, old, new)
        assert _opens_all(contract, home, new, monkeypatch)
        assert not _opens_all(contract, home, old, monkeypatch)


def _rotate_and_stop(
    home: Home, old: PlatformKey, new: PlatformKey, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0

    def write(path: Path, text: str) -> None:
        nonlocal written
        if written == after:
            raise KeyboardInterrupt
        written += 1
        warehouse.files.write_text(path, text)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(data_key, "write_text", write)
        rotate(home, old, new)


def _opens_all(contract: Contract, home: Home, key: PlatformKey, monkeypatch: pytest.MonkeyPatch) -> bool:
    with monkeypatch.context() as patch:
        patch.setenv(KEY_VARIABLE, key.text)
        try:
            data_key.check_platform_key(home)
            return all(data_key.unwrapped(file) is not None for file in all_keys(home))
        except KeyRefused:
            return False


@pytest.mark.parametrize("place", ["warehouse.keys.data_key.made_once", "warehouse.files.point_link"])
def test_a_night_that_is_killed_takes_nothing_with_it(place: str, contract: Contract, home: Home) -> None:
    """Between a key and its file, and between all files and the name of the night."""
    run(contract, home)
    known, keys = rows(contract, home), set(all_keys(home))
    (contract.path.parent / "extract.csv").write_text(CLEAN.replace("ONE", "OTHER"))
    child = os.fork()
    if child == 0:
        module, name = place.rsplit(".", 1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(f"{module}.{name}", lambda *_: os._exit(9))
            land_night(contract, home, NIGHT)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert rows(contract, home) == known
    assert rejects(contract, home)
    forget_unfinished(home)
    assert set(all_keys(home)) - keys == set() or place.endswith("point_link")
    assert leaking(home) == []
    run(contract, home, sent=SENT)
    assert rows(contract, home) == known


def test_a_home_on_another_machine_says_what_is_missing(
    contract: Contract, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(contract, home)
    monkeypatch.delenv(KEY_VARIABLE)
    for refused in (lambda: rows(contract, home), lambda: rejects(contract, home), lambda: take_over(home)):
        with pytest.raises(KeyRefused, match="no key is set; set INTERAGENCY_KEY_FILE"):
            refused()
    monkeypatch.setenv(KEY_VARIABLE, "a key")
    shutil.rmtree(home.keys)
    with pytest.raises(KeyRefused, match="put state/keys/ of the home back"):
        rows(contract, home)


def test_keys_are_for_their_owner_alone_and_in_their_place(contract: Contract, home: Home) -> None:
    run(contract, home)
    files = list(all_keys(home))
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    one, other = files[:2]
    other.write_bytes(one.read_bytes())
    with pytest.raises(KeyRefused, match="not in its place"):
        data_key.unwrapped(other)


def test_what_a_key_on_an_old_home_needs_is_said_once(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    old = load(Feed([COLUMNS[0], COLUMNS[3]]).write(tmp_path / "old"))
    (old.path.parent / "extract.csv").write_text("id,town\n1,Tartu\n")
    take_over(home)
    run(old, home)
    refuse_new_key(home)
    monkeypatch.setenv(KEY_VARIABLE, "a key")
    with pytest.raises(KeyRefused) as told:
        refuse_new_key(home)
    for needed in (
        "was begun without a key",
        "interagency vouch everything",
        "stays in clear until",
        "interagency keys destroy",
    ):
        assert needed in str(told.value)
    vouch_for_all(home, "a key from today on", "operator")
    refuse_new_key(home)
    assert tampered([old], home, NIGHT) == []
    run(old, home, NEXT_NIGHT)
    assert tampered([old], home, NEXT_NIGHT) == []
