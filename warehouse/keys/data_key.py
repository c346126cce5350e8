"""Data keys: random, each in a file of its own below `state/keys/`, wrapped by the platform's key (AES-256-GCM, bound to its name).

Destroying the file erases what is encrypted under it, wherever copies lie. Rotating the platform's key wraps the same keys anew:
what they encrypt is not touched.
"""

import json
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from warehouse.errors import KeyRefused
from warehouse.files import made_once, sync_folder, write_text
from warehouse.home import Home
from warehouse.keys.platform_key import HOW_TO_SET, PlatformKey, expanded, needed_key, platform_key

SUFFIX = ".key"
# Which platform key wraps the others of a home; there from the first of them on.
_CURRENT = "platform.json"
_NONCE_BYTES, _KEY_BYTES = 12, 32


@dataclass(frozen=True)
class DataKey:
    """An unwrapped key, and the file that keeps it wrapped. For each use another key is made of it."""

    file: Path
    secret: bytes = field(repr=False)

    @property
    def for_parquet(self) -> str:
        """As the engine takes it."""
        return b64encode(expanded(self.secret, "parquet")).decode()

    @property
    def for_database(self) -> str:
        return expanded(self.secret, "database").hex()

    @property
    def for_files(self) -> bytes:
        return expanded(self.secret, "file")


def copy_key(key: DataKey, file: Path) -> None:
    """Another file for the same key, beside other keys of the home, which opens the same when the first is destroyed."""
    platform = needed_key(name_of(file))
    made_once(file, _text({platform.fingerprint: _wrapped(platform, name_of(file), key.secret)}))


def key_file(home: Home, name: str) -> Path:
    """Where the key of that name is kept; a name is a path of its own, such as `feeds/health/patient/2026-11-20/rows-0123ab`."""
    return home.keys / f"{name}{SUFFIX}"


def data_key(home: Home, name: str, secret: bytes | None = None) -> DataKey:
    """The key of that name, made where there is none: at random, or of `secret`. Raises KeyRefused."""
    file = key_file(home, name)
    if not file.exists():
        platform = needed_key(name)
        check_platform_key(home)
        made_once(home.keys / _CURRENT, json.dumps({"wrapped by": platform.fingerprint}) + "\n")
        made_once(
            file, _text({platform.fingerprint: _wrapped(platform, name, secret or secrets.token_bytes(_KEY_BYTES))})
        )
    return unwrapped(file)


def unwrapped(file: Path) -> DataKey:
    """Raises KeyRefused where the key is gone, no key is set, or another one than the one that wraps it."""
    try:
        state = file.stat()
    except FileNotFoundError:
        raise KeyRefused(
            f"{name_of(file)} cannot be read: its key was destroyed, or {file} was lost; where it was not erased on purpose, put "
            "state/keys/ of the home back from a backup"
        ) from None
    platform = platform_key() or needed_key(name_of(file))
    return _unwrapped(file, state.st_mtime_ns, platform)


@lru_cache(maxsize=100_000)
def _unwrapped(file: Path, _written: int, platform: PlatformKey) -> DataKey:
    wrapped, name = _wrapped_keys(file), name_of(file)
    mine = wrapped.get(platform.fingerprint)
    if mine is None:
        raise _of_another_key(name_of(file), wrapped, platform)
    content = b64decode(mine)
    try:
        secret = AESGCM(platform.wrapping).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], name.encode())
    except InvalidTag:
        raise KeyRefused(
            f"the key file {file} was changed, or is not in its place; put it back from a backup"
        ) from None
    return DataKey(file, secret)


def name_of(file: Path) -> str:
    """The name of a key by its file: what it is of, for a person too."""
    root = next((folder for folder in file.parents if (folder / _CURRENT).exists()), file.parent)
    return file.relative_to(root).as_posix().removesuffix(SUFFIX)


def check_platform_key(home: Home) -> None:
    """Raises KeyRefused where the home has wrapped keys, and the key that wraps them is not the one that is set."""
    wrapping = wrapped_by(home)
    if wrapping is None:
        return
    platform = needed_key(f"what {home.root} holds of people")
    if platform.fingerprint not in wrapping:
        raise _of_another_key(f"what {home.root} holds of people", wrapping, platform)


def wrapped_by(home: Home) -> tuple[str, ...] | None:
    """The fingerprint of the platform's key that wraps the others of the home (two in the midst of a rotation); None: none is there."""
    path = home.keys / _CURRENT
    if not path.exists():
        return None
    said = json.loads(path.read_text(encoding="utf-8"))
    return tuple(said["wrapped by"].split())


def is_protected(home: Home) -> bool:
    """Whether what is written from now on is encrypted. Raises KeyRefused where it should be, and the key is not the right one."""
    check_platform_key(home)
    return platform_key() is not None


def destroy(file: Path) -> None:
    """Nobody reads again what this key encrypts."""
    file.unlink(missing_ok=True)
    folder = file.parent
    if not folder.exists():
        return
    sync_folder(folder)
    while not (folder / _CURRENT).exists() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def all_keys(home: Home) -> Iterator[Path]:
    yield from sorted(home.keys.rglob(f"*{SUFFIX}"))


def rotate(home: Home, old: PlatformKey, new: PlatformKey) -> int:
    """Wrap every key by `new` in place of `old`; returns how many. Cut short, it is done again: meanwhile both keys open all.

    Raises KeyRefused where a key is wrapped by neither.
    """
    files = list(all_keys(home))
    secrets_of = {file: _either(file, old, new) for file in files}
    # First both everywhere, then the new one alone: at no moment is there a key that opens only a part.
    write_text(home.keys / _CURRENT, json.dumps({"wrapped by": f"{old.fingerprint} {new.fingerprint}"}) + "\n")
    for file, secret in secrets_of.items():
        wrapped = _wrapped_keys(file)
        if new.fingerprint not in wrapped:
            write_text(file, _text(wrapped | {new.fingerprint: _wrapped(new, name_of(file), secret)}))
    write_text(home.keys / _CURRENT, json.dumps({"wrapped by": new.fingerprint}) + "\n")
    for file in files:
        write_text(file, _text({new.fingerprint: _wrapped_keys(file)[new.fingerprint]}))
    return len(files)


def _either(file: Path, old: PlatformKey, new: PlatformKey) -> bytes:
    known = new if new.fingerprint in _wrapped_keys(file) else old
    return _unwrapped(file, file.stat().st_mtime_ns, known).secret


def _wrapped(platform: PlatformKey, name: str, secret: bytes) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    return b64encode(nonce + AESGCM(platform.wrapping).encrypt(nonce, secret, name.encode())).decode()


def _wrapped_keys(file: Path) -> dict[str, str]:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8"))["wrapped"])
    except (ValueError, KeyError, TypeError):
        raise KeyRefused(f"the key file {file} cannot be read; put it back from a backup") from None


def _text(wrapped: dict[str, str]) -> str:
    return json.dumps({"wrapped": wrapped}) + "\n"


def _of_another_key(what: str, wrapping: "tuple[str, ...] | dict[str, str]", platform: PlatformKey) -> KeyRefused:
    return KeyRefused(
        f"{what} is encrypted under the key {' or '.join(wrapping)}, and the one that is set is {platform.fingerprint}; "
        f"{HOW_TO_SET} to that key, and where it was rotated to the new one (interagency keys list tells keys by these names)"
    )
