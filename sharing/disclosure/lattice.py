"""The least generalisation: a search over the lattice of levels that asks as few of its nodes as it can.

What passes still passes when more is generalised, and what fails still fails when less is: so one answer settles all nodes above or
below it (predictive tagging: El Emam et al., OLA, JAMIA 16(5), 2009; Kohlmayer et al., Flash, PASSAT 2012). Knows no data.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product

# The level of each column, 0 as it is.
Node = tuple[int, ...]
_MOST_NODES = 250_000


class TooManyNodes(Exception):
    """Levels of so many columns that their combinations cannot be gone through."""


@dataclass
class Search:
    """`tops` are the highest levels, `values` how many values a column has on each of its levels, `passes` asks a node."""

    tops: Node
    values: tuple[tuple[int, ...], ...]
    passes: Callable[[Node], bool]
    asked: int = 0
    failed: list[Node] = field(default_factory=list)
    best: Node | None = None

    def least(self) -> Node | None:
        """The node that passes with the least loss; of several the one whose first columns are the least general. None: not even the
        highest one passes.
        """
        if not self._ask(self.tops):
            return None
        self.best = self.tops
        for node in self._by_loss():
            if self.loss(node) >= self.loss(self.best):
                break
            if not self._is_settled(node):
                self._bisect(self._path(node))
        return self.best

    def loss(self, node: Node) -> float:
        """0 to 1: how far up each column is, on average (Sweeney's precision, the other way round)."""
        return sum(level / top for level, top in zip(node, self.tops, strict=True) if top) / max(1, len(node))

    def _by_loss(self) -> list[Node]:
        count = 1
        for top in self.tops:
            count *= top + 1
        if count > _MOST_NODES:
            raise TooManyNodes(f"{count:,} combinations of levels; at most {_MOST_NODES:,} can be searched")
        return sorted(
            product(*(range(top + 1) for top in self.tops)), key=lambda node: (round(self.loss(node), 9), node)
        )

    def _is_settled(self, node: Node) -> bool:
        return any(all(low <= high for low, high in zip(node, one, strict=True)) for one in self.failed)

    def _path(self, node: Node) -> list[Node]:
        """Upwards from a node, by the column that has most values there, as long as it would be better than the best."""
        assert self.best is not None
        path, limit = [node], self.loss(self.best)
        while steps := [step for step in self._above(path[-1]) if self.loss(step) < limit - 1e-9]:
            path.append(max(steps, key=lambda step: self._lost(path[-1], step)))
        return path

    def _above(self, node: Node) -> Iterator[Node]:
        for place, (level, top) in enumerate(zip(node, self.tops, strict=True)):
            if level < top:
                yield (*node[:place], level + 1, *node[place + 1 :])

    def _lost(self, node: Node, step: Node) -> float:
        """How many values become one."""
        (place,) = (place for place, level in enumerate(node) if step[place] != level)
        return self.values[place][node[place]] / max(1, self.values[place][step[place]])

    def _bisect(self, path: list[Node]) -> None:
        """Settle the whole path. Its end first: where that fails, so does all of it, by one question."""
        if not self._ask(path[-1]):
            return
        low, high = 0, len(path) - 1
        while low < high:
            middle = (low + high) // 2
            if self._ask(path[middle]):
                high = middle
            else:
                low = middle + 1
        self.best = path[high]

    def _ask(self, node: Node) -> bool:
        self.asked += 1
        if self.passes(node):
            return True
        self.failed = [one for one in self.failed if any(a > b for a, b in zip(one, node, strict=True))] + [node]
        return False
