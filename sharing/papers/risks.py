"""Risks to people that an impact assessment looks at (recital 75), each with the facts of an agreement that bear on it."""

from collections.abc import Callable
from dataclasses import dataclass

from sharing.agreements.model import Agreement
from sharing.papers.facts import Platform, personal, reached
from sharing.papers.words import purpose_words, span_words
from sources.contract.model import CLASSIFICATIONS
from warehouse.numbers_for_people import NOTHING, counted, several


@dataclass(frozen=True)
class Facts:
    """Of one agreement: its personal, special-category and identifying columns (`agency/feed.column`), the feeds of others that shared
    tables join it with, the open tables that it reaches, and the most people that one of its feeds is about (None: not known).
    """

    agreement: Agreement
    personal: tuple[str, ...]
    special: tuple[str, ...]
    identifiers: tuple[str, ...]
    joined: tuple[str, ...]
    open_tables: tuple[str, ...]
    people: int | None
    is_followed: bool
    has_key: bool

    @classmethod
    def of(cls, platform: Platform, agreement: Agreement) -> "Facts":
        columns, places = personal(platform, agreement), reached(platform, agreement)
        names = {id(one): f"{one.feed}.{one.column.name}" for one in columns}
        persons = [platform.people[feed].persons for feed in agreement.feeds if feed in platform.people]
        return cls(
            agreement, tuple(names.values()),
            tuple(names[id(one)] for one in columns if one.column.classification == CLASSIFICATIONS[-1]),
            tuple(names[id(one)] for one in columns if one.column.identifier_kind),
            tuple(sorted({feed for place in places for feed in place.joined_with})),
            tuple(place.relation for place in places if place.is_open), max(persons, default=None),
            platform.protection is not None, platform.has_key,
        )  # fmt: skip

    @property
    def people_words(self) -> str:
        return counted(self.people)


@dataclass(frozen=True)
class Risk:
    """`known` says what of an agreement bears on it."""

    id: str
    name: str
    known: Callable[[Facts], str]


def _identified(facts: Facts) -> str:
    if not facts.is_followed:
        return "No night was built yet: which tables all readers see is not known."
    return f"{several(len(facts.open_tables), 'table')} that all readers see hold what was made of it: {', '.join(facts.open_tables) or NOTHING}."


def _linked(facts: Facts) -> str:
    if not facts.is_followed:
        return "No night was built yet: what it is joined with is not known."
    return f"Shared tables join it with {several(len(facts.joined), 'feed')} of others; {several(len(facts.identifiers), 'identifier')} would do so elsewhere."


def _disclosed(facts: Facts) -> str:
    key = "is encrypted" if facts.has_key else "is NOT encrypted, since no key is set"
    return f"{several(len(facts.personal), 'personal column')}, {len(facts.special)} of special categories. The databases of what is protected {key}."


def _other_purpose(facts: Facts) -> str:
    onward = ", ".join(map(purpose_words, facts.agreement.onward_use))
    return f"Agreed for: {purpose_words(facts.agreement.purpose)}. May also serve: {onward or 'nothing else'}."


def _too_much(facts: Facts) -> str:
    return (
        "Columns that nothing is made of are listed under (b)."
        if facts.is_followed
        else "Not known before a night was built."
    )


def _wrong(facts: Facts) -> str:
    if not facts.joined:
        return "No shared table that was built here puts its records together with those of others."
    with_others = several(len(facts.joined), "feed")
    return f"Records are put together with those of {with_others} of others, by probability where no identifier is shared; a wrong link mixes two people."


def _decided(facts: Facts) -> str:
    is_meant = any("Fraud" in term for term in facts.agreement.purposes)
    return (
        "Finding fraud is among the purposes: leads may be taken for findings."
        if is_meant
        else "No purpose aims at decisions about single people."
    )


def _kept(facts: Facts) -> str:
    return f"Kept for {span_words(facts.agreement.retention)} from the pull; agreed on until {facts.agreement.valid_until}."


def _lost(_: Facts) -> str:
    return "Agencies keep their own records: the platform is a copy."


RISKS = (
    Risk("identification", "People are recognised in open tables", _identified),
    Risk("linking", "What was apart becomes one picture of a person", _linked),
    Risk("disclosure", "Personal data comes to light, or is seen by those who need not", _disclosed),
    Risk("purpose", "Data is used for something else", _other_purpose),
    Risk("excess", "More is taken than is needed", _too_much),
    Risk("accuracy", "People are taken for others, or wrong data is believed", _wrong),
    Risk("decisions", "Something is decided about a person by a match alone", _decided),
    Risk("retention", "Data is kept for longer than it is needed", _kept),
    Risk("loss", "Data is lost or cannot be reached", _lost),
)
