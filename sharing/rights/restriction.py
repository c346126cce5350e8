"""Restricted processing: a person's rows are in no release and are shown to no role until that is lifted (GDPR, article 18).

Held by the platform's own id and by the records that were the person's then, so that it still holds where linkage gives another id.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb

from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.rights.errors import NotCarriedOut
from sharing.rights.person import Person
from warehouse.engines.duckdb.engine import literal, quoted
from warehouse.home import Home
from warehouse.journal import Journal
from warehouse.store.seal import keyed_hash

JOURNAL = "rights/restrictions.jsonl"
_TABLE = "restricted_person"
_PERSON = "person_id"


@dataclass(frozen=True)
class Restriction:
    """`until` is the last day; None until it is lifted."""

    person_id: str
    records: tuple[tuple[str, str], ...]
    reason: str
    until: date | None
    by: str

    def holds(self, on: date) -> bool:
        return self.until is None or on <= self.until

    @property
    def words(self) -> str:
        return f"restricted {f'until {self.until}' if self.until else 'until it is lifted'} by {self.by}: {self.reason}"


def restrict(home: Home, person: Person, reason: str, until: date | None, by: str) -> None:
    """Raises NotCarriedOut without a reason, Tampered, and LedgerError before anything is done."""
    _check(reason)
    if until is not None and until < datetime.now(UTC).date():
        raise NotCarriedOut(f"{until} is over; name a day to come, or none")
    said = {
        "decision": "a person's processing restricted",
        "person": person.person_id,
        "until": until.isoformat() if until else None,
    }
    Ledger(home).append(Kind.DECISION, said, by)
    line = {
        "person": person.person_id, "records": sorted(map(list, person.records)), "reason": reason.strip(),
        "until": until.isoformat() if until else None,
    }  # fmt: skip
    Journal(home, JOURNAL).append(line | {"given_by": by}, by)


def lift(home: Home, person_id: str, reason: str, by: str) -> None:
    """Raises NotCarriedOut where nothing is restricted, or without a reason, Tampered and LedgerError."""
    _check(reason)
    if person_id not in {one.person_id for one in _all(home)}:
        raise NotCarriedOut("this person is not restricted; `interagency subject restrict` without --lift restricts")
    Ledger(home).append(
        Kind.DECISION, {"decision": "a person's processing restricted no more", "person": person_id}, by
    )
    Journal(home, JOURNAL).append({"person": person_id, "lifted": True, "reason": reason.strip()}, by)


def restrictions(home: Home, on: date | None = None) -> list[Restriction]:
    """Those that hold on a day, today by default. Raises Tampered."""
    on = on or datetime.now(UTC).date()
    return [one for one in _all(home) if one.holds(on)]


def restriction_of(home: Home, person: Person) -> Restriction | None:
    return next(
        (one for one in restrictions(home) if one.person_id == person.person_id or person.records & set(one.records)),
        None,
    )


def hold_restrictions(connection: duckdb.DuckDBPyConnection, home: Home) -> str | None:
    """Make the temporary table of restricted people's ids in the open night; returns a keyed hash of them, None where there are none.

    The hash tells nobody who they are, and differs where somebody else is restricted. Raises Tampered.
    """
    held = restrictions(home)
    if not held:
        return None
    ids = sorted({one.person_id for one in held} | set(_linked(connection, held)))
    listed = ", ".join(f"({literal(one)})" for one in ids)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {_TABLE} AS SELECT * FROM (VALUES {listed}) AS listed (person_id)"
    )
    return keyed_hash(home, "restricted people", *ids)


def not_restricted(columns: Iterable[str], of: str = "source") -> str | None:
    """SQL that is true of rows of nobody who is restricted, after `hold_restrictions`; None where no column says whose rows they are."""
    whose = sorted(name for name in columns if name.endswith(_PERSON))
    if not whose:
        return None
    return " AND ".join(
        f"NOT EXISTS (SELECT 1 FROM {_TABLE} WHERE {_TABLE}.person_id = {of}.{quoted(name)})" for name in whose
    )


def _linked(connection: duckdb.DuckDBPyConnection, held: list[Restriction]) -> list[str]:
    """The ids that tonight's linkage gives to the records of then."""
    place = connection.execute("""
        SELECT database_name
        FROM duckdb_tables()
        WHERE schema_name = 'linkage' AND table_name = 'person_link'
    """).fetchone()
    records = sorted({record for one in held for record in one.records})
    if place is None or not records:
        return []
    pairs = ", ".join(f"({literal(source)}, {literal(key)})" for source, key in records)
    rows = connection.execute(f"""
        SELECT DISTINCT person_id
        FROM {quoted(place[0])}.linkage.person_link
        WHERE (source, source_key) IN (VALUES {pairs})
    """).fetchall()
    return [str(row[0]) for row in rows]


def _all(home: Home) -> list[Restriction]:
    """The last word on each person, where that is not that it was lifted."""
    found: dict[str, Restriction] = {}
    for entry in Journal(home, JOURNAL).entries():
        if entry.get("lifted"):
            found.pop(entry["person"], None)
            continue
        records = tuple((source, key) for source, key in entry["records"])
        until = date.fromisoformat(entry["until"]) if entry["until"] else None
        found[entry["person"]] = Restriction(entry["person"], records, entry["reason"], until, entry["given_by"])
    return list(found.values())


def _check(reason: str) -> None:
    if not reason.strip():
        raise NotCarriedOut('a person\'s request needs its reason: --reason "…"')
