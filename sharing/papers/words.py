"""Terms of agreements in words that people read: purposes, spans of time, what an agreement is worth."""

import re
from datetime import date

from sharing.agreements.purposes import PREFIX
from sharing.agreements.register import Signed
from warehouse.numbers_for_people import several

DPV = "https://w3id.org/dpv#"
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_UNITS = {"D": "day", "W": "week", "M": "month", "Y": "year"}
# What may become a link: any other word of a stranger stays text.
_LINKED = ("mailto:", "https://")


def purpose_iri(term: str) -> str:
    """`dpv:ProvideOfficialStatistics` as the vocabulary's own address of it."""
    return DPV + term.removeprefix(PREFIX)


def purpose_words(term: str) -> str:
    """`dpv:ProvideOfficialStatistics` as `provide official statistics`."""
    return _CAPITAL.sub(" ", term.removeprefix(PREFIX)).lower()


def span_words(span: str) -> str:
    """An agreement's retention, `P1Y` as `1 year`."""
    return several(int(span[1:-1]), _UNITS[span[-1]])


def link_of(contact: str) -> str | None:
    """Where a contact leads, or None where it is none that a page may link to."""
    return contact if contact.startswith(_LINKED) else None


def state_words(signed: Signed, on: date) -> str:
    """What an agreement is worth on a day, as anybody may read it: without the reason of a revocation, which is the parties' own."""
    one, ended = signed.agreement, signed.revocation
    if signed.unsigned:
        return f"not signed by {', '.join(signed.unsigned)}"
    if ended is not None and ended.starts <= on:
        return f"revoked from {ended.starts} on"
    if on < one.valid_from:
        return f"begins on {one.valid_from}"
    if on > one.valid_until:
        return f"ended on {one.valid_until}"
    return "in force" if ended is None else f"in force, revoked from {ended.starts} on"
