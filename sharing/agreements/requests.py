"""Requests to share: who asked for what and why, what was answered, and how many days it waited. In `state/sharing_requests.jsonl`."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sharing.agreements.errors import AgreementError
from sharing.agreements.purposes import broader
from warehouse.home import Home
from warehouse.journal import Journal

JOURNAL = "sharing_requests.jsonl"
ANSWERS = ("granted", "refused", "withdrawn")


@dataclass(frozen=True)
class Request:
    """`what` is a feed or relation; times are UTC; `answer` is one of ANSWERS, or None while it waits."""

    id: str
    what: str
    purpose: str
    reason: str
    asked_by: str
    asked_at: datetime
    answer: str | None = None
    answer_reason: str = ""
    answered_by: str = ""
    answered_at: datetime | None = None

    def days_waited(self, now: datetime) -> int:
        return ((self.answered_at or now) - self.asked_at).days


def ask(home: Home, what: str, purpose: str, reason: str, by: str) -> Request:
    """Raises AgreementError where the purpose is none of the vocabulary, or there is no reason; and Tampered."""
    if purpose not in broader():
        raise AgreementError(
            f"{purpose} is no purpose of the Data Privacy Vocabulary; such as dpv:ProvideOfficialStatistics"
        )
    if not reason.strip():
        raise AgreementError('a request needs a reason: --reason "…"')
    request = Request(secrets.token_hex(4), what, purpose, reason.strip(), by, datetime.now(UTC))
    said = {"request": request.id, "what": what, "purpose": purpose, "reason": request.reason, "asked_by": by}
    Journal(home, JOURNAL).append(said | {"asked_at": request.asked_at.isoformat()}, by)
    return request


def answer(home: Home, begins: str, given: str, reason: str, by: str) -> Request:
    """Answer the request whose id begins so. Raises AgreementError and Tampered."""
    found = [one for one in requests(home) if begins and one.id.startswith(begins)]
    if len(found) != 1:
        raise AgreementError(
            f"{len(found)} requests begin with {begins!r}; `interagency agreements requests` lists them"
        )
    if found[0].answer is not None:
        raise AgreementError(f"request {found[0].id} was {found[0].answer} already")
    if given not in ANSWERS:
        raise AgreementError(f"{given!r} is no answer; write {', '.join(ANSWERS)}")
    if not reason.strip():
        raise AgreementError('an answer needs a reason: --reason "…"')
    said = {"request": found[0].id, "answer": given, "reason": reason.strip(), "answered_by": by}
    Journal(home, JOURNAL).append(said | {"answered_at": datetime.now(UTC).isoformat()}, by)
    return next(one for one in requests(home) if one.id == found[0].id)


def requests(home: Home) -> Sequence[Request]:
    """In the order in which they were asked. Raises Tampered."""
    found: dict[str, Request] = {}
    for entry in Journal(home, JOURNAL).entries():
        known = found.get(entry["request"])
        if known is None:
            asked_at = datetime.fromisoformat(entry["asked_at"])
            parts = (entry["what"], entry["purpose"], entry["reason"], entry["asked_by"])
            found[entry["request"]] = Request(entry["request"], *parts, asked_at)
            continue
        found[known.id] = Request(
            known.id, known.what, known.purpose, known.reason, known.asked_by, known.asked_at, entry["answer"],
            entry["reason"], entry["answered_by"], datetime.fromisoformat(entry["answered_at"]),
        )  # fmt: skip
    return list(found.values())
