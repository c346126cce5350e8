"""Signed notes (C2SP signed-note and tlog-cosignature): a text, and the signatures of those who stand for it.

A signature of an unknown key says nothing. One of a known key holds, or the note is refused.
"""

import base64
import binascii
import re
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sharing.ledger.errors import Untrue

SIGNS, COSIGNS = 0x01, 0x04
_MAX_BYTES, _MAX_SIGNATURES = 64 << 10, 100
_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_NAME = re.compile(r"[^\s+]+")


@dataclass(frozen=True)
class VerifierKey:
    """Whose signatures are known: a name, what it does (SIGNS or COSIGNS), 32 bytes of a public key."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        """As C2SP writes it: name+id+base64 of the kind and the key."""
        return f"{self.name}+{self.id.hex()}+{_base64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Raises Untrue where it is none, or its id is not that of its key."""
        name, _, rest = text.strip().partition("+")
        id_, _, encoded = rest.partition("+")
        raw = _decoded(encoded)
        if not _NAME.fullmatch(name) or len(raw) != 33 or raw[0] not in (SIGNS, COSIGNS):
            raise Untrue("a verifier key is written name+id+key, of an Ed25519 key that signs (1) or cosigns (4)")
        key = cls(name, raw[0], raw[1:])
        if key.id.hex() != id_:
            raise Untrue(f"the verifier key of {name} has another id than its key gives")
        return key


@dataclass(frozen=True)
class Signer:
    """A private key under a name, which holds no blank and no plus."""

    name: str
    kind: int
    key: Ed25519PrivateKey

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or not self.name.isprintable():
            raise Untrue(f"{self.name!r} is no name of a key: write it without blanks and plus signs")

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self.kind, self.key.public_key().public_bytes_raw())

    def line(self, text: str, seconds: int | None = None) -> str:
        """The signature line under `text`; a cosignature also says when, in seconds since 1970."""
        if self.kind == SIGNS:
            signature = self.key.sign(text.encode())
        else:
            at = int(time.time()) if seconds is None else seconds
            signature = struct.pack(">Q", at) + self.key.sign(_cosigned(text, at))
        return f"— {self.name} {_base64(self.verifier.id + signature)}\n"


@dataclass(frozen=True)
class Signature:
    """One line under a note, not yet held against a key."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def seconds(self) -> int:
        """When a cosignature was given."""
        return int(struct.unpack(">Q", self.signature[:8])[0])

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(min(self.seconds, 253402300799), UTC)


@dataclass(frozen=True)
class Note:
    """A text that ends in a newline, and its signature lines as they were read."""

    text: str
    signatures: tuple[Signature, ...]
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(self.lines)}"

    @classmethod
    def parse(cls, content: str | bytes) -> "Note":
        """Raises Untrue where it is not written as it must be."""
        note = _as_text(content)
        text, parted, below = note.rpartition("\n\n")
        if not parted or not text or not below.endswith("\n"):
            raise Untrue("it is no signed note: a text, an empty line, and signature lines are needed")
        lines = below[:-1].split("\n")
        if len(lines) > _MAX_SIGNATURES:
            raise Untrue(f"it has more than {_MAX_SIGNATURES} signatures")
        return cls(text + "\n", tuple(map(_signature, lines)), tuple(f"{line}\n" for line in lines))

    def signed_by(self, known: Iterable[VerifierKey]) -> list[tuple[VerifierKey, Signature]]:
        """The known keys that signed. Raises Untrue where a known key's signature does not hold; none of them is no error here."""
        keys = {(key.name, key.id): key for key in known}
        found = []
        for signature in self.signatures:
            key = keys.get((signature.name, signature.key_id))
            if key is None:
                continue
            if not _holds(key, signature, self.text):
                raise Untrue(f"the signature of {key.name} does not hold")
            found.append((key, signature))
        return found

    def with_line(self, line: str) -> "Note":
        """With one more signature, which takes the place of an earlier one by the same key."""
        added = _signature(line.rstrip("\n"))
        kept = [
            (line, signature)
            for line, signature in zip(self.lines, self.signatures, strict=True)
            if (signature.name, signature.key_id) != (added.name, added.key_id)
        ]
        return Note(self.text, (*(s for _, s in kept), added), (*(text for text, _ in kept), line))


def _holds(key: VerifierKey, signature: Signature, text: str) -> bool:
    signed, raw = text.encode(), signature.signature
    if key.kind == COSIGNS:
        if len(raw) != 72:
            return False
        signed, raw = _cosigned(text, signature.seconds), raw[8:]
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _as_text(content: str | bytes) -> str:
    if len(content) > _MAX_BYTES:
        raise Untrue("it is too long for a signed note")
    try:
        note = content if isinstance(content, str) else content.decode()
        note.encode()
    except ValueError:
        raise Untrue("it is not UTF-8") from None
    if any(letter < " " and letter != "\n" for letter in note):
        raise Untrue("it has control characters")
    return note


def _signature(line: str) -> Signature:
    found = _LINE.fullmatch(line)
    raw = _decoded(found[2]) if found else b""
    if not found or len(raw) <= 4:
        raise Untrue("a signature line is not written as it must be")
    return Signature(found[1], raw[:4], raw[4:])


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: str) -> bytes:
    """Of base64 in its one form; nothing of anything else."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if _base64(raw) == text else b""
