"""Bands of many series at once, night by night, each from its own earlier good nights.

A night is predicted in three ways (the level of late, that of the same weekday, the last value), each with the trend of the
series; the way that has erred least is used. The band is a prediction interval by Student's t, whose spread are the errors
that these predictions made: what they did not know of a night is in it, so no model of the series is assumed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Nights that are looked back on: eight of every weekday.
WINDOW = 56
RECENT = 10
# With fewer errors of a prediction nothing is judged by it.
HANDFUL = 5
# A level that lasted so many nights is the new normal; or came on the same weekday of so many weeks.
LASTED, LASTED_WEEKS = 5, 3
# Of one feed's night, over all its series: well below 1 in 200, as errors have heavier tails than Student's.
FALSE_ALARMS = 0.001
# The counting noise of the value itself stands for so many nights of errors: with few nights, or quiet ones, it keeps the band open.
PRIOR_NIGHTS = 3
# From the mean of the smaller nine tenths of |errors| to a standard deviation, of the normal distribution.
_TRIMMED_TO_DEVIATION = 1.522
_MEDIAN_TO_DEVIATION = 1.4826
_WEEK = 7
_BY_WEEKDAY = 1


@dataclass(frozen=True)
class Scale:
    """How a measure is counted: from the scale on which its noise is alike everywhere `back` to its unit, and which difference
    (in the unit, given the expected value) is at `least` worth a steward's time; both by how many rows or values were counted.
    A distance has no lower end and no trend.
    """

    back: Callable[[Numbers, Numbers], Numbers]
    least: Callable[[Numbers, Numbers], Numbers]
    is_distance: bool = False


@dataclass(frozen=True)
class Part:
    """The series `rows` of one measure."""

    rows: slice
    scale: Scale


class Bands:
    """`values` (series by nights, NaN where there is none) and their counting `noise` are on the scale of the measure, from so many
    `counted` rows or values.

    `weekdays` (series by nights) is what a night is compared as, `looked_at` the number of series of the feed's night.
    """

    def __init__(
        self, values: Numbers, noise: Numbers, counted: Numbers, parts: list[Part], weekdays: NDArray[np.int8],
        looked_at: NDArray[np.int64],
    ) -> None:  # fmt: skip
        shape = values.shape
        self.values, self.noise, self.counted, self.parts, self.weekdays = values, noise, counted, parts, weekdays
        self.good, self.residual = np.full(shape, np.nan), np.full(shape, np.nan)
        self.errors = np.full((3, *shape), np.nan)
        self.expected, self.low, self.high = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
        self.nights = np.zeros(shape, dtype=np.int64)
        self.is_anomaly, self.excluded = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        self.since = np.full(shape, -1)
        self.slope, self.run = np.zeros(shape[0]), np.zeros(shape[0], dtype=np.int64)
        self.last, self.last_at = np.full(shape[0], np.nan), np.zeros(shape[0])
        # Mean roots of errors choose the way: a median would not see the weekends, a mean one night would rule.
        self.roots = np.full((3, *shape), np.nan)
        self.root_sum, self.root_count = np.zeros((3, shape[0])), np.zeros((3, shape[0]))
        self.factor, self.factor_row = _factors(looked_at)

    def step(self, night: int) -> None:
        """Judge one night. Nights are given in their order, and `values` of this night must be in place."""
        begin = max(0, night - WINDOW)
        if night % _WEEK == 0:
            self._take_trend(begin, night)
        predicted, is_known = self._predicted(begin, night)
        best, counted = self._best_way(predicted)
        rows = np.arange(len(best))
        centre, errors = predicted[best, rows], np.abs(self.errors[best, rows, begin:night])
        spread, nights = spread_of(errors)
        half = self.factor[self.factor_row, np.minimum(nights, WINDOW)] * spread * self.noise[:, night]
        judged = counted & is_known & (nights >= HANDFUL) & np.isfinite(centre) & np.isfinite(self.values[:, night])
        self._judge(night, np.where(judged, centre, np.nan), half)
        self.nights[:, night] = nights
        self.residual[:, night] = self.values[:, night] - centre
        self._remember(night, predicted)

    def _take_trend(self, begin: int, night: int) -> None:
        """Per night: between the medians of the older and the younger half of the window, which hold whole weeks each."""
        half = (night - begin) // (2 * _WEEK) * _WEEK
        if half:
            older, _ = middle(self.good[:, night - 2 * half : night - half])
            younger, _ = middle(self.good[:, night - half : night])
            self.slope = np.nan_to_num((younger - older) / half)
        for part in self.parts:
            if part.scale.is_distance:
                self.slope[part.rows] = 0

    def _predicted(self, begin: int, night: int) -> tuple[Numbers, Flags]:
        """By level, by weekday, by the last night; and whether the weekday has been seen at all."""
        age = night - np.arange(begin, night)
        level = self.good[:, begin:night] + self.slope[:, None] * age
        recent, _ = middle(level[:, -RECENT:])
        same = self.weekdays[:, begin:night] == self.weekdays[:, night : night + 1]
        weekly, seen = middle(np.where(same, level, np.nan))
        last = self.last + self.slope * (night - self.last_at)
        return np.stack([recent, weekly, last]), seen > 0

    def _best_way(self, predicted: Numbers) -> tuple[NDArray[np.int64], Flags]:
        usable = (self.root_count >= HANDFUL) & np.isfinite(predicted)
        mean = np.where(usable, self.root_sum / np.maximum(self.root_count, 1), np.inf)
        # Before the weekdays have been predicted for a week nobody knows what a weekend is like.
        return np.argmin(mean, axis=0), self.root_count[_BY_WEEKDAY] >= _WEEK

    def _judge(self, night: int, centre: Numbers, half: Numbers) -> None:
        for part in self.parts:
            rows, scale = part.rows, part.scale
            counted = self.counted[rows, night]
            expected = scale.back(centre[rows], counted)
            least = scale.least(expected, counted)
            low = np.minimum(scale.back(centre[rows] - half[rows], counted), expected - least)
            high = np.maximum(scale.back(centre[rows] + half[rows], counted), expected + least)
            low = np.zeros_like(low) if scale.is_distance else low
            seen = scale.back(self.values[rows, night], counted)
            self.expected[rows, night], self.low[rows, night], self.high[rows, night] = expected, low, high
            # Comparisons with NaN, where nothing is judged, are false.
            self.is_anomaly[rows, night] = (seen < low) | (seen > high)

    def _remember(self, night: int, predicted: Numbers) -> None:
        value, outside = self.values[:, night], self.is_anomaly[:, night]
        good = np.isfinite(value) & ~outside
        self.good[good, night], self.last[good], self.last_at[good] = value[good], value[good], night
        self.errors[:, :, night] = np.where(good, (value - predicted) / self.noise[:, night], np.nan)
        self._count_roots(night, value - predicted)
        self.excluded[:, night] = outside
        self.since[:, night] = np.where(self.run > 0, self.since[:, night - 1], night)
        self.run = np.where(outside, self.run + 1, np.where(good, 0, self.run))
        for row in np.flatnonzero(self.run >= LASTED):
            self._adopt(int(row), night)
        for row in np.flatnonzero(outside & (self.run < LASTED)):
            self._adopt_weekday(int(row), night)

    def _count_roots(self, night: int, error: Numbers) -> None:
        """Of anomalies too: a way that never learns of the weekend would take every one for an anomaly."""
        self.roots[:, :, night] = np.sqrt(np.abs(error))
        for sign, at in ((1, night), (-1, night - WINDOW)):
            if at >= 0:
                self.root_sum += sign * np.nan_to_num(self.roots[:, :, at])
                self.root_count += sign * np.isfinite(self.roots[:, :, at])

    def _adopt(self, row: int, night: int) -> None:
        """The level of this run is normal from now on; what was before is moved to it, so that weekdays keep their pattern."""
        begin = self.since[row, night]
        if not any(part.scale.is_distance and part.rows.start <= row < part.rows.stop for part in self.parts):
            self.good[row, :begin] += np.nanmedian(self.residual[row, begin : night + 1])
        self.good[row, begin : night + 1] = self.values[row, begin : night + 1]
        self.excluded[row, begin : night + 1] = False
        self.last[row], self.last_at[row], self.run[row] = self.values[row, night], night, 0

    def _adopt_weekday(self, row: int, night: int) -> None:
        """The same where a weekday has changed for good: it never lasts for nights in a row."""
        of_weekday = (self.weekdays[row, : night + 1] == self.weekdays[row, night]) & np.isfinite(
            self.values[row, : night + 1]
        )
        nights = np.flatnonzero(of_weekday)[-LASTED_WEEKS:]
        if len(nights) == LASTED_WEEKS and self.is_anomaly[row, nights].all():
            older = np.flatnonzero(of_weekday)[:-LASTED_WEEKS]
            self.good[row, older] = np.nan
            self.good[row, nights] = self.values[row, nights]
            self.excluded[row, nights] = False


def middle(values: Numbers) -> tuple[Numbers, NDArray[np.int64]]:
    """Medians along the second axis of what is not NaN, and of how many they are; sorting puts NaN last."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(ordered).sum(axis=1)
    if values.shape[1] == 0:
        return np.full(count.shape, np.nan), count
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[1] - 1)
    pick = [np.take_along_axis(ordered, np.expand_dims(place, 1), axis=1).squeeze(1) for place in (low, high)]
    return (pick[0] + pick[1]) / 2, count


