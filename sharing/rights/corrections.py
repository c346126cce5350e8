"""A person asks that an agency's record be corrected: kept sealed, told to the agency, closed by the agency's next extract.

The platform changes no agency's record: what it says tomorrow is what the agency sends tomorrow.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
from joserfc.jwk import OKPKey

from nights.rows.accepted import accepted_nights, record_key
from sharing.agreements.signature import sign
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.rights.errors import NotCarriedOut
from sharing.rights.person import Person
from sources.arrival.manifest import ROWS
from sources.contract.model import Contract
from warehouse.engines.duckdb.encrypted_parquet import let_read, parquet
from warehouse.engines.duckdb.engine import literal, open_database, quoted
from warehouse.files import private_folder
from warehouse.home import Home
from warehouse.journal import Journal
from warehouse.keys.keyed_folder import key_of, protect
from warehouse.keys.sealed_file import opened_text, seal_bytes, sealed_name

JOURNAL = "rights/corrections.jsonl"
OPEN, CORRECTED, CHANGED = "open", "corrected as asked", "changed to another value"


@dataclass(frozen=True)
class Asked:
    """What somebody asks for: the field of a feed's record, and what it should say. `name` is the request's, made of its moment."""

    name: str
    person: str
    feed: str
    field: str
    night: str
    state: str


@dataclass(frozen=True)
class Wish:
    """One correction: `value` is what the person says is right."""

    contract: Contract
    field: str
    value: str
    reason: str


def ask(home: Home, person: Person, wish: Wish, key: OKPKey, by: str) -> tuple[str, str]:
    """Keep the request sealed; returns its name and the signed notice for the agency. Raises NotCarriedOut, KeyRefused, LedgerError."""
    contract = wish.contract
    if not wish.reason.strip() or not wish.value.strip():
        raise NotCarriedOut('a correction needs a value and its reason: --value-file FILE --reason "…"')
    if wish.field not in {column.name for column in contract.columns}:
        raise NotCarriedOut(
            f"{contract.name} has no field {wish.field}; `interagency subject report` shows those it has"
        )
    nights = accepted_nights(contract, home, date.max)
    keys = sorted(record for source, record in person.records if source == contract.name)
    was = _values(home, contract, nights[-1], wish.field, keys) if nights else {}
    if not was:
        raise NotCarriedOut(
            f"the newest night of {contract.name} has no record of this person, so there is nothing to correct"
        )
    now = datetime.now(UTC)
    name = f"{person.person_id}-{now:%Y%m%dT%H%M%S}"
    _seal(home, name, {"field": wish.field, "was": {one: said for one, (said, _) in was.items()}, "asked": wish.value})
    told = {
        "decision": "a correction asked for",
        "person": person.person_id,
        "feed": contract.name,
        "field": wish.field,
    }
    Ledger(home).append(Kind.DECISION, told, by)
    line = {
        "name": name,
        "person": person.person_id,
        "feed": contract.name,
        "field": wish.field,
        "night": nights[-1].name,
        "state": OPEN,
    }
    Journal(home, JOURNAL).append(line | {"reason": wish.reason.strip()}, by)
    said = {
        "notice": "a person asks for a correction", "request": name, "feed": contract.name, "field": wish.field, "night": nights[-1].name,
        "records": [own for _, own in was.values()], "should_be": wish.value, "asked_at": now.isoformat(timespec="seconds"),
    }  # fmt: skip
    return name, json.dumps(
        {"said": said, "signature": sign(said, key, now)}, indent=1, ensure_ascii=False, default=str
    ) + "\n"


def requests(home: Home) -> list[Asked]:
    """Each with its last state. Raises Tampered."""
    found: dict[str, dict[str, Any]] = {}
    for entry in Journal(home, JOURNAL).entries():
        found[entry["name"]] = {**found.get(entry["name"], {}), **entry}
    return [Asked(**{name: one[name] for name in Asked.__dataclass_fields__}) for one in found.values()]


def asked_of(home: Home, person: Person) -> Iterator[dict[str, str]]:
    """A person's requests, as the report shows them."""
    for one in requests(home):
        if one.person == person.person_id:
            yield {"feed": one.feed, "field": one.field, "asked": one.night, "state": one.state}


def close_answered(home: Home, contracts: Sequence[Contract], by: str) -> list[Asked]:
    """Close those whose record has another value in a later night of its agency; returns them. Raises KeyRefused, Tampered, LedgerError."""
    known = {contract.name: contract for contract in contracts}
    closed = []
    for one in requests(home):
        state = _answer(home, known[one.feed], one) if one.state == OPEN and one.feed in known else None
        if state is None:
            continue
        told = {
            "decision": "a correction closed",
            "person": one.person,
            "feed": one.feed,
            "field": one.field,
            "state": state,
        }
        Ledger(home).append(Kind.DECISION, told, by)
        Journal(home, JOURNAL).append({"name": one.name, "state": state}, by)
        closed.append(one)
    return closed


def _answer(home: Home, contract: Contract, one: Asked) -> str | None:
    nights = [folder for folder in accepted_nights(contract, home, date.max) if folder.name > one.night]
    path = sealed_name(_path(home, one.name))
    if not nights or not path.exists():
        return None
    sealed = json.loads(opened_text(path))
    for folder in nights:
        now = _values(home, contract, folder, one.field, sorted(sealed["was"]))
        differing = [said for key, (said, _) in now.items() if said != sealed["was"][key]]
        if differing:
            return CORRECTED if all(said == sealed["asked"] for said in differing) else CHANGED
    return None


def _values(home: Home, contract: Contract, night: Path, field: str, keys: list[str]) -> dict[str, tuple[str | None, dict[str, Any]]]:  # fmt: skip
    """Of each of these records the field's value as text, and the agency's own key of it."""
    if not keys:
        return {}
    named = ", ".join(f"{literal(name)}: {quoted(name)}::VARCHAR" for name in contract.key)
    sql = f"""
        SELECT {record_key(contract, home)}, CAST({quoted(field)} AS VARCHAR), {{{named}}}
        FROM {parquet(night / ROWS)}
        WHERE {record_key(contract, home)} IN ({", ".join(map(literal, keys))})
    """
    with open_database() as connection:
        let_read(connection, sql)
        try:
            rows = connection.execute(sql).fetchall()
        except duckdb.BinderException:
            # A night of before the contract had the field.
            return {}
    return {key: (said, own) for key, said, own in rows}


def _path(home: Home, name: str) -> Path:
    return home.state / "rights" / "corrections" / f"{name}.json"


def _seal(home: Home, name: str, said: dict[str, Any]) -> None:
    path = _path(home, name)
    protect(home, private_folder(path.parent), "rights/corrections")
    key = key_of(path)
    if key is None:
        raise NotCarriedOut(
            "what a person says of themselves is kept sealed, and the platform has no key; `interagency keys create`"
        )
    seal_bytes(json.dumps(said).encode(), sealed_name(path), key)
