"""To whom a person's rows went: releases of products whose relation, condition and night had them in."""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from sharing.release.kept import Release, releases
from sharing.release.query import find_place
from sharing.rights.person import Person
from warehouse.engines.duckdb.engine import literal, quoted
from warehouse.errors import KeyRefused
from warehouse.home import Home
from warehouse.store.published_nights import Night, opened_build, published_nights

_PERSON = "person_id"
IN, NOT_IN, COUNTED, UNKNOWN = "yes", "no", "counted in a table", "cannot be told any more"


@dataclass(frozen=True)
class Given:
    """A release, and whether the person's rows were in it; `carried` is whether it had the person's pseudonym."""

    release: str
    agreement: str
    product: str
    recipient: str
    night: str
    state: str
    was_in: str
    rows: int
    treatments: dict[str, str]
    expires: str
    carried: bool


def given_to(connection: duckdb.DuckDBPyConnection, home: Home, person: Person) -> Iterator[Given]:
    """Every release but those that surely did not have the person; the newest night first."""
    nights = {(one.extract_date.isoformat(), one.run): one for one in published_nights(home)}
    for release in releases(home):
        said = release.manifest
        was_in, rows = _was_in(nights.get((said.night, said.run)), release, person)
        if was_in == NOT_IN:
            continue
        treatments = {name: " to ".join(filter(None, [one["treatment"], str(one.get("to") or "")])) for name, one in said.columns.items()}  # fmt: skip
        yield Given(
            said.release, said.agreement, said.product, said.recipient, said.night, release.state, was_in, rows, treatments, said.expires,
            treatments.get(_PERSON) == "pseudonym",
        )  # fmt: skip


def _was_in(night: Night | None, release: Release, person: Person) -> tuple[str, int]:
    if night is None:
        return UNKNOWN, 0
    try:
        with opened_build(night) as connection:
            return _counted(connection, release, person)
    except KeyRefused:
        return UNKNOWN, 0


def _counted(connection: duckdb.DuckDBPyConnection, release: Release, person: Person) -> tuple[str, int]:
    said = release.manifest
    schema, _, name = said.relation.partition(".")
    place = find_place(connection, schema, name)
    columns = {row[0] for row in connection.execute(f"DESCRIBE {place[0]}").fetchall()} if place else set()
    whose = sorted(column for column in columns if column.endswith(_PERSON))
    if place is None or not whose:
        return UNKNOWN if said.relation.startswith("identity.") else NOT_IN, 0
    is_own = " OR ".join(f"{quoted(column)} = {literal(person.person_id)}" for column in whose)
    row = connection.execute(
        f"SELECT count(*) FROM {place[0]} WHERE ({is_own}) AND ({said.condition or 'true'})"
    ).fetchone()
    rows = int(row[0]) if row else 0
    if not rows:
        return NOT_IN, 0
    return (COUNTED if "table" in said.risk else IN), rows
