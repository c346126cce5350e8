"""The whole truth: people, businesses, jobs, events and identifiers, and what each agency knows of it on a night."""

from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from simulation.population import identifiers
from simulation.population.evolve import (
    BIRTH,
    DEATH,
    EVENT_TYPES,
    JOB_END,
    JOB_START,
    MARRIAGE,
    MOVE,
    NAME_CHANGE,
    Country,
    births_on,
    unpacked_name,
)
from simulation.population.people import People, make_people
from simulation.population.people_names import NONE, Names, names
from simulation.population.places import MUNICIPALITIES, Addresses, make_addresses
from simulation.population.work import Businesses, Jobs, employ_directors, first_jobs, make_businesses
from simulation.profile import Profile
from simulation.random_numbers import Flags, Integers, below, scattered, uniform

AGENCIES = (
    "civil_registry", "tax_authority", "social_security", "health_service", "vehicle_licensing", "education", "business_register",
    "municipalities", "pensions",
)  # fmt: skip
_EPOCH = date(1970, 1, 1)
# Of the directors who have a job, those who have it in the firm that they lead.
_OWN_FIRM = 0.7
NEVER = 10**6


@dataclass(frozen=True)
class Plan:
    """What was asked for: `people` alive at the beginning, nights from `first_night` on. Same plan, same bytes."""

    people: int
    seed: int
    nights: int
    first_night: date
    profile: Profile

    @property
    def dates(self) -> list[date]:
        return [self.first_night + timedelta(days=number) for number in range(self.nights)]


@dataclass(frozen=True)
class Identifiers:
    """One of each kind for every person, in the order of people."""

    national: pa.Array
    health: pa.Array
    resident: pa.Array
    tax: pa.Array
    iban: pa.Array


@dataclass(frozen=True)
class World:
    """Everything that is true. `first` are the people as they were when history began (newborns as at their birth), `people`
    as they are at the end; `known` is the day on which each agency hears of each event.
    """

    plan: Plan
    names: Names
    addresses: Addresses
    first: People
    people: People
    businesses: Businesses
    jobs: Jobs
    events: dict[str, Integers]
    known: dict[str, Integers]
    ids: Identifiers

    def is_kind(self, kind: str) -> Flags:
        return self.events["kind"] == EVENT_TYPES.index(kind)

    def heard(self, agency: str, night: int) -> Flags:
        """The events that an agency knows of on a night; an event that concerns nobody there is never heard of."""
        return self.known[agency] <= night


def day_number(when: date) -> int:
    """Days since 1970-01-01."""
    return (when - _EPOCH).days


def make_world(plan: Plan) -> World:
    """Raises ValueError where there are fewer than 50 people or no night."""
    if plan.people < 50 or plan.nights < 1:
        raise ValueError("a country needs at least 50 people and one night")
    vocabulary, seed, profile = names(), plan.seed, plan.profile
    days = profile.history_days + plan.nights - 1
    first_day = day_number(plan.first_night) - profile.history_days
    people = make_people(plan.people, first_day, vocabulary, profile, seed)
    homes = int(people.address.max()) + 1
    count = max(int(plan.people * profile.shares["businesses"]), 5)
    businesses = make_businesses(people, count, homes, first_day, seed)
    jobs = first_jobs(people, count, first_day, profile.shares["employed"], seed)
    employ_directors(jobs, businesses, first_day, _OWN_FIRM, seed)
    people = people.extended(_unborn(births_on(plan.people, first_day, days, profile, seed), seed))
    first = people.copy()
    country = Country(people, homes + count, jobs, vocabulary, profile, seed)
    for day in range(first_day, first_day + days):
        country.live_through(day)
    _remember_newborns(first, people, first_day)
    events = country.events.arrays()
    return World(
        plan, vocabulary, make_addresses(country.homes, seed), first, people, businesses, jobs, events,
        {agency: _known(agency, events, profile, seed) for agency in AGENCIES}, _identifiers(people, seed),
    )  # fmt: skip


def _unborn(birth_day: Integers, seed: int) -> People:
    """Entries for those who will be born; the rest is known at their birth."""
    numbers = np.arange(len(birth_day))
    values: dict[str, Any] = {item.name: np.full(len(birth_day), NONE, dtype=np.int64) for item in fields(People)}
    values["birth_day"] = birth_day
    values["female"] = uniform(seed, "sex of newborns", numbers) < 0.487
    values["birth_place"] = below(seed, "birth places", numbers, len(MUNICIPALITIES))
    return People(**values)


