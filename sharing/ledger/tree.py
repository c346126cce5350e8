"""The Merkle tree of RFC 6962, section 2.1: hashes, proofs of inclusion and of consistency, and their checks.

Proofs are made of a function that gives the hash of a complete subtree, so that a tree of any size is asked for a few dozen.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

from sharing.ledger.errors import Untrue

# The hash of the complete subtree with 2 ** level leaves that begins at leaf place * 2 ** level: subtree(level, place).
Subtree = Callable[[int, int], bytes]
EMPTY = sha256(b"").digest()
HASH_BYTES = 32
# More hashes than a tree of 2^64 leaves can ask for.
_LONGEST = 128


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def peaks(size: int) -> list[tuple[int, int]]:
    """The complete subtrees of a tree with `size` leaves as (level, place), from left to right."""
    found, start = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            found.append((level, start >> level))
            start += 1 << level
    return found


def root(size: int, subtree: Subtree) -> bytes:
    """The root of the first `size` leaves."""
    return _folded([subtree(level, place) for level, place in peaks(size)])


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root of the first `size` leaves (RFC 6962, 2.1.1)."""
    return _inclusion(index, 0, size, subtree)


def consistency_proof(earlier: int, size: int, subtree: Subtree) -> list[bytes]:
    """The hashes that show the first `earlier` leaves to be a beginning of the first `size` (RFC 6962, 2.1.2)."""
    if earlier in (0, size):
        return []
    return _consistency(earlier, 0, size, subtree, is_known=True)


def root_by_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root to which the path leads (RFC 9162, 2.1.3.2). Raises Untrue where no such path can be."""
    if not 0 <= index < size or len(path) > _LONGEST:
        raise Untrue("the proof is of an entry beyond the tree")
    place, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            raise Untrue("the proof has hashes to spare")
        if place & 1 or place == last:
            found = node_hash(step, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    if last:
        raise Untrue("the proof lacks hashes")
    return found


def check_consistency(earlier: tuple[int, bytes], later: tuple[int, bytes], path: Sequence[bytes]) -> None:
    """Holds two trees, each as size and root, against the proof (RFC 9162, 2.1.4.2). Raises Untrue."""
    (first, first_root), (second, second_root) = earlier, later
    if first > second or len(path) > _LONGEST:
        raise Untrue(f"the earlier tree has {first} entries, more than the later one's {second}")
    if first in (0, second):
        is_same = first_root == (second_root if first else EMPTY)
        if path or not is_same:
            raise Untrue(
                f"two trees of {first} entries are not the same" if first else "the empty tree has another root"
            )
        return
    # A complete tree is a node of the later one, so the proof leaves it out.
    steps = [first_root, *path] if first & (first - 1) == 0 else list(path)
    if _both_roots(first, second, steps) != (first_root, second_root):
        raise Untrue(f"the first {first} entries of the later tree are not those of the earlier one")


def _both_roots(first: int, second: int, steps: list[bytes]) -> tuple[bytes, bytes]:
    if not steps:
        raise Untrue("the proof lacks hashes")
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise Untrue("the proof has hashes to spare")
        if place & 1 or place == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, step)
        place, last = place >> 1, last >> 1
    if last:
        raise Untrue("the proof lacks hashes")
    return before, after


def _inclusion(index: int, start: int, end: int, subtree: Subtree) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_inclusion(index, start, middle, subtree), _range(middle, end, subtree)]
    return [*_inclusion(index, middle, end, subtree), _range(start, middle, subtree)]


def _consistency(earlier: int, start: int, end: int, subtree: Subtree, is_known: bool) -> list[bytes]:
    if earlier == end:
        return [] if is_known else [_range(start, end, subtree)]
    middle = start + _split(end - start)
    if earlier <= middle:
        return [*_consistency(earlier, start, middle, subtree, is_known), _range(middle, end, subtree)]
    return [*_consistency(earlier, middle, end, subtree, False), _range(start, middle, subtree)]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _range(start: int, end: int, subtree: Subtree) -> bytes:
    """The hash over leaves start to end; `start` is a multiple of the power of two that covers them."""
    found = []
    for level, place in peaks(end - start):
        found.append(subtree(level, place + (start >> level)))
    return _folded(found)


def _folded(complete: list[bytes]) -> bytes:
    if not complete:
        return EMPTY
    found = complete[-1]
    for left in reversed(complete[:-1]):
        found = node_hash(left, found)
    return found
