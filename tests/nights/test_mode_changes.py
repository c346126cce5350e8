"""Stored nights under a contract that changed since: another mode, other types, another watermark; nights that come anew."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.cross_agency import gate_build
from nights.accept import accept_night
from nights.folders import accepted_folder
from nights.record.feed_night import FeedNight, recorded
from nights.rows.accepted import Acceptance, accepted_nights, create_relations, held_back
from nights.rows.changed_keys import CHANGES
from nights.rows.watermark import since
from sources.arrival.manifest import ROWS, Manifest
from sources.contract.load import load
from sources.contract.model import Contract
from tests.conftest import Feed
from tests.expectations.landed import land_rows
from tests.nights.gated import gated
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.night_records import records

FIRST = date(2026, 11, 1)
NIGHTS = [FIRST + timedelta(days=count) for count in range(5)]
ID = "{name: id, logicalType: integer, primaryKey: true}"
TOWN = "{name: town, logicalType: string}"
MARKED = [ID, TOWN, "{name: seq, logicalType: integer}", "{name: gone, logicalType: boolean}"]
MODES: dict[str, dict[str, str]] = {
    "snapshot": {},
    "append": {"extractMode": "append"},
    "incremental": {"extractMode": "incremental", "watermark": "seq", "deletedWhen": "gone"},
}


def contract_of(folder: Path, columns: list[str], mode: str, feed: str = "things") -> Contract:
    return load(Feed(columns, feed=feed, custom=MODES[mode]).write(folder))


def taken(contract: Contract, home: Home, night: date, rows: list[dict[str, Any]]) -> FeedNight:
    land_rows(contract, home, night, rows)
    return accept_night(contract, home, night)


def towns(contract: Contract, home: Home, night: date) -> dict[int, Any]:
    with open_database() as connection:
        create_relations(connection, [contract], home, night)
        return dict(connection.execute("SELECT id, town FROM accepted.tests__things").fetchall())


def row(key: int, town: str | None, gone: bool = False) -> dict[str, Any]:
    return {"id": key, "town": town, "seq": key, "gone": gone}


@pytest.mark.parametrize("now", list(MODES))
@pytest.mark.parametrize("then", list(MODES))
def test_each_night_adds_by_the_mode_that_it_came_with(then: str, now: str, tmp_path: Path, home: Home) -> None:
    before = contract_of(tmp_path / "before", MARKED, then)
    taken(before, home, NIGHTS[0], [row(1, "A"), row(2, "B")])
    taken(before, home, NIGHTS[1], [row(2, "moved"), row(3, "C")])
    state = {
        "snapshot": {2: "moved", 3: "C"},
        "append": {1: "A", 2: "B", 3: "C"},
        "incremental": {1: "A", 2: "moved", 3: "C"},
    }[then]
    after = contract_of(tmp_path / "after", MARKED, now)
    assert towns(after, home, NIGHTS[1]) == state, "no night came since: the feed goes on as it was"
    night = taken(after, home, NIGHTS[2], [row(3, "away"), row(4, "D")])
    added = {
        "snapshot": {3: "away", 4: "D"},
        "append": {**state, 4: "D"},
        "incremental": {**state, 3: "away", 4: "D"},
    }[now]
    assert towns(after, home, NIGHTS[2]) == added
    assert towns(after, home, NIGHTS[1]) == state, "a past night is what it was"
    assert towns(before, home, NIGHTS[2]) == added, "whatever the contract says on the day of the question"
    assert night.rows_new == len(added.keys() - state.keys())
    assert night.rows_gone == len(state.keys() - added.keys())


def test_what_was_deleted_stays_deleted_when_the_feed_is_incremental_no_more(tmp_path: Path, home: Home) -> None:
    before = contract_of(tmp_path / "before", MARKED, "incremental")
    taken(before, home, NIGHTS[0], [row(1, "A"), row(2, "B")])
    taken(before, home, NIGHTS[1], [row(1, "A", gone=True)])
    after = contract_of(tmp_path / "after", [ID, TOWN], "append")
    assert towns(after, home, NIGHTS[1]) == {2: "B"}
    taken(after, home, NIGHTS[2], [{"id": 1, "town": "back"}, {"id": 2, "town": "other"}])
    assert towns(after, home, NIGHTS[2]) == {1: "back", 2: "B"}


def test_a_night_that_an_earlier_version_accepted_is_read_as_it_was_then(tmp_path: Path, home: Home) -> None:
    contract = contract_of(tmp_path, MARKED, "append")
    for night, town in zip(NIGHTS[:2], "AB", strict=True):
        taken(contract, home, night, [row(ord(town), town)])
        folder = accepted_folder(contract, home, night)
        replace(Acceptance.read(folder), mode=None).write(folder)
    assert set(towns(contract, home, NIGHTS[1]).values()) == {"A", "B"}


def test_a_volume_is_held_against_a_whole_night_only(tmp_path: Path, home: Home) -> None:
    feed = Feed([ID, TOWN], custom=MODES["append"])
    gated(tmp_path, home, "id,town\n" + "".join(f"{key},A\n" for key in range(100)), feed, NIGHTS[0]).accept(NIGHTS[0])
    night, _ = gated(tmp_path, home, "id,town\n1,A\n", replace(feed, custom={}), NIGHTS[1]).accept(NIGHTS[1])
    assert night.is_taken


def test_stored_values_that_are_none_of_the_new_type_are_held_back_and_told(tmp_path: Path, home: Home) -> None:
    before = contract_of(tmp_path / "before", [ID, TOWN], "append")
    taken(before, home, NIGHTS[0], [{"id": 1, "town": "17"}, {"id": 2, "town": "x9"}, {"id": 3, "town": None}])
    taken(before, home, NIGHTS[1], [{"id": 4, "town": "5.7"}])
    after = contract_of(tmp_path / "after", [ID, "{name: town, logicalType: integer}"], "append")
    taken(after, home, NIGHTS[2], [{"id": 5, "town": 2**53 + 1}])
    other = contract_of(tmp_path, [ID, TOWN], "append", feed="others")
    taken(other, home, NIGHTS[0], [{"id": 1, "town": "here"}])
    assert towns(after, home, NIGHTS[2]) == {1: 17, 3: None, 5: 2**53 + 1}, "5.7 is not 6, and 2**53 + 1 not rounded"
    build = tmp_path / "build.duckdb"
    with open_database(build) as connection:
        create_relations(connection, [after, other], home, NIGHTS[2])
        assert connection.execute("SELECT town FROM accepted.tests__others").fetchall() == [("here",)]
    found = told_of_stored_rows([after, other], home, build)
    assert [(rule, count, passed) for rule, count, passed, _ in found] == [("tests__things.town fits BIGINT", 2, False)]
    assert "tests/things" in found[0][3]
    assert "2026-11-01 to 2026-11-02" in found[0][3]
    assert "Agency of Tests" in found[0][3]


def told_of_stored_rows(contracts: list[Contract], home: Home, build: Path) -> list[tuple[Any, ...]]:
    """What the gate of a build recorded of stored rows; its hand-written rules are about other feeds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("expectations.cross_agency.load_rules", list)
        gate_build(contracts, home, build, NIGHTS[2], {}, {})
    with open_database() as connection:
        return connection.execute(
            f"SELECT rule, unexpected_count, passed, description FROM {records(home, 'gate_result')} WHERE feed = 'stored_rows'"
        ).fetchall()


