"""Message-log archives for tests, signed by keys of their own, right or wrong as is asked."""

import base64
import functools
import hashlib
import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

MIME = b"application/vnd.etsi.asic-e+zip"
XMLENC, MORE = "http://www.w3.org/2001/04/xmlenc#", "http://www.w3.org/2001/04/xmldsig-more#"
DIGESTS = {"sha512": f"{XMLENC}sha512", "sha256": f"{XMLENC}sha256", "sha1": "http://www.w3.org/2000/09/xmldsig#sha1"}
SIGNATURES = {
    "sha512": f"{MORE}rsa-sha512",
    "sha256": f"{MORE}rsa-sha256",
    "sha1": "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
}
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
AT = datetime(2026, 11, 30, 21, 0, tzinfo=UTC)
SIGNATURE, MANIFEST = "META-INF/signatures.xml", "META-INF/manifest.xml"
_HASHES = {"sha512": hashes.SHA512(), "sha256": hashes.SHA256(), "sha1": hashes.SHA1()}


@functools.cache
def key(name: str = "agency", bits: int = 2048) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    private = rsa.generate_private_key(65537, bits)
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(private.public_key())
        .serial_number(7).not_valid_before(AT - timedelta(days=30)).not_valid_after(AT + timedelta(days=30))
        .sign(private, hashes.SHA256())
    )  # fmt: skip
    return private, certificate


@dataclass
class Signing:
    """How a container is signed; the defaults are right."""

    digest: str = "sha512"
    method: str = "sha512"
    references: list[str] = field(default_factory=lambda: ["/message.xml"])
    at: str = "2026-11-30T21:00:00Z"
    signer: str = "agency"
    bits: int = 2048
    certificate: str | None = None  # another's, in its place
    named: str | None = None  # whose digest the properties say
    target: str = "#signature"
    change: Callable[[str], str] = lambda text: text  # of the whole document before it is signed


def digest(name: str, content: bytes) -> str:
    return base64.b64encode(hashlib.new(name, content).digest()).decode()


def signature(files: dict[str, bytes], how: Signing) -> bytes:
    private, own = key(how.signer, how.bits)
    certificate = key(how.certificate)[1] if how.certificate else own
    named = key(how.named)[1] if how.named else certificate
    der, other = (one.public_bytes(serialization.Encoding.DER) for one in (certificate, named))
    references = "".join(
        f'<ds:Reference URI="{uri}"><ds:DigestMethod Algorithm="{DIGESTS[how.digest]}"/>'
        f"<ds:DigestValue>{digest(how.digest, files[uri.removeprefix('/')])}</ds:DigestValue></ds:Reference>"
        for uri in how.references
    )
    text = how.change(
        '<asic:XAdESSignatures xmlns:asic="http://uri.etsi.org/02918/v1.1.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" '
        'xmlns:xades="http://uri.etsi.org/01903/v1.3.2#"><ds:Signature Id="signature"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{C14N}"/><ds:SignatureMethod Algorithm="{SIGNATURES[how.method]}"/>{references}'
        '<ds:Reference Type="http://uri.etsi.org/01903#SignedProperties" URI="#signed-properties">'
        f'<ds:DigestMethod Algorithm="{DIGESTS[how.digest]}"/><ds:DigestValue>PROPERTIES</ds:DigestValue></ds:Reference>'
        "</ds:SignedInfo><ds:SignatureValue>VALUE</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>"
        f"{base64.b64encode(der).decode()}</ds:X509Certificate></ds:X509Data></ds:KeyInfo><ds:Object>"
        f'<xades:QualifyingProperties Target="{how.target}"><xades:SignedProperties Id="signed-properties">'
        f"<xades:SignedSignatureProperties><xades:SigningTime>{how.at}</xades:SigningTime><xades:SigningCertificate><xades:Cert>"
        f'<xades:CertDigest><ds:DigestMethod Algorithm="{DIGESTS[how.digest]}"/><ds:DigestValue>{digest(how.digest, other)}'
        "</ds:DigestValue></xades:CertDigest></xades:Cert></xades:SigningCertificate></xades:SignedSignatureProperties>"
        "</xades:SignedProperties></xades:QualifyingProperties></ds:Object></ds:Signature></asic:XAdESSignatures>"
    )
    properties = etree.fromstring(text).find(".//{*}SignedProperties")
    text = text.replace("PROPERTIES", digest(how.digest, etree.tostring(properties, method="c14n")))
    signed = etree.tostring(etree.fromstring(text).find(".//{*}SignedInfo"), method="c14n")
    value = private.sign(signed, padding.PKCS1v15(), _HASHES[how.method])
    return text.replace("VALUE", base64.b64encode(value).decode()).encode()


