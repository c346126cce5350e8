"""What the rows of a file have in common: evidence on how a record is meant that can be read in two ways."""

from collections.abc import Sequence
from dataclasses import dataclass

# Fewer rows have no habits.
_HABIT_ROWS = 20
# More than these, and than this share of the rows, are no faults of a few records but another table.
_FEW, _SHARE = 10, 20


@dataclass(frozen=True)
class Habits:
    """Of the rows of a file: how many there are, and of which columns, by their numbers, all rows have a value, or none."""

    rows: int = 0
    filled: frozenset[int] = frozenset()
    empty: frozenset[int] = frozenset()

    @classmethod
    def of(cls, rows: int, values: Sequence[int]) -> "Habits":
        """`values` are the numbers of values in each column."""
        if rows < _HABIT_ROWS:
            return cls(rows)
        filled = frozenset(place for place, count in enumerate(values) if count == rows)
        return cls(rows, filled, frozenset(place for place, count in enumerate(values) if count == 0))

    @property
    def most_mended(self) -> int:
        return max(_FEW, self.rows // _SHARE)
