"""The simulated country's records of people as the platform's `int_person_record` has them, and the truth beside them."""

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from anyascii import anyascii
from stdnum import iban as iban_number
from stdnum.de import idnr
from stdnum.ee import ik
from stdnum.gb import nhs
from stdnum.in_ import aadhaar

from simulation.profile import DEFAULT, load_profile
from simulation.simulate import simulate
from simulation.world import Plan
from tests.simulation.reading import Record, records

NIGHT = date(2026, 3, 2)
_PARTICLES = {"VON", "ZU", "VAN", "DEN", "DE", "LA", "AF"}
_CHECKS = {
    "national_number": ik,
    "health_number": nhs,
    "resident_number": aadhaar,
    "tax_number": idnr,
    "iban": iban_number,
}
SCHEMA = pa.schema([
    ("source", pa.string()), ("source_key", pa.string()), ("national_number", pa.string()), ("health_number", pa.string()),
    ("resident_number", pa.string()), ("tax_number", pa.string()), ("iban", pa.string()), ("given_name", pa.string()),
    ("surname", pa.string()), ("given_key", pa.string()), ("surname_key", pa.string()), ("birth_date", pa.date32()),
    ("sex", pa.string()), ("street", pa.string()), ("house_number", pa.string()), ("postcode", pa.string()), ("town", pa.string()),
])  # fmt: skip


@dataclass(frozen=True)
class Feed:
    """Where a feed keeps what: our name, then the agency's; `name` is split as its agency joins it."""

    source: str
    key: str
    columns: dict[str, str]
    name: tuple[str, str] | None = None
    address: str | None = None
    date_form: str = "ymd"


_HOME = {name: name for name in ("street", "house_number", "postcode", "town")}
FEEDS = (
    Feed("civil_registry/person", "record_number", {"national_number": "national_number", "given_name": "given_name", "surname": "surname",
         "birth_date": "date_of_birth", "sex": "sex", **_HOME}),
    Feed("tax_authority/income", "DECLARATION", {"tax_number": "TAX_NUMBER", "national_number": "NATIONAL_NUMBER", "surname": "SURNAME",
         "given_name": "GIVEN_NAMES", "birth_date": "BIRTH_DATE", "street": "STREET", "house_number": "HOUSE", "postcode": "POSTCODE",
         "town": "TOWN", "iban": "IBAN"}, date_form="dmy"),
    Feed("social_security/payment", "case_number", {"national_number": "national_number", "surname": "surname", "given_name": "given_name",
         "birth_date": "birth_date", "sex": "sex", "iban": "iban"}),
    Feed("health_service/patient", "/patientId", {"health_number": "/healthNumber", "national_number": "/nationalNumber",
         "given_name": "/name/given", "surname": "/name/family", "sex": "/sex", "birth_date": "/birthDate", "postcode": "/address/postcode",
         "town": "/address/town"}, address="/address/line"),
    Feed("vehicle_licensing/vehicle", "/vehicleId", {"national_number": "/keeper/nationalNumber", "birth_date": "/keeper/birthDate",
         "postcode": "/keeper/postcode"}, name=("/keeper/name", "surname, given"), address="/keeper/address"),
    Feed("education/enrolment", "Enrolment no.", {"resident_number": "Resident number", "surname": "Family name", "given_name": "First name",
         "birth_date": "Born", "postcode": "Postcode"}),
    Feed("business_register/role", "@number", {"national_number": "b:person/b:nationalNumber", "birth_date": "b:person/b:birthDate"},
         name=("b:person/b:name", "given surname")),
    Feed("municipalities/residents", "resident_number", {"national_number": "national_number", "given_name": "given_name", "surname": "surname",
         "birth_date": "date_of_birth", "sex": "sex", **_HOME}),
    Feed("municipalities/jarvalinn_residents", "nr", {"national_number": "id_code", "birth_date": "born", "sex": "sex", "postcode": "postcode"},
         name=("name", "surname, given"), address="address", date_form="dmy"),
    Feed("pensions/pension", "pension_number", {"national_number": "national_number", "surname": "surname", "given_name": "given_name",
         "birth_date": "date_of_birth", "iban": "iban"}),
)  # fmt: skip


def make_country(folder: Path, people: int, seed: int = 7, nights: int = 1) -> Path:
    simulate(Plan(people, seed, nights, NIGHT, load_profile(DEFAULT)), folder)
    return folder


def person_records(folder: Path, night: date = NIGHT) -> pa.Table:
    """Record by record in Python: it stands in for the staging models, which are not what is tested here."""
    found: list[dict[str, Any]] = []
    for feed in FEEDS:
        for record in records(folder / "extracts", *feed.source.split("/"), night):
            if record.get("/keeper/kind") != "business":
                found.append(_person(feed, record))
    return pa.Table.from_pylist(found, schema=SCHEMA)


def truth(folder: Path, night: date = NIGHT) -> pa.Table:
    """source, source_key, person_id of one night."""
    table = pq.read_table(folder / "truth" / "record.parquet", filters=[("night", "=", night)])
    source = [
        f"{agency}/{feed}" for agency, feed in zip(table["agency"].to_pylist(), table["feed"].to_pylist(), strict=True)
    ]
    return pa.table({"source": source, "source_key": table["source_key"], "person_id": table["person_id"]})


def _person(feed: Feed, record: Record) -> dict[str, Any]:
    row: dict[str, Any] = {ours: record.get(theirs) for ours, theirs in feed.columns.items()}
    row["given_name"], row["surname"] = _names(feed, record, row)
    if feed.address and record.get(feed.address):
        row["street"], _, row["house_number"] = str(record.get(feed.address)).rpartition(" ")
    row |= {name: _canonical(name, row[name]) for name in _CHECKS if name in row}
    row["birth_date"] = _date(row["birth_date"], feed.date_form)
    row["sex"] = {"female": "F", "male": "M"}.get(str(row.get("sex")), row.get("sex"))
    row |= {"given_key": key_of(row["given_name"]), "surname_key": key_of(row["surname"])}
    return {"source": feed.source, "source_key": record[feed.key], **row}


def _names(feed: Feed, record: Record, row: dict[str, Any]) -> tuple[str | None, str | None]:
    if feed.name is None:
        return row.get("given_name"), row.get("surname")
    text = record.get(feed.name[0]) or ""
    if feed.name[1] == "surname, given":
        surname, comma, given = text.partition(", ")
        return (given, surname) if comma else (surname, None)
    given, _, surname = text.rpartition(" ")
    return given or surname or None, surname if given else None


def _canonical(kind: str, text: str | None) -> str | None:
    return _CHECKS[kind].compact(text) if text and _CHECKS[kind].is_valid(text) else None


def _date(text: str | None, form: str) -> date | None:
    digits = re.sub(r"\D", "", text or "")
    if len(digits) != 8:
        return None
    year, month, day = (digits[4:], digits[2:4], digits[:2]) if form == "dmy" else (digits[:4], digits[4:6], digits[6:])
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


@cache
def key_of(name: str | None) -> str | None:
    """A name in capitals of the Latin alphabet, without particles."""
    words = re.sub(r"[^A-Z ]", "", re.sub(r"[-']", " ", anyascii(name or "").upper())).split()
    return " ".join(word for word in words if word not in _PARTICLES) or " ".join(words) or None