def manifest(names: list[str]) -> bytes:
    entries = "".join(
        f'<manifest:file-entry manifest:media-type="text/xml" manifest:full-path="{name}"/>' for name in names
    )
    return f'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">{entries}</manifest:manifest>'.encode()


def container(message: bytes = b"<message/>", how: Signing | None = None, **more: bytes) -> dict[str, bytes]:
    """The files of a container; `more` are its attachments."""
    files = {"message.xml": message, **more}
    return {"mimetype": MIME, **files, SIGNATURE: signature(files, how or Signing()), MANIFEST: manifest(list(files))}


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256 else bytes([0x82, *size.to_bytes(2)])
    return bytes([tag]) + length + content


def _stepped(values: list[bytes]) -> bytes:
    """SEQUENCE OF SEQUENCE {OCTET STRING, UTF8String, SEQUENCE {}}, written by hand."""
    method = _der(0x0C, DIGESTS["sha512"].encode())
    return _der(0x30, b"".join(_der(0x30, _der(0x04, value) + method + b"\x30\x00") for value in values))


def batch(
    message: bytes, attachments: dict[str, bytes], kept: bool = True, how: Signing | None = None
) -> dict[str, bytes]:
    """A container whose signature is over a hash chain: of its message, its attachments, and another message of the batch."""
    hashed = {
        name: hashlib.sha512(content).digest() for name, content in {"message.xml": message, **attachments}.items()
    }
    inner = _stepped(list(hashed.values()))
    other = hashlib.sha512(b"another message of the batch").digest()
    outer = _stepped([hashlib.sha512(inner).digest(), other])
    refs = "".join(
        f'<hc:DataRef URI="/{name}"><ds:DigestValue>{base64.b64encode(value).decode()}</ds:DigestValue></hc:DataRef>'
        for name, value in hashed.items()
    )
    spaces = 'xmlns:hc="http://cyber.ee/hashchain" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
    chain = (
        f'<hc:HashChain {spaces}><hc:DefaultDigestMethod Algorithm="{DIGESTS["sha512"]}"/>'
        f'<hc:HashStep id="STEP1">{refs}</hc:HashStep><hc:HashStep id="STEP2"><hc:StepRef URI="#STEP1"/><hc:HashValue>'
        f"<ds:DigestValue>{base64.b64encode(other).decode()}</ds:DigestValue></hc:HashValue></hc:HashStep></hc:HashChain>"
    )
    result = (
        f'<hc:HashChainResult {spaces} URI="/sig-hashchain.xml#STEP2"><ds:DigestMethod Algorithm="{DIGESTS["sha512"]}"/>'
        f"<ds:DigestValue>{digest('sha512', outer)}</ds:DigestValue></hc:HashChainResult>"
    )
    files = {"message.xml": message, **(attachments if kept else {})}
    files |= {"sig-hashchainresult.xml": result.encode(), "sig-hashchain.xml": chain.encode()}
    how = how or Signing(references=["/sig-hashchainresult.xml"])
    return {"mimetype": MIME, **files, SIGNATURE: signature(files, how), MANIFEST: manifest(list(files))}


def zipped(files: dict[str, bytes] | list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, content)
    return buffer.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def linked(containers: dict[str, bytes], before: tuple[str, str] = ("", ""), algorithm: str = "SHA-512") -> bytes:
    """The text of `linkinginfo` over containers in their order."""
    hashed = functools.partial(hashlib.new, algorithm.replace("-", "").lower())
    last, lines = before[0], [f"{before[0] or '-'} {before[1] or '-'} {algorithm}"]
    for name, content in containers.items():
        last = hashed((last + hashed(content).hexdigest()).encode()).hexdigest()
        lines.append(f"{last} {name}")
    return "".join(f"{line}\n" for line in lines).encode()


def archive(path: Path, containers: dict[str, bytes], linking: bytes | None = None) -> Path:
    path.write_bytes(zipped({**containers, "linkinginfo": linked(containers) if linking is None else linking}))
    return path


def with_other_local_name(content: bytes, old: bytes, new: bytes) -> bytes:
    """The member's name in its own header alone; as long as the one in the directory."""
    assert len(old) == len(new)
    return content.replace(old, new, 1)


def with_hidden_member(content: bytes) -> bytes:
    """A member between the last one and the directory, which does not list it."""
    hidden, name = b"<message>forged</message>", b"message.xml"
    header = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 0, 0, 0, 0, len(hidden), len(hidden), len(name), 0)
    start = struct.unpack("<I", content[-6:-2])[0]
    body = header + name + hidden
    return content[:start] + body + content[start:-6] + struct.pack("<I", start + len(body)) + content[-2:]
