"""The whole log held against its tree, its checkpoints and those that witnesses keep: what is wrong, and from which entry on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sharing.ledger.checkpoint import Checkpoint, read_checkpoint, stored
from sharing.ledger.errors import Untrue
from sharing.ledger.log import Ledger
from sharing.ledger.note import COSIGNS, SIGNS, Note, VerifierKey
from sharing.ledger.reading import Reading, read_log
from sharing.ledger.tree_file import TreeInMemory


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was written, from entry `index` on, where an entry can be named (the first is 0)."""

    what: str
    index: int | None = None


@dataclass
class Verdict:
    """What was found. Remarks are worth a look and prove nothing."""

    entries: int = 0
    checkpoints: int = 0
    cosignatures: int = 0
    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.problems


@dataclass(frozen=True)
class _Held:
    """A checkpoint whose signatures hold, and what messages call it."""

    name: str
    checkpoint: Checkpoint


def verify(ledger: Ledger, known: Sequence[VerifierKey], witnessed: Iterable[tuple[str, Note]] = ()) -> Verdict:
    """Read everything again. `known` are the keys of the platform and of witnesses; `witnessed` are notes with what to call them."""
    verdict = Verdict()
    with ledger.read_locked():
        length = ledger.path.stat().st_size if ledger.path.exists() else 0
        recorded = TreeInMemory(ledger.tree.read(0, ledger.tree.length))
    found = read_log(ledger.path, length)
    verdict.entries = len(found)
    for index, what in found.wrong:
        verdict.problems.append(Problem(f"entry {index} {what}", index))
    verdict.remarks += [f"entry {index} {what}" for index, what in found.back_in_time]
    if found.torn:
        verdict.remarks.append(
            f"{found.torn} bytes after the last entry are no whole line; the next append takes them away"
        )
    held = _checkpoints(ledger, known, verdict)
    held += [one for name, note in witnessed if (one := _held(name, note, known, verdict))]
    _compare(found, recorded, sorted(held, key=lambda one: one.checkpoint.size), verdict)
    verdict.problems.sort(key=lambda problem: (problem.index is None, problem.index or 0))
    return verdict


def _checkpoints(ledger: Ledger, known: Sequence[VerifierKey], verdict: Verdict) -> list[_Held]:
    found, latest = [], None
    for path in stored(ledger):
        try:
            latest, checkpoint = read_checkpoint(path)
        except Untrue as error:
            verdict.problems.append(Problem(str(error)))
            continue
        if path.stem != f"{checkpoint.size:012d}":
            verdict.problems.append(Problem(f"{path} is a checkpoint of {checkpoint.size} entries"))
        if one := _held(f"the checkpoint of {checkpoint.size} entries", latest, known, verdict):
            found.append(one)
            verdict.checkpoints += 1
    if latest is None:
        verdict.remarks.append(
            "there is no checkpoint, so that whoever keeps the ledger could have written all of it anew"
        )
        return found
    if not verdict.problems:
        cosigned = {key for key, _ in latest.signed_by(known) if key.kind == COSIGNS}
        verdict.remarks += [
            f"the last checkpoint is not cosigned by {key.name}"
            for key in known
            if key.kind == COSIGNS and key not in cosigned
        ]
    return found


def _held(name: str, note: Note, known: Sequence[VerifierKey], verdict: Verdict) -> _Held | None:
    try:
        checkpoint = Checkpoint.parse(note.text)
        signed = note.signed_by(known)
        if not any(key.kind == SIGNS for key, _ in signed):
            raise Untrue("no known key of the platform signed it")
        if any(key.kind == SIGNS and key.name != checkpoint.origin for key, _ in signed):
            raise Untrue(f"it is of another log, {checkpoint.origin}")
    except Untrue as error:
        verdict.problems.append(Problem(f"{name} is not to be trusted: {error}"))
        return None
    verdict.cosignatures += sum(key.kind == COSIGNS for key, _ in signed)
    return _Held(name, checkpoint)


