"""Secondary suppression: cells hidden beside the unsafe ones, so that the margins give none of them back.

For each unsafe cell and each direction a solver looks for another table with the same told cells in which the cell is off by what
protects it, at the least cost of further cells that must differ, too (the linear heuristic of Kelly, Golden and Assad, Networks 22,
1992; Fischetti and Salazar, Mathematical Programming 84, 1999). Those cells are hidden. Each of these tables stays possible for whoever
knows the rest, so every hidden cell has at least two possible values, and every unsafe one the interval that protects it. Counts are
looked for in whole numbers. What is hidden is few cells, not provably the fewest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack

from sharing.disclosure.relation import DisclosureError
from sharing.disclosure.tables.cells import Cell, Key, Unsafe

_NEAR = 1e-6
# A solver that does not end gives up: seconds for one direction of one cell.
_PATIENCE = 30.0
_SWEEPS = 20


@dataclass(frozen=True)
class Hidden:
    """A cell that is not told, and values that are possible for all that the told cells say. `reasons` are empty where it hides others."""

    key: Key
    reasons: tuple[str, ...]
    low: float
    high: float

    @property
    def is_unsafe(self) -> bool:
        return bool(self.reasons)


def suppress(cells: list[Cell], levels: tuple[int, ...], unsafe: Mapping[Key, Unsafe], is_count: bool) -> list[Hidden]:
    """`cells` with all margins; `levels` says how many columns each dimension has. DisclosureError where the solver gives up."""
    table = _Table(cells, levels, unsafe, is_count)
    table.sweep(unsafe)
    order = sorted(unsafe, key=lambda key: (-max(unsafe[key].above, unsafe[key].below), repr(key)))
    for key in order:
        table.protect(table.places[key], unsafe[key].above)
        table.protect(table.places[key], -unsafe[key].below)
    return [
        Hidden(cell.key, unsafe[cell.key].reasons if cell.key in unsafe else (), cell.value + low, cell.value + high)
        for cell, is_hidden, low, high in zip(cells, table.hidden, table.low.tolist(), table.high.tolist(), strict=True)
        if is_hidden
    ]


def margins(cells: list[Cell], levels: tuple[int, ...]) -> csr_array:
    """Equations, one a row: a margin (-1) is the sum of the cells one level below it in one dimension (1). Cells nobody contributes to
    are zero and not there.
    """
    places = {cell.key: number for number, cell in enumerate(cells)}
    sums: dict[tuple[int, int], list[int]] = {}
    for number, cell in enumerate(cells):
        for dimension, values in enumerate(cell.key):
            if values:
                above = (*cell.key[:dimension], values[:-1], *cell.key[dimension + 1 :])
                sums.setdefault((places[above], dimension), []).append(number)
    rows, columns, signs = [], [], []
    for row, ((margin, _), parts) in enumerate(sums.items()):
        rows += [row] * (len(parts) + 1)
        columns += [margin, *parts]
        signs += [-1.0, *[1.0] * len(parts)]
    return csr_array((signs, (rows, columns)), shape=(max(1, len(sums)), len(cells)))


class _Table:
    """Which cells are hidden, and how far each is known to be free to move down (`low`) and up (`high`) from its value."""

    def __init__(
        self, cells: list[Cell], levels: tuple[int, ...], unsafe: Mapping[Key, Unsafe], is_count: bool
    ) -> None:
        self.places = {cell.key: number for number, cell in enumerate(cells)}
        self.values = np.array([cell.value for cell in cells])
        self.hidden = np.array([cell.key in unsafe for cell in cells], dtype=bool)
        self.low, self.high = np.zeros(len(cells)), np.zeros(len(cells))
        sums = margins(cells, levels)
        self.equations = LinearConstraint(hstack([sums, -sums]).tocsr(), 0, 0)
        # Contributions of either sign let a cell be anything.
        is_signed = any(
            cell.largest and abs(cell.absolute - cell.value) > _NEAR * max(1.0, cell.absolute) for cell in cells
        )
        self.floor = np.full(len(cells), np.inf) if is_signed else self.values
        self.cost = np.array([1 + log(1 + abs(cell.value)) for cell in cells])
        self.whole = np.full(2 * len(cells), int(is_count))

    def sweep(self, unsafe: Mapping[Key, Unsafe]) -> None:
        """Many unsafe cells hide each other already: tables in which all that are hidden move at once, up or down by chance, as far as
        protects them, settle these in a few questions.
        """
        above, below = np.zeros(len(self.values)), np.zeros(len(self.values))
        for key, one in unsafe.items():
            above[self.places[key]], below[self.places[key]] = one.above, one.below
        chance = np.random.default_rng(0)
        for _ in range(_SWEEPS):
            open_up, open_down = above > self.high + _NEAR, below > _NEAR - self.low
            if not (open_up | open_down).any():
                return
            is_up = np.where(open_up == open_down, chance.random(len(self.values)) < 0.5, open_up)
            wish = np.where(is_up & open_up, -1.0, np.where(~is_up & open_down, 1.0, 0.0))
            up, down = np.where(self.hidden, above, 0.0), np.where(self.hidden, np.minimum(below, self.floor), 0.0)
            self._take(self._solved(np.concatenate([wish, -wish]), np.zeros(2 * len(wish)), np.concatenate([up, down])))

    def protect(self, place: int, amount: float) -> None:
        """The cell may be off by the amount: hide what must differ then."""
        if self.low[place] - _NEAR <= amount <= self.high[place] + _NEAR:
            return
        self._take(self._moved(place, amount))

    def _take(self, moved: np.ndarray) -> None:
        self.hidden |= np.abs(moved) > _NEAR
        self.low, self.high = np.minimum(self.low, moved), np.maximum(self.high, moved)

    def _moved(self, place: int, amount: float) -> np.ndarray:
        """Of another table that agrees in all that is told: how far each cell is from its value, up less down."""
        count = len(self.values)
        most = np.concatenate([np.full(count, np.inf), self.floor])
        most[[place, count + place]] = 0.0
        least = np.zeros(2 * count)
        at = place if amount > 0 else count + place
        least[at] = most[at] = abs(amount)
        # What is hidden moves for nearly nothing: for nothing, a solver might let it move up and down at once.
        cost = np.where(self.hidden, _NEAR, self.cost)
        return self._solved(np.concatenate([cost, cost]), least, most)

    def _solved(self, cost: np.ndarray, least: np.ndarray, most: np.ndarray) -> np.ndarray:
        found = milp(
            cost,
            integrality=self.whole,
            bounds=Bounds(least, most),
            constraints=self.equations,
            options={"time_limit": _PATIENCE},
        )
        if found.x is None:
            raise DisclosureError(
                f"No way to hide an unsafe cell among {len(self.values)} cells was found within {_PATIENCE:g} s. "
                "Release fewer dimensions or coarser values."
            )
        up, down = np.split(found.x, 2)
        return np.asarray(up - down)
