"""The country day by day: births, deaths, marriages, moves, new names, jobs taken and left, each written down as an event."""

from dataclasses import dataclass, field

import numpy as np

from simulation.population.people import ADULT_DAYS, YEAR_DAYS, People, name_children
from simulation.population.people_names import NONE, Names
from simulation.population.work import Jobs
from simulation.profile import Profile
from simulation.random_numbers import Flags, Integers, generator

BIRTH, DEATH, MARRIAGE, MOVE, NAME_CHANGE, JOB_START, JOB_END = EVENT_TYPES = (
    "birth", "death", "marriage", "move", "name_change", "job_start", "job_end",
)  # fmt: skip
_PENSION_DAYS = int(66 * YEAR_DAYS)


@dataclass
class Events:
    """What happened, in the order of days. `other` is a person (mother, spouse) or NONE; `old` and `new` are an address, a
    surname with its particle (`packed_name`) or a job, by the type.
    """

    kind: list[Integers] = field(default_factory=list)
    day: list[Integers] = field(default_factory=list)
    person: list[Integers] = field(default_factory=list)
    other: list[Integers] = field(default_factory=list)
    old: list[Integers] = field(default_factory=list)
    new: list[Integers] = field(default_factory=list)

    def add(self, kind: str, day: int, person: Integers, **values: Integers) -> None:
        empty = np.full(len(person), NONE, dtype=np.int64)
        self.kind.append(np.full(len(person), EVENT_TYPES.index(kind)))
        self.day.append(np.full(len(person), day))
        self.person.append(person)
        for name in ("other", "old", "new"):
            getattr(self, name).append(values.get(name, empty))

    def arrays(self) -> dict[str, Integers]:
        return {name: np.concatenate(getattr(self, name)) for name in ("kind", "day", "person", "other", "old", "new")}


def packed_name(surname: Integers, particle: Integers) -> Integers:
    """Surname and particle in one number."""
    return (surname + 1) * 16 + particle + 1


def unpacked_name(packed: Integers) -> tuple[Integers, Integers]:
    return packed // 16 - 1, packed % 16 - 1


def births_on(people: int, first_day: int, days: int, profile: Profile, seed: int) -> Integers:
    """The day of each birth that is to come."""
    counts = generator(seed, "births").poisson(people * profile.yearly["birth"] / YEAR_DAYS, days)
    return np.repeat(np.arange(first_day, first_day + days), counts)


