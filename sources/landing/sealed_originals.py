"""Originals at rest: sealed once they have landed where their night has a key, and opened for as long as they are read again."""

import hashlib
from pathlib import Path

from sources.arrival.manifest import Original
from warehouse.errors import KeyRefused
from warehouse.files import share_file
from warehouse.keys.data_key import DataKey, unwrapped
from warehouse.keys.keyed_folder import key_file_of
from warehouse.keys.sealed_file import SEALED, open_to, opened, seal_file, sealed_name


def seal_originals(landing: Path, folder: str) -> None:
    """Seal what lies in the folder of originals, and the documents beside them, where the landing has a key."""
    key_file = key_file_of(landing / SEALED)
    if key_file is not None:
        for file in sorted(path for path in (landing / folder).rglob("*") if path.is_file()):
            seal_file(file, unwrapped(key_file))


def plain_original(landing: Path, path: str, scratch: Path) -> Path:
    """The original as it was sent, or its opened form in `scratch`. Raises KeyRefused."""
    if not (sealed := sealed_name(landing / path)).exists():
        return landing / path
    target = scratch / "opened" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    open_to(sealed, target, _key(landing))
    return target


def is_as_it_came(landing: Path, original: Original) -> bool:
    """Whether the original is there and the same. Raises KeyRefused where nobody can tell without its key."""
    sealed = sealed_name(landing / original.path)
    if not sealed.exists():
        return (landing / original.path).exists() and Original.of(landing, original.path) == original
    digest, size = hashlib.sha256(), 0
    for chunk in opened(sealed, _key(landing)):
        digest.update(chunk)
        size += len(chunk)
    return (size, digest.hexdigest()) == (original.bytes, original.sha256)


def original_names(landing: Path, folder: Path) -> list[str]:
    """Paths below `landing` of all that came, and of the documents beside it, by the names that they came under."""
    files = sorted(path for path in (landing / folder).iterdir() if path.is_file())
    return [f"{folder}/{path.name.removesuffix(SEALED)}" for path in files]


def give_original(landing: Path, path: str, into: Path) -> None:
    """The original under its own name in the folder `into`, as it was sent. Raises KeyRefused."""
    target = into / Path(path).name
    if (sealed := sealed_name(landing / path)).exists():
        open_to(sealed, target, _key(landing))
    else:
        share_file(landing / path, target)


def _key(landing: Path) -> DataKey:
    key_file = key_file_of(landing / SEALED)
    if key_file is None:
        raise KeyRefused(f"{landing} holds sealed files and does not say under which key; put it back from a backup")
    return unwrapped(key_file)
