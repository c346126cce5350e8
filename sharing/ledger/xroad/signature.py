"""The signature of a container (XAdES over XML-DSig): which files it covers, and that it is by the certificate in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree
from signxml.algorithms import CanonicalizationMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from sharing.ledger.xroad.algorithms import DIGESTS, SIGNATURES, digest_of, is_strong
from sharing.ledger.xroad.errors import Broken
from sharing.ledger.xroad.xml import DS, XADES, only, parsed, raw

SIGNATURE = "META-INF/signatures.xml"
_PROPERTIES = "http://uri.etsi.org/01903#SignedProperties"
# What may be done to the signed properties before their digest; nothing is done to files.
_CANONICAL = frozenset(method.value for method in CanonicalizationMethod)


@dataclass(frozen=True)
class Signed:
    """Names of the files that the signature covers, who signed, when they say, the signature's value, its time stamp if it has one."""

    files: list[str]
    certificate: x509.Certificate
    at: datetime
    value: bytes
    time_stamp: bytes | None


def check_signature(files: Mapping[str, bytes], stamped_at: datetime | None = None) -> Signed:
    """Holds the signature against the container's files. The certificate must be valid when it was signed, or at `stamped_at`.

    Whether the certificate's issuer is to be trusted is not asked here (`anchors.py`). Raises Broken.
    """
    content = files[SIGNATURE]
    signature = only(parsed(content, SIGNATURE), f".//{DS}Signature", "signature")
    references = _references(signature)
    certificate = _certificate(signature)
    at = _check_properties(signature, certificate)
    config = SignatureConfiguration(
        expect_references=len(references) + 1, signature_methods=SIGNATURES, digest_algorithms=DIGESTS,
        verification_time=stamped_at or at, default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_0,
    )  # fmt: skip
    try:
        found = XMLVerifier().verify(
            content, x509_cert=certificate, expect_config=config, id_attribute="Id",
            uri_resolver=lambda uri: files[_name(uri)],
        )  # fmt: skip
    except (SignXMLException, etree.LxmlError, ValueError, KeyError, TypeError, UnsupportedAlgorithm) as error:
        raise Broken(f"the signature does not hold ({_reason(error)})") from None
    covered = [one.signed_data for one in (found if isinstance(found, list) else [found])]
    if any(files[name] not in covered for name in references):
        raise Broken("the signature does not cover the files that it names")
    stamp = signature.find(f".//{XADES}SignatureTimeStamp/{XADES}EncapsulatedTimeStamp")
    if stamp is None:
        stamp = signature.find(f".//{XADES}SignatureTimeStamp")
    value = raw(only(signature, f"{DS}SignatureValue", "signature value"))
    return Signed(references, certificate, at, value, raw(stamp) if stamp is not None else None)


def _references(signature: etree._Element) -> list[str]:
    """The names of the files that are signed. Raises Broken where anything but files and the signed properties is."""
    signed = only(signature, f"{DS}SignedInfo", "list of what is signed")
    names, properties = [], 0
    for reference in signed.findall(f"{DS}Reference"):
        uri = reference.get("URI") or ""
        transforms = {str(one.get("Algorithm")) for one in reference.findall(f"{DS}Transforms/{DS}Transform")}
        if uri.startswith("#"):
            properties += 1
            _check_properties_reference(signature, reference, transforms)
            continue
        if transforms:
            raise Broken("the signature transforms a file that it covers")
        names.append(_name(uri))
    if properties != 1 or not names or len(set(names)) != len(names):
        raise Broken("the signature does not cover one set of properties and each file once")
    return names


def _check_properties_reference(signature: etree._Element, reference: etree._Element, transforms: set[str]) -> None:
    id_ = (reference.get("URI") or "")[1:]
    same = signature.xpath("//*[@Id=$id or @ID=$id or @id=$id]", id=id_)
    found = signature.findall(f"{DS}Object/{XADES}QualifyingProperties/{XADES}SignedProperties")
    if reference.get("Type") != _PROPERTIES or len(found) != 1 or same != found or transforms - _CANONICAL:
        raise Broken("the signature covers other properties than its own")


def _certificate(signature: etree._Element) -> x509.Certificate:
    place = only(signature, f"{DS}KeyInfo/{DS}X509Data/{DS}X509Certificate", "certificate")
    try:
        certificate = x509.load_der_x509_certificate(raw(place))
        strong = is_strong(certificate)
    except (ValueError, UnsupportedAlgorithm):
        raise Broken("the certificate cannot be read") from None
    if not strong:
        raise Broken("the certificate's key is weak; RSA from 2048 bits and elliptic curves from 256 count")
    return certificate


def _check_properties(signature: etree._Element, certificate: x509.Certificate) -> datetime:
    """That the signed properties are of this signature and name the certificate; when it was signed."""
    qualifying = only(signature, f"{DS}Object/{XADES}QualifyingProperties", "set of properties")
    if qualifying.get("Target") != f"#{signature.get('Id')}":
        raise Broken("the properties are of another signature")
    properties = only(
        qualifying, f"{XADES}SignedProperties/{XADES}SignedSignatureProperties", "set of signed properties"
    )
    digest = only(properties, f"{XADES}SigningCertificate/{XADES}Cert/{XADES}CertDigest", "digest of the certificate")
    method = only(digest, f"{DS}DigestMethod", "algorithm of the certificate's digest").get("Algorithm")
    der = raw(only(signature, f"{DS}KeyInfo/{DS}X509Data/{DS}X509Certificate", "certificate"))
    if digest_of(method, der) != raw(only(digest, f"{DS}DigestValue", "digest of the certificate")):
        raise Broken("the signature was made with another certificate than the one in the container")
    said = properties.findtext(f"{XADES}SigningTime") or ""
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        raise Broken("the signature does not say when it was made") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _name(uri: str) -> str:
    return uri.removeprefix("/")


def _reason(error: Exception) -> str:
    """What the library found, without values: its words for a digest repeat none."""
    said = str(error)
    for known, words in (
        ("Digest mismatch", "a file or the properties are not what was signed"),
        ("Signature verification failed", "its value is not by the certificate's key"),
        ("forbidden", "its algorithms are weak or unknown"),
        ("not a valid", "its algorithms are weak or unknown"),
        ("expired", "the certificate was not valid then"),
        ("valid", "the certificate was not valid then"),
    ):
        if known.lower() in said.lower():
            return words
    return "it is not written as it must be, or covers a file that is not there"