def test_the_newest_wording_counts_also_where_it_does_not_fit(tmp_path: Path, home: Home) -> None:
    before = contract_of(tmp_path / "before", MARKED, "incremental")
    taken(before, home, NIGHTS[0], [row(1, "17"), row(2, "18")])
    taken(before, home, NIGHTS[1], [row(1, "unknown")])
    typed = [ID, "{name: town, logicalType: integer}", *MARKED[2:]]
    after = contract_of(tmp_path / "after", typed, "incremental")
    assert towns(after, home, NIGHTS[1]) == {2: 18}, "17 was right once: it is not what the agency holds"


def test_keys_that_do_not_fit_are_each_held_back(tmp_path: Path, home: Home) -> None:
    text_key = "{name: id, logicalType: string, primaryKey: true}"
    before = contract_of(tmp_path / "before", [text_key, TOWN], "append")
    for night, keys in zip(NIGHTS[:2], (["1", "A1", "A2"], ["2", "A2", "A3"]), strict=True):
        taken(before, home, night, [{"id": key, "town": "T"} for key in keys])
    after = contract_of(tmp_path / "after", [ID, TOWN], "append")
    assert set(towns(after, home, NIGHTS[1])) == {1, 2}
    with open_database() as connection:
        held = held_back(connection, after, accepted_nights(after, home, NIGHTS[1]))
    assert [(found.column, found.values) for found in held] == [("id", 3)]


