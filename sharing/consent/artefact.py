"""One consent as India's DEPA has it (Account Aggregator standard, ReBIT): an artefact whose signed part says who may have what, until when.

The signed part is a JWS. Published samples declare `b64: false` (RFC 7797) over a payload that is base64url all the same, write
`+0000` for UTC and a hyphen for an underscore; each has one meaning, and is read by it. What the artefact says outside of its signed
part counts only where it allows less.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from sharing.consent.errors import NoConsent

Key = RSAKey | ECKey | OKPKey
# Which algorithm a kind of key signs with: a header cannot choose another kind, nor none.
_ALGORITHMS = {"RSA": ("RS256", "PS256"), "EC": ("ES256",), "OKP": ("EdDSA", "Ed25519")}
_NEEDED = (
    "consentStart", "consentExpiry", "consentMode", "fetchType", "consentTypes", "fiTypes", "DataConsumer", "Customer", "Purpose",
    "FIDataRange", "DataLife", "Frequency",
)  # fmt: skip
_MOST_BYTES = 64 << 10
_DAYS = {"HOUR": 1 / 24, "DAY": 1.0, "MONTH": 30.0, "YEAR": 365.0}
ENDLESS = "INF"
_CLOCK_SKEW = timedelta(minutes=5)


class Status(StrEnum):
    """What becomes of a consent; of two that are said, the one further down holds."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


class Mode(StrEnum):
    """What the consumer may do with the data."""

    VIEW = "VIEW"
    QUERY = "QUERY"
    STREAM = "STREAM"
    STORE = "STORE"


@dataclass(frozen=True)
class Identifier:
    """A number that tells who somebody is, as the artefact writes it: its kind (none where it does not say) and canonical form."""

    kind: str
    value: str

    @classmethod
    def of(cls, kind: str, value: str) -> "Identifier":
        return cls(kind.lower().replace("-", "_"), "".join(letter for letter in value.upper() if letter.isalnum()))


@dataclass(frozen=True)
class Consent:
    """Moments in UTC; `uses` in a span of `each` (both None: without bound); `life` is how long the consumer may keep it (None: no bound)."""

    id: str
    manager: str
    status: Status
    starts: datetime
    expires: datetime
    mode: Mode
    is_once: bool
    consumer: str
    identifiers: tuple[Identifier, ...]
    purpose: str
    range_from: datetime
    range_to: datetime
    life: timedelta | None
    uses: int | None
    each: timedelta | None
    has_filter: bool


def read_artefact(text: bytes, keys: Mapping[str, Sequence[Key]], now: datetime) -> Consent:
    """An artefact signed by one of the managers whose `keys` are known. Raises NoConsent."""
    said = _object(text, "the artefact")
    manager, signed = _verified(str(said.get("signedConsent") or ""), keys)
    missing = [name for name in _NEEDED if name not in signed]
    if missing:
        raise NoConsent(f"the signed consent does not say {', '.join(missing)}; ask its manager for a whole one")
    id_ = said.get("consentId") or signed.get("consentId")
    if not isinstance(id_, str) or not 0 < len(id_) <= 100:
        raise NoConsent("the artefact has no consentId; ask its manager for one")
    if "consentId" in signed and signed["consentId"] != id_:
        raise NoConsent("the consentId outside of the signed part is another than the one inside; ask its manager")
    try:
        return _consent(id_, manager, said, signed, now)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        detail = str(error) if isinstance(error, _Unreadable) else f"({type(error).__name__})"
        raise NoConsent(f"the signed consent cannot be understood: {detail}; ask its manager") from None


class _Unreadable(ValueError):
    pass


def _consent(id_: str, manager: str, said: dict[str, Any], signed: dict[str, Any], now: datetime) -> Consent:
    life, frequency, between = signed["DataLife"], signed["Frequency"], signed["FIDataRange"]
    starts, expires = moment(signed["consentStart"]), moment(signed["consentExpiry"])
    if expires <= starts:
        raise _Unreadable("it ends before it begins")
    if starts > now + _CLOCK_SKEW and moment(said.get("createTimestamp", signed["consentStart"])) > now + _CLOCK_SKEW:
        raise _Unreadable("it was made at a moment that is still to come; set both clocks")
    counted = _word(frequency["unit"]) != ENDLESS
    return Consent(
        id=id_, manager=manager, status=Status(_word(said.get("status", "ACTIVE"))), starts=starts, expires=expires,
        mode=Mode(_word(signed["consentMode"])), is_once=_once(signed["fetchType"]), consumer=_text(signed["DataConsumer"]["id"]),
        identifiers=_identifiers(signed["Customer"]), purpose=_text(signed["Purpose"]["code"]),
        range_from=moment(between["from"]), range_to=moment(between["to"]), life=_life(life),
        uses=_whole(frequency["value"]) if counted else None, each=_span(frequency["unit"], 1) if counted else None,
        has_filter=bool(signed.get("DataFilter")),
    )  # fmt: skip


