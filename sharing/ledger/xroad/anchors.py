"""Whose certificates count: those of authorities that the X-Road instance trusts, as PEM, and those that these issued.

The chain is built and held against RFC 5280 by `cryptography`; X-Road's certificates name no host, so that no name is asked for. Whether
one was revoked is not asked.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from sharing.ledger.errors import Untrue
from sharing.ledger.xroad.errors import Broken

_MOST_BYTES = 4 << 20


@dataclass(frozen=True)
class Anchors:
    """The certificates of authorities."""

    certificates: tuple[x509.Certificate, ...]

    @classmethod
    def read(cls, path: Path) -> "Anchors":
        """Raises Untrue where the file holds no certificate in PEM."""
        try:
            with path.open("rb") as file:
                found = x509.load_pem_x509_certificates(file.read(_MOST_BYTES))
        except OSError as error:
            raise Untrue(
                f"{path} cannot be read ({error.strerror}); name a file with certificates of authorities"
            ) from None
        except ValueError:
            raise Untrue(
                f"{path} holds no certificates in PEM; put those of your instance's authorities there"
            ) from None
        return cls(tuple(found))

    def check(self, certificate: x509.Certificate, at: datetime, whose: str) -> None:
        """Raises Broken where no authority here issued the certificate, itself or through others here, as of that moment."""
        if certificate in self.certificates:
            return
        policy = PolicyBuilder().store(Store(list(self.certificates))).time(at)
        policy = policy.extension_policies(
            ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
        )
        try:
            policy.build_client_verifier().verify(certificate, [])
        except VerificationError:
            raise Broken(self._why(certificate, whose)) from None

    def _why(self, certificate: x509.Certificate, whose: str) -> str:
        """In words of our own: those of the library may repeat names."""
        if not any(one.subject == certificate.issuer for one in self.certificates):
            return f"the certificate of {whose} is by an authority that is not among the anchors"
        return (
            f"the certificate of {whose} names an authority of the anchors and is not rightly issued by it: its signature does not hold or "
            "is weak (SHA-1), or one of them was not valid then, or the authority may issue none"
        )
