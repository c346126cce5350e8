"""All that is held on a person: records of agencies night by night, rows of marts, releases, consents, who looked, and for how long."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from nights.record.rejects import rejects_of
from nights.rows.accepted import accepted_nights, record_key
from sharing.consent.kept import read_consents
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.ledger.night import entries_of
from sharing.policy.policy import Policy
from sharing.rights.person import NUMBERS, RECORDS, Person, concerns, plain, relations
from sharing.rights.released import Given, given_to
from sharing.rights.rewritten import columns_of
from sources.arrival.manifest import ROWS
from sources.contract.model import Contract
from warehouse.engines.duckdb.encrypted_parquet import let_read, parquet
from warehouse.engines.duckdb.engine import literal
from warehouse.home import Home
from warehouse.store.published_nights import Night

_CASES, _EVENTS = "marts.match_case", ("marts.life_event", "marts.life_event_notice")
_SHORTENED = 400


@dataclass(frozen=True)
class Under:
    """An agreement by which a feed is held, and for how long; `until` where its days are counted from the newest night."""

    agreement: str
    law: str
    article: str
    purpose: str
    keeps: str
    until: str


@dataclass(frozen=True)
class Version:
    """A record as an agency sent it, the same on each of these nights."""

    nights: tuple[str, ...]
    fields: dict[str, str]


@dataclass(frozen=True)
class Record:
    """One record of a feed; `key` is what marts call it, a pseudonym where the agency's own key tells who somebody is."""

    feed: str
    agency: str
    key: str
    versions: tuple[Version, ...]


@dataclass(frozen=True)
class Rejected:
    """A record that was refused, as it was sent."""

    feed: str
    night: str
    reason: str
    record: str


@dataclass(frozen=True)
class Rows:
    """What a relation of the published night holds of the person."""

    relation: str
    database: str
    rows: tuple[dict[str, str], ...]


@dataclass(frozen=True)
class Agreed:
    """A consent that the person gave."""

    consent: str
    consumer: str
    purpose: str
    status: str
    expires: str
    life: str


@dataclass(frozen=True)
class Look:
    """Somebody opened databases in which the person is named; the ledger says no more than that."""

    at: str
    by: str
    what: str
    purpose: str


@dataclass(frozen=True)
class Held:
    """`restricted` says why and until when the person's rows leave nowhere; `disputed` what somebody asked to be corrected."""

    person: Person
    night: str
    at: datetime
    records: tuple[Record, ...]
    rejected: tuple[Rejected, ...]
    under: dict[str, tuple[Under, ...]]
    relations: tuple[Rows, ...]
    given: tuple[Given, ...]
    consents: tuple[Agreed, ...]
    looks: tuple[Look, ...]
    restricted: str | None
    disputed: tuple[dict[str, str], ...]

    @property
    def cases(self) -> tuple[dict[str, str], ...]:
        return tuple(row for one in self.relations if one.relation == _CASES for row in one.rows)

    @property
    def events(self) -> tuple[dict[str, str], ...]:
        return tuple(row for one in self.relations if one.relation in _EVENTS for row in one.rows)

    @property
    def as_data(self) -> dict[str, Any]:
        said = asdict(self)
        said["person"] = {
            "person_id": self.person.person_id,
            "identifiers": [{"kind": kind, "identifier": value} for kind, value in self.person.identifiers],
        }
        said["written_at"] = said.pop("at").isoformat(timespec="seconds")
        return said | {"cases": list(self.cases), "life_events": list(self.events)}