def _remember_newborns(first: People, people: People, first_day: int) -> None:
    """Names and parents of newborns, which were given at their birth and have not changed since."""
    born = np.flatnonzero(first.birth_day >= first_day)
    for name in (
        "culture",
        "given",
        "second_given",
        "patronymic",
        "surname",
        "second_surname",
        "particle",
        "mother",
        "father",
    ):
        getattr(first, name)[born] = getattr(people, name)[born]


def _known(agency: str, events: dict[str, Integers], profile: Profile, seed: int) -> Integers:
    """The morning after at the earliest, and some agencies much later. Of jobs only the tax authority hears."""
    numbers = np.arange(len(events["day"]))
    wait = -np.log1p(-uniform(seed, f"heard by {agency}", numbers)) * profile.delay_days[agency]
    about_jobs = np.isin(events["kind"], [EVENT_TYPES.index(JOB_START), EVENT_TYPES.index(JOB_END)])
    hears = ~about_jobs if agency != "tax_authority" else np.ones(len(numbers), dtype=bool)
    return np.where(hears, events["day"] + 1 + wait.astype(np.int64), NEVER)


def as_known(world: World, agency: str, night: int) -> tuple[People, Flags]:
    """The people as an agency knows them on a night, and which of them it can know at all (their birth was reported)."""
    view, events, heard = world.first.copy(), world.events, world.heard(agency, night)
    exists = np.ones(len(view), dtype=bool)
    exists[events["person"][world.is_kind(BIRTH)]] = False
    # Events are in the order of their days: of two values for one person the later one stays.
    for kind in (BIRTH, MOVE, NAME_CHANGE, MARRIAGE, DEATH):
        rows = np.flatnonzero(heard & world.is_kind(kind))
        person, new, other = events["person"][rows], events["new"][rows], events["other"][rows]
        if kind == BIRTH:
            exists[person] = True
        if kind in (BIRTH, MOVE):
            view.address[person] = new
        elif kind == NAME_CHANGE:
            view.surname[person], view.particle[person] = unpacked_name(new)
        elif kind == MARRIAGE:
            view.spouse[person], view.spouse[other] = other, person
        else:
            view.death_day[person] = events["day"][rows]
    return view, exists


def jobs_as_known(world: World, night: int) -> Integers:
    """The jobs that the tax authority takes for running."""
    heard, jobs = world.heard("tax_authority", night), world.jobs
    first_day = day_number(world.plan.first_night) - world.plan.profile.history_days
    running = jobs.start_day < first_day
    running[world.events["new"][heard & world.is_kind(JOB_START)]] = True
    running[world.events["old"][heard & world.is_kind(JOB_END)]] = False
    return np.flatnonzero(running)


def _identifiers(people: People, seed: int) -> Identifiers:
    """Not every serial makes a health or resident number, so more are drawn than there are people."""
    count, drawn = len(people), len(people) * 6 // 5 + 50
    health = identifiers.health_numbers(scattered(drawn, 400_000_000, 500_000_000, seed, "health numbers"))
    resident = identifiers.resident_numbers(scattered(drawn, 2 * 10**10, 10**11, seed, "resident numbers"))
    return Identifiers(
        national=_national_numbers(people), health=health.slice(0, count), resident=resident.slice(0, count),
        tax=identifiers.tax_numbers(scattered(count, 0, 81 * 362_880, seed, "tax numbers")),
        iban=identifiers.ibans(scattered(count, 0, 10**11, seed, "ibans")),
    )  # fmt: skip


def _national_numbers(people: People) -> pa.Array:
    """The serial counts the people of one sex who were born on one day."""
    born = people.birth_day.astype("datetime64[D]")
    year = born.astype("datetime64[Y]").astype(np.int64) + 1970
    month = born.astype("datetime64[M]").astype(np.int64) % 12 + 1
    day = (born - born.astype("datetime64[M]")).astype(np.int64) + 1
    group = people.birth_day * 2 + people.female
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    serial = np.empty(len(people), dtype=np.int64)
    serial[order] = np.arange(len(people)) - np.repeat(begins, np.diff(np.append(begins, len(people))))
    if serial.max() > 999:
        raise ValueError("more than 1,000 people of one sex were born on one day; simulate fewer people")
    return identifiers.national_numbers(people.female, year, month * 100 + day, serial)