@pytest.mark.parametrize(
    ("then", "now", "value", "expected"),
    [
        ("{logicalType: number}", "{logicalType: integer}", 5.0, 5),
        ("{logicalType: number}", "{logicalType: integer}", 5.5, None),
        ("{logicalType: integer}", "{logicalType: string}", 5, "5"),
        ("{logicalType: integer}", "{logicalType: boolean}", 1, True),
        ("{logicalType: integer}", "{logicalType: boolean}", 2, None),
        ("{logicalType: string}", "{logicalType: boolean}", "yes", True),
        ("{logicalType: integer}", "{logicalType: date}", 20261101, None),
        ("{logicalType: string}", "{logicalType: date}", "2026-11-01", FIRST),
        ("{logicalType: string}", "{logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}}", "01.11.2026", FIRST),
        ("{logicalType: number}", "{logicalType: number, physicalType: 'DECIMAL(9,2)'}", 0.1, "0.10"),
        ("{logicalType: number}", "{logicalType: number, physicalType: 'DECIMAL(9,2)'}", 0.123, None),
        ("{logicalType: date}", "{logicalType: time}", FIRST, None),
    ],
)  # fmt: skip
def test_a_stored_value_is_cast_where_nothing_of_it_is_lost(
    then: str, now: str, value: Any, expected: Any, tmp_path: Path, home: Home
) -> None:  # fmt: skip
    def column(kind: str) -> str:
        return "{name: town, " + kind.removeprefix("{")

    taken(contract_of(tmp_path / "then", [ID, column(then)], "snapshot"), home, FIRST, [{"id": 1, "town": value}])
    found = towns(contract_of(tmp_path / "now", [ID, column(now)], "snapshot"), home, FIRST)
    assert {key: str(town) for key, town in found.items()} == ({} if expected is None else {1: str(expected)})


@pytest.mark.parametrize(("then", "now"), [("date", "integer"), ("integer", "date")])
def test_a_watermark_of_another_type_is_told_and_everything_is_pulled(
    then: str, now: str, tmp_path: Path, home: Home
) -> None:  # fmt: skip
    def contract(kind: str) -> Contract:
        columns = [ID, TOWN, f"{{name: at, logicalType: {kind}}}"]
        custom = {"extractMode": "incremental", "watermark": "at"}
        return load(Feed(columns, custom=custom).write(tmp_path / kind))

    value = {"integer": 20261101, "date": FIRST}
    taken(contract(then), home, NIGHTS[0], [{"id": 1, "town": "A", "at": value[then]}])
    assert since(contract(then), home, NIGHTS[1]) is not None
    after = contract(now)
    assert since(after, home, NIGHTS[1]) is None
    taken(after, home, NIGHTS[1], [{"id": 1, "town": "A", "at": value[now]}])
    assert Acceptance.read(accepted_folder(after, home, NIGHTS[1])).watermark == str(value[now])
    assert "everything was asked for" in warnings_of(home, NIGHTS[1])["watermark_goes_on"]
    assert since(after, home, NIGHTS[2]) is not None, "the night after goes on as usual"
    taken(after, home, NIGHTS[2], [])
    assert warnings_of(home, NIGHTS[2]) == {}


