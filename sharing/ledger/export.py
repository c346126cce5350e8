"""The ledger as a folder that an auditor takes along: entries, tree, checkpoints, and the keys that they are said to be signed by."""

import shutil
from pathlib import Path

from sharing.ledger.checkpoint import stored
from sharing.ledger.errors import LedgerError
from sharing.ledger.log import CHECKPOINTS, LOG, TREE, Ledger
from sharing.ledger.platform import KEYS, ORIGIN
from sharing.ledger.tree_file import length_of
from warehouse.files import make_private, private_folder, sync_tree


def export(ledger: Ledger, into: Path) -> int:
    """Copy all that counts into the new folder `into`, and say how many entries. Raises LedgerError, OSError."""
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise LedgerError(f"{into} is there already and not empty; name a new folder")
    private_folder(into / CHECKPOINTS)
    with ledger.locked():
        size = ledger.size
        _copy(ledger.path, into / LOG, ledger.tree.end(size))
        _copy(ledger.tree.path, into / TREE, length_of(size))
        for path in stored(ledger):
            shutil.copyfile(path, into / CHECKPOINTS / path.name)
        for name in (KEYS, ORIGIN):
            if (ledger.folder / name).exists():
                shutil.copyfile(ledger.folder / name, into / name)
    make_private(into)
    sync_tree(into)
    return size


def _copy(source: Path, target: Path, length: int) -> None:
    with target.open("wb") as copy:
        if length:
            with source.open("rb") as file:
                shutil.copyfileobj(file, copy)
            copy.truncate(length)
