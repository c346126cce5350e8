"""Whoever keeps a ledger and is dishonest: changes at random, covered up as far as somebody can who has all keys but the witness's."""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sharing.ledger.checkpoint import Checkpoint
from sharing.ledger.entry import Entry, Kind
from sharing.ledger.log import CHECKPOINTS, LOG, TREE, Ledger
from sharing.ledger.note import COSIGNS, SIGNS, Note, Signer
from sharing.ledger.tree import leaf_hash
from sharing.ledger.tree_file import TreeInMemory
from sharing.ledger.verify import Verdict, verify

ENTRIES, CHECKED = 45, 40
NIGHTS = (7, 16, 24, 33, CHECKED)
WAYS = ("flip", "rewrite", "drop", "reorder", "insert", "cut", "roll back")
# What is done besides: nothing, the tree made anew, checkpoints signed anew, all old checkpoints thrown away for a new one.
COVERS = ("log", "tree", "signed", "fresh")


@dataclass(frozen=True)
class Book:
    """A ledger by its parts; notes by the size of their checkpoint."""

    lines: tuple[bytes, ...]
    tree: bytes
    notes: dict[int, Note]


@dataclass(frozen=True)
class Found:
    """What was done and what was said of it; `first` is the first entry that is another than before."""

    way: str
    cover: str
    first: int
    verdict: Verdict


class Keeper:
    """A book of 45 entries with five checkpoints that a witness cosigned, and its falsifications in `folder`."""

    def __init__(self, folder: Path, platform: Signer, witness: Signer, seed: int = 17) -> None:
        self.ledger, self.platform, self.random = Ledger(folder), platform, random.Random(seed)
        self.known = [platform.verifier, witness.verifier]
        happened = [(self._kind(), {"feed": f"civil/{n % 3}", "rows": n}) for n in range(ENTRIES)]
        lines = tuple(entry.line() for entry in self.ledger.append_all(happened, "night"))
        self.honest = Book(lines, _tree(lines), {size: self._signed(lines, size) for size in NIGHTS})
        for size, note in self.honest.notes.items():
            self.honest.notes[size] = note.with_line(witness.line(note.text))
        # What the witness has, out of the keeper's reach.
        self.seen = self.honest.notes[CHECKED]

    def honest_verdict(self) -> Verdict:
        return self._verified(self.honest)

    def tamper(self) -> Found:
        """One falsification and what verifying finds."""
        cover = self.random.choice(COVERS)
        # What no witness saw yet can be written anew together with its hashes.
        reach = ENTRIES if cover == "log" else CHECKED
        while True:
            way = self.random.choice(WAYS)
            lines = _WAYS[way](self, list(self.honest.lines), reach)
            if tuple(lines) != self.honest.lines and lines[:reach] != list(self.honest.lines[:reach]):
                break
        book = replace(self.honest, lines=tuple(lines))
        if way == "roll back":
            kept = {size: note for size, note in self.honest.notes.items() if size <= len(lines)}
            book = replace(book, tree=_tree(book.lines), notes=kept)
        verdict = self._verified(self._covered(book, cover))
        first = next(
            (n for n, pair in enumerate(zip(lines, self.honest.lines, strict=False)) if pair[0] != pair[1]), None
        )
        return Found(way, cover, min(len(lines), ENTRIES) if first is None else first, verdict)

    def _covered(self, book: Book, cover: str) -> Book:
        if cover == "log" or b"" in book.lines:
            return book
        book = replace(book, tree=_tree(book.lines))
        if cover == "tree":
            return book
        sizes = [size for size in NIGHTS if size <= len(book.lines)] if cover == "signed" else [len(book.lines)]
        return replace(book, notes={size: self._signed(book.lines, size) for size in sizes})

    def _verified(self, book: Book) -> Verdict:
        folder = self.ledger.folder
        (folder / LOG).write_bytes(b"".join(line + b"\n" for line in book.lines))
        (folder / TREE).write_bytes(book.tree)
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        (folder / CHECKPOINTS).mkdir()
        for size, note in book.notes.items():
            (folder / CHECKPOINTS / f"{size:012d}.note").write_text(str(note), encoding="utf-8")
        return verify(self.ledger, self.known, [("what the witness saw", self.seen)])

    def _signed(self, lines: tuple[bytes, ...], size: int) -> Note:
        text = str(Checkpoint(self.platform.name, size, TreeInMemory(_tree(lines[:size])).root(size)))
        return Note.parse(f"{text}\n{self.platform.line(text)}")

    def _kind(self) -> Kind:
        return self.random.choice(list(Kind))

    def _flip(self, lines: list[bytes], reach: int) -> list[bytes]:
        index = self.random.randrange(reach)
        changed = bytearray(lines[index])
        changed[self.random.randrange(len(changed))] ^= 1 << self.random.randrange(8)
        # A flip may make a newline: then there are two lines.
        return [*lines[:index], *bytes(changed).split(b"\n"), *lines[index + 1 :]]

    def _rewrite(self, lines: list[bytes], reach: int) -> list[bytes]:
        index = self.random.randrange(reach)
        entry = Entry.parse(lines[index])
        lines[index] = replace(entry, what={**entry.what, "rows": self.random.randrange(1000, 2000)}).line()
        return lines

    def _drop(self, lines: list[bytes], reach: int) -> list[bytes]:
        index = self.random.randrange(reach)
        return [*lines[:index], *lines[index + self.random.randint(1, 3) :]]

    def _reorder(self, lines: list[bytes], reach: int) -> list[bytes]:
        one, two = self.random.sample(range(reach), 2)
        lines.insert(two, lines.pop(one))
        return lines

    def _insert(self, lines: list[bytes], reach: int) -> list[bytes]:
        forged = replace(Entry.parse(self.random.choice(lines)), actor="nobody").line()
        lines.insert(self.random.randrange(reach), self.random.choice([forged, self.random.choice(lines)]))
        return lines

    def _cut(self, lines: list[bytes], reach: int) -> list[bytes]:
        return lines[: self.random.randrange(reach)]


_WAYS: dict[str, Callable[[Keeper, list[bytes], int], list[bytes]]] = {
    "flip": Keeper._flip, "rewrite": Keeper._rewrite, "drop": Keeper._drop, "reorder": Keeper._reorder,
    "insert": Keeper._insert, "cut": Keeper._cut, "roll back": lambda keeper, lines, _: keeper._cut(lines, CHECKED),
}  # fmt: skip


def _tree(lines: tuple[bytes, ...]) -> bytes:
    leaves, end = [], 0
    for line in lines:
        end += len(line) + 1
        leaves.append((leaf_hash(line), end))
    return TreeInMemory.of(leaves).content


def keeper(folder: Path) -> Keeper:
    """With keys of its own."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    platform = Signer("tampered-ledger", SIGNS, Ed25519PrivateKey.generate())
    return Keeper(folder, platform, Signer("witness", COSIGNS, Ed25519PrivateKey.generate()))
