"""How good each agency was in each dimension of quality: shares of right rows against what its contracts allow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from nights.record.past import DIMENSIONS, Past
from sources.contract.model import Contract
from warehouse.numbers_for_people import percent

GOOD, WARN, BAD, NONE = "good", "warn", "bad", "none"
_WORST = (NONE, GOOD, WARN, BAD)
# Not everyone sees colours: each level has a shape too.
MARKS = {GOOD: "●", WARN: "▲", BAD: "■", NONE: ""}


@dataclass(frozen=True)
class Score:
    """Of one agency or feed in one dimension: the mean share of right rows, None where no rule is of this dimension."""

    dimension: str
    share: float | None
    level: str

    @property
    def text(self) -> str:
        return f"{MARKS[self.level]} {percent(self.share)}".lstrip()


def scores_of(past: Past, feeds: Sequence[Contract]) -> list[Score]:
    """In the night, over these feeds: the mean of their shares, and the worst of their levels."""
    found = {
        (agency, feed, dimension): (share, Failed(failed, lowest, is_taken))
        for agency, feed, dimension, share, failed, lowest, is_taken in past.rows(
            "SELECT agency, feed, dimension, share, failed, lowest, is_taken FROM score WHERE extract_date = ?",
            past.night,
        )
    }
    scores = []
    for dimension in DIMENSIONS:
        here = [
            (contract, *found[key])
            for contract in feeds
            if (key := (contract.agency, contract.feed, dimension)) in found
        ]
        levels = [level(contract, failed) for contract, _, failed in here]
        mean = sum(share for _, share, _ in here) / len(here) if here else None
        scores.append(Score(dimension, mean, max(levels, key=_WORST.index, default=NONE)))
    return scores


@dataclass(frozen=True)
class Failed:
    """Rules that did not hold: how many, the lowest share of right rows of one of severity error, and whether the feed was taken."""

    rules: int
    lowest: float | None
    is_taken: bool


def level(contract: Contract, failed: Failed) -> str:
    """Bad is a rule of severity error below what the contract allows (all but its rejectThreshold), or of a feed that was not taken."""
    if failed.rules == 0:
        return GOOD
    if failed.lowest is None:
        return WARN
    return WARN if failed.is_taken and failed.lowest >= 1 - float(contract.reject_threshold) else BAD


@dataclass(frozen=True)
class Wrong:
    """The share of wrong rows in one dimension and night, 0 to 1."""

    dimension: str
    night: date
    share: float


def trend(past: Past, feeds: Sequence[Contract]) -> list[Wrong]:
    """What was wrong in each dimension and night over these feeds, as shares of 0 to 1; dimensions without a rule are left out."""
    names = {(contract.agency, contract.feed) for contract in feeds}
    wanted = ", ".join(f"('{agency}', '{feed}')" for agency, feed in sorted(names))
    wrong_shares = f"""
        SELECT dimension, extract_date, 1 - avg(share)
        FROM score
        WHERE (agency, feed) IN ({wanted}) AND extract_date >= ?
        GROUP BY ALL
        ORDER BY ALL"""
    rows: list[tuple[str, date, float]] = past.rows(wrong_shares, past.first)
    return [
        Wrong(dimension, night, wrong) for name in DIMENSIONS for dimension, night, wrong in rows if dimension == name
    ]
