"""Which key a file is encrypted under: a folder says it of what is in it, so that who reads or writes a path needs to know nothing else.

`keyed.json` names key files by a part of a file's name, or of the way to it; "" is for all others, and null for what is left as it
is. Files that were written before the folder had keys stay readable: by their first bytes each says whether it is encrypted.
"""

import json
import os
import shutil
from functools import lru_cache
from pathlib import Path

from warehouse.files import share_file, write_text
from warehouse.home import Home
from warehouse.keys.data_key import DataKey, copy_key, data_key, destroy, is_protected, key_file, unwrapped

KEYED = "keyed.json"
_HIGHEST = 5


def give_keys(home: Home, folder: Path, keys: dict[str, str | None]) -> None:
    """Let what is written to the folder from now on be encrypted under keys of these names, which are made. Raises KeyRefused.

    The note first: what a crash leaves is a folder that says which keys go with it.
    """
    is_protected(home)
    place = folder.resolve()
    said = {part: name and os.path.relpath(key_file(home, name), place) for part, name in keys.items()}
    write_text(folder / KEYED, json.dumps(said, indent=1) + "\n")
    for name in filter(None, keys.values()):
        data_key(home, name)


def protect(home: Home, folder: Path, name: str) -> bool:
    """Let a lasting folder have a key of that name, where there is a platform's key. Returns whether it has one. Raises KeyRefused."""
    if not (folder / KEYED).exists() and is_protected(home):
        give_keys(home, folder, {"": name})
    return (folder / KEYED).exists()


def key_file_of(path: Path) -> Path | None:
    """Where the key of a file lies, which is or will be at `path`; None where it is not to be encrypted."""
    parent = path.parent.resolve()
    for folder in (parent, *parent.parents[:_HIGHEST]):
        state = _state(folder / KEYED)
        if state is not None:
            return _chosen(folder, _keys(folder, state), (parent / path.name).relative_to(folder))
    return None


def key_of(path: Path) -> DataKey | None:
    """The key of that file. Raises KeyRefused where it is not to be had."""
    file = key_file_of(path)
    return unwrapped(file) if file else None


def _state(note: Path) -> tuple[int, int, int] | None:
    """What differs between two notes of one name; the clock of a file system alone is too coarse for that."""
    try:
        found = note.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


@lru_cache(maxsize=10_000)
def _keys(folder: Path, _written: tuple[int, int, int]) -> dict[str, str | None]:
    return dict(json.loads((folder / KEYED).read_text(encoding="utf-8")))


def _chosen(folder: Path, keys: dict[str, str | None], inner: Path) -> Path | None:
    named = next((part for part in keys if part and part in inner.as_posix()), "")
    place = keys.get(named)
    return Path(os.path.normpath(folder / place)) if place else None


def share(source: Path, target: Path) -> bool:
    """One file under two names, where either both or neither are encrypted; returns whether that was done.

    The target's folder gets a key of its own to it, which opens the file when the source's is destroyed.
    """
    key, file = key_of(source), key_file_of(target)
    if (key is None) != (file is None):
        return False
    if key is not None and file is not None:
        shared = file.with_name(f"shared-{file.name}")
        copy_key(key, shared)
        note = target.parent / KEYED
        said = {target.name: os.path.relpath(shared, target.parent.resolve())} | json.loads(
            note.read_text(encoding="utf-8")
        )
        write_text(note, json.dumps(said, indent=1) + "\n")
    share_file(source.resolve(), target)
    return True


def destroy_keys(folder: Path) -> None:
    """Erase all that is encrypted in the folder, and its copies. Nothing that other folders have keys to."""
    place = folder.resolve()
    state = _state(place / KEYED)
    for inner in _keys(place, state).values() if state is not None else ():
        if inner:
            destroy(Path(os.path.normpath(place / inner)))


def erase(folder: Path) -> None:
    """Destroy the keys of a folder and of those below it, then remove it."""
    for note in [folder / KEYED, *folder.rglob(f"*/{KEYED}")]:
        destroy_keys(note.parent)
    shutil.rmtree(folder)
