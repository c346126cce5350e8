"""Short texts that the server gives away and knows again: file addresses, page tokens. Signed with HMAC-SHA-256, each for one use."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from warehouse.home import Home
from warehouse.keys.platform_key import expanded
from warehouse.store.seal import seal_key

_LONGEST = 2000


class Signer:
    """Signs with a key made of the one that the home's seals are made with, which the platform's key wraps where it is set."""

    def __init__(self, home: Home) -> None:
        self._key = expanded(seal_key(home), "what is served")

    def text(self, use: str, said: dict[str, Any]) -> str:
        """Letters, digits, `-`, `_` and one point."""
        content = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
        return f"{_encoded(content)}.{_encoded(self._mac(use, content))}"

    def read(self, use: str, text: str) -> dict[str, Any] | None:
        """What was signed for this use; None where the text was not."""
        content, _, mac = text.partition(".")
        if len(text) > _LONGEST:
            return None
        try:
            said, given = _decoded(content), _decoded(mac)
        except ValueError:
            return None
        if not hmac.compare_digest(given, self._mac(use, said)):
            return None
        found: dict[str, Any] = json.loads(said)
        return found

    def _mac(self, use: str, content: bytes) -> bytes:
        return hmac.digest(self._key, use.encode() + b"\0" + content, "sha256")


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
