"""What an attack gains over the same attack on people who are not in the release, with its interval.

Giomi, Boenisch, Wehmeyer, Tasnádi, A Unified Framework for Quantifying Privacy Risk in Synthetic Data, PoPETs 2023(2): rates of success
by Wilson's score interval, the risk as (rate - control) / (1 - control).
"""

from dataclasses import asdict, dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any


@dataclass(frozen=True)
class Tries:
    """So many guesses, of which so many were right."""

    attempts: int
    successes: int

    def rate(self, confidence: float) -> tuple[float, float]:
        """Middle and half width of Wilson's interval, 0 to 1. Nothing tried says nothing: 0.5 and 0.5."""
        if not self.attempts:
            return 0.5, 0.5
        z, n = NormalDist().inv_cdf((1 + confidence) / 2), self.attempts
        share = self.successes / n
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        return middle, z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)


@dataclass(frozen=True)
class Gain:
    """Of one attack on `columns`: `members` are guesses about people in the release, `control` about others, `blind` guesses about
    people in the release by chance alone. An attack that is no better than blind guesses shows nothing, which is told.
    """

    attack: str
    columns: tuple[str, ...]
    members: Tries
    control: Tries
    blind: Tries
    confidence: float = 0.95

    @property
    def value(self) -> float:
        """0 (a person's being in the release gives nothing away) to 1."""
        return min(1.0, max(0.0, self._plain[0]))

    @property
    def low(self) -> float:
        return min(1.0, max(0.0, self._plain[0] - self._plain[1]))

    @property
    def high(self) -> float:
        return min(1.0, max(0.0, self._plain[0] + self._plain[1]))

    @property
    def is_weaker_than_chance(self) -> bool:
        """The attack as such failed, so that a gain of nothing does not prove that there is none."""
        (rate, error), (chance, _) = self.members.rate(self.confidence), self.blind.rate(self.confidence)
        return rate + error < chance

    @property
    def _plain(self) -> tuple[float, float]:
        """Gain and half width: errors of both rates go through the formula as independent ones do."""
        (rate, error), (control, control_error) = (one.rate(self.confidence) for one in (self.members, self.control))
        to_all = 1 - control
        return (rate - control) / to_all, sqrt((error / to_all) ** 2 + (control_error * (rate - 1) / to_all**2) ** 2)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "gain": self.value, "low": self.low, "high": self.high, "is_weaker_than_chance": self.is_weaker_than_chance}  # fmt: skip