def _verified(token: str, keys: Mapping[str, Sequence[Key]]) -> tuple[str, dict[str, Any]]:
    """The manager that signed, and what it signed. Raises NoConsent."""
    if not token or len(token) > _MOST_BYTES or token.count(".") != 2:
        raise NoConsent(
            "the artefact has no signedConsent in the compact form of a JWS; ask its manager for the signed one"
        )
    header = _header(token)
    for manager, own in sorted(keys.items()):
        for key in own:
            if header.get("alg") in _ALGORITHMS[key.key_type] and _holds(token, key, str(header["alg"])):
                return manager, _object(_payload(token.split(".")[1]), "the signed consent")
    raise NoConsent(
        "the signed consent was changed, or signed by nobody whose keys are known; a manager's are written with `interagency consent manager`"
    )


def _header(token: str) -> dict[str, Any]:
    try:
        header = _object(_decoded(token.split(".")[0]), "the header of the signed consent")
    except binascii.Error:
        raise NoConsent("the header of the signed consent is no base64url; ask its manager") from None
    unknown = [name for name in header.get("crit", []) if name != "b64"]
    if unknown or header.get("b64", True) not in (True, False):
        raise NoConsent("the signed consent asks for what is not known here (crit); ask its manager for a plain JWS")
    return header


def _holds(token: str, key: Key, algorithm: str) -> bool:
    """The bytes that are signed are the same with `b64: false` as without: the header's text, a full stop, the payload's text. The library
    takes that header only where `crit` lists it, which published samples leave out; so it is asked for its algorithm alone.
    """
    signing_input, _, signature = token.rpartition(".")
    try:
        return bool(
            jws.JWSRegistry(algorithms=[algorithm])
            .get_alg(algorithm)
            .verify(signing_input.encode("ascii"), _decoded(signature), key)
        )
    except (JoseError, ValueError, TypeError):
        return False


def _payload(segment: str) -> bytes:
    """Base64url of an object, whatever `b64` says; an object itself begins with a letter that base64url does not have."""
    if segment.startswith("{"):
        return segment.encode()
    try:
        return _decoded(segment)
    except binascii.Error:
        raise NoConsent("the payload of the signed consent is no base64url; ask its manager") from None


def _decoded(text: str) -> bytes:
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=_once_each) if len(text) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NoConsent(
            f"{what} is no JSON object of up to {_MOST_BYTES >> 10} KiB with each name once; ask the consent's manager"
        )
    return found


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def moment(text: Any) -> datetime:
    """ISO 8601 with its zone (`Z`, `+0000`, `+05:30`), in UTC. Raises ValueError."""
    found = datetime.fromisoformat(_text(text))
    if found.tzinfo is None:
        raise _Unreadable("a moment has no zone")
    return found.astimezone(UTC)


def _word(text: Any) -> str:
    return _text(text).upper().replace("-", "_")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Unreadable("a text is missing")
    return value.strip()


def _whole(value: Any) -> int:
    if isinstance(value, bool) or int(value) != float(value) or int(value) < 0:
        raise _Unreadable("a number is no whole one from 0")
    return int(value)


def _once(fetch: Any) -> bool:
    word = _word(fetch).replace("_", "")
    if word not in ("ONETIME", "PERIODIC"):
        raise _Unreadable("its fetchType is neither ONETIME nor PERIODIC")
    return word == "ONETIME"


def _span(unit: Any, value: int) -> timedelta:
    return timedelta(days=_DAYS[_word(unit)] * value)


def _life(said: dict[str, Any]) -> timedelta | None:
    """`INF` means no bound, whatever number stands beside it."""
    return None if _word(said["unit"]) == ENDLESS else _span(said["unit"], _whole(said["value"]))


def _identifiers(customer: dict[str, Any]) -> tuple[Identifier, ...]:
    """Those that are listed, else the customer's id before its `@`."""
    listed = customer.get("Identifiers") or customer.get("identifiers") or []
    found = tuple(Identifier.of(_text(one["type"]), _text(one["value"])) for one in listed)
    return found or (Identifier.of("", _text(customer["id"]).partition("@")[0]),)
