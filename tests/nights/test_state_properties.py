"""Nights of any mode, refused, late, tied, deleting, come anew in any order: the state is that of a simple model, on every date."""

import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nights.accept import accept_night
from nights.folders import accepted_folder
from nights.rows.accepted import accepted_nights, state_of
from nights.rows.changed_keys import CHANGES
from sources.contract.model import Contract
from tests.expectations.landed import land_rows
from tests.nights.test_mode_changes import FIRST, MARKED, MODES, contract_of
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home

COUNT = 4
NIGHTS = [FIRST + timedelta(days=count) for count in range(COUNT)]
State = dict[int, str]


@dataclass(frozen=True)
class Arrival:
    """What comes for a night: rows of distinct keys, as the gate leaves them. `seq` is the watermark, of any order."""

    night: date
    mode: str
    rows: tuple[tuple[int, str, int, bool], ...]
    refused: bool

    def plain(self) -> list[dict[str, Any]]:
        # A snapshot or an append feed marks nothing as deleted.
        marks = self.mode == "incremental"
        return [{"id": key, "town": town, "seq": seq, "gone": gone and marks} for key, town, seq, gone in self.rows]


ROW = st.tuples(st.integers(1, 3), st.sampled_from("AB"), st.integers(0, 2), st.booleans())
ARRIVAL = st.builds(
    Arrival,
    st.sampled_from(NIGHTS),
    # Most states are made by several nights: a snapshot ends what was before.
    st.sampled_from(["incremental", "append", "incremental", "append", "snapshot"]),
    st.lists(ROW, min_size=1, max_size=3, unique_by=lambda row: row[0]).map(tuple),
    st.sampled_from([False, False, False, True]),
)


def added(state: State, arrival: Arrival) -> State:
    """The model: what a night makes of the state before it."""
    after = {} if arrival.mode == "snapshot" else dict(state)
    for row in arrival.plain():
        if row["gone"]:
            after.pop(row["id"], None)
        elif arrival.mode != "append" or row["id"] not in after:
            after[row["id"]] = row["town"]
    return after


def states(contract: Contract, home: Home) -> list[State]:
    """What dbt would read on each of the dates."""
    found: list[State] = []
    with open_database() as connection:
        for night in NIGHTS:
            state = state_of(contract, accepted_nights(contract, home, night))
            rows = connection.execute(f"SELECT id, town FROM ({state})").fetchall()
            assert len(rows) == len(dict(rows)), "no key twice"
            found.append(dict(rows))
    return found


def take(contracts: dict[str, Contract], home: Home, arrival: Arrival) -> None:
    contract = contracts[arrival.mode]
    land_rows(contract, home, arrival.night, arrival.plain(), "refused for a test" if arrival.refused else None)
    accept_night(contract, home, arrival.night)


def assert_changes(contract: Contract, home: Home, arrival: Arrival, before: State, after: State) -> None:
    found = pq.read_table(accepted_folder(contract, home, arrival.night) / CHANGES).to_pylist()
    expected = {("new", key) for key in after.keys() - before.keys()} | {("gone", key) for key in before.keys() - after}
    expected |= {("changed", key) for key in before.keys() & after.keys() if before[key] != after[key]}
    # Of a key that came again the watermark may be another one too: the town is what the model knows.
    told = {(row["_change"], row["id"]) for row in found}
    assert {one for one in told if one[0] in ("new", "gone")} == {one for one in expected if one[0] != "changed"}
    assert {one for one in expected if one[0] == "changed"} <= told
    appended = arrival.plain() if arrival.mode == "append" else []
    vain = {row["id"] for row in appended if before.get(row["id"], row["town"]) != row["town"]}
    assert {("again", key) for key in vain} <= told


def modelled(contracts: dict[str, Contract], home: Home, accepted: dict[date, Arrival]) -> list[State]:
    """The model's state on each of the dates; on the way, what each night told of its changes is held against it."""
    found: list[State] = [{}]
    for night in NIGHTS:
        arrival = accepted.get(night)
        found.append(added(found[-1], arrival) if arrival else found[-1])
        if arrival:
            assert_changes(contracts[arrival.mode], home, arrival, found[-2], found[-1])
    return found[1:]


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(st.lists(ARRIVAL, min_size=3, max_size=6))
def test_the_state_is_that_of_the_model_on_every_date(arrivals: list[Arrival]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        contracts = {mode: contract_of(Path(folder) / mode, MARKED, mode) for mode in MODES}
        accepted: dict[date, Arrival] = {}
        for arrival in arrivals:
            take(contracts, home, arrival)
            accepted |= {} if arrival.refused else {arrival.night: arrival}
        asked = contracts[arrivals[-1].mode]
        state = states(asked, home)
        assert state == modelled(contracts, home, accepted)
        if arrivals[0].night in accepted:
            take(contracts, home, accepted[arrivals[0].night])
            assert states(asked, home) == state, "the same night again"
