"""The people of the country as they are on the first day of its history: ages, names, couples, parents, homes."""

from dataclasses import dataclass, fields

import numpy as np

from simulation.population.people_names import (
    CULTURES,
    MONONYM_CULTURES,
    NONE,
    PARTICLE_CULTURES,
    PATRONYMIC_CULTURES,
    TWO_SURNAME_CULTURES,
    Names,
    Range,
    SurnameParts,
)
from simulation.population.places import MUNICIPALITIES
from simulation.profile import Profile
from simulation.random_numbers import Flags, Integers, generator

YEAR_DAYS = 365.2425
ADULT_DAYS = int(18 * YEAR_DAYS)
# Relative numbers of people by age in steps of five years, from 0: an ageing country, as most of Europe is.
_PYRAMID = (47, 51, 53, 52, 55, 60, 65, 67, 66, 64, 66, 68, 67, 61, 52, 44, 33, 20, 9, 2, 0.3)
_FOUNDER_DAYS = int(20 * YEAR_DAYS)
_NAME_EXPONENT = 0.7


@dataclass
class People:
    """One entry per person who lives at any time of the simulation, or died shortly before it. Days count from 1970-01-01.

    Names are codes of `Names`; NONE (-1) stands for no second name, no parent known, no spouse, alive.
    """

    birth_day: Integers
    death_day: Integers
    female: Flags
    culture: Integers
    given: Integers
    second_given: Integers
    patronymic: Integers
    surname: Integers
    second_surname: Integers
    particle: Integers
    mother: Integers
    father: Integers
    spouse: Integers
    address: Integers
    birth_place: Integers

    def __len__(self) -> int:
        return len(self.birth_day)

    def surname_parts(self) -> SurnameParts:
        return SurnameParts(self.surname, self.second_surname, self.particle)

    def extended(self, more: "People") -> "People":
        return People(*(np.concatenate([getattr(self, item.name), getattr(more, item.name)]) for item in fields(self)))

    def copy(self) -> "People":
        return People(*(getattr(self, item.name).copy() for item in fields(self)))


def make_people(count: int, first_day: int, names: Names, profile: Profile, seed: int) -> People:
    """`count` people alive on `first_day`, and beside them those who died in the ten years before.

    Homes are numbered from 0; the number of homes is the highest address + 1.
    """
    dead = int(count * profile.shares["deceased_before"])
    people = _newcomers(count + dead, first_day, profile, seed)
    _let_die(people, np.arange(count, count + dead), first_day, seed)
    founders = np.flatnonzero(people.birth_day <= first_day - _FOUNDER_DAYS)
    children = np.flatnonzero(people.birth_day > first_day - _FOUNDER_DAYS)
    _marry(people, founders[people.death_day[founders] == NONE], seed)
    _name(people, founders, names, seed)
    _give_parents(people, children, founders, first_day, seed)
    name_children(people, children, names, seed)
    _take_husbands_names(people, profile, seed)
    _house(people, children, seed)
    return people


def _newcomers(count: int, first_day: int, profile: Profile, seed: int) -> People:
    chance = generator(seed, "people")
    weights = np.array(_PYRAMID)
    age = chance.choice(len(weights), count, p=weights / weights.sum()) * 5 + chance.random(count) * 5
    empty = np.full(count, NONE, dtype=np.int64)
    shares = np.array([profile.cultures.get(name, 0.0) for name in CULTURES])
    # Women live longer: the share rises with age.
    female = chance.random(count) < 0.487 + 0.2 * np.clip((age - 60) / 40, 0, 1)
    return People(
        birth_day=first_day - 1 - (age * YEAR_DAYS).astype(np.int64), death_day=empty.copy(), female=female,
        culture=chance.choice(len(CULTURES), count, p=shares / shares.sum()), given=empty.copy(), second_given=empty.copy(),
        patronymic=empty.copy(), surname=empty.copy(), second_surname=empty.copy(), particle=empty.copy(), mother=empty.copy(),
        father=empty.copy(), spouse=empty.copy(), address=empty.copy(), birth_place=empty.copy(),
    )  # fmt: skip


