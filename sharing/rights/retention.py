"""What is over its retention: originals by contract, rows by agreement, releases past their last day, consents past their own; listed, or gone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from nights.retention_by_contract import forget_originals, originals_over
from sharing.consent.kept import folder_of as consents_folder
from sharing.consent.kept import note_rewritten, read_consents
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.ledger.night import note_ended
from sharing.policy.policy import Policy
from sharing.release.kept import WITHDRAWN, Release, note, releases
from sharing.retention_by_agreement import attempts_over, forget_unagreed, nights_over
from sharing.rights.rewritten import Lasting, forget_rows
from sources.contract.model import Contract
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.seal import place_of

_ORIGINAL, _ROWS, _RELEASE, _CONSENT = (
    "the retention of its contract is over", "the retention of its agreement is over", "the last day of its use is over",
    "its expiry and the time that data may be kept are over",
)  # fmt: skip


@dataclass(frozen=True)
class Over:
    """Something that is to go: what it is, where it lies or what it is called, and why."""

    what: str
    place: str
    why: str


@dataclass(frozen=True)
class Retention:
    """Of a home whose night lock is held, by the contracts and agreements of a day."""

    home: Home
    contracts: Sequence[Contract]
    policy: Policy
    on: date

    def over(self) -> Iterator[Over]:
        """Raises Tampered and KeyRefused."""
        for path in originals_over(self.contracts, self.home, self.on):
            yield Over("original", place_of(self.home, path), _ORIGINAL)
        for path in attempts_over(self.home, self.policy, self.on):
            yield Over("rows", place_of(self.home, path), _ROWS)
        for night in nights_over(self.home, self.policy, self.on):
            yield Over("build", night.folder.name, _ROWS)
        for release in self._releases():
            yield Over("release", release.manifest.release[:12], _RELEASE)
        for consent in self._consents():
            yield Over("consent", consent, _CONSENT)

    def apply(self, by: str) -> list[Over]:
        """What went, which the ledger says too. Raises Tampered, KeyRefused, LedgerError."""
        gone = list(self.over())
        forget_originals(list(self.contracts), self.home, self.on)
        note_ended(self.home, forget_unagreed(self.home, self.policy, self.on), _ROWS, by)
        expired = self._releases()
        for release in expired:
            for path in release.folder.iterdir():
                if path.name.startswith(release.manifest.content.name):
                    path.unlink()
            note(release.folder, WITHDRAWN, by, reason=_RELEASE)
        consents = self._consents()
        if consents:
            self._forget_consents(consents, by)
        self._tell(gone, by)
        return gone

    def _tell(self, gone: list[Over], by: str) -> None:
        counts = {what: sum(1 for one in gone if one.what == what) for what in ("original", "release", "consent")}
        told = [
            (Kind.RETENTION, {"what": what, "count": number, "rule": why})
            for (what, number), why in zip(counts.items(), (_ORIGINAL, _RELEASE, _CONSENT), strict=True)
            if number
        ]
        if told:
            Ledger(self.home).append_all(told, by)

    def _releases(self) -> list[Release]:
        """Those whose rows are still kept here after the last day on which the recipient may use them."""
        return [
            one
            for one in releases(self.home)
            if date.fromisoformat(one.manifest.expires) < self.on and any(_content(one))
        ]

    def _consents(self) -> list[str]:
        with open_database() as connection:
            read_consents(connection, self.home)
            rows = connection.execute(
                """
                SELECT consent_id
                FROM consent
                WHERE expires + to_days(ceil(coalesce(life_days, 0))::INTEGER) < $now
                ORDER BY consent_id
                """,
                {"now": datetime.combine(self.on, datetime.min.time(), UTC)},
            ).fetchall()
        return [str(row[0]) for row in rows]

    def _forget_consents(self, consents: list[str], by: str) -> None:
        with open_database() as connection:
            connection.execute(
                "CREATE TEMP TABLE ended_consent AS SELECT unnest($ids) AS consent_id", {"ids": consents}
            )
            own = "rows.consent_id IN (FROM ended_consent)"
            forget_rows(connection, self.home, Lasting(consents_folder(self.home), "consents"), lambda *_: own)
        note_rewritten(self.home, by)


def _content(release: Release) -> Iterator[Path]:
    yield from (path for path in release.folder.iterdir() if path.name.startswith(release.manifest.content.name))
