"""The business register: businesses, and the people who lead or own them, as two XML files with namespaces, gzipped."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation.errors.planted_errors import Extract, Mark, Sent, rate_of
from simulation.extracts.night import Night, written
from simulation.population.people_names import NONE, joined
from simulation.population.work import LEGAL_FORMS, ROLES

AGENCY = "business_register"
NAMESPACE = "urn:example:business-register:2"


def extracts(night: Night) -> list[Extract]:
    return [_business(night), _role(night)]


def _business(night: Night) -> Extract:
    found, addresses = night.world.businesses, night.world.addresses
    rows = np.arange(len(found))
    home = addresses.columns(found.address)
    closed = found.closed_day != NONE
    table = pa.table({
        "b:registryCode": found.registry_code,
        "b:name": found.name,
        "b:legalForm": pa.array(LEGAL_FORMS).take(pa.array(found.form)),
        "b:vatNumber": found.vat_number,
        "b:founded": written(found.founded_day, "%Y-%m-%d"),
        "b:closed": written(np.where(closed & (found.closed_day < night.day), found.closed_day, NONE), "%Y-%m-%d"),
        "b:address/b:street": joined(home["street"], home["house_number"], " "),
        "b:address/b:town": home["town"],
        "b:address/b:postcode": home["postcode"],
    })  # fmt: skip
    return Extract(AGENCY, "business", table, np.full(len(rows), NONE), rows, "yyyy-MM-dd")


def _role(night: Night) -> Extract:
    """Roles of businesses that are not closed; of the dead only those whom nobody has struck off."""
    known, found = night.known(AGENCY), night.world.businesses
    number = np.arange(len(found.role_person))
    dead = known.people.death_day[found.role_person] != NONE
    rate = rate_of(night.world.plan.profile, f"{AGENCY}/role", "director_deceased")
    stale = dead & (night.chance("director deceased", number) < rate)
    closed = (found.closed_day != NONE) & (found.closed_day < night.day)
    rows = np.flatnonzero((~dead | stale) & ~closed[found.role_business])
    person = found.role_person[rows]
    table = pa.table({
        "@number": night.record_numbers("roles", rows),
        "b:registryCode": found.registry_code.take(pa.array(found.role_business[rows])),
        "b:kind": pa.array(ROLES).take(pa.array(found.role_kind[rows])),
        "b:person/b:nationalNumber": known.ids("national", person),
        "b:person/b:name": joined(known.given(person), known.surname(person), " "),
        "b:person/b:birthDate": written(known.people.birth_day[person], "%Y-%m-%d"),
        "b:since": written(found.role_since[rows], "%Y-%m-%d"),
    })  # fmt: skip
    marks = [Mark("director_deceased", "b:person/b:nationalNumber", np.flatnonzero(stale[rows]))]
    return Extract(AGENCY, "role", table, person, rows, "yyyy-MM-dd", marks=marks)


def write(folder: Path, night: Night, sent: dict[str, Sent]) -> None:
    """`businesses_yyyymmdd.xml.gz` and `roles_yyyymmdd.xml.gz`; gzip's own time stamp is left out."""
    for feed, name, element in (("business", "businesses", "b:business"), ("role", "roles", "b:role")):
        lines = _elements(sent[feed].table, element).to_pylist()
        head = f'<?xml version="1.0" encoding="UTF-8"?>\n<b:register xmlns:b="{NAMESPACE}" date="{night.on}">\n'
        content = "".join([head, *(f"{line}\n" for line in lines), "</b:register>\n"])
        packed = gzip.compress(content.encode("utf-8"), compresslevel=6, mtime=0)
        (folder / f"{name}_{night.on:%Y%m%d}.xml.gz").write_bytes(packed)


def _elements(table: pa.Table, element: str) -> pa.Array:
    """One element per row; columns are paths below it, neighbours under one parent stand together, null values are left out."""
    attributes = [name for name in table.column_names if name.startswith("@")]
    opening = [pa.scalar(f"<{element}")]
    for name in attributes:
        opening += [pa.scalar(f' {name[1:]}="'), _escaped(table[name]), pa.scalar('"')]
    parts = [*opening, pa.scalar(">")]
    parent = ""
    for name in table.column_names:
        if name in attributes:
            continue
        above, _, leaf = name.rpartition("/")
        if above != parent:
            parts += [pa.scalar(f"</{parent}>")] if parent else []
            parts += [pa.scalar(f"<{above}>")] if above else []
            parent = above
        value = pc.binary_join_element_wise(f"<{leaf}>", _escaped(table[name]), f"</{leaf}>", "")
        parts.append(pc.fill_null(value, ""))
    parts += [pa.scalar(f"</{parent}>")] if parent else []
    return pc.binary_join_element_wise(*parts, pa.scalar(f"</{element}>"), "")


def _escaped(column: pa.ChunkedArray) -> pa.Array:
    found = pc.cast(column.combine_chunks(), pa.string())
    for plain, written_as in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        found = pc.replace_substring(found, plain, written_as)
    return found