def _let_die(people: People, dead: Integers, first_day: int, seed: int) -> None:
    """People who died before: older than the living, at a day of the last ten years."""
    chance = generator(seed, "died before")
    days_ago = 1 + (chance.random(len(dead)) * 10 * YEAR_DAYS).astype(np.int64)
    age = np.clip(chance.normal(78, 14, len(dead)), 1, 104)
    people.death_day[dead] = first_day - days_ago
    people.birth_day[dead] = first_day - days_ago - (age * YEAR_DAYS).astype(np.int64)


def _marry(people: People, founders: Integers, seed: int) -> None:
    """Couples of about the same age, he a little older; mostly of one culture."""
    chance = generator(seed, "couples")
    married = founders[chance.random(len(founders)) < 0.62]
    men, women = married[~people.female[married]], married[people.female[married]]
    # A year is 365 days; the noise is what makes couples differ in age.
    men = men[np.argsort(people.birth_day[men] + chance.normal(900, 900, len(men)), kind="stable")]
    women = women[np.argsort(people.birth_day[women] + chance.normal(0, 900, len(women)), kind="stable")]
    pairs = min(len(men), len(women))
    men, women = men[-pairs:], women[-pairs:]
    people.spouse[men], people.spouse[women] = women, men
    same = chance.random(pairs) < 0.85
    people.culture[women[same]] = people.culture[men[same]]


def frequent(chance: np.random.Generator, words: Range, count: int) -> Integers:
    """Codes out of a list, few of them often and most of them rarely, as names are."""
    weights = 1.0 / np.arange(1, words.count + 1) ** _NAME_EXPONENT
    # The lists are in alphabetical order: which names are the frequent ones is drawn, the same for every seed.
    order = np.random.default_rng(words.start).permutation(words.count)
    return words.start + order[chance.choice(words.count, count, p=weights / weights.sum())]


def _name(people: People, rows: Integers, names: Names, seed: int) -> None:
    """Names of people whose parents are not known."""
    chance = generator(seed, "surnames")
    for number, culture in enumerate(CULTURES):
        own = rows[people.culture[rows] == number]
        people.surname[own] = frequent(chance, names.surname[1][culture], len(own))
        if culture in TWO_SURNAME_CULTURES:
            people.second_surname[own] = frequent(chance, names.surname[1][culture], len(own))
        if culture in PARTICLE_CULTURES:
            has = chance.random(len(own)) < 0.03
            people.particle[own[has]] = PARTICLE_CULTURES[culture]
        if culture in MONONYM_CULTURES:
            people.surname[own[chance.random(len(own)) < 0.6]] = NONE
    _name_given(people, rows, names, seed, "given names")


def _name_given(people: People, rows: Integers, names: Names, seed: int, purpose: str) -> None:
    chance = generator(seed, purpose)
    for number, culture in enumerate(CULTURES):
        for female in (False, True):
            own = rows[(people.culture[rows] == number) & (people.female[rows] == female)]
            words = names.given[1][culture, female]
            people.given[own] = frequent(chance, words, len(own))
            two = own[chance.random(len(own)) < 0.25]
            people.second_given[two] = frequent(chance, words, len(two))
        if culture in PATRONYMIC_CULTURES:
            own = rows[people.culture[rows] == number]
            people.patronymic[own] = frequent(chance, names.patronymic[1][culture], len(own))
    people.second_given[people.second_given == people.given] = NONE


