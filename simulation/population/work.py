"""Businesses, who leads them, and the jobs that people have in them."""

from dataclasses import dataclass
from importlib import import_module

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation.population import identifiers
from simulation.population.people import YEAR_DAYS, People
from simulation.population.people_names import NONE
from simulation.random_numbers import Integers, generator, scattered

LEGAL_FORMS = ("OU", "AS", "FIE", "TU")
_TRADES = ("Timber", "Foods", "Transport", "Software", "Clinic", "Bakery", "Marine", "Energy", "Textiles", "Books", "Builders",
           "Dairy", "Optics", "Press", "Travel", "Metals", "Design", "Gardens", "Repairs", "Pharma")  # fmt: skip
ROLES = ("director", "board member", "shareholder")


@dataclass
class Businesses:
    """One entry per business; days count from 1970-01-01, `closed_day` is NONE for one that goes on."""

    name: pa.Array
    registry_code: pa.Array
    vat_number: pa.Array
    form: Integers
    address: Integers
    founded_day: Integers
    closed_day: Integers
    role_business: Integers
    role_person: Integers
    role_kind: Integers
    role_since: Integers

    def __len__(self) -> int:
        return len(self.form)


@dataclass
class Jobs:
    """One entry per job that anybody has or had since the first day. `monthly_cents` is the gross pay; `end_day` NONE goes on."""

    person: Integers
    business: Integers
    start_day: Integers
    end_day: Integers
    monthly_cents: Integers
    businesses: int

    def hire(self, persons: Integers, day: int, chance: np.random.Generator) -> Integers:
        """New jobs of `persons` from `day` on; returns their numbers."""
        first = len(self.person)
        more = make_jobs(persons, np.full(len(persons), day), self.businesses, chance)
        for name in ("person", "business", "start_day", "end_day", "monthly_cents"):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(more, name)]))
        return first + np.arange(len(persons))


def make_jobs(persons: Integers, start_day: Integers, businesses: int, chance: np.random.Generator) -> Jobs:
    """Employers by a Pareto-like size, pay log-normal around 2,000 a month."""
    employer = np.minimum((businesses * chance.random(len(persons)) ** 2.5).astype(np.int64), businesses - 1)
    cents = np.round(np.exp(chance.normal(12.15, 0.45, len(persons)))).astype(np.int64)
    return Jobs(persons, employer, start_day, np.full(len(persons), NONE), np.maximum(cents, 90_000), businesses)


def first_jobs(people: People, businesses: int, first_day: int, employed: float, seed: int) -> Jobs:
    chance = generator(seed, "jobs")
    age = (first_day - people.birth_day) / YEAR_DAYS
    working = (age > 20) & (age < 66) & (people.death_day == NONE) & (chance.random(len(people)) < employed)
    persons = np.flatnonzero(working)
    since = first_day - 1 - (chance.exponential(4 * YEAR_DAYS, len(persons))).astype(np.int64)
    of_age = people.birth_day[persons] + int(18 * YEAR_DAYS)
    return make_jobs(persons, np.maximum(since, of_age), businesses, chance)


def employ_directors(jobs: Jobs, businesses: Businesses, first_day: int, share: float, seed: int) -> None:
    """So many of the directors who have a job have it in their own firm, where that goes on; their pay stays what it was."""
    chance = generator(seed, "own firms")
    goes_on = (businesses.closed_day == NONE) | (businesses.closed_day > first_day)
    leads = np.flatnonzero((businesses.role_kind == ROLES.index("director")) & goes_on[businesses.role_business])
    leads = leads[chance.random(len(leads)) < share]
    # Whoever leads several is paid by the first of them.
    persons, first = np.unique(businesses.role_person[leads], return_index=True)
    place = np.searchsorted(persons, jobs.person)
    known = np.flatnonzero(place < len(persons))
    known = known[persons[place[known]] == jobs.person[known]]
    jobs.business[known] = businesses.role_business[leads[first[place[known]]]]


def make_businesses(people: People, count: int, homes: int, first_day: int, seed: int) -> Businesses:
    """Businesses at addresses behind those of the first homes, each with one to four people in roles."""
    chance = generator(seed, "businesses")
    founded = first_day - 1 - (chance.exponential(9 * YEAR_DAYS, count)).astype(np.int64)
    closed = np.where(chance.random(count) < 0.04, first_day - chance.integers(0, 700, count), NONE)
    closed = np.where((closed != NONE) & (closed <= founded), NONE, closed)
    grown = np.flatnonzero((first_day - people.birth_day) / YEAR_DAYS > 20)
    people_in_roles = 1 + chance.binomial(3, 0.25, count)
    role_business = np.repeat(np.arange(count), people_in_roles)
    place = np.arange(len(role_business)) - np.repeat(np.cumsum(people_in_roles) - people_in_roles, people_in_roles)
    role_person = (
        chance.choice(grown, len(role_business)) if len(grown) else np.zeros(len(role_business), dtype=np.int64)
    )
    of_age = people.birth_day[role_person] + int(18 * YEAR_DAYS)
    # Nobody takes office dead: those who died did so after they took it.
    died = np.where(people.death_day[role_person] == NONE, first_day, people.death_day[role_person])
    since = np.clip(founded[role_business] + chance.integers(0, 2000, len(role_business)), of_age, None)
    return Businesses(
        _business_names(count, chance), identifiers.registry_codes(scattered(count, 0, 1_000_000, seed, "registry codes")),
        identifiers.vat_numbers(scattered(count, 10_000_000, 100_000_000, seed, "vat numbers")), chance.integers(0, len(LEGAL_FORMS), count),
        homes + np.arange(count), founded, closed, role_business, role_person, np.where(place == 0, 0, chance.integers(1, 3, len(place))),
        np.minimum(since, died - 1),
    )  # fmt: skip


def _business_names(count: int, chance: np.random.Generator) -> pa.Array:
    surnames = import_module("faker.providers.person.et_EE").Provider.last_names
    first = pa.array(list(dict.fromkeys(surnames))).take(pa.array(chance.integers(0, 300, count)))
    trade = pa.array(_TRADES).take(pa.array(chance.integers(0, len(_TRADES), count)))
    number = identifiers.text(chance.integers(1, 900, count), 1)
    plain = pc.binary_join_element_wise(first, trade, " ")
    return pc.if_else(pa.array(chance.random(count) < 0.4), pc.binary_join_element_wise(plain, number, " "), plain)
