"""Social security: this month's payments of benefits, as the mainframe writes them: fixed records of 160 bytes in EBCDIC."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from simulation.errors.planted_errors import Extract, Mark, Sent, rate_of
from simulation.errors.spelling import plain
from simulation.extracts.night import Known, Night, respelled, written
from simulation.population.people import YEAR_DAYS
from simulation.population.people_names import NONE
from simulation.random_numbers import Integers
from simulation.world import jobs_as_known

AGENCY = "social_security"
RECORD_LENGTH = 160
_EBCDIC = "cp500"
_CHILD, _UNEMPLOYED, _DISABLED, _HOUSING, _PARENTAL = range(5)
CODES = ("CHB", "UNE", "DIS", "HOU", "PAR")
# Euro cents a month.
_AMOUNTS = np.array([8_000, 72_000, 41_500, 19_000, 98_000])


@dataclass(frozen=True)
class Field:
    """Where a value stands in a detail record: first byte from 1, bytes, and how it is encoded."""

    name: str
    start: int
    length: int
    encoded_as: str = "text"


FIELDS = (
    Field("record_type", 1, 2), Field("case_number", 3, 9, "zoned"), Field("national_number", 12, 11), Field("surname", 23, 30),
    Field("given_name", 53, 25), Field("birth_date", 78, 8), Field("sex", 86, 1), Field("benefit_code", 87, 3),
    Field("period", 90, 6), Field("amount", 96, 6, "packed"), Field("deduction", 102, 7, "zoned"), Field("paid_on", 109, 8),
    Field("iban", 117, 20), Field("municipality_code", 137, 4),
)  # fmt: skip


def extracts(night: Night) -> list[Extract]:
    known = night.known(AGENCY)
    case, person, benefit, after_death, incompatible = _cases(night, known)
    surname, given = _upper(known.surname(person)), _upper(known.given(person))
    amount = _AMOUNTS[benefit] + (night.chance("amounts", case) * 5_000).astype(np.int64)
    # Up to a third of the amount is kept back, or paid back.
    kept_back = (amount * (night.chance("deduction", case) - 0.5) * 0.66).astype(np.int64)
    deduction = np.where(night.chance("deductions", case) < 0.03, kept_back, 0)
    table = pa.table({
        "case_number": night.record_numbers("benefit cases", case, 9),
        "national_number": known.ids("national", person),
        "surname": respelled(surname, plain),
        "given_name": respelled(given, plain),
        "birth_date": written(known.people.birth_day[person], "%Y%m%d"),
        "sex": known.sex(person),
        "benefit_code": pa.array(CODES).take(pa.array(benefit)),
        "period": pa.array([night.period] * len(case), pa.string()),
        "amount": pa.array(amount),
        "deduction": pa.array(deduction),
        "paid_on": pa.array([f"{night.period}01"] * len(case), pa.string()),
        "iban": known.ids("iban", person),
        "municipality_code": known.home(person)["municipality_code"],
    })  # fmt: skip
    marks = [
        Mark("paid_after_death", "amount", np.flatnonzero(after_death)),
        Mark("incompatible_benefit", "benefit_code", np.flatnonzero(incompatible)),
    ]
    named = {"surname": surname, "given_name": given}
    return [Extract(AGENCY, "payment", table, person, case, "yyyyMMdd", "ascii", named, marks)]


def _upper(values: pa.Array) -> pa.Array:
    return respelled(values, str.upper)


def _cases(night: Night, known: Known) -> tuple[Integers, Integers, Integers, NDArray[np.bool_], NDArray[np.bool_]]:
    """Case number (person and benefit in one), person, benefit; whether it is paid after a death, or against the rules."""
    years, people = known.years, np.arange(len(known.people))
    working = np.zeros(len(people), dtype=bool)
    working[night.world.jobs.person[jobs_as_known(night.world, night.day)]] = True
    of_age = known.exists & (years > 20) & (years < 66)
    error = rate_of(night.world.plan.profile, f"{AGENCY}/payment", "incompatible_benefit")
    wrongly = of_age & working & (night.chance("incompatible benefit", people) < error)
    entitled = {
        _CHILD: known.exists & _has_child(known, 18),
        _UNEMPLOYED: (of_age & ~working & (night.chance("unemployed", people) < night.share("unemployed") * 4))
        | wrongly,
        _DISABLED: known.exists & (years > 18) & (night.chance("disabled", people) < night.share("disabled")),
        _HOUSING: known.exists & (years > 18) & (night.chance("housing", people) < night.share("housing_benefit")),
        _PARENTAL: known.exists & known.people.female & _has_child(known, 1.5),
    }
    person = np.concatenate([np.flatnonzero(mask) for mask in entitled.values()])
    benefit = np.concatenate([np.full(mask.sum(), number) for number, mask in entitled.items()])
    case = person * len(CODES) + benefit
    dead = known.people.death_day[person] != NONE
    # Only a death of the last two years can leave a payment behind.
    recent = dead & (known.people.death_day[person] > night.day - 2 * YEAR_DAYS)
    rate = rate_of(night.world.plan.profile, f"{AGENCY}/payment", "paid_after_death")
    still = recent & (night.chance("paid after death", case) < rate)
    keep = ~dead | still
    against = (benefit == _UNEMPLOYED) & wrongly[person]
    return case[keep], person[keep], benefit[keep], still[keep], against[keep]


def _has_child(known: Known, below_years: float) -> NDArray[np.bool_]:
    """Mothers (benefits for children are paid to them) of a living child below an age."""
    children = np.flatnonzero(known.alive & (known.years < below_years) & (known.people.mother != NONE))
    found = np.zeros(len(known.people), dtype=bool)
    found[known.people.mother[children]] = True
    return found


def write(folder: Path, night: Night, sent: dict[str, Sent]) -> None:
    """`PAYMENT.Dyymmdd`: header 00 with the date, details 10, trailer 99 with the count and the sum of `amount`."""
    table = sent["payment"].table
    detail = np.full((len(table), RECORD_LENGTH), ord(" "), dtype=np.uint8)
    detail[:, :2] = np.frombuffer(b"10", dtype=np.uint8)
    packed_at = {}
    for place in FIELDS[1:]:
        values = table[place.name].combine_chunks()
        at = slice(place.start - 1, place.start - 1 + place.length)
        if place.encoded_as == "text":
            detail[:, at] = _text(values, place.length)
        else:
            packed_at[place.name] = (at, values.to_numpy())
    ebcdic = _translation()[detail]
    for name, (at, numbers) in packed_at.items():
        width = at.stop - at.start
        ebcdic[:, at] = packed(numbers, width) if name == "amount" else zoned(numbers, width)
    total = int(table["amount"].to_numpy().sum())
    header = _record(f"00SOCIAL SECURITY BENEFITS      {night.on:%Y%m%d}")
    trailer = _record("99")
    trailer[2:11] = zoned(np.array([len(table)]), 9)[0]
    trailer[11:19] = packed(np.array([total]), 8)[0]
    (folder / f"PAYMENT.D{night.on:%y%m%d}").write_bytes(header.tobytes() + ebcdic.tobytes() + trailer.tobytes())


def _translation() -> NDArray[np.uint8]:
    return np.frombuffer(bytes(range(128)).decode("ascii").encode(_EBCDIC), dtype=np.uint8)


def _record(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.ljust(RECORD_LENGTH).encode(_EBCDIC), dtype=np.uint8).copy()


def _text(values: pa.Array, length: int) -> NDArray[np.uint8]:
    """ASCII bytes, blanks for null, cut where they are longer."""
    cut = pc.utf8_slice_codeunits(pc.fill_null(values, ""), 0, length)
    joined = "".join(pc.utf8_rpad(cut, length, " ").to_pylist())
    return np.frombuffer(joined.encode("ascii"), dtype=np.uint8).reshape(-1, length)


def zoned(numbers: Integers, length: int) -> NDArray[np.uint8]:
    """EBCDIC zoned decimals: a digit a byte, the sign in the zone of the last one (C plus, D minus)."""
    digits = (np.abs(numbers)[:, None] // 10 ** np.arange(length - 1, -1, -1, dtype=np.int64) % 10).astype(np.uint8)
    zones = np.full(digits.shape, 0xF0, dtype=np.uint8)
    zones[:, -1] = np.where(numbers < 0, 0xD0, 0xC0)
    return zones | digits


def packed(numbers: Integers, length: int) -> NDArray[np.uint8]:
    """Packed decimals (COMP-3): two digits a byte, the sign in the last half byte."""
    digits = (np.abs(numbers)[:, None] // 10 ** np.arange(length * 2 - 2, -1, -1, dtype=np.int64) % 10).astype(np.uint8)
    halves = np.concatenate([digits, np.where(numbers < 0, 0xD, 0xC).astype(np.uint8)[:, None]], axis=1)
    return halves[:, ::2] << 4 | halves[:, 1::2]
