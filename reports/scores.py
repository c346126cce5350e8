"""How good each agency was in each dimension of quality: shares of right rows against what its contracts allow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from reports.charts import Cell, Strip
from reports.pages import percent
from reports.past import DIMENSIONS, Past
from sources.contract import Contract

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
        return f"{MARKS[self.level]} {percent(self.share)}" if self.share is not None else "–"


def scores_of(past: Past, feeds: Sequence[Contract]) -> list[Score]:
    """In the night, over these feeds: the mean of their shares, and the worst of their levels."""
    found = {
        (agency, feed, dimension): (share, errors + warnings)
        for agency, feed, dimension, share, errors, warnings in past.rows(
            "SELECT agency, feed, dimension, share, errors, warnings FROM score WHERE extract_date = ?", past.night
        )
    }
    scores = []
    for dimension in DIMENSIONS:
        here = [
            (contract, *found[key])
            for contract in feeds
            if (key := (contract.agency, contract.feed, dimension)) in found
        ]
        levels = [_level(contract, share, failed) for contract, share, failed in here]
        mean = sum(share for _, share, _ in here) / len(here) if here else None
        scores.append(Score(dimension, mean, max(levels, key=_WORST.index, default=NONE)))
    return scores


def _level(contract: Contract, share: float, failed: int) -> str:
    """Bad is below what the contract allows (all but its rejectThreshold); a rule that failed within it is a warning."""
    if share < 1 - float(contract.reject_threshold):
        return BAD if failed else GOOD
    return WARN if failed else GOOD


def heat_cells(scores: dict[str, list[Score]]) -> list[Cell]:
    return [Cell(name, score.dimension, score.text, score.level) for name, row in scores.items() for score in row]


def trend(past: Past, feeds: Sequence[Contract]) -> list[Strip]:
    """What was wrong in each dimension and night over these feeds, as shares of 0 to 1; dimensions without a rule are left out."""
    names = {(contract.agency, contract.feed) for contract in feeds}
    wanted = ", ".join(f"('{agency}', '{feed}')" for agency, feed in sorted(names))
    rows: list[tuple[str, date, float]] = past.rows(
        f"SELECT dimension, extract_date, 1 - avg(share) FROM score WHERE (agency, feed) IN ({wanted}) AND extract_date >= ? "
        "GROUP BY ALL ORDER BY ALL",
        past.first,
    )
    return [
        Strip(dimension, night, wrong) for name in DIMENSIONS for dimension, night, wrong in rows if dimension == name
    ]
