"""One night as the agencies' modules see it, and the columns that many of them have."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation.errors.spelling import spelled
from simulation.population.identifiers import text
from simulation.population.people import YEAR_DAYS, People
from simulation.population.people_names import NONE, joined
from simulation.population.places import COUNTRIES
from simulation.random_numbers import Flags, Integers, Numbers, scattered, uniform
from simulation.world import World, as_known, day_number

_OWN_CITIZENS = 0.9


@dataclass(frozen=True)
class Night:
    """The night of `on`, number `index` from 0."""

    world: World
    on: date
    index: int

    @property
    def day(self) -> int:
        return day_number(self.on)

    @property
    def period(self) -> str:
        """The month of the day before, yyyyMM."""
        return f"{self.on - timedelta(days=1):%Y%m}"

    def known(self, agency: str) -> "Known":
        view, exists = as_known(self.world, agency, self.day)
        return Known(self, view, exists)

    def share(self, name: str) -> float:
        return float(self.world.plan.profile.shares[name])

    def chance(self, purpose: str, numbers: Integers) -> Numbers:
        """The same number for the same record on every night."""
        return uniform(self.world.plan.seed, purpose, numbers)

    def record_numbers(self, purpose: str, numbers: Integers, digits: int = 8) -> pa.Array:
        """An agency's own numbers, which tell nothing of the person's number elsewhere."""
        span = scattered(int(numbers.max(initial=0)) + 1, 10 ** (digits - 1), 10**digits, self.world.plan.seed, purpose)
        # The walk is the same for any length, so the number of a record does not change with the others.
        return pa.array(span[numbers])


@dataclass(frozen=True)
class Known:
    """The people as one agency knows them; `exists` are those whose birth was reported."""

    night: Night
    people: People
    exists: Flags

    @property
    def alive(self) -> Flags:
        return self.exists & (self.people.death_day == NONE)

    @property
    def years(self) -> Numbers:
        return np.asarray((self.night.day - self.people.birth_day) / YEAR_DAYS)

    def ids(self, kind: str, rows: Integers) -> pa.Array:
        """Identifiers of people; null for a negative number."""
        return getattr(self.night.world.ids, kind).take(pa.array(rows, mask=rows < 0))

    def given(self, rows: Integers, native: bool = False) -> pa.Array:
        people = self.people
        return self.night.world.names.given_name(people.given[rows], people.second_given[rows], native)

    def surname(self, rows: Integers, native: bool = False) -> pa.Array:
        """People of one name have no surname: null."""
        parts = self.people.surname_parts().of(rows)
        return self.night.world.names.surname_of(parts, self.people.female[rows], native)

    def patronymic(self, rows: Integers, native: bool = True) -> pa.Array:
        return self.night.world.names.patronymic_of(self.people.patronymic[rows], self.people.female[rows], native)

    def home(self, rows: Integers) -> dict[str, pa.Array]:
        """street, house_number, town, postcode, municipality_code."""
        return self.night.world.addresses.columns(self.people.address[rows])

    def born(self, rows: Integers) -> pa.Array:
        return dates(self.people.birth_day[rows])

    def citizenship(self, rows: Integers) -> Integers:
        """Numbers of COUNTRIES; nine in ten are citizens of the first."""
        drawn = self.night.chance("citizenship", rows)
        return np.where(drawn < _OWN_CITIZENS, 0, 1 + (drawn * 1e6).astype(np.int64) % (len(COUNTRIES) - 1))

    def sex(self, rows: Integers) -> pa.Array:
        return pc.if_else(pa.array(self.people.female[rows]), "F", "M")


def dates(days: Integers) -> pa.Array:
    """Days as dates; null for NONE."""
    return pa.array(days.astype(np.int32), pa.date32(), mask=days == NONE)


def written(days: Integers, form: str) -> pa.Array:
    """Days as text in a form of strftime; null for NONE."""
    return pc.strftime(pc.cast(dates(days), pa.timestamp("s")), form)


def respelled(values: pa.Array, *spell: Callable[[str], str]) -> pa.Array:
    for one in spell:
        values = spelled(values, one)
    return values


def money(cents: Integers) -> pa.Array:
    """Whole cents as DECIMAL(12,2)."""
    return pc.cast(money_text(cents), pa.decimal128(12, 2))


def money_text(cents: Integers, decimal_sign: str = ".") -> pa.Array:
    """Cents as text with two decimals."""
    whole, part = np.abs(cents) // 100, np.abs(cents) % 100
    digits = joined(text(whole, 1), text(part, 2), decimal_sign)
    return pc.if_else(pa.array(cents < 0), joined(pa.scalar("-"), digits, ""), digits)