@dataclass(frozen=True)
class Asked:
    """What the answer is made from: the open night with the person's temporary tables, the contracts, the policy of today."""

    connection: duckdb.DuckDBPyConnection
    home: Home
    night: Night
    contracts: Sequence[Contract]
    policy: Policy

    def held(self, person: Person, restricted: str | None, disputed: tuple[dict[str, str], ...]) -> Held:
        """Raises KeyRefused, Tampered and LedgerError."""
        rows = tuple(self._relations())
        records = tuple(record for contract in self.contracts for record in self._records(contract))
        feeds = sorted({record.feed for record in records} | person.feeds)
        return Held(
            person=person, night=self.night.extract_date.isoformat(), at=datetime.now(UTC), records=records,
            rejected=tuple(one for contract in self.contracts for one in self._rejected(contract)),
            under={feed: tuple(self._under(feed)) for feed in feeds}, relations=rows,
            given=tuple(given_to(self.connection, self.home, person)), consents=tuple(self._consents()), looks=tuple(self._looks()),
            restricted=restricted, disputed=disputed,
        )  # fmt: skip

    def _records(self, contract: Contract) -> Iterator[Record]:
        """Every accepted night is asked, those too that a later snapshot took the place of."""
        found: dict[str, list[tuple[str, dict[str, str]]]] = {}
        for folder in accepted_nights(contract, self.home, date.max):
            if not set(contract.key) <= set(columns_of(self.connection, folder / ROWS)):
                # A night of before the feed had today's key: nobody can say whose its rows are.
                continue
            sql = f"""
                SELECT {record_key(contract, self.home)} AS _source_key, *
                FROM {parquet(folder / ROWS)}
                WHERE {record_key(contract, self.home)} IN (
                    SELECT source_key FROM {RECORDS} WHERE source = {literal(contract.name)}
                )
            """
            let_read(self.connection, sql)
            for row in _as_texts(self.connection.execute(sql)):
                found.setdefault(row.pop("_source_key"), []).append((folder.name, row))
        for key, sent in found.items():
            yield Record(contract.name, contract.agency_name, key, tuple(_versions(sent)))

    def _rejected(self, contract: Contract) -> Iterator[Rejected]:
        for folder in sorted((self.home.landing / contract.agency / contract.feed).glob("[0-9]*")):
            rejects = rejects_of(contract, self.home, date.fromisoformat(folder.name))
            if rejects is None:
                continue
            let_read(self.connection, rejects)
            sql = f"SELECT reason, record FROM {rejects} WHERE {names_a_number('record')}"
            for reason, record in self.connection.execute(sql).fetchall():
                yield Rejected(contract.name, folder.name, str(reason), str(record))

    def _under(self, feed: str) -> Iterator[Under]:
        newest = max((path.name for path in self.home.accepted.glob(f"{feed}/[0-9]*")), default=None)
        for signed in self.policy.register.on_feed(feed):
            one = signed.agreement
            until = (date.fromisoformat(newest) + one.kept_for).isoformat() if newest else ""
            yield Under(f"{one.id} version {one.version}", one.law, one.article, one.purpose_text, one.retention, until)

    def _relations(self) -> Iterator[Rows]:
        for one in relations(self.connection):
            condition = concerns(one.columns)
            if condition is None:
                continue
            rows = _as_texts(self.connection.execute(f"SELECT * FROM {one.place} AS rows WHERE {condition}"))
            if rows:
                yield Rows(one.label, one.database, tuple(rows))

    def _consents(self) -> Iterator[Agreed]:
        read_consents(self.connection, self.home)
        rows = self.connection.execute(f"""
            SELECT consent_id, consumer, purpose, status, expires, life_days
            FROM consent
            WHERE list_has_any([{plain("one.value")} FOR one IN identifiers], (SELECT list(number) FROM {NUMBERS}))
            ORDER BY consent_id
        """).fetchall()
        for id_, consumer, purpose, status, expires, life in rows:
            yield Agreed(
                id_, consumer, purpose, status, str(expires), "no bound" if life is None else f"{life:g} days of the recipient's own"
            )  # fmt: skip

    def _looks(self) -> Iterator[Look]:
        for entry in entries_of(Ledger(self.home), '"restricted":true', '"role":"linker"', '"decision":"told a person'):
            what = "asked in SQL" if entry.kind == Kind.QUERY else str(entry.what.get("decision"))
            yield Look(f"{entry.at:%Y-%m-%d %H:%M}", entry.actor, what, str(entry.what.get("purpose") or ""))


def names_a_number(text: str) -> str:
    """SQL that is true where a text holds one of the person's own numbers, however it is written."""
    return f"EXISTS (FROM {NUMBERS} AS own WHERE contains({plain(text)}, own.number))"


def _versions(sent: list[tuple[str, dict[str, str]]]) -> Iterator[Version]:
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for night, row in sent:
        alike.setdefault(tuple(row.items()), []).append(night)
    for fields, nights in alike.items():
        yield Version(tuple(nights), dict(fields))


def _as_texts(found: duckdb.DuckDBPyConnection) -> list[dict[str, str]]:
    names = [column[0] for column in found.description or ()]
    return [
        {name: _text(value) for name, value in zip(names, row, strict=True) if value is not None}
        for row in found.fetchall()
    ]


def _text(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHORTENED else f"{text[:_SHORTENED]}…"
