"""A proof that one entry stands in the log: one file that anybody can check, without the log and without this program."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sharing.ledger.checkpoint import Checkpoint, read_checkpoint, stored
from sharing.ledger.entry import MAX_BYTES, Entry
from sharing.ledger.errors import LedgerError, NotLoggable, Untrue
from sharing.ledger.log import Ledger
from sharing.ledger.note import COSIGNS, SIGNS, Note, VerifierKey
from sharing.ledger.tree import inclusion_proof, leaf_hash, root_by_inclusion

_FORMAT = "interagency ledger proof 1"
_FIELDS = {"format", "entry", "index", "path", "checkpoint"}
_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class Proven:
    """What a proof shows, and who signed for it."""

    entry: Entry
    index: int
    checkpoint: Checkpoint
    signed_by: list[VerifierKey]

    @property
    def witnesses(self) -> list[str]:
        return [key.name for key in self.signed_by if key.kind == COSIGNS]


def prove(ledger: Ledger, index: int) -> dict[str, Any]:
    """The proof of entry `index` (the first is 0) under the first checkpoint that covers it. Raises LedgerError where none does.

    `entry` is the text whose leaf hash is SHA-256(0x00, text); `path` its inclusion proof (RFC 6962, 2.1.1) in hex.
    """
    line = next(ledger.lines(index, index + 1), None) if index >= 0 else None
    if line is None:
        raise LedgerError(f"there is no entry {index}; the log has {ledger.size}, from 0 on")
    for file in stored(ledger):
        note, checkpoint = read_checkpoint(file)
        if checkpoint.size <= index:
            continue
        if checkpoint.size > ledger.size:
            raise LedgerError(
                f"{file} says more entries than the log has; `interagency ledger verify` says what is missing"
            )
        path = inclusion_proof(index, checkpoint.size, ledger.tree.subtree)
        if root_by_inclusion(leaf_hash(line), index, checkpoint.size, path) != checkpoint.root:
            raise LedgerError(f"entry {index} is not under {file}; `interagency ledger verify` says what was changed")
        hashes = [step.hex() for step in path]
        return {"format": _FORMAT, "entry": line.decode(), "index": index, "path": hashes, "checkpoint": str(note)}
    raise LedgerError(f"no checkpoint covers entry {index} yet; make one: interagency ledger checkpoint")


def check(content: bytes, known: Sequence[VerifierKey]) -> Proven:
    """Holds a proof, as `prove` writes it as JSON, against the keys that are known. Raises Untrue."""
    proof = _read(content)
    note = Note.parse(proof["checkpoint"])
    checkpoint = Checkpoint.parse(note.text)
    signed = [key for key, _ in note.signed_by(known)]
    if not any(key.kind == SIGNS and key.name == checkpoint.origin for key in signed):
        raise Untrue(f"no known key of the log {checkpoint.origin} signed the checkpoint; trust its key first")
    line = proof["entry"].encode()
    try:
        path = [bytes.fromhex(step) for step in proof["path"]]
        entry = Entry.parse(line)
    except (ValueError, TypeError, NotLoggable):
        raise Untrue("its entry or its path is not written as it must be") from None
    if any(len(step) != 32 for step in path):
        raise Untrue("its path holds something else than hashes of SHA-256")
    if root_by_inclusion(leaf_hash(line), proof["index"], checkpoint.size, path) != checkpoint.root:
        raise Untrue("the entry is not in the log that the checkpoint is of")
    return Proven(entry, proof["index"], checkpoint, signed)


def _read(content: bytes) -> dict[str, Any]:
    if len(content) > _MAX_BYTES:
        raise Untrue("it is too long for a proof")
    try:
        proof = json.loads(content.decode())
    except (ValueError, RecursionError):
        raise Untrue("it is no proof: no JSON") from None
    if not isinstance(proof, dict) or proof.keys() != _FIELDS or proof["format"] != _FORMAT:
        raise Untrue(f"it is no proof of the form {_FORMAT!r}")
    texts = isinstance(proof["entry"], str) and isinstance(proof["checkpoint"], str) and isinstance(proof["path"], list)
    if not texts or type(proof["index"]) is not int or len(proof["entry"]) > MAX_BYTES:
        raise Untrue("its fields are not of the types that they must have")
    return proof
