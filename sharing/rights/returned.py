"""Somebody who was erased and whom an agency sends again: they come in, as a new record, and the steward is told.

What an agency must hold it sends, and what the platform erased was its own copy: it is no judge of the agency's record. To know them
again a keyed hash of their numbers is kept, under a key of its own; nothing can be read from it, and it ends with that key.
"""

from collections.abc import Iterable

from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.masking.pseudonym import RecipientKey
from sharing.rights.errors import NotCarriedOut
from sharing.rights.person import identifiers_place, opened_night, plain
from warehouse.engines.duckdb.engine import literal
from warehouse.home import Home
from warehouse.journal import Journal
from warehouse.keys.data_key import data_key
from warehouse.keys.platform_key import expanded

JOURNAL = "rights/erased.jsonl"
_KEY = "rights/erased"


def remember(home: Home, person_id: str, numbers: Iterable[str], by: str) -> None:
    """`numbers` are letters and digits alone. Raises KeyRefused, Tampered."""
    key = _key(home)
    Journal(home, JOURNAL).append({"person": person_id, "numbers": sorted(map(key.of, numbers))}, by)


def note_returned(home: Home, by: str) -> list[tuple[str, str]]:
    """Say once in the ledger of each erased person whom the published night has again: who they were, who they are now.

    Raises KeyRefused, Tampered and LedgerError.
    """
    entries = Journal(home, JOURNAL).entries()
    known = {number: entry["person"] for entry in entries for number in entry.get("numbers", ())}
    told = {(entry["person"], entry["again"]) for entry in entries if "again" in entry}
    if not known:
        return []
    found = [pair for pair in _found(home, known) if pair not in told]
    for was, now in found:
        Ledger(home).append(Kind.DECISION, {"decision": "an erased person came again", "was": was, "person": now}, by)
        Journal(home, JOURNAL).append({"person": was, "again": now}, by)
    return found


def returned(home: Home) -> list[tuple[str, str]]:
    """Who was erased and came again, by their ids of then and now. Raises Tampered."""
    return [(one["person"], one["again"]) for one in Journal(home, JOURNAL).entries() if "again" in one]


def _found(home: Home, known: dict[str, str]) -> list[tuple[str, str]]:
    hashed = _key(home).sql(plain("identifier"))
    try:
        with opened_night(home) as (connection, _):
            rows = connection.execute(f"""
                SELECT DISTINCT hashed, person_id
                FROM (SELECT {hashed} AS hashed, person_id FROM {identifiers_place(connection)})
                WHERE hashed IN ({", ".join(map(literal, sorted(known)))})
            """).fetchall()
    except NotCarriedOut:
        # A night without people.
        return []
    return sorted({(known[number], str(person_id)) for number, person_id in rows})


def _key(home: Home) -> RecipientKey:
    return RecipientKey(_KEY, 1, expanded(data_key(home, _KEY).secret, "pseudonym"))
