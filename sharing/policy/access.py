"""Who may hold names and content at once: the one grant that opens the restricted database beside the open one, until a day.

The separation principle of statistical offices: who links sees identifying fields and no content, who analyses sees content under the
person's key and no identifier. A grant sets it aside for one person until a day. Who gave it, and why, stands in `state/access.jsonl`, and that it was given in the
ledger: also where somebody gave it to himself, which nothing keeps from whoever runs the platform.
"""

from dataclasses import dataclass
from datetime import date

from warehouse.home import Home
from warehouse.journal import Journal

JOURNAL = "access.jsonl"


class NotGranted(Exception):
    """Somebody asks for what needs a grant, or gives one that is none: why, and what to do."""


@dataclass(frozen=True)
class Grant:
    """`until` is the last day."""

    person: str
    until: date
    reason: str
    given_by: str


def give(home: Home, grant: Grant) -> None:
    """Raises NotGranted without a reason, and Tampered."""
    if not grant.reason.strip():
        raise NotGranted('a grant needs a reason: --reason "…"')
    said = {
        "person": grant.person,
        "until": grant.until.isoformat(),
        "reason": grant.reason,
        "given_by": grant.given_by,
    }
    Journal(home, JOURNAL).append(said, grant.given_by)


def grants(home: Home) -> dict[str, Grant]:
    """The last one of each person. Raises Tampered."""
    entries = Journal(home, JOURNAL).entries()
    found = [Grant(one["person"], date.fromisoformat(one["until"]), one["reason"], one["given_by"]) for one in entries]
    return {grant.person: grant for grant in found}


def check(home: Home, person: str, on: date) -> None:
    """Raises NotGranted where the person may not hold both at once on that day, and Tampered."""
    grant = grants(home).get(person)
    if grant is None or grant.until < on:
        ended = f"the grant of {person} ended on {grant.until}" if grant else f"{person} has no grant"
        raise NotGranted(
            f"{ended} to see names beside what is said of people; `interagency access grant {person}` gives one, or ask as --role linker "
            "(names alone) or without --restricted (what is said alone)"
        )
