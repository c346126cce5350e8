"""Levels of the scorecard: what a contract allows is a warning, what it does not allow is bad, whatever the mean over many rules."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from nights.record.feed_night import FAILED, REFUSED, FeedNight
from nights.record.past import open_past
from reports.figures.scores import scores_of
from sources.contract.load import load
from sources.contract.model import Contract
from tests.conftest import NIGHT, Feed
from tests.sources.landed import text_columns
from warehouse.home import Home
from warehouse.store.night_records import record


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return replace(load(Feed(text_columns("a", "b")).write(tmp_path)), reject_threshold=Decimal("0.05"))


def save(home: Home, status: str, sent: int, unexpected: int, severity: str = "error") -> None:
    """A night of 100 landed rows and twenty rules of validity, of which one has `unexpected` rows against it."""
    now = datetime.now(UTC)
    FeedNight(NIGHT, "tests", "things", status, now, now, rows_sent=sent, rows_accepted=0, rows_rejected=0).save(home)
    rules = [
        {"rule": f"rule {number}", "dimension": "conformity", "severity": severity, "passed": not wrong, "unexpected_count": wrong,
         "row_count": 100, "observed_value": "", "description": ""}
        for number, wrong in enumerate([unexpected, *[0] * 19])
    ]  # fmt: skip
    record(home, "gate_result", NIGHT, rules, {"agency": "tests", "feed": "things"})


def validity(home: Home, contract: Contract) -> tuple[str, float | None]:
    with open_past(home, [contract], NIGHT) as past:
        (found,) = [score for score in scores_of(past, [contract]) if score.dimension == "validity"]
    return found.level, found.share


@pytest.mark.parametrize(
    ("status", "unexpected", "severity", "level"),
    [
        ("accepted", 0, "error", "good"),
        ("accepted", 1, "error", "warn"),
        # The mean is 98 %, and the rule itself is at 60 %.
        ("accepted", 40, "error", "bad"),
        (REFUSED, 1, "error", "bad"),
        ("accepted", 40, "warning", "warn"),
    ],
)
def test_the_worst_rule_decides_not_the_mean(
    home: Home, contract: Contract, status: str, unexpected: int, severity: str, level: str
) -> None:
    save(home, status, 100, unexpected, severity)
    assert validity(home, contract)[0] == level


def test_what_could_not_be_read_at_landing_counts(home: Home, contract: Contract) -> None:
    save(home, "accepted", 200, 0)
    level, share = validity(home, contract)
    assert level == "bad"
    assert share == pytest.approx((20 + 0.5) / 21)


@pytest.mark.parametrize(("status", "level"), [("accepted", "good"), (REFUSED, "good"), (FAILED, "bad")])
def test_what_was_refused_was_not_late(home: Home, contract: Contract, status: str, level: str) -> None:
    save(home, status, 100, 0)
    with open_past(home, [contract], NIGHT) as past:
        (found,) = [score for score in scores_of(past, [contract]) if score.dimension == "timeliness"]
    assert found.level == level
