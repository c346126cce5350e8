"""The parties of agreements, `parties.yaml` beside them: name, contact, public keys with the days on which they signed.

A key that follows another is vouched for by it: the party's earlier key signs the new one (`vouched_by`). So a key that somebody else
wrote into the file is seen, once the platform has seen the party's own (`sharing.agreements.seen`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey

from sharing.agreements.errors import AgreementError
from sharing.agreements.signature import CURVE, NotSigned, SignedBy, public_key, signer, verify
from warehouse.yaml import FileError, Schema, load_file

FILE = "parties.yaml"
_TEXT = {"type": "string", "minLength": 1, "maxLength": 400}
_DATE = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_KEY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["kty", "crv", "x", "valid_from"],
    "properties": {
        "kty": {"const": "OKP"}, "crv": {"const": CURVE}, "x": {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"},
        "valid_from": _DATE, "valid_until": _DATE, "compromised_on": _DATE, "vouched_by": _TEXT,
    },
}  # fmt: skip
_PARTY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "name", "contact", "keys"],
    "properties": {
        "id": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 80}, "name": _TEXT, "contact": _TEXT,
        "keys": {"type": "array", "minItems": 1, "items": _KEY}, "left_on": _DATE, "age": _TEXT, "age_signed": {"type": "string"},
        "consent_keys": {"type": "array", "minItems": 1, "items": {"type": "object"}}, "consent_keys_signed": {"type": "string"},
    },
}  # fmt: skip
SCHEMA = Schema({"type": "array", "items": _PARTY})


@dataclass(frozen=True)
class PartyKey:
    """A public key, the days on which it signed, and the signature of the party's earlier key, where there was one.

    By a key that was `compromised_on` some day nothing holds, whenever it says to have been signed.
    """

    x: str
    valid_from: date
    valid_until: date | None = None
    compromised_on: date | None = None
    vouched_by: str | None = None

    @cached_property
    def key(self) -> OKPKey:
        return public_key(self.x)

    @cached_property
    def id(self) -> str:
        return str(self.key.thumbprint())

    def refusal(self, at: date) -> str | None:
        """Why what was signed with it on that day does not hold."""
        if self.compromised_on is not None:
            return f"its key was compromised on {self.compromised_on}; have it signed again"
        if at < self.valid_from or (self.valid_until is not None and at > self.valid_until):
            until = f" to {self.valid_until}" if self.valid_until else " on"
            return f"its key signs from {self.valid_from}{until}, and this is of {at}; have it signed with the key of that day"
        return None


@dataclass(frozen=True)
class Party:
    """An organisation that signs agreements. `age` is the public key that releases to it are sealed for, `age_signed` its own signature of it;
    `consent_keys` (JWK) are those that it signs people's consents with, and `consent_keys_signed` its signature of them.
    """

    id: str
    name: str
    contact: str
    keys: tuple[PartyKey, ...]
    left_on: date | None = None
    age: str | None = None
    age_signed: str | None = None
    consent_keys: tuple[dict[str, Any], ...] = ()
    consent_keys_signed: str | None = None

    def verify(self, signature: str, data: Any, now: datetime) -> SignedBy:
        """Raises NotSigned where none of the party's keys that held then signed this data."""
        said = signer(signature)
        key = next((key for key in self.keys if key.id == said.key), None)
        if key is None:
            raise NotSigned(f"it is of a key that {FILE} does not list for {self.id}")
        found = verify(signature, data, key.key, now)
        refusal = key.refusal(found.at.date())
        if refusal is not None:
            raise NotSigned(refusal)
        return found

    def sealed_for(self, now: datetime) -> str | None:
        """The key that its files are sealed for; None where it named none. Raises NotSigned where somebody else wrote it."""
        if self.age is None:
            return None
        if self.age_signed is None:
            raise NotSigned("it is not signed")
        self.verify(self.age_signed, age_text(self.id, self.age), now)
        return self.age

    def signs_consents_with(self, now: datetime) -> tuple[dict[str, Any], ...]:
        """Raises NotSigned where somebody else wrote the keys."""
        if self.consent_keys:
            if self.consent_keys_signed is None:
                raise NotSigned("they are not signed")
            self.verify(self.consent_keys_signed, consent_keys_text(self.id, self.consent_keys), now)
        return self.consent_keys

    def is_vouched(self, key: PartyKey, known: Iterable[str], now: datetime) -> bool:
        """Whether one of the party's keys, whose thumbprints are `known`, signed this one."""
        if key.vouched_by is None:
            return False
        earlier = [one for one in self.keys if one.id in set(known) and one.id != key.id and one.compromised_on is None]
        for one in earlier:
            try:
                verify(key.vouched_by, vouched_text(self.id, key.x), one.key, now)
            except NotSigned:
                continue
            return True
        return False


def vouched_text(party: str, x: str) -> dict[str, str]:
    """What a party signs to say that a key is its own from now on."""
    return {"party": party, "key": x}


def age_text(party: str, age: str) -> dict[str, str]:
    """What a party signs to say which key its files are sealed for."""
    return {"party": party, "age": age}


def consent_keys_text(party: str, keys: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a party signs to say with which keys it signs people's consents."""
    return {"party": party, "consent_keys": list(keys)}


def read_parties(folder: Path) -> list[Party]:
    """Those of a folder of agreements; none where it has no such file. Raises AgreementError."""
    path = folder / FILE
    if not path.exists():
        return []
    try:
        found = load_file(path, SCHEMA, days_are_text=True) or []
        parties = [_party(data) for data in found]
        for party in parties:
            _ = [key.id for key in party.keys]
    except FileError as error:
        raise AgreementError(str(error)) from None
    except (ValueError, AgreementError) as error:
        raise AgreementError(f"{path}: {error}") from None
    names = [party.id for party in parties]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled:
        raise AgreementError(f"{path}: {doubled} stands twice; write all of its keys into one entry")
    return parties


def _party(data: dict[str, Any]) -> Party:
    keys = tuple(
        PartyKey(
            x=key["x"], valid_from=date.fromisoformat(key["valid_from"]), valid_until=_day(key, "valid_until"),
            compromised_on=_day(key, "compromised_on"), vouched_by=key.get("vouched_by"),
        )
        for key in data["keys"]
    )  # fmt: skip
    return Party(
        data["id"], data["name"], data["contact"], keys, _day(data, "left_on"), data.get("age"), data.get("age_signed"),
        tuple(data.get("consent_keys", ())), data.get("consent_keys_signed"),
    )  # fmt: skip


def _day(data: dict[str, Any], name: str) -> date | None:
    return date.fromisoformat(data[name]) if name in data else None
