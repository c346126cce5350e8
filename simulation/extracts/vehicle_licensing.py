"""Vehicle licensing: every registered vehicle with its keeper, a person or a business, as the service behind X-Road holds them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulation.errors.planted_errors import Extract, Mark, Sent, rate_of
from simulation.errors.spelling import plain
from simulation.extracts.night import Known, Night, respelled, written
from simulation.population.identifiers import text
from simulation.population.people import YEAR_DAYS
from simulation.population.people_names import NONE, joined
from simulation.random_numbers import Integers, below

AGENCY = "vehicle_licensing"
_MODELS = (("Volvo", "V60"), ("Skoda", "Octavia"), ("Toyota", "Corolla"), ("Volkswagen", "Golf"), ("Ford", "Focus"),
           ("Nissan", "Leaf"), ("Peugeot", "208"), ("Tesla", "Model 3"), ("Opel", "Astra"), ("Renault", "Clio"))  # fmt: skip
_PLATE_LETTERS = pa.array(list("ABCDEFGHJKLMNPRSTUVWXYZ"))
_VEHICLES_EACH = 2


def extracts(night: Night) -> list[Extract]:
    known = night.known(AGENCY)
    number, keeper, is_stale = _vehicles(night, known)
    business = _business_keepers(night, number)
    person = np.where(business == NONE, keeper, NONE)
    at = np.maximum(person, 0)
    is_person = pa.array(person != NONE)
    home = known.home(at)
    registered = night.day - 400 - (night.chance("first registered", number) * 5500).astype(np.int64)
    first = np.maximum(known.people.birth_day[keeper] + int(18 * YEAR_DAYS), registered)
    since = first + (night.chance("kept since", number) * 300).astype(np.int64)
    make, model = zip(*_MODELS, strict=True)
    kind = pa.array(below(night.world.plan.seed, "models", number, len(_MODELS)))
    table = pa.table({
        "/vehicleId": night.record_numbers("vehicles", number),
        "/registrationMark": _plates(night, number),
        "/make": pa.array(make).take(kind),
        "/model": pa.array(model).take(kind),
        "/firstRegistered": written(first, "%Y-%m-%d"),
        "/keeper/kind": pc.if_else(is_person, "person", "business"),
        "/keeper/nationalNumber": pc.if_else(is_person, known.ids("national", at), None),
        "/keeper/registryCode": night.world.businesses.registry_code.take(pa.array(business, mask=business < 0)),
        "/keeper/name": pc.if_else(is_person, _full_name(known, at), night.world.businesses.name.take(pa.array(np.maximum(business, 0)))),
        "/keeper/birthDate": pc.if_else(is_person, written(known.people.birth_day[at], "%Y-%m-%d"), None),
        "/keeper/address": pc.if_else(is_person, joined(home["street"], home["house_number"], " "), None),
        "/keeper/postcode": pc.if_else(is_person, home["postcode"], None),
        "/keeper/since": written(since, "%Y-%m-%d"),
    })  # fmt: skip
    stale = np.flatnonzero(is_stale & (person != NONE))
    marks = [Mark("keeper_deceased", "/keeper/nationalNumber", stale)]
    return [Extract(AGENCY, "vehicle", table, person, number, "yyyy-MM-dd", marks=marks)]


def _vehicles(night: Night, known: Known) -> tuple[Integers, Integers, np.ndarray]:
    """Vehicle, keeper, and whether the keeper is dead, the agency knows it, and nobody took the vehicle over."""
    keeper = np.repeat(np.flatnonzero(known.exists & (known.years > 19)), _VEHICLES_EACH)
    number = keeper * _VEHICLES_EACH + np.tile(np.arange(_VEHICLES_EACH), len(keeper) // _VEHICLES_EACH)
    has = night.chance("has a vehicle", number) < night.share("vehicles") / _VEHICLES_EACH
    dead = known.people.death_day[keeper] != NONE
    rate = rate_of(night.world.plan.profile, f"{AGENCY}/vehicle", "keeper_deceased")
    stale = dead & (night.chance("keeper deceased", number) < rate)
    keep = has & (~dead | stale)
    return number[keep], keeper[keep], stale[keep]


def _business_keepers(night: Night, number: Integers) -> Integers:
    owned = night.chance("kept by a business", number) < 0.08
    return np.where(owned, below(night.world.plan.seed, "keeping business", number, len(night.world.businesses)), NONE)


def _plates(night: Night, number: Integers) -> pa.Array:
    """Three digits and three letters; vehicle numbers fill the marks in a scattered order."""
    letters = len(_PLATE_LETTERS)
    span = 1000 * letters**3
    code = number * 7_368_787 % span
    rest = code // 1000
    parts = [_PLATE_LETTERS.take(pa.array(rest // letters**place % letters)) for place in range(3)]
    return pc.binary_join_element_wise(text(code % 1000, 3), pa.scalar(" "), *parts, "")


def _full_name(known: Known, rows: Integers) -> pa.Array:
    """SURNAME, Given: the agency's own way, in plain letters."""
    surname = respelled(known.surname(rows), plain, str.upper)
    return joined(surname, respelled(known.given(rows), plain), ", ")


def write(folder: Path, night: Night, sent: dict[str, Sent]) -> None:
    """What the service holds, as Parquet; columns are JSON pointers."""
    pq.write_table(sent["vehicle"].table, folder / "vehicle.parquet", compression="zstd")
