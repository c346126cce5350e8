"""The municipalities: each writes its residents into one store, all but one as Parquet; that one sends JSON Lines."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulation.errors.planted_errors import Extract, Mark, Sent, rate_of
from simulation.extracts.night import Known, Night, dates, written
from simulation.population.people_names import NONE, joined
from simulation.population.places import MUNICIPALITIES, municipality_codes
from simulation.random_numbers import Integers, below

AGENCY = "municipalities"
_ODD_ONE = MUNICIPALITIES.index("Järvalinn")
_ODD_FEED = "jarvalinn_residents"


def extracts(night: Night) -> list[Extract]:
    known = night.known(AGENCY)
    rows = np.flatnonzero(known.alive & (known.people.address != NONE))
    municipality = night.world.addresses.municipality[known.people.address[rows]]
    rate = rate_of(night.world.plan.profile, f"{AGENCY}/residents", "double_residence")
    twice = night.chance("double residence", rows) < rate
    elsewhere = _elsewhere(night, rows[twice], municipality[twice])
    number = np.concatenate([rows * 2, rows[twice] * 2 + 1])
    rows = np.concatenate([rows, rows[twice]])
    municipality = np.concatenate([municipality, elsewhere])
    is_odd = municipality == _ODD_ONE
    return [
        _residents(night, known, number[~is_odd], rows[~is_odd], municipality[~is_odd]),
        _jarvalinn(night, known, number[is_odd], rows[is_odd]),
    ]


def _elsewhere(night: Night, rows: Integers, municipality: Integers) -> Integers:
    """Another municipality where a person claims to live as well; the one with the odd format does not take part."""
    further = (municipality + 1 + below(night.world.plan.seed, "elsewhere", rows, len(MUNICIPALITIES) - 1)) % len(
        MUNICIPALITIES
    )
    return np.where(further == _ODD_ONE, (further + 1) % len(MUNICIPALITIES), further)


def _since(night: Night, known: Known, rows: Integers) -> Integers:
    """Since when somebody is registered: some day since birth, not the day of a move of our time."""
    return np.maximum(
        known.people.birth_day[rows], night.day - 40 - (night.chance("resident since", rows) * 9000).astype(np.int64)
    )


def _residents(night: Night, known: Known, number: Integers, rows: Integers, municipality: Integers) -> Extract:
    home = known.home(rows)
    table = pa.table({
        "resident_number": night.record_numbers("residents", number),
        "municipality_code": municipality_codes().take(pa.array(municipality)),
        "national_number": known.ids("national", rows),
        "given_name": known.given(rows, native=True),
        "surname": known.surname(rows, native=True),
        "date_of_birth": known.born(rows),
        "sex": known.sex(rows),
        "street": home["street"],
        "house_number": home["house_number"],
        "postcode": home["postcode"],
        "town": home["town"],
        "resident_since": dates(_since(night, known, rows)),
        "is_sole_residence": pa.array(np.ones(len(rows), dtype=bool)),
    })  # fmt: skip
    marks = [Mark("double_residence", "municipality_code", np.flatnonzero(number % 2 == 1))]
    return Extract(AGENCY, "residents", table, rows, number, marks=marks)


def _jarvalinn(night: Night, known: Known, number: Integers, rows: Integers) -> Extract:
    home = known.home(rows)
    table = pa.table({
        "nr": night.record_numbers("residents", number),
        "id_code": known.ids("national", rows),
        "name": joined(known.surname(rows), known.given(rows), ", "),
        "born": written(known.people.birth_day[rows], "%d.%m.%Y"),
        "sex": known.sex(rows),
        "address": joined(home["street"], home["house_number"], " "),
        "postcode": home["postcode"],
        "since": written(_since(night, known, rows), "%d.%m.%Y"),
    })  # fmt: skip
    return Extract(AGENCY, _ODD_FEED, table, rows, number, "dd.MM.yyyy")


def write(folder: Path, night: Night, sent: dict[str, Sent]) -> None:
    """`residents/<municipality code>.parquet` and `jarvalinn/residents.jsonl`."""
    (folder / "residents").mkdir()
    (folder / "jarvalinn").mkdir()
    table = sent["residents"].table
    for code in pc.unique(table["municipality_code"]).sort().to_pylist():
        own = table.filter(pc.equal(table["municipality_code"], code))
        pq.write_table(own, folder / "residents" / f"{code}.parquet", compression="zstd")
    _write_lines(folder / "jarvalinn" / "residents.jsonl", sent[_ODD_FEED].table)


def _write_lines(path: Path, table: pa.Table) -> None:
    """The values have no quote, backslash or control character, so they stand in JSON as they are."""
    parts: list[pa.Array] = []
    for name in table.column_names:
        column = table[name].combine_chunks()
        is_text = pa.types.is_string(column.type)
        plain = pc.cast(column, pa.string())
        quoted = pc.binary_join_element_wise('"', plain, '"', "") if is_text else plain
        parts.append(pc.binary_join_element_wise(f'"{name}":', pc.fill_null(quoted, "null"), ""))
    lines = pc.binary_join_element_wise(*parts, ",").to_pylist()
    path.write_text("".join(f"{{{line}}}\n" for line in lines), encoding="utf-8")
