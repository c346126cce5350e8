"""The algorithms that count as strong, by the names that XML signatures and X-Road give them."""

import hashlib
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from signxml.algorithms import DigestAlgorithm, SignatureMethod

from sharing.ledger.xroad.errors import Broken

_SHA2 = ("SHA256", "SHA384", "SHA512")
DIGESTS = frozenset(DigestAlgorithm[name] for name in _SHA2)
SIGNATURES = frozenset(
    SignatureMethod[name] for digest in _SHA2 for name in (f"RSA_{digest}", f"ECDSA_{digest}", f"{digest}_RSA_MGF1")
)
_BY_URI = {algorithm.value: algorithm.name.lower() for algorithm in DIGESTS}
_LEAST_RSA_BITS, _LEAST_EC_BITS = 2048, 256


def digest_of(uri: str | None, content: bytes) -> bytes:
    """The digest by the algorithm that XML names so. Raises Broken where it is weak or unknown."""
    name = _BY_URI.get(uri or "")
    if name is None:
        raise Broken("a digest is by an algorithm that is weak or unknown; SHA-256, SHA-384 and SHA-512 count")
    return hashlib.new(name, content).digest()


def is_strong(certificate: x509.Certificate) -> bool:
    """Whether its key is one that is still trusted."""
    key: Any = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= _LEAST_RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= _LEAST_EC_BITS
