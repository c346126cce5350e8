"""Checkpoints (C2SP tlog-checkpoint): how many entries the log had and the root over them, signed, and cosigned by witnesses."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from sharing.ledger.errors import Untrue
from sharing.ledger.log import CHECKPOINTS, Ledger
from sharing.ledger.note import Note
from sharing.ledger.tree import HASH_BYTES

_TEXT = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n")
_FILE = re.compile(r"\d{12}\.note")


@dataclass(frozen=True)
class Checkpoint:
    """The first `size` entries of the log `origin` have this root."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Raises Untrue. Lines of other logs' extensions are none of ours."""
        found = _TEXT.fullmatch(text)
        root = base64.b64decode(found[3]) if found else b""
        if not found or len(root) != HASH_BYTES or base64.b64encode(root).decode() != found[3]:
            raise Untrue("it is no checkpoint: origin, size and root are needed, a line each")
        return cls(found[1], int(found[2]), root)


def checkpoint_file(ledger: Ledger, size: int) -> Path:
    return ledger.folder / CHECKPOINTS / f"{size:012d}.note"


def stored(ledger: Ledger) -> list[Path]:
    """The files of all checkpoints, by their size."""
    return sorted(path for path in (ledger.folder / CHECKPOINTS).glob("*.note") if _FILE.fullmatch(path.name))


def read_checkpoint(path: Path) -> tuple[Note, Checkpoint]:
    """A checkpoint and the note that it stands in. Raises Untrue."""
    try:
        note = Note.parse(path.read_bytes())
        return note, Checkpoint.parse(note.text)
    except Untrue as error:
        raise Untrue(f"{path}: {error}") from None
    except OSError as error:
        raise Untrue(f"{path} cannot be read ({error.strerror}); name a checkpoint") from None
