"""Which nodes are one thing: the strongest edges first, and never two that are known to be different in one cluster."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from linkage.prepare.arrays import NONE, Integers

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
# A cluster joins another where so many of the pairs between them were found alike: no chain of single edges.
_SUPPORT = 1 / 3


@dataclass(frozen=True)
class Edges:
    """Pairs of nodes with a weight; a steward's decision is an edge of infinite weight."""

    left: Integers
    right: Integers
    weight: Numbers

    def __len__(self) -> int:
        return len(self.left)

    def of(self, rows: Flags | Integers) -> "Edges":
        return Edges(self.left[rows], self.right[rows], self.weight[rows])


@dataclass(frozen=True)
class Rules:
    """`identifiers`: codes by node and kind, NONE where there is none. Two codes of one kind are a conflict.

    `apart`: pairs that a steward told apart. `margin`: what a best candidate must be ahead of one that contradicts it.
    """

    identifiers: Integers
    apart: list[tuple[int, int]] = field(default_factory=list)
    margin: float = 0.0
    support: float = _SUPPORT


def components(count: int, left: Integers, right: Integers) -> Integers:
    """For each of `count` nodes the smallest node it is connected with."""
    graph = coo_array((np.ones(len(left), dtype=np.bool_), (left, right)), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    _, smallest = np.unique(label, return_index=True)
    found: Integers = smallest[label].astype(np.int64)
    return found


def cluster(count: int, edges: Edges, rules: Rules) -> tuple[Integers, Flags]:
    """A label for each node, and which edges were refused (a conflict, a close second, too little support)."""
    label = components(count, edges.left, edges.right)
    contested = _contested(label, edges, rules)
    refused = np.zeros(len(edges), dtype=bool)
    hard = contested[label[edges.left]]
    if not hard.any():
        return label, refused
    rows = np.flatnonzero(hard)
    nodes = np.flatnonzero(contested[label])
    place = np.full(count, NONE, dtype=np.int64)
    place[nodes] = np.arange(len(nodes))
    small = Edges(place[edges.left[rows]], place[edges.right[rows]], edges.weight[rows])
    apart = [
        (int(place[one]), int(place[other])) for one, other in rules.apart if place[one] >= 0 and place[other] >= 0
    ]
    found, refused[rows] = _best_first(small, Rules(rules.identifiers[nodes], apart, rules.margin, rules.support))
    label[nodes] = nodes[found]
    return label, refused


def _contested(label: Integers, edges: Edges, rules: Rules) -> Flags:
    """By label: components with a conflict, with pairs told apart, or where not everybody is paired with everybody."""
    contested = np.zeros(len(label), dtype=bool)
    for kind in range(rules.identifiers.shape[1]):
        code = rules.identifiers[:, kind]
        known = np.flatnonzero(code != NONE)
        highest = np.full(len(label), NONE, dtype=np.int64)
        np.maximum.at(highest, label[known], code[known])
        contested[label[known[code[known] != highest[label[known]]]]] = True
    for one, other in rules.apart:
        if label[one] == label[other]:
            contested[label[one]] = True
    size = np.bincount(label, minlength=len(label))
    pairs = np.bincount(label[edges.left], minlength=len(label)) if len(edges) else np.zeros(len(label), dtype=np.int64)
    if rules.support > 0:
        contested |= pairs < size * (size - 1) // 2
    return contested


def _best_first(edges: Edges, rules: Rules) -> tuple[Integers, Flags]:
    """One edge after the other, in Python: each decision depends on those before, and only contested nodes come here."""
    work = _Agglomeration(len(rules.identifiers), edges, rules)
    refused = np.zeros(len(edges), dtype=bool)
    # Of equal weights always in the same order, so that the same night gives the same clusters.
    for row in np.lexsort((edges.right, edges.left, -edges.weight)).tolist():
        refused[row] = not work.join(row)
    return np.array([work.root(node) for node in range(len(rules.identifiers))], dtype=np.int64), refused


class _Agglomeration:
    """Clusters that grow edge by edge."""

    def __init__(self, count: int, edges: Edges, rules: Rules) -> None:
        self.edges, self.rules = edges, rules
        self.left, self.right, self.weight = edges.left.tolist(), edges.right.tolist(), edges.weight.tolist()
        self.parent = list(range(count))
        self.members = [[node] for node in range(count)]
        self.codes: list[list[int]] = rules.identifiers.tolist()
        self.at: list[list[int]] = [[] for _ in range(count)]
        for row, (one, other) in enumerate(zip(self.left, self.right, strict=True)):
            self.at[one].append(row)
            self.at[other].append(row)
        self.apart: list[set[int]] = [set() for _ in range(count)]
        for one, other in rules.apart:
            self.apart[one].add(other)
            self.apart[other].add(one)

    def root(self, node: int) -> int:
        while self.parent[node] != node:
            self.parent[node] = self.parent[self.parent[node]]
            node = self.parent[node]
        return node

    def join(self, row: int) -> bool:
        one, other = self.root(self.left[row]), self.root(self.right[row])
        if one == other:
            return True
        is_decided = self.weight[row] == float("inf")
        if not is_decided and (self._differ(one, other) or self._is_close(row) or self._lacks_support(one, other)):
            return False
        if self._told_apart(one, other):
            return False
        self._merge(one, other)
        return True

    def _differ(self, one: int, other: int) -> bool:
        return any(NONE not in (a, b) and a != b for a, b in zip(self.codes[one], self.codes[other], strict=True))

    def _told_apart(self, one: int, other: int) -> bool:
        few, many = sorted((one, other), key=lambda root: len(self.members[root]))
        return any(self.root(apart) == many for node in self.members[few] for apart in self.apart[node])

    def _is_close(self, row: int) -> bool:
        """Whether either end has another candidate nearly as good that this one contradicts: then neither is taken."""
        return self._has_rival(self.left[row], self.right[row], row) or self._has_rival(
            self.right[row], self.left[row], row
        )

    def _has_rival(self, node: int, chosen: int, row: int) -> bool:
        for other_row in self.at[node]:
            rival = self.left[other_row] + self.right[other_row] - node
            if rival == chosen or self.weight[other_row] <= self.weight[row] - self.rules.margin:
                continue
            one, other, own = self.root(rival), self.root(chosen), self.root(node)
            if one not in (other, own) and self._differ(one, other) and not self._differ(one, own):
                return True
        return False

    def _lacks_support(self, one: int, other: int) -> bool:
        few, many = sorted((one, other), key=lambda root: len(self.members[root]))
        pairs = len(self.members[few]) * len(self.members[many])
        if pairs == 1 or self.rules.support == 0:
            return False
        found = {
            (node, self.left[row] + self.right[row] - node)
            for node in self.members[few]
            for row in self.at[node]
            if self.root(self.left[row] + self.right[row] - node) == many
        }
        return len(found) < pairs * self.rules.support

    def _merge(self, one: int, other: int) -> None:
        few, many = sorted((one, other), key=lambda root: (len(self.members[root]), -root))
        self.parent[few] = many
        self.members[many] += self.members[few]
        self.codes[many] = [a if a != NONE else b for a, b in zip(self.codes[many], self.codes[few], strict=True)]
