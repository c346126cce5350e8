"""The hashes of the tree beside the log, in the order in which they become known: each leaf, then each subtree that it completes.

So a hash of any complete subtree stands at a place that its level and number give, nothing is ever rewritten, and neither an
append nor a proof reads more than a few dozen of them. All of it follows from the log: where the file is lost it is made anew.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sharing.ledger import tree

# A hash, and where the last entry below it ends in the log.
_RECORD = tree.HASH_BYTES + 8


def node_count(size: int) -> int:
    """How many hashes a tree of `size` leaves has in the file."""
    return 2 * size - size.bit_count()


def length_of(size: int) -> int:
    """Bytes of the file with `size` leaves."""
    return _RECORD * node_count(size)


def _place(level: int, place: int) -> int:
    last_leaf = (place + 1 << level) - 1
    return node_count(last_leaf) + level


class Tree:
    """Hashes in the order of the file; where they lie is a subclass's."""

    @property
    def length(self) -> int:
        """Bytes."""
        raise NotImplementedError

    def read(self, start: int, count: int) -> bytes:
        """At most `count` bytes from byte `start` on."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """Leaves whose hashes are all there; what a crash left of a further one does not count."""
        records = self.length // _RECORD
        size = (records + records.bit_length() + 1) // 2
        while node_count(size) > records:
            size -= 1
        return size

    def subtree(self, level: int, place: int) -> bytes:
        """The hash of a complete subtree: a tree.Subtree."""
        return self._record(level, place)[: tree.HASH_BYTES]

    def root(self, size: int) -> bytes:
        """Over the first `size` leaves, of which there must be as many."""
        return tree.root(size, self.subtree)

    def end(self, size: int) -> int:
        """How many bytes of the log the first `size` entries take."""
        return int.from_bytes(self._record(0, size - 1)[tree.HASH_BYTES :]) if size else 0

    def leaves(self) -> list[bytes]:
        """The hashes of all entries, from one reading."""
        size = self.size
        content = self.read(0, length_of(size))
        places = (_RECORD * node_count(index) for index in range(size))
        return [content[place : place + tree.HASH_BYTES] for place in places]

    def grown(self, size: int, leaves: Iterable[tuple[bytes, int]]) -> bytes:
        """What is to be written behind the records of the first `size` leaves: for further ones, as hash and end in the log."""
        open_subtrees = [self.subtree(level, place) for level, place in tree.peaks(size)]
        written = bytearray()
        for hash_, end in leaves:
            at = end.to_bytes(8)
            written += hash_ + at
            node, place = hash_, size
            while place & 1:
                node = tree.node_hash(open_subtrees.pop(), node)
                written += node + at
                place >>= 1
            open_subtrees.append(node)
            size += 1
        return bytes(written)

    def _record(self, level: int, place: int) -> bytes:
        record = self.read(_RECORD * _place(level, place), _RECORD)
        if len(record) != _RECORD:
            raise IndexError("the tree has no such hash")
        return record


@dataclass(frozen=True)
class TreeFile(Tree):
    """The file at `path`, which need not be there."""

    path: Path

    @property
    def length(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def read(self, start: int, count: int) -> bytes:
        if not self.path.exists():
            return b""
        with self.path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), count, start)


@dataclass(frozen=True)
class TreeInMemory(Tree):
    """The tree that belongs to some entries, made of their hashes and ends."""

    content: bytes

    @classmethod
    def of(cls, leaves: Iterable[tuple[bytes, int]]) -> "TreeInMemory":
        return cls(cls(b"").grown(0, leaves))

    @property
    def length(self) -> int:
        return len(self.content)

    def read(self, start: int, count: int) -> bytes:
        return self.content[start : start + count]
