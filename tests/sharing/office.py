"""A platform with one published night and an office that receives a product of it."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyrage
from joserfc.jwk import OKPKey

from sharing.agreements.model import Agreement
from sharing.agreements.parties import Party, age_text, read_parties
from sharing.agreements.register import Register, Revocation, Signed
from sharing.agreements.signature import sign
from sharing.ledger.night import note_publication
from sharing.policy.policy import Policy
from sharing.release.cover import Covered
from sharing.release.kept import Release
from sharing.release.make import Maker, Wanted
from tests.agreements import PLATFORM, PROVIDER, add_parties, key_of
from tests.catalogue.dbt_manifest import model, protection
from warehouse.home import Home
from warehouse.store.published_nights import publish, start_build
from warehouse.store.restricted import attach_restricted

NIGHT = date(2026, 1, 15)
STATISTICS, FRAUD = "dpv:ProvideOfficialStatistics", "dpv:FraudPreventionAndDetection"
COLUMNS = {
    "number": "pseudonym", "born": "generalise to year", "town": "keep", "kind": "keep", "diagnosis": "redact", "tags": "drop",
}  # fmt: skip
T = "accepted.hospital__patient"
SEEN = f"select _source_key as person_id, number, name, born, diagnosis, town, kind, tags from {T}"
TABLE = """
    CREATE SCHEMA IF NOT EXISTS marts;
    CREATE OR REPLACE TABLE marts.stay AS
    SELECT
        'id' || (i % 40) AS person_id,
        'P' || (i % 40) AS number,
        'Name ' || i AS name,
        DATE '1950-03-07' + (i * 97)::INTEGER AS born,
        'D' || (i % 7) AS diagnosis,
        ['Tartu', 'Narva', 'Võru'][1 + i % 3] AS town,
        i % 2 AS kind,
        i AS tags
    FROM range(200) AS rows (i)
"""

# 40 people with a number each, and two who share one.
PEOPLE = """
    CREATE SCHEMA IF NOT EXISTS restricted.marts;
    CREATE TABLE restricted.marts.person_identifier AS
    SELECT 'id' || i AS person_id, 'national_number' AS identifier_kind, 'P' || i AS identifier
    FROM range(40) AS people (i)
    UNION ALL
    SELECT unnest(['id1', 'id2']), 'tax_number', 'SHARED'
"""


def treated(columns: dict[str, str]) -> dict[str, dict[str, Any]]:
    """`generalise to year` as the agreement writes it."""
    found = {}
    for name, words in columns.items():
        kind, _, to = words.partition(" to ")
        found[name] = {"treatment": kind} | ({"to": to} if to else {})
    return found


def product(**said: Any) -> dict[str, Any]:
    columns = treated(said.pop("columns", COLUMNS))
    return {
        "id": "stays", "relation": "marts.stay", "columns": columns, "recipients": ["tests-office"], "format": "parquet",
        "delivery": "folder",
    } | said  # fmt: skip


def source_agreement(purpose: str = STATISTICS, *onward: str, **said: Any) -> dict[str, Any]:
    pull = {"feed": "hospital/patient", "columns": ["number", "name", "born", "diagnosis", "town", "kind", "tags"]}
    return _agreement("hospital", purpose, onward, pull=[pull], **said)


def _agreement(id_: str, purpose: str, onward: tuple[str, ...] = (), **said: Any) -> dict[str, Any]:
    return {
        "id": id_, "version": 1, "title": "x", "parties": {"provider": PROVIDER, "recipient": PLATFORM}, "controllers": [PROVIDER],
        "legal_basis": {"law": "x", "article": "y"}, "purpose": {"term": purpose, "text": "x"}, "onward_use": list(onward),
        "consent": "none", "valid_from": "2026-01-01", "valid_until": "2026-12-31", "review_on": "2026-06-01", "retention": "P1Y",
    } | said  # fmt: skip


@dataclass
class Office:
    """`identity` opens what `tests-office` is given."""

    home: Home
    folder: Path
    on: date = date(2026, 3, 1)
    source: dict[str, Any] = field(default_factory=source_agreement)
    release: dict[str, Any] = field(
        default_factory=lambda: _agreement("stay-statistics", STATISTICS, products=[product()])
    )
    revoked: str | None = None
    open_because: dict[str, str] = field(default_factory=dict)
    identity: pyrage.x25519.Identity = field(default_factory=pyrage.x25519.Identity.generate)
    key: OKPKey = field(default_factory=lambda: OKPKey.generate_key("Ed25519"))
    parties: dict[str, Party] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.give(product())
        for name in ("tests-office", "tests-ministry"):
            self.add_party(name, str(self.identity.to_public()))

    def add_party(self, name: str, age: str | None) -> None:
        add_parties(self.folder, [name])
        known = next(party for party in read_parties(self.folder) if party.id == name)
        from datetime import UTC, datetime

        signed = sign(age_text(name, age), key_of(name), datetime.now(UTC)) if age else None
        self.parties[name] = Party(known.id, known.name, known.contact, known.keys, None, age, signed)

    def give(self, *products: dict[str, Any], **said: Any) -> None:
        """The agreement on these products."""
        purpose = said.pop("purpose", STATISTICS)
        self.release = _agreement("stay-statistics", purpose, products=list(products), **said)

    def publish(self, sql: str = TABLE, run: str = "run00001", restricted: str = "") -> Path:
        """A night made by this SQL; `restricted` is SQL with the restricted database attached."""
        database = start_build(self.home, NIGHT, run)
        with duckdb.connect(str(database)) as connection:
            connection.execute(sql)
            attach_restricted(connection, database)
            connection.execute(restricted)
        publish(self.home, database)
        note_publication(self.home, database, NIGHT, run, True, "tests")
        return database

    @property
    def maker(self) -> Maker:
        signed = [self._signed(self.source), self._signed(self.release)]
        register = Register(tuple(signed), parties=self.parties)
        found = protection(model("stay", SEEN, open_because=self.open_because))
        return Maker(self.home, Covered(Policy(register), found, self.on), self.key)

    def _signed(self, data: dict[str, Any]) -> Signed:
        agreement = Agreement.of(data)
        assert not list(agreement.contradictions())
        revocation = (
            Revocation(PROVIDER, date(2026, 2, 1), "the study is over") if self.revoked == agreement.id else None
        )
        return Signed(agreement, self.folder / f"{agreement.id}.yaml", (), revocation)

    def wanted(self, night: date | None = None) -> list[Wanted]:
        return self.maker.wanted("stay-statistics", None, night)

    def made(self, place: int = 0) -> Release:
        maker = self.maker
        return maker.make(maker.wanted("stay-statistics")[place])

    def opened(self, release: Release) -> Path:
        """The file as the recipient opens it."""
        target = self.folder / release.manifest.content.name
        pyrage.decrypt_file(str(release.sealed), str(target), [self.identity])
        return target

    def rows(self, release: Release) -> list[tuple[Any, ...]]:
        with duckdb.connect() as connection:
            return connection.execute(f"SELECT * FROM '{self.opened(release)}'").fetchall()