def spread_of(errors: Numbers) -> tuple[Numbers, NDArray[np.int64]]:
    """A standard deviation from absolute errors (NaN where there is none), both in units of counting noise; and how many these are.

    The larger of the median's and of the trimmed mean's word: what a weekly pattern leaves is lost on the median.
    """
    ordered = np.sort(errors, axis=1)
    count = np.isfinite(ordered).sum(axis=1)
    kept = np.maximum(count - np.ceil(count / 10).astype(np.int64), 1)
    summed = np.cumsum(np.nan_to_num(ordered), axis=1)
    if errors.shape[1] == 0:
        return np.ones(len(count)), count
    trimmed = np.take_along_axis(summed, kept[:, None] - 1, axis=1)[:, 0] / kept
    median, _ = middle(ordered)
    deviation = np.maximum(_MEDIAN_TO_DEVIATION * np.nan_to_num(median), _TRIMMED_TO_DEVIATION * trimmed)
    return np.sqrt((count * deviation**2 + PRIOR_NIGHTS) / (count + PRIOR_NIGHTS)), count


def _factors(looked_at: NDArray[np.int64]) -> tuple[Numbers, NDArray[np.int64]]:
    """How many deviations are normal, by series looked at (Bonferroni) and nights; and the row of each series in it."""
    sizes, row = np.unique(np.maximum(looked_at, 1), return_inverse=True)
    degrees = np.maximum(np.arange(WINDOW + 1) - 1, 1)
    # Quantiles of Student's t; both tails together are so seldom.
    return stdtrit(degrees[None, :], 1 - FALSE_ALARMS / sizes[:, None] / 2), row
