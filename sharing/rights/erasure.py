"""One person erased: rows rewritten without them under new keys, originals that hold them destroyed, and what was derived of them too.

What a law makes stay is kept, feed by feed, each with its clause. It is told in the ledger first, so that a crash in between is seen; it
is done again then, as long as the person is found.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
from joserfc.jwk import OKPKey

from sharing.agreements.signature import sign
from sharing.consent.kept import folder_of as consents_folder
from sharing.consent.kept import note_rewritten
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.ledger.night import note_acceptances
from sharing.release.kept import WITHDRAWN, note, releases
from sharing.rights.erased_nights import OTHERS, FeedErasure, Gone
from sharing.rights.errors import NotCarriedOut
from sharing.rights.person import IDS, NUMBERS, RECORDS, Person, concerns, find, opened_night, place_of, plain
from sharing.rights.released import COUNTED, Given, given_to
from sharing.rights.returned import remember
from sharing.rights.rewritten import Lasting, forget_rows
from sources.contract.model import Contract
from warehouse.engines.duckdb.encrypted_parquet import readable
from warehouse.engines.duckdb.engine import open_database
from warehouse.files import write_text
from warehouse.home import Home
from warehouse.journal import Journal
from warehouse.store.published_nights import forget_night, published_nights

JOURNAL = "rights/erasures.jsonl"
# Made anew by the next night: what was compared, and what is marked.
_MADE_ANEW = ("pair", "node", "mark")


@dataclass(frozen=True)
class Request:
    """Who is to be erased, why, under which clause; `kept` the clause of each feed (`agency/feed`) that has to stay; `by` whom."""

    kind: str
    identifier: str
    reason: str
    clause: str
    kept: Mapping[str, str]
    by: str

    def check(self, contracts: Sequence[Contract]) -> None:
        """Raises NotCarriedOut."""
        if not self.reason.strip() or not self.clause.strip():
            raise NotCarriedOut(
                'an erasure needs its reason and the clause that it rests on: --reason "…" --clause "…"'
            )
        unknown = sorted(set(self.kept) - {contract.name for contract in contracts})
        if unknown or not all(clause.strip() for clause in self.kept.values()):
            raise NotCarriedOut(
                f"what is kept is a feed with the clause that keeps it: --keep 'agency/feed: clause'; {', '.join(unknown) or 'a clause'} is none"
            )


@dataclass
class Receipt:
    """What was done, for whoever asked: counts by where, and what stays by which clause."""

    person: str
    at: str
    by: str
    clause: str
    feeds: list[dict[str, Any]] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    history: int = 0
    linkage: int = 0
    consents: int = 0
    releases: list[str] = field(default_factory=list)
    builds: int = 0
    told: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        for one in self.feeds:
            yield (
                f"{one['feed']}: {one['accepted']} accepted and {one['landed']} landed rows, {one['rejects']} rejects and {one['originals']} "
                f"originals of {len(one['nights'])} nights; {one['blanked']} records of others name the person no more"
            )
        yield (
            f"{self.history} rows of history, {self.linkage} of linkage, {self.consents} of consents, {len(self.releases)} releases kept "
            f"here, {self.builds} builds"
        )
        yield from (f"{feed} stays: {clause}" for feed, clause in self.kept.items())


@dataclass(frozen=True)
class Erasing:
    """What an erasure is done with; `rebuild` makes the published night anew and raises NotCarriedOut where it cannot."""

    home: Home
    contracts: Sequence[Contract]
    key: OKPKey
    rebuild: Callable[[date], None]

    def run(self, request: Request) -> tuple[Receipt, Path, list[Given]]:
        """The receipt, where it lies, and the releases that had the person in. Raises NotCarriedOut, KeyRefused, Tampered, LedgerError.

        The night's lock is held by the caller.
        """
        request.check(self.contracts)
        with opened_night(self.home) as (connection, night):
            person = find(connection, request.kind, request.identifier)
            given = list(given_to(connection, self.home, person))
            remembered = _Remembered.of(connection)
        receipt = Receipt(person.person_id, datetime.now(UTC).isoformat(timespec="seconds"), request.by, request.clause)
        told = {
            "rule": "asked for by the person",
            "person": person.person_id,
            "state": "begun",
            "kept": sorted(request.kept),
        }
        Ledger(self.home).append(Kind.ERASURE, told, request.by)
        with open_database() as connection:
            remembered.put(connection, self.home)
            self._feeds(connection, receipt, request)
            self._lasting(connection, receipt)
            self._consents(connection, receipt, request.by)
        if not receipt.kept:
            # Of whom a law makes something stay nobody would say that they came again.
            remember(self.home, person.person_id, remembered.numbers, request.by)
        self._releases(given, receipt, request.by)
        self._papers(person)
        self._builds(night.extract_date, receipt)
        path = self._receipt(receipt, request)
        return receipt, path, given

    def _feeds(self, connection: duckdb.DuckDBPyConnection, receipt: Receipt, request: Request) -> None:
        for contract in self.contracts:
            erasure = FeedErasure(connection, self.home, contract)
            if contract.name in request.kept:
                receipt.kept |= {contract.name: request.kept[contract.name]} if erasure.is_held() else {}
                continue
            gone: Gone = erasure.run()
            if gone.is_any:
                receipt.feeds.append(asdict(gone) | {"nights": list(gone.nights)})
                note_acceptances(self.home, contract, gone.nights, request.by)

    def _lasting(self, connection: duckdb.DuckDBPyConnection, receipt: Receipt) -> None:
        for folder in sorted((self.home.state / "history").glob("[!.]*")):
            lasting = Lasting(folder, f"history/{folder.name}")
            receipt.history += forget_rows(connection, self.home, lasting, lambda _, columns: concerns(columns))
        for folder in sorted((self.home.state / "linkage").glob("[!.]*")):
            lasting = Lasting(folder, f"linkage/{folder.name}", _MADE_ANEW)
            receipt.linkage += forget_rows(connection, self.home, lasting, _of_linkage)

    def _consents(self, connection: duckdb.DuckDBPyConnection, receipt: Receipt, by: str) -> None:
        folder = consents_folder(self.home)
        taken = sorted((folder / "taken").glob("*.parquet"))
        if not taken:
            return
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE subject_consent AS
            SELECT DISTINCT consent_id
            FROM {readable(connection, taken)}
            WHERE list_has_any([{plain("one.value")} FOR one IN identifiers], (SELECT list(number) FROM {NUMBERS}))
        """)
        own = "rows.consent_id IN (FROM subject_consent)"
        receipt.consents = forget_rows(connection, self.home, Lasting(folder, "consents"), lambda *_: own)
        if receipt.consents:
            note_rewritten(self.home, by)

    def _releases(self, given: list[Given], receipt: Receipt, by: str) -> None:
        """The rows that are kept here go, what was said of them stays; a table counts people and names none."""
        wanted = {one.release for one in given if one.was_in != COUNTED}
        for release in releases(self.home):
            if release.manifest.release not in wanted:
                continue
            for path in release.folder.iterdir():
                if path.name.startswith(release.manifest.content.name):
                    path.unlink()
            note(release.folder, WITHDRAWN, by, reason="a person in it was erased")
            receipt.releases.append(release.manifest.release)

    def _papers(self, person: Person) -> None:
        """Answers that were written for the person before."""
        for path in (self.home.root / "papers" / "subjects").glob(f"{person.person_id}-*"):
            path.unlink()
        for path in (self.home.state / "rights").glob(f"corrections/{person.person_id}-*"):
            path.unlink()

    def _builds(self, night: date, receipt: Receipt) -> None:
        """Every build that has the person in; the one that readers see once another took its place."""
        before = published_nights(self.home)
        for one in before:
            if not one.is_current:
                forget_night(one)
        self.rebuild(night)
        for one in published_nights(self.home):
            if not one.is_current and one.folder in {old.folder for old in before}:
                forget_night(one)
        receipt.builds = len(before)

    def _receipt(self, receipt: Receipt, request: Request) -> Path:
        said = asdict(receipt)
        folder = self.home.state / "rights" / "receipts"
        path = folder / f"{receipt.person}-{receipt.at[:10]}.json"
        write_text(
            path, json.dumps({"said": said, "signature": sign(said, self.key, datetime.now(UTC))}, indent=1) + "\n"
        )
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        Journal(self.home, JOURNAL).append(
            {"person": receipt.person, "reason": request.reason, "clause": request.clause, "receipt_sha256": digest},
            request.by,
        )
        counts = {
            name: sum(int(one[name]) for one in receipt.feeds)
            for name in ("accepted", "landed", "rejects", "originals", "blanked")
        }
        told = counts | {
            "rule": "asked for by the person", "person": receipt.person, "state": "done", "kept": sorted(receipt.kept),
            "history": receipt.history, "linkage": receipt.linkage, "consents": receipt.consents, "releases": receipt.releases,
            "builds": receipt.builds, "receipt_sha256": digest,
        }  # fmt: skip
        Ledger(self.home).append(Kind.ERASURE, told, request.by)
        return path