def _give_parents(people: People, children: Integers, founders: Integers, first_day: int, seed: int) -> None:
    """A mother of a plausible age for each child, her husband as the father; now and then the next child is a twin."""
    chance = generator(seed, "parents")
    women = founders[people.female[founders] & (people.death_day[founders] == NONE)]
    women = women[np.argsort(people.birth_day[women], kind="stable")]
    if not len(women):
        return
    age = np.clip(chance.normal(30, 5, len(children)), 18, 44) * YEAR_DAYS
    born = np.minimum(people.birth_day[children] - age, first_day - _FOUNDER_DAYS - ADULT_DAYS * 0.1)
    place = np.searchsorted(people.birth_day[women], born) + chance.integers(-3, 4, len(children))
    people.mother[children] = women[np.clip(place, 0, len(women) - 1)]
    twins = np.flatnonzero(chance.random(len(children)) < 0.015)
    twins = twins[twins > 0]
    people.mother[children[twins]] = people.mother[children[twins - 1]]
    people.birth_day[children[twins]] = people.birth_day[children[twins - 1]]
    # The clip at the ends of the list can leave a mother too young: then nobody knows who she is.
    too_young = people.birth_day[children] - people.birth_day[people.mother[children]] < 16 * YEAR_DAYS
    people.mother[children[too_young]] = NONE
    has = children[people.mother[children] != NONE]
    people.father[has] = people.spouse[people.mother[has]]


def name_children(people: People, children: Integers, names: Names, seed: int, purpose: str = "children") -> None:
    """Culture and surname of the father, where there is one, else of the mother; two surnames are one of each."""
    orphans = children[people.mother[children] == NONE]
    _name(people, orphans, names, seed)
    known = children[people.mother[children] != NONE]
    mother, father = people.mother[known], people.father[known]
    source = np.where(father != NONE, father, mother)
    people.culture[known] = people.culture[source]
    people.surname[known] = people.surname[source]
    people.particle[known] = people.particle[source]
    people.second_surname[known] = np.where(people.second_surname[source] != NONE, people.surname[mother], NONE)
    _name_given(people, known, names, seed, purpose)
    # Twins of one sex do not share a given name.
    same = np.flatnonzero((mother[1:] == mother[:-1]) & (people.given[known[1:]] == people.given[known[:-1]])) + 1
    for row in known[same].tolist():  # A handful of people.
        words = names.given[1][CULTURES[people.culture[row]], bool(people.female[row])]
        people.given[row] = words.start + (people.given[row] - words.start + 1) % words.count


def _take_husbands_names(people: People, profile: Profile, seed: int) -> None:
    """What she was called before is lost here; `second_surname` stays with those whose custom it is to keep it."""
    chance = generator(seed, "married names")
    wives = np.flatnonzero(people.female & (people.spouse != NONE))
    wives = wives[chance.random(len(wives)) < profile.shares["takes_husbands_name"]]
    wives = wives[people.second_surname[wives] == NONE]
    wives = wives[people.surname[people.spouse[wives]] != NONE]
    people.surname[wives] = people.surname[people.spouse[wives]]
    people.particle[wives] = people.particle[people.spouse[wives]]


def _house(people: People, children: Integers, seed: int) -> None:
    """Couples share a home, children live with their mother, some of the grown ones too; the others live alone or by two."""
    chance = generator(seed, "homes")
    heads = np.flatnonzero((people.spouse == NONE) | ~people.female)
    with_mother = np.zeros(len(people), dtype=bool)
    with_mother[children] = people.mother[children] != NONE
    heads = heads[~with_mother[heads]]
    shared = (chance.random(len(heads)) < 0.15) & (people.spouse[heads] == NONE)
    people.address[heads] = np.cumsum(~shared) - 1
    people.address[heads] = np.maximum(people.address[heads], 0)
    wives = np.flatnonzero(people.female & (people.spouse != NONE))
    people.address[wives] = people.address[people.spouse[wives]]
    home = children[with_mother[children]]
    people.address[home] = people.address[people.mother[home]]
    people.birth_place[:] = chance.integers(0, len(MUNICIPALITIES), len(people))