def _compare(found: Reading, recorded: TreeInMemory, held: list[_Held], verdict: Verdict) -> None:
    """Every root, then every hash, and of what differs the first entry that can be named."""
    tree = TreeInMemory.of(found.leaves())
    fits = [one.checkpoint.size <= len(found) and tree.root(one.checkpoint.size) == one.checkpoint.root for one in held]
    good = max((one.checkpoint.size for one, fit in zip(held, fits, strict=True) if fit), default=0)
    first = _first_difference(found, recorded)
    proven = any(
        one.checkpoint.size <= recorded.size and _root_of_leaves(recorded, one.checkpoint.size) == one.checkpoint.root
        for one, fit in zip(held, fits, strict=True) if not fit and first is not None and one.checkpoint.size > first
    )  # fmt: skip
    for one, fit in zip(held, fits, strict=True):
        if not fit:
            verdict.problems.append(_unfit(one, good, len(found), first if proven else None))
    if first is not None:
        verdict.problems.append(_differs(first, good, found, recorded))
    elif recorded.content != tree.content:
        verdict.problems.append(Problem("the tree beside the log does not belong to it, though the entries' hashes do; remove it, the next append makes it anew"))  # fmt: skip


def _unfit(one: _Held, good: int, size: int, first: int | None) -> Problem:
    claimed = one.checkpoint.size
    if first is not None:
        return Problem(f"{one.name} does not fit: entry {first} is the first that is not as it was written", first)
    if claimed > size:
        changed = "" if good == size else f", or entries from {good} on were changed too"
        return Problem(
            f"{one.name} says {claimed} entries, {size} are there: its end from entry {size} on is gone{changed}", size
        )
    if claimed <= good:
        return Problem(
            f"{one.name} contradicts the one of {good} entries that fits the log: two histories were signed", 0
        )
    return Problem(
        f"{one.name} does not fit: among entries {good} to {claimed - 1} some are not as they were written", good
    )


def _first_difference(found: Reading, recorded: TreeInMemory) -> int | None:
    """The first entry that has another hash than the tree beside the log says, or that only one of them has."""
    leaves = recorded.leaves()
    if b"".join(leaves) == found.hashes:
        return None
    for index in range(min(len(found), len(leaves))):
        if found.leaf(index) != leaves[index]:
            return index
    return min(len(found), len(leaves)) if len(found) != len(leaves) else None


def _differs(index: int, good: int, found: Reading, recorded: TreeInMemory) -> Problem:
    leaves = recorded.leaves()
    if index < good and index >= len(leaves):
        return Problem(f"the tree beside the log ends before entry {index}, and a checkpoint covers {good}; the next append makes it anew")  # fmt: skip
    if index < good:
        return Problem(f"entry {index} is as a checkpoint has it, and its hash in the tree is another; remove the tree, the next append makes it anew")  # fmt: skip
    if index >= len(leaves):
        return Problem(f"entries from {index} on stand in the log and are not counted: a crash left them, or somebody wrote them past the ledger", index)  # fmt: skip
    if index >= len(found):
        return Problem(f"entries from {index} to {len(leaves) - 1} are gone: the end of the log was cut", index)
    return Problem(f"entry {index} {_how(index, found, leaves)}", index)


def _how(index: int, found: Reading, leaves: list[bytes]) -> str:
    """What happened to the first wrong entry, as its neighbours tell."""
    next_found = found.leaf(index + 1) if index + 1 < len(found) else None
    next_leaf = leaves[index + 1] if index + 1 < len(leaves) else None
    here, was = found.leaf(index), leaves[index]
    if here == next_leaf and next_found == was:
        return "and the next one have changed places"
    if here == next_leaf:
        return "was taken out"
    if next_found == was:
        return "was put in"
    return "is not as it was written"


def _root_of_leaves(recorded: TreeInMemory, size: int) -> bytes:
    """From the leaves alone: what else stands in the file may have been changed apart from them."""
    return TreeInMemory.of((leaf, 0) for leaf in recorded.leaves()[:size]).root(size)
