"""Signers of a message-log archive lead to authorities that were named, as of the moment at which they signed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from sharing.ledger.errors import Untrue
from sharing.ledger.xroad.anchors import Anchors
from sharing.ledger.xroad.archive import verify_archive
from tests.orchestration.conftest import command
from tests.sharing.ledger import xroad_books
from tests.sharing.ledger.test_xroad import PUBLISHED, published
from tests.sharing.ledger.xroad_books import AT, container, zipped

MONTH = timedelta(days=30)


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    private: rsa.RSAPrivateKey
    certificate: x509.Certificate


def issue(
    name: str, by: Issued | None = None, is_ca: bool = False, ends: datetime = AT + MONTH, says: str | None = None
) -> Issued:
    """As an authority of X-Road issues it; by itself where nobody is named. `says` is another issuer than the true one."""
    private = rsa.generate_private_key(65537, 2048)
    subject = _named(name)
    issuer = _named(says) if says else by.certificate.subject if by else subject
    signer = by.private if by else private
    uses = x509.KeyUsage(
        digital_signature=False, content_commitment=not is_ca, key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=is_ca, crl_sign=is_ca, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(private.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(AT - MONTH).not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True).add_extension(uses, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )  # fmt: skip
    return Issued(private, made.sign(signer, hashes.SHA256()))


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])


ROOT = issue("root", is_ca=True)
MIDDLE = issue("middle", ROOT, is_ca=True)
OTHER = issue("other", is_ca=True)
MEMBER = issue("member", ROOT)
SIGNERS = {
    "of the authority": (MEMBER, None),
    "of one below it": (issue("member", MIDDLE), None),
    "of a stranger": (issue("member", OTHER), "not among the anchors"),
    "of itself": (issue("member"), "not among the anchors"),
    "in the authority's name": (issue("member", OTHER, says="root"), "not rightly issued"),
    "of another member": (issue("member", MEMBER), "not among the anchors"),
    "that ended before": (issue("member", ROOT, ends=AT - timedelta(days=1)), "not valid then"),
}  # fmt: skip


def anchors_of(folder: Path, *authorities: Issued) -> Path:
    path = folder / "anchors.pem"
    path.write_bytes(b"".join(one.certificate.public_bytes(Encoding.PEM) for one in authorities))
    return path


def signed_by(signer: Issued, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(xroad_books, "key", lambda *_: (signer.private, signer.certificate))
    path = folder / "a.asice"
    path.write_bytes(zipped(container()))
    return path


@pytest.mark.parametrize(("signer", "why"), SIGNERS.values(), ids=SIGNERS)
def test_a_signer_leads_to_an_authority_that_was_named(
    signer: Issued, why: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = signed_by(signer, tmp_path, monkeypatch)
    verdict = verify_archive(path, Anchors.read(anchors_of(tmp_path, ROOT, MIDDLE)))
    assert (" ".join(verdict.problems) == "") is (why is None), verdict.problems
    assert why is None or why in verdict.problems[0]


def test_an_authority_that_had_ended_issues_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = issue("ended", is_ca=True, ends=AT - timedelta(days=1))
    path = signed_by(issue("member", ended), tmp_path, monkeypatch)
    assert not verify_archive(path, Anchors.read(anchors_of(tmp_path, ended))).holds


def test_the_command_asks_and_says_where_it_did_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = signed_by(MEMBER, tmp_path, monkeypatch)
    unasked = command("ledger", "archive", str(path))
    assert (unasked.exit_code, "--anchors asks it" in unasked.stderr) == (0, True)
    asked = command("ledger", "archive", str(path), "--anchors", str(anchors_of(tmp_path, ROOT)))
    assert (asked.exit_code, "--anchors" in asked.stderr) == (0, False)
    refused = command("ledger", "archive", str(path), "--anchors", str(anchors_of(tmp_path, OTHER)))
    assert (refused.exit_code, "not among the anchors" in refused.stderr) == (1, True)


def test_what_holds_no_certificate_is_no_list_of_anchors(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    for name in ("x.pem", "none.pem"):
        with pytest.raises(Untrue, match=r"certificates"):
            Anchors.read(tmp_path / name)


@published
def test_published_archives_are_of_an_authority_that_nobody_named(tmp_path: Path) -> None:
    """Their signatures hold; they were made for tests, under an authority whose certificate was not published."""
    anchors = Anchors.read(anchors_of(tmp_path, ROOT))
    for path in sorted(PUBLISHED.iterdir()):
        assert verify_archive(path).holds
        verdict = verify_archive(path, anchors)
        assert verdict.problems and all("not among the anchors" in problem for problem in verdict.problems)


@published
def test_a_published_signer_counts_where_itself_is_named_and_its_time_stamp_does_not(tmp_path: Path) -> None:
    from sharing.ledger.xroad.signature import check_signature
    from tests.sharing.ledger.xroad_books import unzipped

    path = PUBLISHED / "valid-signed-message.asice"
    signer = check_signature(unzipped(path.read_bytes())).certificate
    verdict = verify_archive(path, Anchors((signer,)))
    assert len(verdict.problems) == 1 and "the time stamp's authority" in verdict.problems[0]
