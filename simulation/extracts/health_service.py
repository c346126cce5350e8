"""The health service: every patient with their health number, home and practice, as the REST API holds them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulation.errors.planted_errors import Extract, Sent
from simulation.extracts.night import Night, written
from simulation.population.identifiers import text
from simulation.population.people_names import NONE, joined
from simulation.population.places import COUNTRIES

AGENCY = "health_service"
_PEOPLE_A_PRACTICE = 1800


def extracts(night: Night) -> list[Extract]:
    """Names as people write them themselves for half of those with another script, in Latin letters for the others."""
    known = night.known(AGENCY)
    rows = np.flatnonzero(known.exists)
    home, people = known.home(rows), known.people
    has_national = night.chance("health knows the national number", rows) < night.share(
        "national_number_known_to_health"
    )
    practices = max(len(people) // _PEOPLE_A_PRACTICE, 3)
    practice = (people.address[rows] * 31 + 7) % practices
    registered = np.maximum(
        people.birth_day[rows], night.day - 200 - (night.chance("registered", rows) * 7000).astype(np.int64)
    )
    native = pa.array(night.chance("own script at the health service", rows) < 0.5)
    table = pa.table({
        "/patientId": night.record_numbers("patients", rows),
        "/healthNumber": known.ids("health", rows),
        "/nationalNumber": pc.if_else(pa.array(has_national), known.ids("national", rows), None),
        "/name/given": pc.if_else(native, known.given(rows, native=True), known.given(rows)),
        "/name/family": pc.if_else(native, known.surname(rows, native=True), known.surname(rows)),
        "/sex": pc.if_else(pa.array(people.female[rows]), "female", "male"),
        "/citizenship": pa.array(list(COUNTRIES.values())).take(pa.array(known.citizenship(rows))),
        "/birthDate": written(people.birth_day[rows], "%Y-%m-%d"),
        "/deceasedOn": written(people.death_day[rows], "%Y-%m-%d"),
        "/address/line": joined(home["street"], home["house_number"], " "),
        "/address/town": home["town"],
        "/address/postcode": home["postcode"],
        "/practice/code": text(practice + 100, 4, "P"),
        "/registeredOn": written(np.where(people.death_day[rows] == NONE, registered, people.birth_day[rows]), "%Y-%m-%d"),
    })  # fmt: skip
    return [Extract(AGENCY, "patient", table, rows, rows, "yyyy-MM-dd")]


def write(folder: Path, night: Night, sent: dict[str, Sent]) -> None:
    """What the API serves, as Parquet; columns are JSON pointers."""
    pq.write_table(sent["patient"].table, folder / "patient.parquet", compression="zstd")