def test_a_watermark_of_another_column_is_not_gone_on_from(tmp_path: Path, home: Home) -> None:
    columns = [ID, TOWN, "{name: seq, logicalType: integer}", "{name: version, logicalType: integer}"]
    custom = {"extractMode": "incremental", "watermark": "seq"}
    before = load(Feed(columns, custom=custom).write(tmp_path / "before"))
    taken(before, home, NIGHTS[0], [{"id": 1, "town": "A", "seq": 900, "version": 3}])
    after = load(Feed(columns, custom={**custom, "watermark": "version"}).write(tmp_path / "after"))
    assert since(after, home, NIGHTS[1]) is None


def warnings_of(home: Home, night: date) -> dict[str, str]:
    with open_database() as connection:
        query = f"SELECT rule, description FROM {records(home, 'gate_result')} WHERE extract_date = ? AND NOT passed"
        return dict(connection.execute(query, [night]).fetchall())


def test_a_key_appended_again_with_another_content_is_counted_and_kept_to_be_read(tmp_path: Path, home: Home) -> None:
    contract = contract_of(tmp_path, [ID, TOWN], "append")
    taken(contract, home, NIGHTS[0], [{"id": 1, "town": "A"}, {"id": 2, "town": "B"}])
    night = taken(
        contract, home, NIGHTS[1], [{"id": 1, "town": "A"}, {"id": 2, "town": "other"}, {"id": 3, "town": "C"}]
    )
    assert (night.rows_new, night.rows_changed, night.rows_gone, night.rows_again) == (1, 0, 0, 1)
    assert recorded(home, NIGHTS[1], "tests", "things") == night
    assert changes_of(contract, home, NIGHTS[1]) == {("new", 3, "C"), ("again", 2, "other")}
    assert "first record of a key stays" in warnings_of(home, NIGHTS[1])["sent_again_differently"]
    assert towns(contract, home, NIGHTS[1])[2] == "B"


def changes_of(contract: Contract, home: Home, night: date) -> set[tuple[str, int, Any]]:
    rows = pq.read_table(accepted_folder(contract, home, night) / CHANGES).to_pylist()
    return {(found["_change"], found["id"], found["town"]) for found in rows}


def test_a_night_that_comes_anew_tells_the_next_snapshot_what_it_changed(tmp_path: Path, home: Home) -> None:
    contract = contract_of(tmp_path, [ID, TOWN], "snapshot")
    for night, town in zip(NIGHTS[:3], "ABC", strict=True):
        taken(contract, home, night, [{"id": 1, "town": town}])
    untouched = changed_at(contract, home, NIGHTS[2])
    taken(contract, home, NIGHTS[0], [{"id": 1, "town": "B"}, {"id": 2, "town": "Z"}])
    assert changes_of(contract, home, NIGHTS[1]) == {("gone", 2, "Z")}
    second = recorded(home, NIGHTS[1], "tests", "things")
    assert second is not None
    assert (second.rows_new, second.rows_changed, second.rows_gone) == (0, 0, 1)
    assert changed_at(contract, home, NIGHTS[2]) == untouched, "the night after the next does not depend on it"


def changed_at(contract: Contract, home: Home, night: date) -> int:
    return (accepted_folder(contract, home, night) / CHANGES).stat().st_mtime_ns


def test_a_night_that_comes_anew_tells_all_appended_nights_after_it(tmp_path: Path, home: Home) -> None:
    contract = contract_of(tmp_path, [ID, TOWN], "append")
    taken(contract, home, NIGHTS[0], [{"id": 1, "town": "A"}])
    taken(contract, home, NIGHTS[1], [{"id": 2, "town": "B"}])
    taken(contract, home, NIGHTS[2], [{"id": 3, "town": "C"}, {"id": 4, "town": "D"}])
    taken(contract, home, NIGHTS[0], [{"id": 1, "town": "A"}, {"id": 3, "town": "earlier"}])
    assert changes_of(contract, home, NIGHTS[2]) == {("new", 4, "D"), ("again", 3, "C")}
    third = recorded(home, NIGHTS[2], "tests", "things")
    assert third is not None
    assert (third.rows_new, third.rows_again) == (1, 1)
    assert "sent_again_differently" in warnings_of(home, NIGHTS[2])
    taken(contract, home, NIGHTS[0], [{"id": 1, "town": "A"}])
    assert warnings_of(home, NIGHTS[2]) == {}


