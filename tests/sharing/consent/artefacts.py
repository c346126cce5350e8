"""Artefacts of a consent manager, as the Account Aggregator standard writes them."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jws
from joserfc.jwk import RSAKey

MANAGER = "tests-manager"
KEY = RSAKey.generate_key(2048)
NOW = datetime.now(UTC)


def signed_part(number: str = "P7", **said: Any) -> dict[str, Any]:
    return {
        "consentStart": (NOW - timedelta(days=1)).isoformat(), "consentExpiry": (NOW + timedelta(days=30)).isoformat(),
        "consentMode": "STORE", "fetchType": "PERIODIC", "consentTypes": ["TRANSACTIONS"], "fiTypes": ["DEPOSIT"],
        "DataConsumer": {"id": "tests-office", "type": "FIU"},
        "Customer": {"id": f"{number}@manager", "Identifiers": [{"type": "NATIONAL-NUMBER", "value": number}]},
        "Purpose": {"code": "dpv:ProvideOfficialStatistics", "refUri": "https://w3id.org/dpv", "text": "x", "Category": {"type": "x"}},
        "FIDataRange": {"from": "1900-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}, "DataLife": {"unit": "INF", "value": 0},
        "Frequency": {"unit": "INF", "value": 0},
    } | said  # fmt: skip


def artefact(
    id_: str = "c-1",
    signed: dict[str, Any] | None = None,
    header: dict[str, Any] | None = None,
    key: Any = KEY,
    **said: Any,
) -> bytes:
    token = jws.serialize_compact(
        header or {"alg": "RS256"},
        json.dumps(signed or signed_part()).encode(),
        key,
        algorithms=["RS256", "PS256", "ES256", "Ed25519", "HS256", "none"],
    )
    whole = {
        "ver": "1.0",
        "txnid": "t",
        "consentId": id_,
        "status": "ACTIVE",
        "createTimestamp": NOW.isoformat(),
        "signedConsent": token,
    }
    return json.dumps(whole | said).encode()


def encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()
