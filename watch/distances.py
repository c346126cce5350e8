"""How far the values of a column are from those of the nights before: one number for each column and night.

The distance is the largest difference of arcsin √p over the shares p of values, and over the shares of values below each
quantile of the night. On that scale a share counted among n values has the noise 1 / (2 √n), wherever it lies (Freeman and
Tukey, Annals of Mathematical Statistics 21(4), 1950), so rare values and common ones are looked at alike. Divided by π/2 it
is 0 where nothing changed and 1 where no value is left.
"""

from dataclasses import dataclass

import numpy as np

from watch.bands import Flags, Numbers, middle

# Nights that a night is compared with: a week.
COMPARED = 7
# A share below it was not recorded (column_profile).
_LEAST_SHARE, _LEAST_ROWS = 0.01, 10
# A column of one value (a period, the date or number of a delivery) may step to another one that is as near as this.
_STEP, _ALONE = 0.01, 0.95


@dataclass(frozen=True)
class Shapes:
    """What column_profile tells of columns over nights: `quantiles` (columns, nights, levels) and `counted` values behind
    them; `shares` (pairs of column and value, nights), of the column `owner` (ascending); `days` are the nights as days since
    1970-01-01, `is_date` the columns whose quantiles are such days.
    """

    quantiles: Numbers
    counted: Numbers
    shares: Numbers
    owner: np.ndarray
    is_date: Flags
    days: Numbers


class Distances:
    """Night by night, since only nights that were no anomaly are compared with."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.dates = np.flatnonzero(shapes.is_date)
        # Of dates also the age: some stay (births), others come along with the night (payments of yesterday).
        self.ages = shapes.quantiles[self.dates] - shapes.days[None, :, None]
        self.fixed_sum, self.age_sum = np.zeros(len(self.dates)), np.zeros(len(self.dates))
        self.starts = np.flatnonzero(np.diff(shapes.owner, prepend=-1))
        self.shared = shapes.owner[self.starts]

    def of(self, night: int, excluded: Flags) -> Numbers:
        """Distances of a night from the week before it, without the nights that are `excluded` (columns by nights); 0 to 1."""
        shapes, begin = self.shapes, max(0, night - COMPARED)
        usable = (shapes.counted[:, begin:night] > 0) & ~excluded[:, begin:night]
        before = _reference(shapes.quantiles[:, begin:night], usable)
        tonight = shapes.quantiles[:, night]
        distance = _between_quantiles(tonight, before)
        if len(self.dates):
            ages = _reference(self.ages[:, begin:night], usable[self.dates])
            distance[self.dates] = self._nearer(distance[self.dates], _between_quantiles(self.ages[:, night], ages))
        alone = _is_alone(tonight) & _is_alone(before)
        with np.errstate(invalid="ignore"):
            stepped = alone & (np.abs(tonight[:, 10] - before[:, 10]) <= _STEP * np.abs(before[:, 10]))
        distance[stepped] = 0
        if len(self.shared):
            between, one_value = self._between_shares(night, begin, usable)
            between[stepped[self.shared] & one_value] = 0
            distance[self.shared] = np.fmax(distance[self.shared], between)
        distance[~usable.any(axis=1) | (shapes.counted[:, night] == 0)] = np.nan
        return distance / (np.pi / 2)

    def _nearer(self, fixed: Numbers, age: Numbers) -> Numbers:
        """The distance by the reading of a date that has been the quieter one so far."""
        chosen = np.where(self.age_sum < self.fixed_sum, age, fixed)
        self.fixed_sum += np.nan_to_num(fixed)
        self.age_sum += np.nan_to_num(age)
        return chosen

    def _between_shares(self, night: int, begin: int, usable: Flags) -> tuple[Numbers, Flags]:
        """Of the columns with frequent values; and where one value has nearly all rows, tonight and before."""
        shapes, owner = self.shapes, self.shapes.owner
        before, _ = middle(np.where(usable[owner], shapes.shares[:, begin:night], np.nan))
        tonight = shapes.shares[:, night]
        with np.errstate(divide="ignore"):
            unseen = np.clip(_LEAST_ROWS / shapes.counted[owner, night], _LEAST_SHARE, 1)
        between = np.abs(_angle(np.maximum(tonight, unseen)) - _angle(np.maximum(before, unseen)))
        largest = [np.maximum.reduceat(np.nan_to_num(values), self.starts) for values in (between, tonight, before)]
        return largest[0], (largest[1] >= _ALONE) & (largest[2] >= _ALONE)


def noise_of(counted: Numbers) -> Numbers:
    """The counting noise of a distance among so many values."""
    with np.errstate(divide="ignore"):
        return np.minimum(1 / (2 * np.sqrt(counted)), 1) / (np.pi / 2)


def _reference(quantiles: Numbers, usable: Flags) -> Numbers:
    return middle(np.where(usable[:, :, None], quantiles, np.nan))[0]


def _between_quantiles(tonight: Numbers, before: Numbers) -> Numbers:
    """Where each quantile of tonight would have lain before; of equal values any place among them is the same. Angles; 0 for none."""
    levels = tonight.shape[1]
    share = (np.arange(levels) + 0.5) / levels
    # A sum over levels is several times as fast as one comparison of all with all.
    below = sum(before[:, level, None] < tonight for level in range(levels))
    up_to = sum(before[:, level, None] <= tonight for level in range(levels))
    place = np.clip(share, np.clip((below - 0.5) / levels, 0, 1), np.clip((up_to + 0.5) / levels, 0, 1))
    known = np.isfinite(tonight[:, :1]) & np.isfinite(before[:, :1])
    return np.where(known, np.abs(_angle(place) - _angle(share)), 0).max(axis=1)


def _is_alone(quantiles: Numbers) -> Flags:
    return np.asarray(quantiles[:, 1] == quantiles[:, -2])


def _angle(share: Numbers) -> Numbers:
    return np.asarray(np.arcsin(np.sqrt(np.clip(share, 0, 1))))
