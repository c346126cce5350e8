"""The anomalies: few false alarms on series that only fluctuate, faults found, and records that tell little."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nights.record.feed_night import FAILED
from tests.watch.histories import FIRST, History, contracts_of, numbers, texts
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.night_records import records
from watch.anomalies import ARRIVAL, DISTRIBUTION, MISSING, NULL_SHARE, ROWS, observe, write_anomalies

NIGHTS, FEEDS, LAST = 120, 20, 60
Mean = Callable[[int], float]


def weekly(night: int) -> float:
    return 300 if night % 7 > 4 else 1000


SERIES: dict[str, Mean] = {
    "stationary": lambda night: 1000, "few rows": lambda night: 40, "weekly": weekly, "growth": lambda night: 1000 * 1.01**night,
    "weekly and growth": lambda night: weekly(night) * (1 + night / 200),
}  # fmt: skip


@pytest.mark.parametrize("name", SERIES)
def test_what_only_fluctuates_is_no_anomaly(name: str, home: Home, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    history = History(contracts_of(tmp_path, FEEDS))
    for contract in history.contracts:
        for night in range(NIGHTS):
            rows = int(rng.poisson(SERIES[name](night)))
            nulls = int(rng.binomial(rows, 0.1))
            columns = {
                "amount": numbers(rng.lognormal(3, 1, rows - nulls), nulls),
                "kind": texts(dict(zip("abcd", rng.multinomial(rows, [0.5, 0.3, 0.15, 0.05]).tolist(), strict=True))),
                "born": numbers(rng.normal(5000, 3000, rows), kind="date"),
                "paid": numbers(20000 + night - rng.integers(0, 4, rows), kind="date"),
            }
            history.add(contract, night, rows, columns)
    found = history.anomalies(home, 0, NIGHTS - 1)
    assert len({(one.extract_date, one.feed) for one in found}) <= 0.005 * FEEDS * NIGHTS, found


def steady(history: History, rng: np.random.Generator, last: int = LAST) -> None:
    """Nights of about 1,000 rows before `last`."""
    for contract in history.contracts:
        for night in range(last):
            history.add(contract, night, *steady_night(rng))


def steady_night(rng: np.random.Generator, rows: int | None = None) -> tuple[int, dict[str, Any]]:
    rows = int(rng.poisson(1000)) if rows is None else rows
    kinds = dict(zip("abc", rng.multinomial(rows, [0.6, 0.3, 0.1]).tolist(), strict=True))
    return rows, {
        "amount": numbers(rng.lognormal(3, 1, rows)),
        "kind": texts(kinds),
        "born": numbers(rng.normal(5000, 3000, rows), kind="date"),
    }


@pytest.mark.parametrize("rows", [0, 700, 1300, 2000])
def test_a_step_of_volume_is_found(rows: int, home: Home, tmp_path: Path) -> None:
    history, rng = History(contracts_of(tmp_path, 1)), np.random.default_rng(3)
    steady(history, rng)
    history.add(history.contracts[0], LAST, *steady_night(rng, rows))
    found = history.anomalies(home, LAST, LAST)
    one = next(one for one in found if one.measure == ROWS)
    assert one.observed == pytest.approx(rows, abs=1e-6)
    assert one.low is not None and one.high is not None and one.expected == pytest.approx(1000, rel=0.05)
    assert not one.low <= rows <= one.high


FAULTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "half null": ("amount", NULL_SHARE, numbers(np.random.default_rng(4).lognormal(3, 1, 500), 500)),
    "shifted": ("amount", DISTRIBUTION, numbers(np.random.default_rng(4).lognormal(3.7, 1, 1000))),
    "unit": ("amount", DISTRIBUTION, numbers(np.random.default_rng(4).lognormal(3, 1, 1000) * 100)),
    "value gone": ("kind", DISTRIBUTION, texts({"a": 667, "b": 333})),
    "other codes": ("kind", DISTRIBUTION, texts({"A": 600, "B": 300, "C": 100})),
    "default date": ("born", DISTRIBUTION, numbers(np.append(np.random.default_rng(4).normal(5000, 3000, 800), [-25567] * 200), kind="date")),
    "all null": ("born", NULL_SHARE, numbers(np.array([]), 1000, "date")),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_column_is_found_there_alone(name: str, home: Home, tmp_path: Path) -> None:
    history, rng = History(contracts_of(tmp_path, 1)), np.random.default_rng(5)
    steady(history, rng)
    column, measure, profile = FAULTS[name]
    _, columns = steady_night(rng, 1000)
    history.add(history.contracts[0], LAST, 1000, columns | {column: profile})
    assert [(one.column, one.measure) for one in history.anomalies(home, LAST, LAST)] == [(column, measure)]


def test_a_level_that_lasts_becomes_normal_and_one_night_does_not_widen_the_band(home: Home, tmp_path: Path) -> None:
    history, rng = History(contracts_of(tmp_path, 1)), np.random.default_rng(6)
    steady(history, rng)
    for night in range(LAST, LAST + 20):
        history.add(history.contracts[0], night, int(rng.poisson(2000)))
    history.add(history.contracts[0], LAST + 20, 1000)
    observed = [one for one in history.observe(home, LAST - 1, LAST + 20) if one.measure == ROWS]
    assert [one.is_anomaly for one in observed] == [False, *[True] * 5, *[False] * 15, True]
    assert {one.since for one in observed[1:6]} == {FIRST + timedelta(days=LAST)}
    widths = [(one.high or 0) - (one.low or 0) for one in observed[:4]]
    assert max(widths) < 1.1 * min(widths)


def test_a_holiday_is_as_a_sunday_where_the_contract_names_a_country(home: Home, tmp_path: Path) -> None:
    """The extract of the night after 24 February, Estonia's independence day, a Tuesday, is as those of Mondays."""
    night = 51
    for country, is_anomaly in ((None, True), ("EE", False)):
        custom = {"country": country} if country else {}
        history = History(contracts_of(tmp_path / str(country), 1, **custom))
        rng = np.random.default_rng(7)
        for at in range(night):
            history.add(history.contracts[0], at, int(rng.poisson(300 if at % 7 in (0, 6) else 1000)))
        history.add(history.contracts[0], night, 300)
        assert FIRST + timedelta(days=night - 1) == FIRST.replace(month=2, day=24)
        assert bool(history.anomalies(home, night, night)) is is_anomaly


