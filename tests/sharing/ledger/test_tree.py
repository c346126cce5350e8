"""Roots and proofs are those of RFC 6962, also for code that is not ours."""

from collections.abc import Callable

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle.core import _inclusion_path_layout

from sharing.ledger.errors import Untrue
from sharing.ledger.tree import (
    EMPTY,
    check_consistency,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_by_inclusion,
)
from sharing.ledger.tree_file import TreeInMemory, node_count

# The test vectors of certificate-transparency's Merkle tree.
INPUTS = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
sizes = st.integers(1, 300)


def of(entries: list[bytes]) -> TreeInMemory:
    return TreeInMemory.of((leaf_hash(entry), 0) for entry in entries)


def numbered(size: int) -> list[bytes]:
    return [str(number).encode() for number in range(size)]


def theirs(entries: list[bytes]) -> pymerkle.InmemoryTree:
    tree = pymerkle.InmemoryTree()
    for entry in entries:
        tree.append_entry(entry)
    return tree


def test_roots_of_the_published_vectors() -> None:
    tree = of(INPUTS)
    assert [tree.root(size).hex() for size in range(9)] == list(ROOTS)


def test_proofs_of_the_published_vectors() -> None:
    """RFC 6962, 2.1.3: the tree of seven leaves."""
    tree = of(INPUTS[:7])
    a, b, c, d, e, f = (leaf_hash(entry) for entry in INPUTS[:6])
    g, h, i, j = node_hash(a, b), node_hash(c, d), node_hash(e, f), leaf_hash(INPUTS[6])
    k, l = node_hash(g, h), node_hash(i, j)  # noqa: E741
    assert inclusion_proof(0, 7, tree.subtree) == [b, h, l]
    assert inclusion_proof(3, 7, tree.subtree) == [c, g, l]
    assert inclusion_proof(4, 7, tree.subtree) == [f, j, k]
    assert inclusion_proof(6, 7, tree.subtree) == [i, k]
    assert consistency_proof(3, 7, tree.subtree) == [c, d, g, l]
    assert consistency_proof(4, 7, tree.subtree) == [l]
    assert consistency_proof(6, 7, tree.subtree) == [i, j, k]


@settings(deadline=None, max_examples=60)
@given(sizes, st.data())
def test_inclusion_is_proven_to_other_code(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    entries = numbered(size)
    tree, other = of(entries), theirs(entries)
    path = inclusion_proof(index, size, tree.subtree)
    leaf = leaf_hash(entries[index])
    rule, _ = _inclusion_path_layout(index + 1, size)
    proof = pymerkle.InclusionProof("sha256", True, size, index + 1, rule, [leaf, *path])
    pymerkle.verify_inclusion(leaf, other.get_root(), proof, index + 1, size)
    assert root_by_inclusion(leaf, index, size, path) == other.get_root()


@settings(deadline=None, max_examples=60)
@given(sizes, st.data())
def test_consistency_holds_between_roots_of_other_code(size: int, data: st.DataObject) -> None:
    earlier = data.draw(st.integers(0, size))
    entries = numbered(size)
    tree, before, after = of(entries), theirs(entries[:earlier]), theirs(entries)
    path = consistency_proof(earlier, size, tree.subtree)
    check_consistency((earlier, before.get_root()), (size, after.get_root()), path)
    if earlier:
        pymerkle.verify_consistency(tree.root(earlier), tree.root(size), after.prove_consistency(earlier, size))


@settings(deadline=None, max_examples=100)
@given(sizes, st.data())
def test_a_proof_that_was_changed_is_refused(size: int, data: st.DataObject) -> None:
    tree = of(numbered(size))
    index, earlier = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    leaf, root = tree.subtree(0, index), tree.root(size)
    path = spoiled(inclusion_proof(index, size, tree.subtree), data)
    assert refused_or(lambda: root_by_inclusion(leaf, index, size, path)) != root
    path = spoiled(consistency_proof(earlier, size, tree.subtree), data)
    with pytest.raises(Untrue):
        check_consistency((earlier, tree.root(earlier)), (size, root), path)


@pytest.mark.parametrize("earlier", [0, 1, 2, 3, 5, 8])
def test_another_history_is_refused(earlier: int) -> None:
    tree, other = of(numbered(8)), of([b"another", *numbered(8)[1:]])
    with pytest.raises(Untrue):
        root = other.root(earlier) if earlier else leaf_hash(b"no empty tree")
        check_consistency((earlier, root), (8, tree.root(8)), consistency_proof(earlier, 8, tree.subtree))


def test_the_empty_tree_and_sizes_that_cannot_be() -> None:
    assert of([]).root(0) == EMPTY
    check_consistency((0, EMPTY), (0, EMPTY), [])
    with pytest.raises(Untrue, match="more than"):
        check_consistency((2, EMPTY), (1, EMPTY), [])
    with pytest.raises(Untrue, match="beyond the tree"):
        root_by_inclusion(EMPTY, 3, 3, [])


@given(st.integers(0, 2000))
def test_the_size_follows_from_the_length_whatever_a_crash_left(records: int) -> None:
    size = TreeInMemory(b"." * (40 * records + records % 40)).size
    assert node_count(size) <= records < node_count(size + 1)


@given(st.lists(st.binary(max_size=4), max_size=40), st.data())
def test_a_tree_grows_to_what_it_is_at_once(entries: list[bytes], data: st.DataObject) -> None:
    leaves = [(leaf_hash(entry), number) for number, entry in enumerate(entries)]
    cut = data.draw(st.integers(0, len(leaves)))
    first = TreeInMemory.of(leaves[:cut])
    assert first.content + first.grown(cut, leaves[cut:]) == TreeInMemory.of(leaves).content


def spoiled(path: list[bytes], data: st.DataObject) -> list[bytes]:
    """With a hash changed, taken out or added."""
    place = data.draw(st.integers(0, len(path)))
    how = data.draw(st.sampled_from(["add", "change", "drop"])) if place < len(path) else "add"
    if how == "add":
        return [*path[:place], leaf_hash(b"foreign"), *path[place:]]
    return [*path[:place], *([leaf_hash(b"foreign")] if how == "change" else []), *path[place + 1 :]]


def refused_or(work: Callable[[], bytes]) -> bytes | None:
    try:
        return work()
    except Untrue:
        return None
