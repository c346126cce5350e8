"""How nights add up: snapshot, append, incremental from a real database; what changed; past nights run again."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from expectations.gate import run_gate
from nights.accept import accept_night
from nights.folders import accepted_folder
from nights.pulling.one_feed import land_night
from nights.record.feed_night import FeedNight
from nights.rows.accepted import Acceptance, accepted_nights, create_relations
from nights.rows.changed_keys import CHANGES
from sources.contract.load import load
from sources.contract.model import Contract
from tests.conftest import Feed
from tests.nights.gated import gated
from tests.postgres import Database, on_table
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home

TODAY = datetime.now(UTC).date()
NIGHTS = [TODAY - timedelta(days=count) for count in (3, 2, 1, 0)]
ID = "{name: id, logicalType: integer, primaryKey: true}"
COLUMNS = [ID, "{name: town, logicalType: string}"]
PERSON = [
    ID,
    "{name: town, logicalType: string}",
    "{name: updated_at, logicalType: timestamp}",
    "{name: is_deleted, logicalType: boolean}",
]
INCREMENTAL = {"extractMode": "incremental", "watermark": "updated_at", "deletedWhen": "is_deleted", "lateness": "6 h"}


def state(contract: Contract, home: Home, night: date) -> list[dict[str, Any]]:
    """What dbt would read on that night."""
    with open_database() as connection:
        create_relations(connection, [contract], home, night)
        return connection.execute("FROM accepted.tests__things ORDER BY id").to_arrow_table().to_pylist()


def towns(contract: Contract, home: Home, night: date) -> dict[int, str]:
    return {row["id"]: row["town"] for row in state(contract, home, night)}


def changed(contract: Contract, home: Home, night: date) -> set[tuple[str, int]]:
    rows = pq.read_table(accepted_folder(contract, home, night) / CHANGES).to_pylist()
    return {(row["_change"], row["id"]) for row in rows}


def test_a_snapshot_tells_what_is_new_changed_and_gone(tmp_path: Path, home: Home) -> None:
    feed = Feed(COLUMNS)
    first, _ = gated(tmp_path, home, "id,town\n1,A\n2,B\n3,\n4,D\n", feed, NIGHTS[0]).accept(NIGHTS[0])
    gate = gated(tmp_path, home, "id,town\n1,A\n2,X\n3,\n5,E\n", feed, NIGHTS[1])
    night, _ = gate.accept(NIGHTS[1])
    assert (first.rows_new, first.rows_changed, first.rows_gone) == (4, 0, 0)
    assert (night.rows_new, night.rows_changed, night.rows_gone) == (1, 1, 1)
    assert changed(gate.contract, home, NIGHTS[1]) == {("new", 5), ("changed", 2), ("gone", 4)}
    gone = pq.read_table(accepted_folder(gate.contract, home, NIGHTS[1]) / CHANGES).to_pylist()
    assert [row["town"] for row in gone if row["_change"] == "gone"] == ["D"], "as it last was"


def test_appended_nights_add_up_and_a_key_that_comes_again_stays_as_it_was(tmp_path: Path, home: Home) -> None:
    feed = Feed(COLUMNS, custom={"extractMode": "append"})
    gated(tmp_path, home, "id,town\n1,A\n2,B\n", feed, NIGHTS[0]).accept(NIGHTS[0])
    gate = gated(tmp_path, home, "id,town\n2,other\n3,C\n", feed, NIGHTS[1])
    night, _ = gate.accept(NIGHTS[1])
    assert towns(gate.contract, home, NIGHTS[1]) == {1: "A", 2: "B", 3: "C"}
    assert towns(gate.contract, home, NIGHTS[0]) == {1: "A", 2: "B"}
    assert (night.rows_new, night.rows_changed, night.rows_gone) == (1, 0, 0)
    assert [str(row["_extract_date"]) for row in state(gate.contract, home, NIGHTS[1])] == [
        str(NIGHTS[0]), str(NIGHTS[0]), str(NIGHTS[1]),
    ]  # fmt: skip


def test_a_sent_again_night_takes_the_place_of_its_own(tmp_path: Path, home: Home) -> None:
    feed = Feed(COLUMNS, custom={"extractMode": "append"})
    gated(tmp_path, home, "id,town\n1,A\n", feed, NIGHTS[0]).accept(NIGHTS[0])
    gated(tmp_path, home, "id,town\n2,B\n", feed, NIGHTS[1]).accept(NIGHTS[1])
    gate = gated(tmp_path, home, "id,town\n1,corrected\n", feed, NIGHTS[0])
    gate.accept(NIGHTS[0])
    assert towns(gate.contract, home, NIGHTS[1]) == {1: "corrected", 2: "B"}


def test_a_column_that_came_later_is_null_in_the_nights_before(tmp_path: Path, home: Home) -> None:
    custom = {"extractMode": "append"}
    gated(tmp_path, home, "id\n1\n", Feed([ID], custom=custom), NIGHTS[0]).accept(NIGHTS[0])
    gate = gated(tmp_path, home, "id,town\n2,B\n", Feed(COLUMNS, custom=custom), NIGHTS[1])
    gate.accept(NIGHTS[1])
    assert towns(gate.contract, home, NIGHTS[1]) == {1: None, 2: "B"}


Night = Callable[[date], FeedNight]


@pytest.fixture
def register(connector: str, database: Database, tmp_path: Path) -> Contract:
    database.run(
        "DROP TABLE IF EXISTS register; CREATE TABLE register (id int PRIMARY KEY, town text, updated_at timestamptz, is_deleted bool)"
    )
    return database.contract(tmp_path, PERSON, "register", connector, custom=INCREMENTAL)


@pytest.fixture
def night_of(register: Contract, home: Home) -> Night:
    return lambda night: taken(register, home, night)


def put(database: Database, *rows: tuple[int, str, str, bool]) -> None:
    values = ", ".join(f"({key}, '{town}', {at}, {gone})" for key, town, at, gone in rows)
    database.run(
        f"INSERT INTO register VALUES {values} ON CONFLICT (id) DO UPDATE SET town = excluded.town, "
        "updated_at = excluded.updated_at, is_deleted = excluded.is_deleted"
    )


def hours_ago(hours: int) -> str:
    return f"TIMESTAMPTZ '{datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)}'"


def test_only_what_changed_is_pulled_and_the_state_is_whole(
    register: Contract, night_of: Night, home: Home, database: Database
) -> None:  # fmt: skip
    put(database, (1, "A", hours_ago(60), False), (2, "B", hours_ago(50), False), (3, "C", hours_ago(40), False))
    put(database, (9, "never told when", "NULL", False))
    assert night_of(NIGHTS[0]).rows_sent == 4
    put(database, (2, "moved", hours_ago(30), False), (3, "C", hours_ago(30), True), (4, "D", hours_ago(30), False))
    second = night_of(NIGHTS[1])
    assert second.rows_sent == 4, "three changes, and the row without a watermark"
    assert (second.rows_new, second.rows_changed, second.rows_gone) == (1, 1, 1)
    assert towns(register, home, NIGHTS[1]) == {1: "A", 2: "moved", 4: "D", 9: "never told when"}
    assert towns(register, home, NIGHTS[0]) == {1: "A", 2: "B", 3: "C", 9: "never told when"}


def test_late_rows_and_ties_are_neither_lost_nor_doubled(
    register: Contract, night_of: Night, home: Home, database: Database
) -> None:  # fmt: skip
    put(database, (1, "A", hours_ago(30), False))
    night_of(NIGHTS[0])
    late = (3, "late", hours_ago(34), False), (4, "too late", hours_ago(40), False)
    put(database, (2, "same hour", hours_ago(30), False), *late)
    night_of(NIGHTS[1])
    assert towns(register, home, NIGHTS[1]) == {1: "A", 2: "same hour", 3: "late"}


def test_a_refused_night_does_not_move_the_watermark(
    register: Contract, night_of: Night, home: Home, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    put(database, (1, "A", hours_ago(60), False))
    night_of(NIGHTS[0])
    put(database, (2, "B", hours_ago(40), False))
    land_night(register, home, NIGHTS[1])
    assert len(accepted_nights(register, home, TODAY)) == 1, "landed, and never accepted"
    put(database, (3, "C", hours_ago(20), False))
    night_of(NIGHTS[2])
    assert towns(register, home, NIGHTS[2]) == {1: "A", 2: "B", 3: "C"}


def test_a_clock_that_goes_wrong_does_not_hide_later_changes(
    register: Contract, night_of: Night, home: Home, database: Database
) -> None:  # fmt: skip
    put(database, (1, "A", hours_ago(60), False), (2, "of the year 2099", "TIMESTAMPTZ '2099-01-01 00:00+00'", False))
    night_of(NIGHTS[0])
    watermark = Acceptance.read(accepted_folder(register, home, NIGHTS[0])).watermark
    assert watermark is not None
    assert datetime.fromisoformat(watermark) < datetime.now(UTC)
    put(database, (3, "C", hours_ago(30), False))
    night_of(NIGHTS[1])
    assert set(towns(register, home, NIGHTS[1])) == {1, 2, 3}


def test_a_past_night_run_again_gives_the_same_rows(
    register: Contract, night_of: Night, home: Home, database: Database
) -> None:  # fmt: skip
    put(database, (1, "A", hours_ago(60), False))
    night_of(NIGHTS[0])
    put(database, (1, "moved", hours_ago(30), False), (2, "B", hours_ago(30), False))
    night_of(NIGHTS[1])
    before = state(register, home, NIGHTS[0]), state(register, home, NIGHTS[1])
    put(database, (1, "moved twice", hours_ago(1), False), (3, "C", hours_ago(1), False))
    for night in (NIGHTS[0], NIGHTS[1]):
        night_of(night)
    assert (state(register, home, NIGHTS[0]), state(register, home, NIGHTS[1])) == before
    night_of(TODAY)
    assert towns(register, home, TODAY) == {1: "moved twice", 2: "B", 3: "C"}


def test_a_past_pull_of_changes_is_never_taken_for_the_whole(database: Database, tmp_path: Path, home: Home) -> None:
    database.run(
        "DROP TABLE IF EXISTS moved; CREATE TABLE moved (id int PRIMARY KEY, town text, updated_at timestamptz)"
    )
    custom = {"extractMode": "incremental", "watermark": "updated_at", "lateness": "1 h"}
    before = database.contract(tmp_path / "before", PERSON[:3], "moved", custom=custom)
    database.run(f"INSERT INTO moved VALUES (1, 'A', {hours_ago(60)}), (2, 'B', {hours_ago(40)})")
    taken(before, home, NIGHTS[0])
    database.run(f"INSERT INTO moved VALUES (3, 'C', {hours_ago(30)})")
    assert taken(before, home, NIGHTS[1]).rows_sent == 2
    after = database.contract(tmp_path / "after", PERSON[:3], "moved")
    assert taken(after, home, NIGHTS[1]).rows_sent == 2, "landed again from what was kept of the pull"
    assert towns(after, home, NIGHTS[1]) == {1: "A", 2: "B", 3: "C"}


def taken(contract: Contract, home: Home, night: date) -> FeedNight:
    land_night(contract, home, night)
    run_gate(contract, home, night)
    return accept_night(contract, home, night)


@pytest.mark.parametrize("zone", ["America/New_York", "UTC", "Asia/Tokyo"])
def test_a_watermark_without_a_zone_loses_no_row(
    connector: str, zone: str, database: Database, tmp_path: Path, home: Home
) -> None:  # fmt: skip
    database.run("DROP TABLE IF EXISTS local; CREATE TABLE local (id int PRIMARY KEY, town text, updated_at timestamp)")
    at = f"{{name: updated_at, logicalType: timestamp, logicalTypeOptions: {{defaultTimezone: {zone}}}}}"
    custom = {"extractMode": "incremental", "watermark": "updated_at", "lateness": "0 min"}
    contract = database.contract(tmp_path, [*COLUMNS, at], "local", connector, custom=custom)
    began = datetime.now(UTC) - timedelta(hours=60)
    for number, night in enumerate(NIGHTS[:3]):
        local = (began + timedelta(hours=2 * number)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        database.run(f"INSERT INTO local VALUES ({number}, 'A', '{local}')")
        taken(contract, home, night)
        assert set(towns(contract, home, night)) == set(range(number + 1))


@pytest.mark.parametrize(
    ("lateness", "expected"),
    [({}, {1, 2, 3, 4, 5}), ({"lateness": "1"}, {1, 2, 3, 4, 5}), ({"lateness": "0"}, {1, 2, 4, 5})],
)
def test_a_number_that_was_begun_earlier_and_written_later_is_not_lost(
    lateness: dict[str, str], expected: set[int], tmp_path: Path, home: Home
) -> None:  # fmt: skip
    system = tmp_path / "system.db"
    custom = {"extractMode": "incremental", "watermark": "id", **lateness}
    options = {"connector": "sqlalchemy", "url": f"'sqlite:///{system}'"}
    contract = load(on_table(Feed(COLUMNS, options=options, custom=custom).write(tmp_path), "event", "type: custom"))
    for night, numbers in ((NIGHTS[0], (1, 2, 4)), (NIGHTS[1], (3, 5))):
        with closing(sqlite3.connect(system)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, town TEXT)")
            connection.executemany("INSERT INTO event VALUES (?, 'A')", [(number,) for number in numbers])
        taken(contract, home, night)
    assert set(towns(contract, home, NIGHTS[1])) == expected


def test_a_correction_wins_over_a_row_of_a_wrong_clock(
    register: Contract, night_of: Night, home: Home, database: Database
) -> None:  # fmt: skip
    put(database, (1, "of the year 2099", "TIMESTAMPTZ '2099-01-01 00:00+00'", False))
    night_of(NIGHTS[0])
    put(database, (1, "corrected", hours_ago(30), False))
    night_of(NIGHTS[1])
    assert towns(register, home, NIGHTS[1]) == {1: "corrected"}
