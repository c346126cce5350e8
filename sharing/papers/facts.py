"""What the platform knows of the data under an agreement: its columns by class, where lineage takes them, how many people they are of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from catalogue.protection import Protection
from nights.rows.accepted import SCHEMA as ACCEPTED
from sharing.agreements.model import Agreement
from sharing.agreements.register import Register, Signed
from sources.contract.model import Column, Contract
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.settings import settings
from warehouse.store.published_nights import DATABASE, Night, current_night

# Where people look for things; what lies before is a step on the way.
SHARED = ("marts", "identity")
_STEPS = ("staging", ACCEPTED)
_PERSON_LINKS = """
    SELECT source, count(*), count(DISTINCT person_id)
    FROM linkage.person_link
    GROUP BY source"""


@dataclass(frozen=True)
class People:
    """Of one feed: how many of its records are about people, and how many people that is."""

    records: int
    persons: int


@dataclass(frozen=True)
class Platform:
    """All that papers are written from. `protection` is None where no night was built here, `night` and `people` (by `agency/feed`)
    are None and empty where none is published.
    """

    register: Register
    contracts: dict[str, Contract]
    protection: Protection | None
    night: date | None
    people: dict[str, People]
    has_key: bool
    at: datetime

    @classmethod
    def read(cls, home: Home, register: Register, contracts: Sequence[Contract], at: datetime) -> "Platform":
        manifests = sorted(home.dbt.glob("*/manifest.json"))
        night = current_night(home)
        return cls(
            register, {contract.name: contract for contract in contracts}, Protection.read(manifests) if manifests else None,
            night.extract_date if night else None, _people(night) if night else {}, settings().key is not None, at,
        )  # fmt: skip

    def name_of(self, party: str) -> str:
        known = self.register.parties.get(party)
        return known.name if known else party

    def contact_of(self, party: str) -> str:
        known = self.register.parties.get(party)
        return known.contact if known else ""


@dataclass(frozen=True)
class Held:
    """A column of a feed's contract; where it `is_agreed` on, its values are kept."""

    feed: str
    column: Column
    is_agreed: bool


@dataclass(frozen=True)
class Reached:
    """A relation that holds what was made of agreed columns: which of its columns, made of which fields (`agency/feed.column`), and
    the feeds of others whose columns it holds too. `is_open` says whether all readers see it, `open_because` which of these columns a
    reviewer let them see, and why.
    """

    relation: str
    schema: str
    says: str
    columns: tuple[str, ...]
    made_of: frozenset[str]
    joined_with: tuple[str, ...]
    is_open: bool
    open_because: tuple[tuple[str, str], ...]


def held(platform: Platform, agreement: Agreement) -> list[Held]:
    """The columns of the contracts of an agreement's feeds, in their order."""
    return [
        Held(pull.feed, column, column.name in pull.columns)
        for pull in agreement.pulls
        if pull.feed in platform.contracts
        for column in platform.contracts[pull.feed].columns
    ]


def personal(platform: Platform, agreement: Agreement) -> list[Held]:
    """Those of them that are about people, as the contracts classify them, and agreed on."""
    return [one for one in held(platform, agreement) if one.is_agreed and one.column.is_masked]


def without_contract(platform: Platform, agreement: Agreement) -> list[str]:
    """Agreed columns and feeds that no contract here describes."""
    found = []
    for pull in agreement.pulls:
        contract = platform.contracts.get(pull.feed)
        if contract is None:
            found.append(pull.feed)
            continue
        known = {column.name for column in contract.columns}
        found += [f"{pull.feed}.{name}" for name in sorted(pull.columns - known)]
    return found


def reached(platform: Platform, agreement: Agreement) -> list[Reached]:
    """Every relation beyond staging that lineage leads to from the agreed columns, by name; none where no night was built."""
    if platform.protection is None:
        return []
    agreed = {f"{pull.feed}.{name.lower()}" for pull in agreement.pulls for name in pull.columns}
    found = (_reached(platform.protection, key, agreed, agreement.feeds) for key in _made(platform.protection))
    return sorted((one for one in found if one is not None), key=lambda one: one.relation)


def _made(protection: Protection) -> Iterator[str]:
    """Relations that this platform's agencies have rows in: of the others dbt has no SQL."""
    for key, resource in protection.lineage.resources.items():
        if resource.sql is not None and resource.schema not in _STEPS:
            yield key


def _reached(protection: Protection, key: str, agreed: set[str], feeds: Sequence[str]) -> Reached | None:
    resource, columns, made_of, others = protection.lineage.resources[key], [], set[str](), set[str]()
    for column in protection.lineage.columns(key):
        fields = _agency_fields(protection, key, column)
        # What cannot be followed may hold anything that it reads.
        mine = {
            f"{feed}.{name}" for feed, name in fields if f"{feed}.{name}" in agreed or (name == "*" and feed in feeds)
        }
        others |= {feed for feed, _ in fields if feed not in feeds}
        if mine:
            columns.append(column)
            made_of |= mine
    if not columns:
        return None
    reasons = {name: noted.open_because for name, noted in resource.columns.items() if noted.open_because}
    return Reached(
        key, resource.schema, resource.description, tuple(columns), frozenset(made_of), tuple(sorted(others)), protection.is_open(key),
        tuple((column, reasons[column]) for column in columns if column in reasons),
    )  # fmt: skip


def _agency_fields(protection: Protection, key: str, column: str) -> set[tuple[str, str]]:
    """Feed and name of each field of an agency that a column is made of; not what the platform notes of each row."""
    resources = protection.lineage.resources
    return {
        (resources[field.relation].label, field.column)
        for field in protection.lineage.trace(key, column).fields
        if resources[field.relation].schema == ACCEPTED and not field.column.startswith("_")
    }


def unused(platform: Platform, agreement: Agreement, reached_by: Sequence[Reached]) -> list[tuple[str, str | None]]:
    """Agreed columns (`agency/feed.column`) of whose values nothing beyond staging is made, each with what it serves all the same.

    Lineage follows values: what rows are known or joined by serves without any.
    """
    used = {field for one in reached_by for field in one.made_of}
    whole = {field.removesuffix(".*") for field in used if field.endswith(".*")}
    return [
        (f"{one.feed}.{one.column.name}", _serves(platform.contracts[one.feed], one.column))
        for one in held(platform, agreement)
        if one.is_agreed and one.feed not in whole and f"{one.feed}.{one.column.name.lower()}" not in used
    ]


def _serves(contract: Contract, column: Column) -> str | None:
    if column.name in contract.known_by:
        return "the feed's rows are known by it"
    if column.identifier_kind or any(column.name in reference.columns for reference in contract.references):
        return "an identifier, by which records may be linked"
    return None


def by_id(register: Register) -> list[Signed]:
    return sorted(register.agreements, key=lambda signed: signed.agreement.id)


def _people(night: Night) -> dict[str, People]:
    with open_database(night.folder / DATABASE, read_only=True) as connection:
        is_linked = connection.execute("""
            SELECT count(*)
            FROM duckdb_tables()
            WHERE schema_name = 'linkage' AND table_name = 'person_link'""").fetchone()
        if not is_linked or not is_linked[0]:
            return {}
        return {
            source: People(records, persons)
            for source, records, persons in connection.execute(_PERSON_LINKS).fetchall()
        }
