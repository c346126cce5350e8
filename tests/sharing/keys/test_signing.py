"""Keys that sign: whose they are, and which are refused."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from sharing.keys.signing import create, load, of_jwk, public_jwk
from warehouse.errors import KeyRefused


def pem(
    key: Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None
) -> bytes:
    cipher = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cipher)


def test_a_key_is_made_once_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "a.pem"
    key = create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == pem(key)
    assert pem(create(path)) == pem(load(path)) == pem(key)


def test_the_public_half_is_what_others_read(tmp_path: Path) -> None:
    key = create(tmp_path / "a.pem").public_key()
    jwk = public_jwk(key)
    assert set(jwk) == {"kty", "crv", "x"}
    assert OKPKey.import_key(jwk).raw_value.public_bytes_raw() == key.public_bytes_raw()
    assert of_jwk(jwk).public_bytes_raw() == key.public_bytes_raw()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o700])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    create(tmp_path / "a.pem")
    (tmp_path / "a.pem").chmod(mode)
    with pytest.raises(KeyRefused, match="may be read by others; `chmod 600`"):
        load(tmp_path / "a.pem")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds no private key"),
        (pem(Ed25519PrivateKey.generate(), b"secret"), "without a password"),
        (pem(rsa.generate_private_key(65537, 2048)), "another kind"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "another kind"),
    ],
)
def test_what_is_no_such_key_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "a.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyRefused, match=told):
        load(path)


def test_no_file_and_a_folder_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pem", tmp_path):
        with pytest.raises(KeyRefused):
            load(path)


@pytest.mark.parametrize(
    "changed",
    [{"kty": "RSA"}, {"crv": "X25519"}, {"x": "AAAA"}, {"x": "§"}, {"d": base64.urlsafe_b64encode(bytes(32)).decode()}],
)
def test_a_jwk_of_another_kind_is_refused(tmp_path: Path, changed: dict[str, str]) -> None:
    jwk = public_jwk(create(tmp_path / "a.pem").public_key())
    with pytest.raises(KeyRefused):
        of_jwk({**jwk, **changed})
