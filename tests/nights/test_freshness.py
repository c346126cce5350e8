"""Stale is said by one rule, whoever says it: newer rows were due by frequency, time of day and latency."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from nights.record.freshness import InUse, moment_of
from sources.contract.load import load_anywhere
from sources.contract.model import ServiceLevel
from warehouse.home import AGENCIES

NIGHT = date(2026, 3, 2)
DAILY = ServiceLevel(timedelta(days=1), "02:00", timedelta(hours=6), timedelta(days=30))
WEEKLY, HOURLY = replace(DAILY, frequency=timedelta(days=7)), replace(DAILY, frequency=timedelta(hours=1))


@pytest.mark.parametrize(
    ("level", "used", "moment", "is_stale"),
    [
        (DAILY, date(2026, 3, 1), datetime(2026, 3, 2, 8, 0, tzinfo=UTC), False),
        (DAILY, date(2026, 3, 1), datetime(2026, 3, 2, 8, 1, tzinfo=UTC), True),
        (DAILY, NIGHT, moment_of(NIGHT), False),
        (WEEKLY, date(2026, 2, 25), moment_of(NIGHT), False),
        (WEEKLY, date(2026, 2, 22), moment_of(NIGHT), True),
        (HOURLY, NIGHT, moment_of(NIGHT), False),
        (WEEKLY, None, moment_of(NIGHT), True),
    ],
    ids=[
        "still within latency",
        "too late",
        "of this night",
        "not due",
        "a week over",
        "a night is the most",
        "none yet",
    ],
)
def test_stale(level: ServiceLevel, used: date | None, moment: datetime, is_stale: bool) -> None:
    contract = replace(load_anywhere(AGENCIES / "noaa" / "weather.odcs.yaml"), service_level=level)
    assert InUse(contract, used).is_stale(moment) is is_stale


def test_a_past_night_is_looked_at_from_its_end_and_this_one_from_now() -> None:
    now = datetime.now(UTC)
    assert moment_of(NIGHT) == datetime(2026, 3, 3, tzinfo=UTC)
    assert now <= moment_of(now.date() + timedelta(days=1)) < now + timedelta(minutes=1)
