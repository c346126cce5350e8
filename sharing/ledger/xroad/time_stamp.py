"""Time stamps (RFC 3161) of containers: over what they are, by whom, when."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from sharing.ledger.xroad.algorithms import is_strong
from sharing.ledger.xroad.errors import Broken

_HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


@dataclass(frozen=True)
class TimeStamp:
    """When it was given, and under which certificate; `is_weak` where that has a key that would not be trusted today."""

    at: datetime
    certificate: x509.Certificate
    is_weak: bool


def check_time_stamp(token: bytes, stamped: bytes) -> TimeStamp:
    """Holds a token against the bytes that it should be over. Raises Broken."""
    try:
        return _checked(token, stamped)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, UnsupportedAlgorithm):
        raise Broken("the time stamp is not written as it must be") from None


def _checked(token: bytes, stamped: bytes) -> TimeStamp:
    content = cms.ContentInfo.load(token, strict=True)
    if content["content_type"].native != "signed_data":
        raise Broken("the time stamp is not signed")
    signed: Any = content["content"]
    encapsulated = signed["encap_content_info"]
    if encapsulated["content_type"].native != "tst_info" or len(signed["signer_infos"]) != 1:
        raise Broken("the time stamp is none, or signed by several")
    info_bytes = bytes(encapsulated["content"])
    info: Any = tsp.TSTInfo.load(info_bytes)
    imprint = info["message_imprint"]
    if _digest(imprint["hash_algorithm"]["algorithm"].native, stamped) != imprint["hashed_message"].native:
        raise Broken("the time stamp is over something else than this signature")
    certificate = _certificate(signed)
    _check_signer(signed["signer_infos"][0], certificate, info_bytes)
    at = info["gen_time"].native
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise Broken("the time stamp is of a time at which its authority's certificate was not valid")
    return TimeStamp(at, certificate, not is_strong(certificate))


def _certificate(signed: Any) -> x509.Certificate:
    """The certificate in the token that its signer names."""
    named = signed["signer_infos"][0]["sid"]
    for choice in signed["certificates"]:
        certificate = choice.chosen
        if named.name == "issuer_and_serial_number":
            fits = (
                named.chosen["serial_number"].native == certificate.serial_number
                and named.chosen["issuer"] == certificate.issuer
            )
        else:
            fits = named.chosen.native == certificate.key_identifier
        if fits:
            return x509.load_der_x509_certificate(certificate.dump())
    raise Broken("the time stamp's certificate is not in it")


def _check_signer(signer: Any, certificate: x509.Certificate, info: bytes) -> None:
    digest = signer["digest_algorithm"]["algorithm"].native
    attributes = {attribute["type"].native: attribute["values"] for attribute in signer["signed_attrs"]}
    if (
        attributes["message_digest"][0].native != _digest(digest, info)
        or attributes["content_type"][0].native != "tst_info"
    ):
        raise Broken("the time stamp was changed after it was given")
    method, key = signer["signature_algorithm"], certificate.public_key()
    signed = signer["signed_attrs"].untag().dump()
    named = method.hash_algo if method["algorithm"].native not in ("rsassa_pkcs1v15", "ecdsa") else digest
    algorithm = _HASHES.get(named)
    if algorithm is None:
        raise Broken("the time stamp is by an algorithm that is weak or unknown")
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signer["signature"].native, signed, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signer["signature"].native, signed, ec.ECDSA(algorithm))
        else:
            raise Broken("the time stamp is by a key of no known kind")
    except InvalidSignature:
        raise Broken("the time stamp's signature does not hold") from None


def _digest(name: str, content: bytes) -> bytes:
    if name not in _HASHES:
        raise Broken("the time stamp is by an algorithm that is weak or unknown")
    return hashlib.new(name, content).digest()
