"""Pseudonyms: HMAC-SHA-256 (RFC 2104) under a key of each recipient, so that two recipients cannot join what they were given.

The first 128 bits in hexadecimal digits. One recipient's stay the same from release to release, until its key is rotated.
"""

import hmac
import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from warehouse.engines.duckdb.engine import literal
from warehouse.files import made_once, write_text
from warehouse.home import Home
from warehouse.keys.data_key import data_key, is_protected
from warehouse.keys.platform_key import expanded

_BLOCK = 64
HEX_DIGITS = 32
_EPOCHS, _SEED = "pseudonym_keys.json", "releases.secret"
_SEED_BYTES = 32


@dataclass(frozen=True)
class RecipientKey:
    """`epoch` counts rotations, from 1."""

    recipient: str
    epoch: int
    secret: bytes = field(repr=False)

    def sql(self, text: str) -> str:
        """SQL of the pseudonym of a text."""
        inner = f"sha256({_blob(self._padded(0x36))} || encode({text}))"
        return f"left(sha256({_blob(self._padded(0x5C))} || unhex({inner})), {HEX_DIGITS})"

    def of(self, text: str) -> str:
        """The same by the standard library."""
        return hmac.new(self.secret, text.encode(), sha256).hexdigest()[:HEX_DIGITS]

    def _padded(self, byte: int) -> bytes:
        return bytes(one ^ byte for one in self.secret.ljust(_BLOCK, b"\0"))


def _blob(content: bytes) -> str:
    return f"unhex({literal(content.hex())})"


def recipient_key(home: Home, recipient: str) -> RecipientKey:
    """The key of today. Raises KeyRefused where the platform has none."""
    return key_of_epoch(home, recipient, _epochs(home).get(recipient, 1))


def key_of_epoch(home: Home, recipient: str, epoch: int) -> RecipientKey:
    """The key of one rotation: what a release of then was made with. Raises KeyRefused where the platform has none."""
    wrapped = data_key(home, f"recipients/{recipient}/{epoch}")
    return RecipientKey(recipient, epoch, expanded(wrapped.secret, "pseudonym"))


def rotate_recipient(home: Home, recipient: str) -> int:
    """From here on the recipient's pseudonyms are others; returns which rotation it is."""
    epochs = _epochs(home)
    epochs[recipient] = epochs.get(recipient, 1) + 1
    write_text(home.state / _EPOCHS, json.dumps(epochs, sort_keys=True) + "\n")
    return epochs[recipient]


def release_secret(home: Home, release: str) -> str:
    """A secret text of one release, for the order of its rows and for noise: always the same for it. Raises KeyRefused.

    Of a platform without a key, which holds nothing personal, a secret of its own that lies beside its state.
    """
    if is_protected(home):
        secret = data_key(home, "releases/seeds").secret
    else:
        secret = bytes.fromhex(
            made_once(home.state / _SEED, secrets.token_hex(_SEED_BYTES)).read_text(encoding="ascii")
        )
    return expanded(secret, f"release {release}").hex()


def _epochs(home: Home) -> dict[str, int]:
    path = home.state / _EPOCHS
    found: dict[str, int] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found
