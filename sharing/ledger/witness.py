"""A witness: a party that cosigns a checkpoint where it goes on from the last one that it saw, and keeps what it saw itself."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from sharing.keys import signing
from sharing.ledger.checkpoint import Checkpoint
from sharing.ledger.errors import Untrue
from sharing.ledger.note import COSIGNS, SIGNS, Note, Signer, VerifierKey
from sharing.ledger.platform import Proof
from sharing.ledger.tree import check_consistency
from warehouse.files import PRIVATE_FILE, private_folder, write_text


@dataclass(frozen=True)
class Seen:
    """What a witness keeps of one log: the platform's key as it was first seen, and the last checkpoint it cosigned."""

    platform: VerifierKey
    note: Note


class Witness:
    """A party's signer, and the file in which it keeps what it saw of every log."""

    def __init__(self, key: Path, store: Path | None = None) -> None:
        """The name of the key is that of its file. Raises KeyRefused, Untrue."""
        self.signer = Signer(key.stem, COSIGNS, signing.load(key))
        self.store = store or key.with_suffix(".seen.json")

    def cosign(self, note: Note, platform: VerifierKey, proof: Proof) -> str:
        """The signature line under the checkpoint in `note`, which `platform` signed. Raises Untrue, and then signs nothing."""
        checkpoint = Checkpoint.parse(note.text)
        if platform.kind != SIGNS or platform.name != checkpoint.origin or not note.signed_by([platform]):
            raise Untrue(f"the checkpoint of {checkpoint.size} entries is not signed by the platform's key")
        with self._locked():
            seen = read_seen(self.store)
            if earlier := seen.get(checkpoint.origin):
                _check_goes_on(earlier, checkpoint, platform, proof)
            line = self.signer.line(note.text)
            # Before it is given away: a witness that forgets what it signed would sign a second history.
            self._keep({**seen, checkpoint.origin: Seen(platform, note.with_line(line))})
        return line

    @contextmanager
    def _locked(self) -> Iterator[None]:
        private_folder(self.store.parent)
        with FileLock(self.store.with_name(f".{self.store.name}.lock"), mode=PRIVATE_FILE, is_singleton=True):
            yield

    def _keep(self, seen: dict[str, Seen]) -> None:
        kept = {
            name: {"platform": str(one.platform), "checkpoint": str(one.note)} for name, one in sorted(seen.items())
        }
        write_text(self.store, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def read_seen(store: Path) -> dict[str, Seen]:
    """What a witness keeps, by the log's name; nothing where there is no file yet. Raises Untrue."""
    if not store.exists():
        return {}
    try:
        kept = json.loads(store.read_text(encoding="utf-8"))
        return {
            str(name): Seen(VerifierKey.parse(one["platform"]), Note.parse(one["checkpoint"]))
            for name, one in kept.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, Untrue):
        raise Untrue(f"{store} is not what a witness keeps; put it back from a backup") from None


def _check_goes_on(earlier: Seen, checkpoint: Checkpoint, platform: VerifierKey, proof: Proof) -> None:
    seen = Checkpoint.parse(earlier.note.text)
    if platform != earlier.platform:
        raise Untrue(
            f"the log {seen.origin} is signed by another key than before; ask its platform why, before you take the new key"
        )
    if checkpoint.size < seen.size:
        raise Untrue(
            f"a rollback: the log has {checkpoint.size} entries and had {seen.size} when this witness last saw it"
        )
    try:
        check_consistency((seen.size, seen.root), (checkpoint.size, checkpoint.root), proof(seen.size, checkpoint.size))
    except (Untrue, IndexError, OSError) as error:
        raise Untrue(
            f"a fork: the log does not go on from the {seen.size} entries that this witness saw ({error})"
        ) from None
