"""A contract that cannot be used costs its own feed: what was accepted of it is read by the wording of then, or it is left out."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from expectations.gate import run_gate
from nights.accept import accept_night
from nights.broken_contracts import Known, load_known
from nights.integrity.sealed_extracts import check_feed
from nights.pulling.one_feed import land_night
from nights.rows.accepted import WORDING
from sources.contract.load import load
from sources.contract.model import Contract
from sources.contract.reading.odcs import ContractError
from tests.conftest import NEXT_NIGHT, NIGHT, Feed
from warehouse.home import Home
from warehouse.store.seal import SEAL, Tampered, seal_folder

ID = "{name: id, logicalType: integer, primaryKey: true, required: true}"
POINTING = "{name: other, logicalType: integer, relationships: [{to: tests__things.%s}]}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "contracts"
    made.mkdir()
    return made


def accepted(path: Path, home: Home, header: str = "id") -> Contract:
    """The contract, with a night accepted under it."""
    (path.parent / "extract.csv").write_text(f"{header}\n" + ",".join("1" for _ in header.split(",")) + "\n")
    contract = load(path)
    land_night(contract, home, NIGHT)
    run_gate(contract, home, NIGHT)
    assert accept_night(contract, home, NIGHT).is_taken
    return contract


def by_name(known: Known) -> dict[str, Contract]:
    return {contract.name: contract for contract in known.contracts}


def kept(home: Home, feed: str = "things") -> Path:
    return home.accepted / "tests" / feed / NIGHT.isoformat() / WORDING


def test_an_accepted_night_keeps_the_very_bytes_of_its_contract(folder: Path, home: Home) -> None:
    path = Feed([ID]).write(folder)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    contract = accepted(path, home)
    assert kept(home).read_bytes() == path.read_bytes() == contract.wording
    assert WORDING in json.loads((kept(home).parent / SEAL).read_text())["files"]


def test_what_is_kept_is_what_was_read_also_where_the_file_changed_since(folder: Path, home: Home) -> None:
    path = Feed([ID]).write(folder)
    (path.parent / "extract.csv").write_text("id\n1\n")
    contract, before = load(path), path.read_bytes()
    path.write_text("gone")
    land_night(contract, home, NIGHT)
    run_gate(contract, home, NIGHT)
    accept_night(contract, home, NIGHT)
    assert kept(home).read_bytes() == before


def test_valid_contracts_are_as_they_are(folder: Path, home: Home) -> None:
    contract = accepted(Feed([ID]).write(folder), home)
    assert load_known(home, [folder]) == Known([contract])


def test_a_broken_contract_is_read_by_its_last_wording_and_says_why_not_now(folder: Path, home: Home) -> None:
    path = Feed([ID]).write(folder)
    before = accepted(path, home)
    Feed([ID], feed="others").write(folder)
    path.write_text(path.read_text().replace("logicalType: integer", "logicalType: whole"))
    known = load_known(home, [folder])
    found = by_name(known)
    assert found.keys() == {"tests/things", "tests/others"}
    assert found["tests/others"].unusable is None
    last = found["tests/things"]
    assert (last.columns, last.path, last.wording) == (before.columns, before.path, before.wording)
    assert (last.unusable or "").startswith("the contract cannot be used: things.odcs.yaml:")
    assert "schema[0].properties[0].logicalType: 'whole' is not one of" in (last.unusable or "")
    assert [(item.name, item.is_left_out) for item in known.broken] == [("tests/things", False)]
    assert known.left_out == ()


def test_the_last_night_that_keeps_a_wording_counts(folder: Path, home: Home) -> None:
    accepted(Feed([ID]).write(folder), home)
    path = Feed([ID, "{name: later, logicalType: integer}"]).write(folder)
    (path.parent / "extract.csv").write_text("id,later\n1,1\n")
    contract = load(path)
    land_night(contract, home, NEXT_NIGHT)
    run_gate(contract, home, NEXT_NIGHT)
    accept_night(contract, home, NEXT_NIGHT)
    path.write_text("")
    assert by_name(load_known(home, [folder]))["tests/things"].columns == contract.columns


def test_one_that_was_never_accepted_is_left_out_and_told(folder: Path, home: Home) -> None:
    path = Feed([ID]).write(folder)
    path.write_text(path.read_text().replace("version: 1.0.0", "version: 1.0.0\nversion: 1.0.1"))
    Feed([ID], feed="others").write(folder)
    known = load_known(home, [folder])
    assert by_name(known).keys() == {"tests/others"}
    (broken,) = known.left_out
    assert (broken.agency, broken.feed) == ("tests", "things")
    assert str(broken.problems[0]).startswith(f"{path}:6: YAML: the key 'version' stands here again")
    assert not home.root.exists(), "nothing is made where nothing is"


HOSTILE: list[Callable[[Path], object]] = [
    lambda path: path.write_text("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" * 1),
    lambda path: path.write_bytes(b"\xff\xfe\x00\xd8" * 40),
    lambda path: path.write_bytes(b"\x00" * 100),
    lambda path: path.write_text("[" * 200_000),
    lambda path: path.write_text("- " * 50_000),
    lambda path: path.write_text("!!python/object/apply:os.system ['touch stolen']"),
    lambda path: path.write_text("a: !!binary x\nb: !!timestamp y\n? [1, 2]\n: {3: 4}\n"),
    lambda path: path.write_text("n: " + "9" * 5000),
    lambda path: path.write_text(""),
    lambda path: path.write_text("\x1b[2J\u202e: x"),
    lambda path: (path.unlink(), path.mkdir()),
    lambda path: (path.unlink(), os.mkfifo(path)),
    lambda path: (path.unlink(), path.symlink_to(path)),
    lambda path: (path.unlink(), path.symlink_to(path.with_name("nowhere.odcs.yaml"))),
    lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
]  # fmt: skip


@pytest.mark.parametrize("spoil", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_a_problem_of_its_own_feed(spoil: Callable[[Path], object], folder: Path, home: Home) -> None:
    path = Feed([ID]).write(folder)
    accepted(path, home)
    Feed([ID], agency="quiet").write(folder)
    spoil(path)
    known = load_known(home, [folder])
    found = by_name(known)
    (broken,) = known.broken
    assert broken.why.isprintable()
    assert len(broken.why) < 700
    assert found["quiet/things"].unusable is None
    assert found["tests/things"].unusable == broken.why


def test_a_defect_of_the_platform_costs_one_feed_too(folder: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    Feed([ID]).write(folder)
    Feed([ID], feed="others").write(folder)

    def fails(path: Path) -> Contract:
        if path.name.startswith("things"):
            raise RecursionError("Mari Maasikas")
        return load(path)

    monkeypatch.setattr("nights.broken_contracts.load", fails)
    known = load_known(home, [folder])
    assert by_name(known).keys() == {"tests/others"}
    assert "RecursionError" in known.broken[0].why
    assert "Mari" not in known.broken[0].why


def test_a_name_that_is_none_leads_nowhere(folder: Path, home: Home) -> None:
    Feed([ID], agency="Not A Name").write(folder)
    known = load_known(home, [folder])
    assert (known.contracts, [item.name for item in known.left_out]) == ([], ["Not A Name/things"])


def test_one_that_points_to_nowhere_is_read_by_its_last_wording(folder: Path, home: Home) -> None:
    Feed([ID]).write(folder)
    path = Feed([ID, POINTING % "id"], feed="pointing").write(folder)
    accepted(path, home, "id,other")
    Feed([ID, POINTING % "colour"], feed="pointing").write(folder)
    found = by_name(load_known(home, [folder]))
    assert "tests/things.colour is not in any contract" in (found["tests/pointing"].unusable or "")
    assert [item.to_columns for item in found["tests/pointing"].references] == [("id",)]
    assert found["tests/things"].unusable is None


@pytest.mark.parametrize("was_accepted", [True, False])
def test_a_key_into_a_broken_feed_is_no_fault_of_the_other(was_accepted: bool, folder: Path, home: Home) -> None:
    target = Feed([ID]).write(folder)
    if was_accepted:
        accepted(target, home)
    Feed([ID, POINTING % "id"], feed="pointing").write(folder)
    target.write_text("")
    found = by_name(load_known(home, [folder]))["tests/pointing"]
    assert found.unusable is None
    assert len(found.references) == was_accepted, "a key that cannot be measured is not"


def test_a_feed_that_is_described_twice_is_read_by_its_last_wording(folder: Path, home: Home) -> None:
    contract = accepted(Feed([ID]).write(folder / "one"), home)
    Feed([ID, "{name: more, logicalType: string}"]).write(folder / "two")
    Feed([ID], feed="others").write(folder / "two")
    known = load_known(home, [folder / "one", folder / "two"])
    found = by_name(known)
    assert [item.name for item in known.contracts] == ["tests/things", "tests/others"]
    assert found["tests/things"].columns == contract.columns
    assert "describes tests/things again" in (found["tests/things"].unusable or "")
    assert found["tests/others"].unusable is None


def test_a_link_to_another_feeds_contract_is_no_second_description_of_it(folder: Path, home: Home) -> None:
    path = Feed([ID]).write(folder)
    (folder / "another").mkdir()
    (folder / "another" / "things.odcs.yaml").symlink_to(path)
    known = load_known(home, [folder])
    assert [(item.name, item.unusable) for item in known.contracts] == [("tests/things", None)]
    assert [item.name for item in known.left_out] == ["another/things"]
    assert "is a link to the contract of another feed" in known.left_out[0].why


def test_a_folder_that_is_none_is_still_refused(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERAGENCY_SOURCES", str(tmp_path / "nowhere"))
    with pytest.raises(ContractError, match=r"nowhere.*INTERAGENCY_SOURCES: is not a folder"):
        load_known(home)


def test_a_wording_that_was_changed_is_not_used(folder: Path, home: Home) -> None:
    path = Feed([ID]).write(folder)
    contract = accepted(path, home)
    check_feed(contract, home, NIGHT)
    kept(home).write_text(
        kept(home).read_text().replace("primaryKey: true", "primaryKey: true, classification: public")
    )
    with pytest.raises(Tampered, match=r"contract\.odcs\.yaml was changed"):
        check_feed(contract, home, NIGHT)
    path.write_text("")
    (broken,) = load_known(home, [folder]).left_out
    assert "interagency vouch accepted/tests/things/2026-11-20" in str(broken.problems[-1])


def test_a_night_of_before_without_a_wording_is_valid_and_none_can_be_put_beside_it(folder: Path, home: Home) -> None:
    path = Feed([ID]).write(folder)
    contract = accepted(path, home)
    wording = kept(home).read_bytes()
    kept(home).unlink()
    with pytest.raises(Tampered, match=r"contract\.odcs\.yaml was changed"):
        check_feed(contract, home, NIGHT)
    from nights.rows.accepted import Acceptance

    night = kept(home).parent
    seal_folder(home, night, ["rows.parquet"], Acceptance.read(night).lasting)
    (home.state / "accepted" / "tests" / "things.jsonl").unlink()
    (home.root / "state" / "journal-heads.json").unlink(missing_ok=True)
    kept(home).write_bytes(wording)
    path.write_text("")
    assert [item.name for item in load_known(home, [folder]).left_out] == ["tests/things"]