def test_a_feed_that_vanished_or_came_late(home: Home, tmp_path: Path) -> None:
    history, rng = History(contracts_of(tmp_path, 3)), np.random.default_rng(8)
    steady(history, rng)
    present, failed, _ = history.contracts
    moment = history.nights[LAST - 1]["finished_at"] + timedelta(days=1, hours=9)
    history.add(present, LAST, *steady_night(rng), finished_at=moment)
    history.add(failed, LAST, 0, status=FAILED)
    found = {(one.feed, one.measure): one for one in history.anomalies(home, LAST, LAST)}
    # The third was not asked, as in a run of one agency alone.
    assert set(found) == {("feed0", ARRIVAL), ("feed1", MISSING)}
    assert found["feed0", ARRIVAL].observed == pytest.approx(11)


def test_a_feed_of_working_days_is_not_missed_on_sundays(home: Home, tmp_path: Path) -> None:
    history = History(contracts_of(tmp_path, 2))
    for night in range(LAST):
        history.add(history.contracts[0], night, 1000)
        if night % 7 < 5:
            history.add(history.contracts[1], night, 1000)
    assert history.anomalies(home, 20, LAST - 1) == []


@pytest.mark.parametrize("nights", [0, 1, 4])
def test_few_nights_say_nothing(nights: int, home: Home, tmp_path: Path) -> None:
    history, rng = History(contracts_of(tmp_path, 1)), np.random.default_rng(9)
    steady(history, rng, nights)
    history.add(history.contracts[0], nights, 5, {"amount": numbers(np.array([]), 5)})
    observed = history.observe(home, 0, nights)
    assert len(observed) > nights
    assert not any(one.is_anomaly or one.expected is not None for one in observed)


def test_no_record_and_no_contract(home: Home, tmp_path: Path) -> None:
    contracts = contracts_of(tmp_path, 1)
    assert observe(contracts, home, FIRST, FIRST) == []
    assert observe([], home, FIRST, FIRST) == []
    write_anomalies(contracts, home, FIRST)


def test_columns_that_tell_little(home: Home, tmp_path: Path) -> None:
    """Always null, always the same, the label of a delivery, new, and gone."""
    history = History(contracts_of(tmp_path, 1))
    for night in range(LAST):
        columns = {
            "empty": numbers(np.array([]), 1000),
            "same": numbers(np.full(1000, 7.0)),
            "month": numbers(np.full(1000, 202600.0 + night // 30)),
            "period": texts({f"2026{night // 30:02}": 1000}),
        }
        columns |= {"new": numbers(np.arange(1000.0))} if night > 50 else {"gone": numbers(np.arange(1000.0))}
        history.add(history.contracts[0], night, 1000, columns)
    assert history.anomalies(home, 0, LAST - 1) == []


def test_what_is_recorded_says_it_in_words(home: Home, tmp_path: Path) -> None:
    history, rng = History(contracts_of(tmp_path, 1)), np.random.default_rng(10)
    steady(history, rng)
    history.add(history.contracts[0], LAST, *steady_night(rng, 500))
    night = FIRST + timedelta(days=LAST)
    history.observe(home, LAST, LAST)
    for _ in range(2):
        write_anomalies(history.contracts, home, night)
    with open_database() as connection:
        rows = connection.execute(f"SELECT measure, since, description FROM {records(home, 'anomaly')}").fetchall()
    assert [(measure, since) for measure, since, _ in rows] == [(ROWS, night)]
    assert "500 rows came; " in rows[0][2]
    assert "for the first time" in rows[0][2]
