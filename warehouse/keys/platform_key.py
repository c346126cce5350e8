"""The platform's own key, which wraps every other: from a file, an environment variable, or HashiCorp Vault. No contract may name it."""

import hashlib
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from warehouse.errors import KeyRefused
from warehouse.files import PRIVATE_FILE, made_once
from warehouse.settings import settings

KEY_VARIABLE = "INTERAGENCY_KEY"
HOW_TO_SET = f"set {KEY_VARIABLE}_FILE, {KEY_VARIABLE} or {KEY_VARIABLE}_VAULT"
# Half a hundredth of a second and 16 MiB for each guess of a key that a person thought of (RFC 7914).
_SCRYPT: Mapping[str, Any] = {"salt": b"interagency platform key", "n": 2**14, "r": 8, "p": 1, "dklen": 32}
_FINGERPRINT_BYTES = 8
_VAULT_SECONDS = 10


@dataclass(frozen=True)
class PlatformKey:
    """`text` is what was given, `wrapping` what wraps (32 bytes), `fingerprint` tells keys apart and nothing of them."""

    text: str = field(repr=False)
    wrapping: bytes = field(repr=False)
    fingerprint: str

    @classmethod
    def of(cls, text: str) -> "PlatformKey":
        return _derived(text)


@lru_cache(maxsize=8)
def _derived(text: str) -> PlatformKey:
    """Once in a process."""
    root = hashlib.scrypt(text.encode(), **_SCRYPT)
    return PlatformKey(text, expanded(root, "wrap"), expanded(root, "fingerprint", _FINGERPRINT_BYTES).hex())


def expanded(key: bytes, purpose: str, length: int = 32) -> bytes:
    """A key for one purpose, of one for several (HKDF of RFC 5869, its second half: the first key is as good as random)."""
    return HKDFExpand(algorithm=hashes.SHA256(), length=length, info=f"interagency {purpose}".encode()).derive(key)


def platform_key() -> PlatformKey | None:
    """The key that is set; None where none is. Raises KeyRefused where it cannot be read, or is set in several ways."""
    chosen = settings()
    ways = {"": chosen.key, "_FILE": chosen.key_file, "_VAULT": chosen.key_vault}
    given = [f"{KEY_VARIABLE}{name}" for name, value in ways.items() if value]
    if len(given) > 1:
        raise KeyRefused(f"{' and '.join(given)} are both set; leave one of them, or nobody knows which key is meant")
    if chosen.key:
        return PlatformKey.of(chosen.key)
    if chosen.key_file:
        return PlatformKey.of(read_key_file(chosen.key_file))
    return PlatformKey.of(_of_vault(chosen.key_vault)) if chosen.key_vault else None


def needed_key(what: str) -> PlatformKey:
    """The key that is set. Raises KeyRefused where none is: `what` is encrypted, or has to be."""
    found = platform_key()
    if found is None:
        raise KeyRefused(f"{what} is encrypted, and no key is set; {HOW_TO_SET} to the key of this home")
    return found


def create_key_file(path: Path) -> Path:
    """A new random key in a file of its own, for its owner alone. Raises KeyRefused where a file is there."""
    if path.exists() or path.is_symlink():
        raise KeyRefused(f"{path} is there already; a key is never written over, name another file")
    return made_once(path, f"{secrets.token_urlsafe(32)}\n")


def read_key_file(path: Path) -> str:
    """Raises KeyRefused where the file cannot be read, is open to others, or holds no key."""
    path = path.expanduser()
    try:
        with path.open("rb") as file:
            others = stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o777 & ~PRIVATE_FILE
            text = file.read().decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise KeyRefused(
            f"the key file {path} cannot be read ({said}); put it there, or make one: interagency keys create FILE"
        ) from None
    if others:
        raise KeyRefused(f"the key file {path} may be used by others than its owner; `chmod 600` it")
    if not text:
        raise KeyRefused(f"the key file {path} is empty; put the key back, or make one: interagency keys create FILE")
    return text


def _of_vault(place: str) -> str:
    """The text of `mount/path#field`. It is asked once in a process, as long as the token is the same."""
    return _asked_of_vault(place, os.environ.get("VAULT_ADDR", ""), os.environ.get("VAULT_TOKEN", ""))


@lru_cache(maxsize=2)
def _asked_of_vault(place: str, address: str, token: str) -> str:
    import hvac
    import requests

    where, _, name = place.partition("#")
    mount, _, path = where.partition("/")
    if not (mount and path and name):
        raise KeyRefused(f"{KEY_VARIABLE}_VAULT is {place!r}; write mount/path#field, such as secret/interagency#key")
    if not (address and token):
        raise KeyRefused(f"{KEY_VARIABLE}_VAULT names a key in Vault; set VAULT_ADDR and VAULT_TOKEN to reach it")
    try:
        vault = hvac.Client(url=address, token=token, timeout=_VAULT_SECONDS)
        answer = vault.secrets.kv.v2.read_secret_version(path, mount_point=mount, raise_on_deleted_version=True)
        found = answer["data"]["data"].get(name)
    except (hvac.exceptions.VaultError, requests.RequestException, KeyError, TypeError) as error:
        # Its kind alone: the words may repeat what was sent.
        raise KeyRefused(
            f"Vault at {address} gives no key of {place} ({type(error).__name__}); see that it runs and is unsealed, and that "
            "the token may read that place"
        ) from None
    if not isinstance(found, str) or not found.strip():
        raise KeyRefused(f"{place} in Vault has no text in the field {name}; write the key there")
    return found.strip()
