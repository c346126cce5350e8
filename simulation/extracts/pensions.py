"""The pension fund: all pensions with exact amounts, and the payments of the night."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulation.errors.planted_errors import Extract, Mark, Sent, rate_of
from simulation.extracts.night import Known, Night, dates, money
from simulation.population.people import YEAR_DAYS
from simulation.population.people_names import NONE
from simulation.random_numbers import Integers

AGENCY = "pensions"
_RETIRES_AT = 65
# Pensions are paid in this many groups, one a night.
_GROUPS = 7
_KINDS = ("old age", "survivor", "early")


def extracts(night: Night) -> list[Extract]:
    known = night.known(AGENCY)
    rows = np.flatnonzero(known.exists & (known.years > _RETIRES_AT))
    return [_pension(night, known, rows), _payment(night, known, rows)]


def _monthly_cents(night: Night, rows: Integers) -> Integers:
    return 40_000 + (night.chance("pension", rows) ** 2 * 180_000).astype(np.int64)


def _pension(night: Night, known: Known, rows: Integers) -> Extract:
    people = known.people
    later = (night.chance("retired", rows) * 700).astype(np.int64)
    since = people.birth_day[rows] + int(_RETIRES_AT * YEAR_DAYS) + 1 + later
    table = pa.table({
        "pension_number": night.record_numbers("pensions", rows),
        "national_number": known.ids("national", rows),
        "surname": known.surname(rows),
        "given_name": known.given(rows),
        "date_of_birth": known.born(rows),
        "kind": pa.array(_KINDS).take(pa.array((night.chance("kind of pension", rows) ** 3 * 3).astype(np.int64))),
        "since": dates(np.minimum(since, night.day - night.index - 1)),
        "monthly_amount": money(_monthly_cents(night, rows)),
        "iban": known.ids("iban", rows),
        "ended_on": dates(people.death_day[rows]),
    })  # fmt: skip
    return Extract(AGENCY, "pension", table, rows, rows)


def _payment(night: Night, known: Known, pensions: Integers) -> Extract:
    """Of the dead only the recent ones, by mistake."""
    tonight = pensions[night.record_numbers("pensions", pensions).to_numpy() % _GROUPS == night.day % _GROUPS]
    died = known.people.death_day[tonight]
    rate = rate_of(night.world.plan.profile, f"{AGENCY}/payment", "paid_after_death")
    recent = (died != NONE) & (died > night.day - 2 * YEAR_DAYS)
    still = recent & (night.chance("pension after death", tonight) < rate)
    rows = tonight[(died == NONE) | still]
    number = rows * 10_000 + night.index
    table = pa.table({
        "payment_number": pa.array((night.day - 10_000) * 10**8 + night.record_numbers("pensions", rows).to_numpy()),
        "pension_number": night.record_numbers("pensions", rows),
        "paid_on": dates(np.full(len(rows), night.day - 1)),
        "amount": money(_monthly_cents(night, rows)),
        "iban": known.ids("iban", rows),
    })  # fmt: skip
    marks = [Mark("paid_after_death", "amount", np.flatnonzero(still[(died == NONE) | still]))]
    return Extract(AGENCY, "payment", table, rows, number, marks=marks)


def write(folder: Path, night: Night, sent: dict[str, Sent]) -> None:
    """The tables of the database, as Parquet."""
    for feed in ("pension", "payment"):
        pq.write_table(sent[feed].table, folder / f"{feed}.parquet", compression="zstd")
