"""An artefact counts where one of its manager's keys signed it; published samples' habits have one meaning each."""

import hmac
import json
from contextlib import suppress
from datetime import UTC, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from sharing.consent.artefact import Identifier, Mode, Status, moment, read_artefact
from sharing.consent.errors import NoConsent
from tests.sharing.consent.artefacts import KEY, MANAGER, NOW, artefact, encoded, signed_part

KEYS = {MANAGER: [RSAKey.import_key(KEY.as_dict(private=False))]}


def test_what_was_signed_is_read() -> None:
    found = read_artefact(
        artefact(signed=signed_part(DataLife={"unit": "MONTH", "value": 2}, Frequency={"unit": "DAY", "value": 3})),
        KEYS,
        NOW,
    )
    assert (found.id, found.manager, found.status, found.mode, found.is_once) == (
        "c-1",
        MANAGER,
        Status.ACTIVE,
        Mode.STORE,
        False,
    )
    assert (found.life, found.uses, found.each) == (timedelta(days=60), 3, timedelta(days=1))
    assert found.identifiers == (Identifier("national_number", "P7"),)
    assert found.consumer == "tests-office"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_both_algorithms_of_an_rsa_key_hold(algorithm: str) -> None:
    assert read_artefact(artefact(header={"alg": algorithm}), KEYS, NOW).id == "c-1"


def test_keys_of_other_kinds_sign_too() -> None:
    curve, edwards = ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519")
    keys = {"a": [curve], "b": [edwards]}
    assert read_artefact(artefact(key=curve, header={"alg": "ES256"}), keys, NOW).manager == "a"
    assert read_artefact(artefact(key=edwards, header={"alg": "Ed25519"}), keys, NOW).manager == "b"


@pytest.mark.parametrize("header", [{"b64": False, "crit": ["b64"]}, {"b64": True, "crit": ["b64"]}])
def test_unencoded_in_name_and_base64url_in_fact_is_read(header: dict[str, Any]) -> None:
    payload = json.dumps(signed_part()).encode()
    content = encoded(payload).encode() if header["b64"] is False else payload
    token = jws.serialize_compact({"alg": "RS256", **header}, content, KEY)
    assert read_artefact(artefact(signedConsent=token), KEYS, NOW).consumer == "tests-office"


def test_the_header_of_published_samples_which_lists_nothing_critical_is_read() -> None:
    header = {"alg": "RS256", "kid": "4272a67b-0ba8-481e-853b-99594fdfbd5a", "b64": False}
    head = ".".join(encoded(json.dumps(part).encode()) for part in (header, signed_part()))
    signature = KEY.private_key.sign(head.encode(), PKCS1v15(), SHA256())
    assert read_artefact(artefact(signedConsent=f"{head}.{encoded(signature)}"), KEYS, NOW).consumer == "tests-office"


def test_what_is_signed_is_what_is_read_whatever_b64_says() -> None:
    """A payload that reads one way encoded and another way plain would be signed as one and used as the other."""
    token = json.loads(artefact())["signedConsent"]
    header, payload, signature = token.split(".")
    for changed in ({"alg": "RS256", "b64": False}, {"alg": "RS256", "b64": False, "crit": ["b64"]}):
        forged = ".".join([encoded(json.dumps(changed).encode()), payload, signature])
        with pytest.raises(NoConsent, match="was changed, or signed by nobody"):
            read_artefact(artefact(signedConsent=forged), KEYS, NOW)
    plain = ".".join([header, json.dumps(signed_part("P8")), signature])
    with pytest.raises(NoConsent):
        read_artefact(artefact(signedConsent=plain), KEYS, NOW)


def test_words_and_moments_of_published_samples_are_read() -> None:
    said = signed_part(
        fetchType="ONE-TIME",
        consentStart="2019-12-06T11:39:57.153+0000",
        FIDataRange={"from": "2018-12-06T11:39:57.153+0000", "to": "2018-12-06T11:39:57Z"},
    )
    found = read_artefact(artefact(signed=said, status="Active"), KEYS, NOW)
    assert found.is_once
    assert found.starts.tzinfo is UTC
    assert moment("2019-12-06T11:39:57.153+0530").isoformat() == "2019-12-06T06:09:57.153000+00:00"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (artefact(header={"alg": "none"}), "signed by nobody"), (artefact(key=RSAKey.generate_key(2048)), "signed by nobody"),
        (artefact(signed={**signed_part(), "consentStart": "2030-01-01T00:00:00"}), "no zone"), (artefact(consentId=None), "no consentId"),
        (artefact(signed={**signed_part(), "consentMode": "SELL"}), "cannot be understood"), (b"[]", "no JSON object"),
        (artefact(signed={**signed_part(), "consentId": "other"}), "another than the one inside"), (artefact(signedConsent="a.b"), "compact form"),
        (artefact(signed={name: value for name, value in signed_part().items() if name != "Purpose"}), "does not say Purpose"),
        (artefact(signed=signed_part(consentExpiry="2000-01-01T00:00:00Z")), "ends before it begins"), (b'{"a":1,"a":2}', "each name once"),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_refused(changed: bytes, says: str) -> None:
    with pytest.raises(NoConsent, match=says) as caught:
        read_artefact(changed, KEYS, NOW)
    assert "P7" not in str(caught.value)


def test_the_public_key_is_no_secret_to_sign_with() -> None:
    public = KEYS[MANAGER][0].as_pem(private=False)
    head = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "HS256"}, signed_part()))
    token = f"{head}.{encoded(hmac.new(public, head.encode(), 'sha256').digest())}"
    with pytest.raises(NoConsent, match="signed by nobody"):
        read_artefact(artefact(signedConsent=token), KEYS, NOW)


@given(
    st.binary(max_size=300)
    | st.text(max_size=300).map(str.encode)
    | st.tuples(st.just(artefact()), st.integers(0, 2000), st.integers(0, 255)).map(
        lambda one: one[0][: one[1]] + bytes([one[2]]) + one[0][one[1] + 1 :]
    )
)
def test_anything_is_read_or_refused(content: bytes) -> None:
    with suppress(NoConsent):
        read_artefact(content, KEYS, NOW)