def test_the_same_rows_again_leave_later_nights_as_they_are(tmp_path: Path, home: Home) -> None:
    contract = contract_of(tmp_path, [ID, TOWN], "append")
    for night, town in zip(NIGHTS[:2], "AB", strict=True):
        taken(contract, home, night, [{"id": 1, "town": town}])
    untouched = changed_at(contract, home, NIGHTS[1])
    taken(contract, home, NIGHTS[0], [{"id": 1, "town": "A"}])
    assert changed_at(contract, home, NIGHTS[1]) == untouched
    assert Manifest.read(home.landing / "tests" / "things" / str(FIRST)).rows_landed == 1


def test_a_column_that_no_contract_knew_may_be_of_any_type(tmp_path: Path, home: Home) -> None:
    contract = contract_of(tmp_path, [ID, TOWN], "snapshot")
    taken(contract, home, NIGHTS[0], [{"id": 1, "town": "Ely"}])
    stored = accepted_folder(contract, home, NIGHTS[0]) / ROWS
    table = pq.read_table(stored).append_column("tags", pa.array([["old", "new"]]))
    stored.unlink()
    pq.write_table(table, stored)
    assert towns(contract, home, NIGHTS[0]) == {1: "Ely"}
    known = contract_of(tmp_path, [ID, TOWN, "{name: tags, logicalType: string}"], "snapshot")
    assert towns(known, home, NIGHTS[0]) == {1: "Ely"}


@pytest.mark.parametrize("mark", ["is_gone", None])
def test_a_deletion_is_told_by_the_mark_of_its_own_night(mark: str | None, tmp_path: Path, home: Home) -> None:
    before = contract_of(tmp_path / "before", MARKED, "incremental")
    taken(before, home, NIGHTS[0], [row(1, "A"), row(2, "B")])
    taken(before, home, NIGHTS[1], [row(2, "B", gone=True)])
    custom = {"extractMode": "incremental", "watermark": "seq", **({"deletedWhen": mark} if mark else {})}
    columns = [*MARKED, "{name: is_gone, logicalType: boolean}"]
    after = load(Feed(columns, custom=custom).write(tmp_path / "after"))
    assert towns(after, home, NIGHTS[1]) == {1: "A"}


def test_a_mark_is_none_in_a_night_that_was_no_increment(tmp_path: Path, home: Home) -> None:
    whole = contract_of(tmp_path / "whole", MARKED, "snapshot")
    taken(whole, home, NIGHTS[0], [row(1, "A"), row(2, "B", gone=True)])
    changed = contract_of(tmp_path / "changed", MARKED, "incremental")
    assert towns(changed, home, NIGHTS[0]) == {1: "A", 2: "B"}
    added = contract_of(tmp_path / "added", MARKED, "append")
    taken(added, home, NIGHTS[1], [row(3, "C", gone=True)])
    assert towns(changed, home, NIGHTS[1]) == {1: "A", 2: "B", 3: "C"}


def test_rows_without_the_key_of_today_are_held_back_and_told(tmp_path: Path, home: Home) -> None:
    before = contract_of(tmp_path / "before", [ID, TOWN], "append")
    taken(before, home, NIGHTS[0], [{"id": 1, "town": "A"}, {"id": 2, "town": "B"}])
    keyed = ["{name: id, logicalType: integer}", "{name: person, logicalType: string, primaryKey: true}", TOWN]
    after = contract_of(tmp_path / "after", keyed, "append")
    taken(after, home, NIGHTS[1], [{"id": 3, "person": "P3", "town": "C"}])
    assert towns(after, home, NIGHTS[1]) == {3: "C"}
    with open_database() as connection:
        told = held_back(connection, after, accepted_nights(after, home, NIGHTS[1]))
    assert [(item.column, item.values) for item in told] == [("person", 2)]


def test_a_column_may_be_called_filename(tmp_path: Path, home: Home) -> None:
    contract = contract_of(tmp_path, [ID, TOWN, "{name: filename, logicalType: string}"], "snapshot")
    taken(contract, home, NIGHTS[0], [{"id": 1, "town": "Ely", "filename": "x"}])
    assert towns(contract, home, NIGHTS[0]) == {1: "Ely"}
