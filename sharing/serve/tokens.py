"""Bearer tokens of recipients, `state/recipient_tokens.jsonl`: issued under one version of an agreement, kept as a hash, revoked by a line."""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from sharing.agreements.model import Agreement
from sharing.ledger.entry import Kind, moment
from sharing.ledger.log import Ledger
from sharing.policy.policy import Policy
from sharing.release.errors import NotReleased
from warehouse.home import Home
from warehouse.journal import Journal, actor

JOURNAL = "recipient_tokens.jsonl"
SERVED = "delta-sharing"
_SECRET_BYTES, _ID_BYTES = 32, 4
_State = tuple[int, int, int]


@dataclass(frozen=True)
class Token:
    """What is known of one: never the token itself. `digest` is the agreement's version that it was issued under."""

    id: str
    agreement: str
    digest: str
    recipient: str
    sha256: str
    expires: datetime
    is_revoked: bool = False

    def state(self, now: datetime) -> str:
        """In a word."""
        if self.is_revoked:
            return "revoked"
        return "expired" if now >= self.expires else "good"


def agreement_for(home: Home, id_: str, recipient: str) -> Agreement:
    """One in force that lets this recipient read something from the server. Raises NotReleased, AgreementError."""
    register, on = Policy.read(home).register, datetime.now(UTC).date()
    signed = register.by_id(id_)
    refusal = signed.refusal(on)
    if refusal is not None:
        raise NotReleased(f"agreement {id_} {refusal}")
    party = register.parties.get(recipient)
    if party is None or (party.left_on is not None and party.left_on <= on):
        raise NotReleased(f"{recipient} is no party; `interagency agreements party {recipient}` adds one")
    if not any(
        recipient in product.recipients for product in signed.agreement.products if product.destination.by == SERVED
    ):
        raise NotReleased(
            f"agreement {id_} has no product that {recipient} reads from the server (format and delivery delta-sharing); agree on one "
            "by a further version"
        )
    return signed.agreement


def issue(home: Home, agreement: Agreement, recipient: str) -> tuple[Token, str]:
    """A new token with its text, which is kept nowhere; good until the agreement's last day is over. Raises as ledger and journal do."""
    text = secrets.token_urlsafe(_SECRET_BYTES)
    expires = datetime.combine(agreement.valid_until + timedelta(days=1), time(), UTC)
    token = Token(secrets.token_hex(_ID_BYTES), agreement.id, agreement.digest, recipient, _hash(text), expires)
    said = {
        "use": "token of a recipient issued",
        "token": token.id,
        "agreement": agreement.id,
        "version": agreement.version,
    }
    # First the ledger: no token is good that does not stand there.
    Ledger(home).append(Kind.KEY_USE, {**said, "recipient": recipient, "expires": moment(expires)}, actor())
    kept = {name: value for name, value in vars(token).items() if name != "is_revoked"}
    Journal(home, JOURNAL).append({**kept, "expires": expires.isoformat()}, actor())
    return token, text


def revoke(home: Home, id_: str, reason: str) -> Token:
    """From now on it opens nothing. Raises NotReleased where there is none, it was revoked before, or no reason is given."""
    found = next((token for token in tokens(home) if token.id == id_), None)
    if found is None or found.is_revoked:
        raise NotReleased(f"there is no token {id_} that could be revoked; `interagency release profiles`")
    if not reason.strip():
        raise NotReleased('revoking a token needs a reason: --reason "…"')
    Journal(home, JOURNAL).append({"revoked": id_, "reason": reason}, actor())
    said = {"use": "token of a recipient revoked", "token": id_, "agreement": found.agreement}
    Ledger(home).append(Kind.KEY_USE, {**said, "recipient": found.recipient}, actor())
    return replace(found, is_revoked=True)


def tokens(home: Home) -> tuple[Token, ...]:
    """All that were issued, in their order. Raises Tampered."""
    try:
        found = Journal(home, JOURNAL).path.stat()
    except FileNotFoundError:
        return ()
    return _read(home, (found.st_mtime_ns, found.st_ino, found.st_size))


def token_of(home: Home, text: str) -> Token | None:
    """The token with this text, whether it is still good or not."""
    given, found = _hash(text), None
    # All of them, each in constant time: how long it takes tells nothing.
    for token in tokens(home):
        if hmac.compare_digest(token.sha256, given):
            found = token
    return found


def profile(token: Token, text: str, endpoint: str) -> str:
    """The profile file of the protocol, version 1."""
    said = {
        "shareCredentialsVersion": 1, "endpoint": endpoint, "bearerToken": text,
        "expirationTime": token.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }  # fmt: skip
    return json.dumps(said, indent=2) + "\n"


@lru_cache(maxsize=4)
def _read(home: Home, _state: _State) -> tuple[Token, ...]:
    found: dict[str, Token] = {}
    for line in Journal(home, JOURNAL).entries():
        if "revoked" in line:
            found[line["revoked"]] = replace(found[line["revoked"]], is_revoked=True)
        else:
            found[line["id"]] = _token(line)
    return tuple(found.values())


def _token(line: dict[str, Any]) -> Token:
    return Token(**(line | {"expires": datetime.fromisoformat(line["expires"])}))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
