"""Ed25519 keys with which the platform, a party or a witness signs: made, read, and their public half told."""

import base64
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from warehouse.errors import KeyRefused
from warehouse.files import PRIVATE_FILE, made_once


def create(path: Path) -> Ed25519PrivateKey:
    """A new private key in PKCS8 PEM, for its owner alone; the one that lies there where somebody was faster. Raises KeyRefused."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return load(made_once(path, pem.decode()))


def load(path: Path) -> Ed25519PrivateKey:
    """The private key in a file that nobody but its owner may read. Raises KeyRefused."""
    try:
        with path.open("rb") as file:
            open_to = os.fstat(file.fileno()).st_mode & 0o777 & ~PRIVATE_FILE
            if open_to:
                raise KeyRefused(f"{path} may be read by others; `chmod 600` it, and make a new key if others could")
            pem = file.read(64 << 10)
    except OSError as error:
        raise KeyRefused(f"{path} cannot be read ({error.strerror}); name a file with a private key") from None
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyRefused(f"{path} holds no private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyRefused(f"{path} holds a key of another kind; an Ed25519 key is needed")
    return key


def public_jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """The public half as RFC 8037 writes it."""
    x = base64.urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x}


def of_jwk(jwk: dict[str, str]) -> Ed25519PublicKey:
    """The public key of a JWK. Raises KeyRefused where it is of another kind, or a private one."""
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519" or "d" in jwk:
        raise KeyRefused("a public Ed25519 key as JWK has kty OKP, crv Ed25519, x, and no d")
    try:
        return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(str(jwk.get("x")) + "="))
    except ValueError:
        raise KeyRefused("the x of a public Ed25519 key is not 32 bytes in base64url") from None
