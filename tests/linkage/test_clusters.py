"""Clusters: whatever the edges, no two conflicting identifiers; strongest first; no chains."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.prepare.arrays import NONE
from linkage.settle.clusters import Edges, Rules, cluster, components

_PAIRS = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 11), st.floats(0, 30)).filter(lambda pair: pair[0] != pair[1]),
    max_size=40,
)


def edges(pairs: list[tuple[int, int, float]]) -> Edges:
    best = {(min(a, b), max(a, b)): weight for a, b, weight in pairs}
    left, right = (np.array([pair[side] for pair in best], dtype=np.int64) for side in (0, 1))
    return Edges(left, right, np.array(list(best.values()), dtype=np.float64))


def none(count: int) -> np.ndarray:
    return np.full((count, 1), NONE, dtype=np.int64)


@given(
    _PAIRS,
    st.lists(st.integers(NONE, 3), min_size=24, max_size=24),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=5),
)
@settings(max_examples=200, deadline=None)
def test_never_two_conflicting_identifiers(
    pairs: list[tuple[int, int, float]], codes: list[int], apart: list[tuple[int, int]]
) -> None:
    identifiers = np.array(codes, dtype=np.int64).reshape(12, 2)
    told = [pair for pair in apart if pair[0] != pair[1]]
    label, _ = cluster(12, edges(pairs), Rules(identifiers, told, 2.0))
    for kind in range(2):
        for found in np.unique(label):
            held = identifiers[label == found, kind]
            assert len(np.unique(held[held != NONE])) <= 1
    assert all(label[one] != label[other] for one, other in told)


@given(_PAIRS)
@settings(max_examples=100, deadline=None)
def test_components_are_what_a_walk_finds(pairs: list[tuple[int, int, float]]) -> None:
    found = edges(pairs)
    label = components(12, found.left, found.right)
    reached = {node: {node} for node in range(12)}
    for _ in range(12):
        for one, other in zip(found.left.tolist(), found.right.tolist(), strict=True):
            both = reached[one] | reached[other]
            for node in both:
                reached[node] = both
    assert [min(reached[node]) for node in range(12)] == label.tolist()


def test_the_weakest_edge_between_two_people_is_cut() -> None:
    codes = np.array([[1], [NONE], [NONE], [2]], dtype=np.int64)
    label, refused = cluster(4, edges([(0, 1, 20), (1, 2, 9), (2, 3, 20)]), Rules(codes, [], 2.0))
    assert label[0] == label[1] != label[2] == label[3]
    assert refused.tolist() == [False, True, False]


def test_a_close_second_that_contradicts_leaves_both() -> None:
    codes = np.array([[1], [NONE], [2]], dtype=np.int64)
    close, _ = cluster(3, edges([(0, 1, 20), (1, 2, 19)]), Rules(codes, [], 2.0))
    assert len(set(close.tolist())) == 3
    clear, _ = cluster(3, edges([(0, 1, 20), (1, 2, 15)]), Rules(codes, [], 2.0))
    assert clear[0] == clear[1] != clear[2]


def test_one_edge_does_not_chain_two_groups() -> None:
    def group(*nodes: int) -> list[tuple[int, int, float]]:
        return [(a, b, 20.0) for a in nodes for b in nodes if a < b]

    chained, _ = cluster(6, edges([*group(0, 1, 2), *group(3, 4, 5), (2, 3, 12.0)]), Rules(none(6)))
    assert len(set(chained.tolist())) == 2
    whole, _ = cluster(6, edges(group(0, 1, 2, 3, 4, 5)), Rules(none(6)))
    assert len(set(whole.tolist())) == 1


def test_a_stewards_word_beats_an_identifier() -> None:
    codes = np.array([[1], [2]], dtype=np.int64)
    label, _ = cluster(2, edges([(0, 1, float("inf"))]), Rules(codes, [], 2.0))
    assert label[0] == label[1]
