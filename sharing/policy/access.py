"""Who may hold names and content at once: the one grant that opens the protected databases beside the open one, until a day.

The separation principle of statistical offices: who links sees identifying fields and no content, who analyses sees content under the
person's key and no identifier. A grant sets it aside for one person until a day. It takes two: the account of the operating system that
writes it down is not the person's, or a party that provides data signs it with the key of its agreement. A grant by oneself alone is
refused, also where it stands in `state/access.jsonl` already.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from joserfc.jwk import OKPKey

from sharing.agreements.register import Register, read_register
from sharing.agreements.signature import NotSigned, sign
from warehouse.home import Home
from warehouse.journal import Journal

JOURNAL = "access.jsonl"


class NotGranted(Exception):
    """Somebody asks for what needs a grant, or gives one that is none: why, and what to do."""


@dataclass(frozen=True)
class Grant:
    """`until` is the last day. `party` is the provider of data that signed it, where one did."""

    person: str
    until: date
    reason: str
    given_by: str
    party: str | None = None
    signature: str | None = None

    @property
    def text(self) -> dict[str, str]:
        """What a party signs."""
        return {"may see names beside content": self.person, "until": self.until.isoformat(), "reason": self.reason}

    def signed(self, party: str, key: OKPKey) -> "Grant":
        """The same with the signature of a party."""
        return Grant(
            self.person, self.until, self.reason, self.given_by, party, sign(self.text, key, datetime.now(UTC))
        )


def give(home: Home, grant: Grant) -> None:
    """Raises NotGranted without a reason or a second person, and Tampered."""
    if not grant.reason.strip():
        raise NotGranted('a grant needs a reason: --reason "…"')
    refusal = _refusal(grant, read_register(home))
    if refusal is not None:
        raise NotGranted(refusal)
    Journal(home, JOURNAL).append(asdict(grant) | {"until": grant.until.isoformat()}, grant.given_by)


def grants(home: Home) -> dict[str, Grant]:
    """The last one of each person. Raises Tampered."""
    return {grant.person: grant for grant in map(_read, Journal(home, JOURNAL).entries())}


def check(home: Home, person: str, on: date) -> None:
    """Raises NotGranted where the person may not hold both at once on that day, and Tampered."""
    grant = grants(home).get(person)
    if grant is None or grant.until < on:
        ended = f"the grant of {person} ended on {grant.until}" if grant else f"{person} has no grant"
        raise NotGranted(
            f"{ended} to see names beside what is said of people; `interagency access grant {person}` gives one, or ask as --role linker "
            "(names alone) or without --restricted (what is said alone)"
        )
    refusal = _refusal(grant, read_register(home))
    if refusal is not None:
        raise NotGranted(refusal)


def _read(entry: dict[str, Any]) -> Grant:
    until = date.fromisoformat(entry["until"])
    return Grant(entry["person"], until, entry["reason"], entry["given_by"], entry.get("party"), entry.get("signature"))


def _refusal(grant: Grant, register: Register) -> str | None:
    """Why a grant is none: its own receiver gave it, and no provider of data signed it."""
    if grant.party is not None:
        return _wrongly_signed(grant, register)
    if grant.given_by != grant.person:
        return None
    return (
        f"nobody may grant it to themselves, and the account {grant.person} is the one that asks: have another account give it, or a "
        "party that provides data sign it (--as PARTY --key FILE)"
    )


def _wrongly_signed(grant: Grant, register: Register) -> str | None:
    today = datetime.now(UTC).date()
    keys = {
        signed.keys.get(grant.party or "")
        for signed in register.agreements
        if signed.is_in_force(today) and signed.agreement.provider == grant.party
    }
    if not keys:
        return f"{grant.party} provides data under no agreement in force; have a party sign the grant that does"
    try:
        by = register.parties[grant.party or ""].verify(grant.signature or "", grant.text, datetime.now(UTC))
    except NotSigned as error:
        return f"the signature of {grant.party} under the grant of {grant.person} does not hold: {error}; have it signed again"
    if by.key not in keys:
        return f"{grant.party} signed the grant with another key than its agreement; have it signed with that one"
    return None
