"""The names that people of this country bear: vocabularies by culture, and how a person's name is put together."""

import csv
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation.errors.spelling import latin
from simulation.random_numbers import Flags, Integers

_TRANSCRIBED = Path(__file__).parent.parent / "vocabulary" / "transcribed.csv"
_LOCALES = {
    "estonian": "et_EE", "german": "de_DE", "english": "en_GB", "spanish": "es_ES", "polish": "pl_PL", "dutch": "nl_NL",
    "russian": "ru_RU", "greek": "el_GR", "icelandic": "is_IS", "indonesian": "id_ID", "czech": "cs_CZ", "turkish": "tr_TR",
    "french": "fr_FR",
}  # fmt: skip
CULTURES = (*_LOCALES, "arabic", "hindi")
NONE = -1
_PARTICLES = ("von", "zu", "van den", "de la", "af")
PARTICLE_CULTURES = {"german": 0, "dutch": 2, "spanish": 3, "french": 3}
PATRONYMIC_CULTURES = ("russian",)
TWO_SURNAME_CULTURES = ("spanish",)
MONONYM_CULTURES = ("indonesian",)


@dataclass(frozen=True)
class Word:
    """A name in its own script and in Latin letters."""

    native: str
    latin: str


@dataclass(frozen=True)
class Range:
    """Where the words of one culture stand in a shared list: from `start` on, `count` of them."""

    start: int
    count: int


@dataclass(frozen=True)
class Names:
    """Shared lists and each culture's part of them. Surnames and patronymics have two forms: 2 * code is a man's, + 1 a woman's."""

    given: tuple[list[Word], dict[tuple[str, bool], Range]]
    surname: tuple[list[Word], dict[str, Range]]
    patronymic: tuple[list[Word], dict[str, Range]]

    def given_name(self, first: Integers, second: Integers, native: bool) -> pa.Array:
        words = _written(self.given[0], native)
        return joined(_taken(words, first), _taken(words, second), " ")

    def surname_of(self, parts: "SurnameParts", female: Flags, native: bool) -> pa.Array:
        """A surname with its particle and, where custom has it, a second one; null for people of one name."""
        words = _written(self.surname[0], native)
        first = _taken(words, np.where(parts.first >= 0, parts.first * 2 + female, NONE))
        second = _taken(words, np.where(parts.second >= 0, parts.second * 2 + female, NONE))
        particle = _taken(pa.array(_PARTICLES), parts.particle)
        return joined(joined(particle, first, " "), second, " ")

    def patronymic_of(self, code: Integers, female: Flags, native: bool) -> pa.Array:
        return _taken(_written(self.patronymic[0], native), np.where(code >= 0, code * 2 + female, NONE))


@dataclass
class SurnameParts:
    """Codes of a surname: the name, the second one (or NONE), the particle (or NONE)."""

    first: Integers
    second: Integers
    particle: Integers

    def of(self, rows: Any) -> "SurnameParts":
        return SurnameParts(self.first[rows], self.second[rows], self.particle[rows])


def _written(words: list[Word], native: bool) -> pa.Array:
    return pa.array([word.native if native else word.latin for word in words], pa.string())


def _taken(words: pa.Array, codes: Integers) -> pa.Array:
    return words.take(pa.array(codes, mask=codes < 0))


def joined(first: pa.Array, second: pa.Array, between: str) -> pa.Array:
    """Both with `between` them, one alone where the other is null, null where both are."""
    return pc.coalesce(pc.binary_join_element_wise(first, second, between), first, second)


def names() -> Names:
    """The vocabularies, from Faker's lists and the transcribed names beside this module."""
    given: list[Word] = []
    surnames: list[Word] = []
    patronymics: list[Word] = []
    given_ranges, surname_ranges, patronymic_ranges = {}, {}, {}
    for culture in CULTURES:
        for female in (False, True):
            given_ranges[culture, female] = _appended(given, _given(culture, female))
        surname_ranges[culture] = _appended(surnames, _surnames(culture), forms=2)
        patronymic_ranges[culture] = _appended(patronymics, _patronymics(culture), forms=2)
    return Names((given, given_ranges), (surnames, surname_ranges), (patronymics, patronymic_ranges))


def _appended(words: list[Word], more: list[Word], forms: int = 1) -> Range:
    start = len(words) // forms
    words += more
    return Range(start, len(more) // forms)


def _given(culture: str, female: bool) -> list[Word]:
    if culture not in _LOCALES:
        return _transcribed(culture, "female" if female else "male")
    lists = _provider(culture)
    found = lists.first_names_female if female else lists.first_names_male
    if culture == "estonian":
        found = lists.first_names_female_est if female else lists.first_names_male_est
    return [Word(name, latin(name)) for name in _distinct(found)]


def _surnames(culture: str) -> list[Word]:
    """The man's and the woman's form of each, one after the other."""
    if culture not in _LOCALES:
        return [word for word in _transcribed(culture, "surname") for _ in (False, True)]
    lists = _provider(culture)
    special = {
        "polish": "male_last_names", "russian": "last_names_male", "greek": "last_names_male", "czech": "last_names_male",
        "icelandic": "last_names_without_suffix", "indonesian": "last_names_male", "estonian": "last_names_est",
    }  # fmt: skip
    found = _distinct(getattr(lists, special.get(culture, "last_names")))
    return [Word(form, latin(form)) for name in found for form in _forms(culture, name)]


def _forms(culture: str, name: str) -> tuple[str, str]:
    """A surname as a man and as a woman of the culture bears it."""
    if culture == "icelandic":
        return f"{name}son", f"{name}dóttir"
    if culture == "polish" and name.endswith(("ski", "cki", "dzki")):
        return name, f"{name[:-1]}a"
    if culture == "russian":
        return name, f"{name[:-2]}ая" if name.endswith("ий") else f"{name}а"
    if culture == "czech":
        return name, f"{name[:-1]}á" if name.endswith("ý") else f"{name[:-1] if name.endswith('a') else name}ová"
    if culture == "greek":
        ends = {"ος": "ου", "ης": "η", "ής": "ή", "ας": "α", "άς": "ά"}
        return name, name[:-2] + ends.get(name[-2:], name[-2:])
    return name, name


def _patronymics(culture: str) -> list[Word]:
    """Russian ones by the father's name: -ович and -овна; the list's own forms are not in the same order."""
    if culture not in PATRONYMIC_CULTURES:
        return []
    fathers = [name for name in _distinct(_provider(culture).middle_names_male) if name.endswith("ич")]
    pairs = [(name, f"{name[:-2]}на") for name in fathers]
    return [Word(form, latin(form)) for pair in pairs for form in pair]


def _transcribed(culture: str, kind: str) -> list[Word]:
    with _TRANSCRIBED.open(encoding="utf-8", newline="") as file:
        return [
            Word(row["native"], row["latin"])
            for row in csv.DictReader(file)
            if (row["culture"], row["kind"]) == (culture, kind)
        ]


def _provider(culture: str) -> Any:
    return import_module(f"faker.providers.person.{_LOCALES[culture]}").Provider


def _distinct(found: Any) -> list[str]:
    return list(dict.fromkeys(found))