class Country:
    """The state of all people on one day, and the events that led there. `people` is changed as days pass."""

    def __init__(self, people: People, homes: int, jobs: Jobs, names: Names, profile: Profile, seed: int) -> None:
        self.people, self.jobs, self.names, self.profile, self.seed = people, jobs, names, profile, seed
        self.events = Events()
        self.homes = homes
        self.job_of = np.full(len(people), NONE, dtype=np.int64)
        self.job_of[jobs.person] = np.arange(len(jobs.person))

    def live_through(self, day: int) -> None:
        chance = generator(self.seed, f"day {day}")
        age = day - self.people.birth_day
        alive = (age > 0) & (self.people.death_day == NONE)
        self._die(day, chance, age, alive)
        alive &= self.people.death_day == NONE
        self._give_birth(day, chance, age, alive)
        self._marry(day, chance, age, alive)
        self._move(day, chance, age, alive)
        self._change_jobs(day, chance, age, alive)

    def _die(self, day: int, chance: np.random.Generator, age: Integers, alive: Flags) -> None:
        """Mortality that doubles about every eight years of age (Gompertz, 1825), and is low but not zero in childhood."""
        years = age / YEAR_DAYS
        yearly = np.minimum(0.00025 + 0.00003 * np.exp(0.098 * years), 0.6) * self.profile.yearly["death_factor"]
        died = np.flatnonzero(alive & (chance.random(len(alive)) < yearly / YEAR_DAYS))
        self.people.death_day[died] = day
        self.events.add(DEATH, day, died)
        self._leave_jobs(day, died)
        widowed = self.people.spouse[died]
        self.people.spouse[widowed[widowed != NONE]] = NONE

    def _give_birth(self, day: int, chance: np.random.Generator, age: Integers, alive: Flags) -> None:
        people = self.people
        babies = np.flatnonzero(people.birth_day == day)
        women = np.flatnonzero(alive & people.female & (age > ADULT_DAYS) & (age < 44 * YEAR_DAYS))
        if not len(babies) or not len(women):
            return
        weight = np.exp(-(((age[women] / YEAR_DAYS - 30) / 6) ** 2) / 2) * np.where(people.spouse[women] != NONE, 3, 1)
        mothers = chance.choice(women, len(babies), p=weight / weight.sum(), replace=len(women) < len(babies))
        people.mother[babies], people.father[babies] = mothers, people.spouse[mothers]
        people.address[babies] = people.address[mothers]
        name_children(people, babies, self.names, self.seed, f"babies {day}")
        self.events.add(BIRTH, day, babies, other=mothers, new=people.address[babies])

    def _marry(self, day: int, chance: np.random.Generator, age: Integers, alive: Flags) -> None:
        people = self.people
        free = alive & (people.spouse == NONE) & (age > 19 * YEAR_DAYS) & (age < 60 * YEAR_DAYS)
        couples = chance.poisson(alive.sum() * self.profile.yearly["marriage"] / YEAR_DAYS)
        men, women = np.flatnonzero(free & ~people.female), np.flatnonzero(free & people.female)
        couples = min(couples, len(men), len(women))
        husbands = chance.choice(men, couples, replace=False) if couples else men[:0]
        wives = chance.choice(women, couples, replace=False) if couples else women[:0]
        husbands, wives = husbands[np.argsort(age[husbands])], wives[np.argsort(age[wives])]
        related = (people.mother[husbands] == people.mother[wives]) & (people.mother[wives] != NONE)
        husbands, wives = husbands[~related], wives[~related]
        people.spouse[husbands], people.spouse[wives] = wives, husbands
        self.events.add(MARRIAGE, day, husbands, other=wives)
        self._change_names(day, chance, husbands, wives)
        self._settle(day, wives, people.address[husbands])

    def _change_names(self, day: int, chance: np.random.Generator, husbands: Integers, wives: Integers) -> None:
        people = self.people
        takes = chance.random(len(wives)) < self.profile.shares["takes_husbands_name"]
        takes &= (people.surname[husbands] != people.surname[wives]) & (people.surname[husbands] != NONE)
        husbands, wives = husbands[takes], wives[takes]
        old = packed_name(people.surname[wives], people.particle[wives])
        people.surname[wives], people.particle[wives] = people.surname[husbands], people.particle[husbands]
        new = packed_name(people.surname[wives], people.particle[wives])
        self.events.add(NAME_CHANGE, day, wives, old=old, new=new)

    def _move(self, day: int, chance: np.random.Generator, age: Integers, alive: Flags) -> None:
        """Whole homes, or a grown one alone, to a home that nobody lived in before."""
        rate = self.profile.yearly["move"] / YEAR_DAYS
        starts = np.flatnonzero(alive & (age > ADULT_DAYS) & (chance.random(len(alive)) < rate))
        alone = chance.random(len(starts)) < 0.4
        singles, heads = starts[alone], starts[~alone]
        leaving = np.unique(self.people.address[heads])
        together = np.flatnonzero(alive & np.isin(self.people.address, leaving))
        self._settle(day, together, self.homes + np.searchsorted(leaving, self.people.address[together]))
        self.homes += len(leaving)
        singles = singles[~np.isin(singles, together)]
        self._settle(day, singles, self.homes + np.arange(len(singles)))
        self.homes += len(singles)

    def _settle(self, day: int, persons: Integers, address: Integers) -> None:
        moved = self.people.address[persons] != address
        persons, address = persons[moved], address[moved]
        old = self.people.address[persons]
        self.people.address[persons] = address
        self.events.add(MOVE, day, persons, old=old, new=address)

    def _change_jobs(self, day: int, chance: np.random.Generator, age: Integers, alive: Flags) -> None:
        rate = self.profile.yearly["job"] / YEAR_DAYS
        has = self.job_of != NONE
        leaving = np.flatnonzero(alive & has & ((age > _PENSION_DAYS) | (chance.random(len(has)) < rate)))
        self._leave_jobs(day, leaving)
        of_age = alive & (age > 19 * YEAR_DAYS) & (age < _PENSION_DAYS) & (self.job_of == NONE)
        starting = np.flatnonzero(of_age & (chance.random(len(has)) < rate * 2))
        self.job_of[starting] = self.jobs.hire(starting, day, chance)
        self.events.add(JOB_START, day, starting, new=self.job_of[starting])

    def _leave_jobs(self, day: int, persons: Integers) -> None:
        leaving = persons[self.job_of[persons] != NONE]
        self.jobs.end_day[self.job_of[leaving]] = day
        self.events.add(JOB_END, day, leaving, old=self.job_of[leaving])
        self.job_of[leaving] = NONE