@dataclass(frozen=True)
class _Remembered:
    """The person's own tables and the records of others, taken out of a night that will be gone."""

    tables: dict[str, Any]

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection) -> "_Remembered":
        linked = place_of(connection, "linkage", "person_link")
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE {OTHERS} AS
            SELECT source, source_key
            FROM {linked}
            WHERE person_id NOT IN (FROM {IDS})
        """)
        return cls(
            {name: connection.execute(f"FROM {name}").to_arrow_table() for name in (IDS, NUMBERS, RECORDS, OTHERS)}
        )

    @property
    def numbers(self) -> list[str]:
        return [str(number) for number in self.tables[NUMBERS]["number"].to_pylist()]

    def put(self, connection: duckdb.DuckDBPyConnection, home: Home) -> None:
        for name, rows in self.tables.items():
            connection.register("remembered", rows)
            connection.execute(f"CREATE TEMP TABLE {name} AS FROM remembered")
            connection.unregister("remembered")
        for files in (sorted(folder.glob("id/*.parquet")) for folder in (home.state / "linkage").glob("[!.]*")):
            if files:
                _add_former_ids(connection, readable(connection, files))


def _add_former_ids(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Ids that no record but the person's ever had: marts of earlier nights know the person by them."""
    connection.execute(f"""
        INSERT INTO {IDS}
        SELECT entity_id
        FROM {source} AS known
        LEFT JOIN {RECORDS} AS own ON own.source = known.source AND own.source_key = known.source_key
        GROUP BY entity_id
        HAVING count(*) = count(own.source_key) AND entity_id NOT IN (FROM {IDS})
    """)


def _of_linkage(path: Path, columns: dict[str, str]) -> str | None:
    ids = [name for name in ("entity_id", "from_id", "to_id") if name in columns]
    parts = [f"rows.{name} IN (FROM {IDS})" for name in ids]
    return " OR ".join(filter(None, [concerns(columns), *parts])) or None
