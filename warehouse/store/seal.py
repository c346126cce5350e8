"""Seals: a keyed hash beside what the platform wrote, so that what is read later can be held against it.

A seal proves that somebody with the key wrote the content in that place. It says nothing of somebody who has the key: root, and
without INTERAGENCY_KEY the account that runs the platform.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from warehouse.files import made_once, write_text
from warehouse.home import Home
from warehouse.keys.data_key import check_platform_key, data_key
from warehouse.keys.platform_key import KEY_VARIABLE, platform_key

SEAL = "seal.json"
# The key of a home without a platform's key.
OWN_SEAL_KEY = "seal.key"
# The name under which a Parquet file carries its seal, and the room that is left for it while the file is written.
PARQUET_SEAL = "interagency_seal"
UNSEALED = "0" * 64
_DERIVED_FOR, _NAME = b"interagency seals", "seals"


class Tampered(Exception):
    """Something is not what the platform wrote in its place: what, and what to do."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(
            f"{place} {what}. Put it back from a backup, or run its night again; if you know why, take it as it stands: "
            f'interagency vouch {place} --reason "…"'
        )


def seal_key(home: Home) -> bytes:
    """One that the platform's key wraps where that is set, made of it; else a random one in `seal.key` of the home, which its owner
    alone may read. Raises KeyRefused where the home has the first, and the key is not the right one.
    """
    check_platform_key(home)
    platform = platform_key()
    if platform is not None:
        return data_key(home, _NAME, hmac.digest(platform.text.encode(), _DERIVED_FOR, "sha256")).secret
    path = made_once(home.root / OWN_SEAL_KEY, secrets.token_hex(32))
    return bytes.fromhex(path.read_text(encoding="ascii"))


def keyed_hash(home: Home, *parts: str) -> str:
    """Of texts and of where one ends and the next begins."""
    return hmac.new(seal_key(home), json.dumps(parts).encode(), "sha256").hexdigest()


def place_of(home: Home, path: Path) -> str:
    """A path as messages and seals name it: below the home, without following its last link."""
    return (path.parent.resolve() / path.name).relative_to(home.root.resolve()).as_posix()


def seal_folder(home: Home, folder: Path, files: Sequence[str], told: str = "") -> None:
    """Write the seal of these files of `folder`, and of a text that stands for what else is said there."""
    digests = {name: _digest(folder / name) for name in files if (folder / name).exists()}
    mac = keyed_hash(home, place_of(home, folder.resolve()), told, json.dumps(digests, sort_keys=True))
    write_text(folder / SEAL, json.dumps({"files": digests, "mac": mac}, indent=1) + "\n")


def check_folder(home: Home, folder: Path, files: Sequence[str], told: str = "") -> str:
    """The folder's seal, where all is as it was sealed. Raises Tampered."""
    place = place_of(home, folder)
    try:
        seal = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        sealed, mac = dict(seal["files"]), str(seal["mac"])
    except (OSError, ValueError, KeyError, TypeError):
        raise Tampered(place, "has no seal of this platform") from None
    for name in files:
        found = _digest(folder / name) if (folder / name).exists() else None
        if sealed.get(name) != found:
            raise Tampered(place, f"is not as it was written: {name} was changed since")
    right = keyed_hash(home, place_of(home, folder.resolve()), told, json.dumps(sealed, sort_keys=True))
    if not hmac.compare_digest(mac, right):
        raise Tampered(place, f"is not as it was written: its seal is not of this home's key ({KEY_VARIABLE})")
    return mac


def seal_parquet(home: Home, path: Path, place: str) -> None:
    """Put the seal into a file that was written with room for it (PARQUET_SEAL, UNSEALED); `place` is where it is to stand."""
    content = path.read_bytes()
    start = _room(content)
    if content[start : start + len(UNSEALED)] != UNSEALED.encode():
        raise ValueError(f"{place} has no room for a seal")
    with path.open("r+b") as file:
        file.seek(start)
        file.write(_parquet_mac(home, content, place).encode())


def check_parquet(home: Home, path: Path) -> None:
    """Raises Tampered where the file is not as it was sealed, or stands in another place."""
    place, content = place_of(home, path), path.read_bytes()
    start = _room(content)
    if start < 0:
        raise Tampered(place, "has no seal of this platform")
    found = content[start : start + len(UNSEALED)]
    bare = content[:start] + UNSEALED.encode() + content[start + len(UNSEALED) :]
    if not hmac.compare_digest(found, _parquet_mac(home, bare, place).encode()):
        raise Tampered(place, "is not as it was written")


def is_sealed_parquet(path: Path) -> bool:
    return _room(path.read_bytes()) >= 0


def _parquet_mac(home: Home, bare: bytes, place: str) -> str:
    return keyed_hash(home, place, hashlib.sha256(bare).hexdigest())


def _room(content: bytes) -> int:
    """Where the seal begins: the footer holds its name, then two bytes of Thrift (type and length), then the value. -1: none."""
    name = content.rfind(PARQUET_SEAL.encode())
    return -1 if name < 0 else name + len(PARQUET_SEAL) + 2


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
