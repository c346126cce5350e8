"""Signatures of agreements and revocations: detached JWS (RFC 7515, appendix F) with Ed25519 (RFC 9864) over canonical JSON.

The header names the key by its thumbprint (RFC 7638) and the moment of signing (`iat`). No other algorithm is taken, whatever a
header says.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.registry import HeaderParameter

from sharing.agreements.canonical import canonical
from sharing.agreements.errors import AgreementError
from sharing.keys import signing

ALGORITHM = "Ed25519"
CURVE: Final = "Ed25519"
# How far the clocks of two parties may be apart.
CLOCK_SKEW = timedelta(minutes=5)
_REGISTRY = jws.JWSRegistry(
    header_registry={"iat": HeaderParameter("Issued At", "int", True)}, algorithms=[ALGORITHM], strict_check_header=True
)


class NotSigned(ValueError):
    """A signature that does not hold: why."""


@dataclass(frozen=True)
class SignedBy:
    """The key's thumbprint, and when its owner says to have signed."""

    key: str
    at: datetime


def sign(data: Any, key: OKPKey, at: datetime) -> str:
    """The detached compact form, `header..signature`."""
    header = {"alg": ALGORITHM, "kid": key.thumbprint(), "iat": int(at.timestamp())}
    return jws.detach_content(jws.serialize_compact(header, canonical(data), key, registry=_REGISTRY))


def signer(signature: str) -> SignedBy:
    """What a signature says of itself, before it is verified. Raises NotSigned."""
    try:
        header = jws.extract_compact(signature.encode("ascii"), b"-").headers()
        if header.get("alg") != ALGORITHM or set(header) != {"alg", "kid", "iat"}:
            raise NotSigned(f"its header is not one of {ALGORITHM} with alg, kid and iat alone")
        if not isinstance(header["kid"], str) or type(header["iat"]) is not int:
            raise NotSigned("its header names no key and moment")
        return SignedBy(header["kid"], datetime.fromtimestamp(header["iat"], UTC))
    except (JoseError, UnicodeError, ValueError, OverflowError, OSError, KeyError) as error:
        if isinstance(error, NotSigned):
            raise
        raise NotSigned("it is no JWS in compact form with a detached payload") from None


def verify(signature: str, data: Any, key: OKPKey, now: datetime) -> SignedBy:
    """Raises NotSigned where this key did not sign this data, or will have done so only later than `now`."""
    said = signer(signature)
    if said.key != key.thumbprint():
        raise NotSigned("it is of another key")
    try:
        jws.deserialize_compact(signature, key, registry=_REGISTRY, payload=canonical(data))
    except (JoseError, ValueError):
        raise NotSigned("the text was changed after it was signed, or it is of another key") from None
    if said.at > now + CLOCK_SKEW:
        raise NotSigned(f"it was signed at {said.at:%Y-%m-%d %H:%M} UTC, which is still to come; set both clocks")
    return said


def public_key(x: str) -> OKPKey:
    """The key with these coordinates (base64url). Raises AgreementError."""
    try:
        key: OKPKey = OKPKey.import_key({"kty": "OKP", "crv": CURVE, "x": x})
        key.thumbprint()
        _ = key.public_key
    except (JoseError, ValueError, TypeError):
        raise AgreementError(f"{x!r} is no public key of {CURVE}; take the x of its JWK") from None
    return key


def read_private_key(path: Path) -> OKPKey:
    """From PEM. Raises KeyRefused where it is none, or where others may read it."""
    return _with_thumbprint(signing.load(path))


def make_private_key(path: Path) -> OKPKey:
    """A new one in `path`, for its owner alone. Raises AgreementError where there is a file already."""
    if path.exists():
        raise AgreementError(f"{path} is there already; name another file")
    try:
        return _with_thumbprint(signing.create(path))
    except OSError as error:
        raise AgreementError(
            f"{path} cannot be written ({error.strerror}); name a file in a folder of your own"
        ) from None


def _with_thumbprint(key: Ed25519PrivateKey) -> OKPKey:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    found: OKPKey = OKPKey.import_key(pem)
    return found
