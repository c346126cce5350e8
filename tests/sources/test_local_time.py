"""Local times against the rules of Python's zoneinfo: one instant, two of them, or none."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.typing.local_time import EARLIER, LATER, instant, reason
from warehouse.engines.duckdb.engine import open_database

ZONES = [
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kolkata",
    "Europe/Dublin", "Antarctica/Troll",
]  # fmt: skip


def expected(zone: str, local: datetime) -> tuple[datetime | None, datetime | None]:
    """The earlier and the later instant; None twice where the local time never was."""
    found = [local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    is_right = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local for moment in found]
    return (min(found), max(found)) if all(is_right) else (None, None)


def answered(zone: str, local: datetime) -> tuple[datetime | None, ...]:
    text = f"TIMESTAMP '{local}'"
    asked = ", ".join(instant(zone, text, which) for which in (EARLIER, LATER, None))
    with open_database() as connection:
        found = connection.execute(f"SELECT {asked}").fetchone()
    assert found is not None
    return found


def changes(zone: str, year: int) -> list[datetime]:
    """Instants, UTC, at which the zone's clock is changed in a year; to the quarter of an hour."""
    began, step = datetime(year, 1, 1, tzinfo=UTC), timedelta(minutes=15)
    moments = [began + number * step for number in range(366 * 96)]
    offsets = [moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in moments]
    return [moment for moment, before, now in zip(moments[1:], offsets, offsets[1:], strict=False) if before != now]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", [1996, 2012, 2026])
def test_times_around_every_change_of_the_clock(zone: str, year: int) -> None:
    for change in changes(zone, year):
        for minutes in (-181, -121, -61, -31, -1, 0, 1, 29, 30, 59, 60, 61, 119, 121, 181):
            local = change.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + timedelta(minutes=minutes)
            earlier, later = expected(zone, local)
            assert answered(zone, local) == (earlier, later, earlier if earlier == later else None), (zone, local)


@settings(max_examples=150, deadline=None)
@given(zone=st.sampled_from(ZONES), local=st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1)))
def test_any_time(zone: str, local: datetime) -> None:
    earlier, later = expected(zone, local)
    assert answered(zone, local) == (earlier, later, earlier if earlier == later else None)


def test_years_beyond_the_known_ones_and_before_them() -> None:
    assert answered("Europe/Berlin", datetime(2145, 3, 28, 2, 30)) == (None, None, None)
    assert answered("Europe/Berlin", datetime(1949, 4, 10, 2, 30)) == (None, None, None)
    assert answered("Europe/Berlin", datetime(1945, 11, 18, 2, 30))[2] is None


def test_why_a_time_has_no_instant() -> None:
    cases = {"2026-03-29 02:30": "put forward", "2026-10-25 02:30": "put its clock back", "2026-07-01 02:30": "other"}
    with open_database() as connection:
        for local, said in cases.items():
            found = connection.execute(f"SELECT {reason('Europe/Berlin', f'TIMESTAMP {local!r}', 'other')}").fetchone()
            assert found is not None and said in found[0]
