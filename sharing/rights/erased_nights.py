"""One feed's nights written anew without a person: what landed, what the gate refused, what was accepted; originals with them go whole."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from nights.accept import with_changes
from nights.folders import accepted_folder, gate_folder
from nights.integrity.sealed_extracts import note_accepted, seal_accepted, seal_gate, seal_landed
from nights.keyed_nights import keyed_night
from nights.record.attempt import GATE
from nights.record.feed_night import recorded
from nights.record.verdict import VALIDATION, Verdict
from nights.rows.accepted import WORDING, Acceptance, accepted_nights, record_key
from nights.rows.changed_keys import CHANGES, write_changes
from sharing.rights.held import names_a_number
from sharing.rights.person import NUMBERS, RECORDS, plain
from sharing.rights.rewritten import columns_of, count, keep_time, write_without
from sources.arrival.manifest import MANIFEST, REJECTS, ROWS, Manifest
from sources.contract.model import Contract
from warehouse.engines.duckdb.encrypted_parquet import let_read, readable
from warehouse.engines.duckdb.engine import literal, quoted, write_parquet
from warehouse.home import Home
from warehouse.keys.keyed_folder import erase

# Records that are linked to somebody else: such a record may name the person, and stays without the name.
OTHERS = "record_of_another"


@dataclass
class Gone:
    """What was erased of one feed: rows by where they stood, originals that held the person, nights that were written anew."""

    feed: str
    accepted: int = 0
    landed: int = 0
    rejects: int = 0
    blanked: int = 0
    originals: int = 0
    nights: tuple[str, ...] = ()

    @property
    def is_any(self) -> bool:
        return bool(self.accepted or self.landed or self.rejects or self.blanked or self.originals)


@dataclass
class FeedErasure:
    """One feed of a home, whose night lock is held. `connection` has the person's temporary tables and OTHERS."""

    connection: duckdb.DuckDBPyConnection
    home: Home
    contract: Contract

    def run(self) -> Gone:
        """Raises KeyRefused, Tampered, OSError."""
        gone = Gone(self.contract.name)
        for link in sorted((self.home.landing / self.contract.agency / self.contract.feed).glob("[0-9]*")):
            self._landing(link, gone)
        self._accepted(gone)
        for root in (self.home.landing, self.home.accepted, self.home.quality / "gates"):
            self._superseded(root / self.contract.agency / self.contract.feed)
        return gone

    def is_held(self) -> bool:
        """Whether anything of the feed holds the person."""
        places = [self.home.landing, self.home.accepted, self.home.quality / "gates"]
        files = [path for place in places for path in (place / self.contract.agency / self.contract.feed).glob("[0-9]*/*.parquet")]  # fmt: skip
        return any(count(self.connection, path, self._any(path)) for path in files)

    def _any(self, path: Path) -> str | None:
        if path.name == REJECTS:
            return self._refused()
        columns = columns_of(self.connection, path)
        return " OR ".join(filter(None, [self._own(columns), self._named(columns)])) or None

    def _own(self, columns: dict[str, str]) -> str | None:
        """Rows of the person: by their key, or by a number of theirs in a record that is linked to nobody else."""
        known = set(self.contract.key) <= set(columns)
        key = self._key()
        own = f"{key} IN (SELECT source_key FROM {RECORDS} WHERE source = {literal(self.contract.name)})"
        others = f"{key} IN (SELECT source_key FROM {OTHERS} WHERE source = {literal(self.contract.name)})"
        named = self._named(columns)
        parts = [own] if known else []
        if named is not None:
            parts.append(f"(({named}) AND NOT {others})" if known else f"({named})")
        return " OR ".join(parts) or None

    def _named(self, columns: dict[str, str]) -> str | None:
        texts = [name for name, kind in columns.items() if kind == "VARCHAR" and not name.startswith("_")]
        return " OR ".join(self._holds(name) for name in texts) or None

    @staticmethod
    def _holds(name: str) -> str:
        return f"{plain(f'rows.{quoted(name)}')} IN (SELECT number FROM {NUMBERS})"

    def _key(self) -> str:
        sql = record_key(self.contract, self.home)
        let_read(self.connection, sql)
        return f"({sql})"

    @staticmethod
    def _refused() -> str:
        return f"({names_a_number('rows.record::VARCHAR')}) OR coalesce({names_a_number('rows.value::VARCHAR')}, false)"

    def _write(self, source: Path, target: Path) -> tuple[int, int]:
        """Rows that went, and rows of others in which a number of the person's was blanked."""
        columns = columns_of(self.connection, source)
        own, named = self._own(columns), self._named(columns)
        rows = count(self.connection, source, own)
        blanked = count(self.connection, source, f"({named}) AND NOT coalesce({own}, false)") if named and own else 0
        if not blanked:
            write_without(self.connection, source, target, own)
            return rows, 0
        texts = [name for name, kind in columns.items() if kind == "VARCHAR" and name not in self.contract.key]
        instead = ", ".join(f"CASE WHEN {self._holds(name)} THEN NULL ELSE rows.{quoted(name)} END AS {quoted(name)}" for name in texts)  # fmt: skip
        query = f"""
            SELECT rows.* REPLACE ({instead})
            FROM {readable(self.connection, source)} AS rows
            WHERE NOT coalesce({own}, false)
        """
        write_parquet(self.connection, query, target)
        target.chmod(0o600)
        return rows, blanked

    def _landing(self, link: Path, gone: Gone) -> None:
        old, gate = link.resolve(), gate_folder(self.contract, self.home, date.fromisoformat(link.name))
        if not (old / MANIFEST).exists():
            return
        files = [old / ROWS, old / REJECTS, *([gate / REJECTS] if (gate / REJECTS).exists() else [])]
        if not any(count(self.connection, path, self._any(path)) for path in files if path.exists()):
            return
        manifest = Manifest.read(old)
        # Where each row stood among those that landed: the gate tells rejects by that.
        self._number(old / ROWS)
        with keyed_night(self.contract, self.home, link, "landing") as folder:
            landed, blanked = self._write(old / ROWS, folder / ROWS)
            refused = self._rejects(old / REJECTS, folder / REJECTS)
            kept = replace(
                manifest, rows_sent=manifest.rows_sent - landed - refused, rows_landed=manifest.rows_landed - landed,
                rows_rejected=manifest.rows_rejected - refused,
            )  # fmt: skip
            kept.write(folder)
            seal_landed(self.home, folder)
        keep_time(old, link.resolve())
        by_gate = self._gate(gate, old, link.resolve(), landed)
        # Whoever else was in these originals is in the rows that stay.
        gone.originals += sum(1 for one in manifest.originals if list((old / one.path).parent.glob(f"{Path(one.path).name}*")))  # fmt: skip
        gone.landed, gone.rejects, gone.blanked = gone.landed + landed, gone.rejects + refused + by_gate, gone.blanked + blanked  # fmt: skip
        self._recount(date.fromisoformat(link.name), sent=landed + refused, rejected=refused + by_gate)
        gone.nights = tuple(sorted({*gone.nights, link.name}))
        erase(old)

    def _number(self, rows: Path) -> None:
        own = self._own(columns_of(self.connection, rows)) or "false"
        self.connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE new_place AS
            SELECT place, count(*) FILTER (WHERE NOT is_own) OVER (ORDER BY place) AS moved_to
            FROM (
                SELECT rows.file_row_number + 1 AS place, coalesce({own}, false) AS is_own
                FROM {readable(self.connection, rows, "file_row_number = true")} AS rows
            )
        """)

    def _rejects(self, source: Path, target: Path) -> int:
        if not source.exists():
            return 0
        refused = count(self.connection, source, self._refused())
        write_without(self.connection, source, target, self._refused())
        return refused

    def _gate(self, link: Path, landed_before: Path, landed_now: Path, landed: int) -> int:
        """The gate's word on what landed, with its rejects by their new places; returns how many of them went."""
        if not (link / GATE).exists():
            return 0
        old, verdict = link.resolve(), Verdict.read(link)
        if verdict.landing != landed_before.name:
            return 0
        refused = count(self.connection, old / REJECTS, self._refused())
        with keyed_night(self.contract, self.home, link, "gate") as folder:
            moved = f"""
                SELECT rows.* REPLACE (moved.moved_to::BIGINT AS row)
                FROM {readable(self.connection, old / REJECTS)} AS rows
                JOIN new_place AS moved ON moved.place = rows.row
                WHERE NOT coalesce({self._refused()}, false)
            """
            write_parquet(self.connection, moved, folder / REJECTS)
            if (old / VALIDATION).exists():
                shutil.copyfile(old / VALIDATION, folder / VALIDATION)
            replace(
                verdict, landing=landed_now.name, rows_landed=verdict.rows_landed - landed, rows_rejected=verdict.rows_rejected - refused
            ).write(folder)  # fmt: skip
            seal_gate(self.home, folder)
        keep_time(old, link.resolve())
        erase(old)
        return refused

    def _recount(self, night: date, sent: int, rejected: int) -> None:
        """The record of a night says what is there: as if the person's records had not been sent."""
        known = recorded(self.home, night, self.contract.agency, self.contract.feed)
        if known is None:
            return
        taken = (known.rows_accepted or 0) - (sent - rejected) if known.is_taken else known.rows_accepted
        replace(
            known, rows_sent=(known.rows_sent or 0) - sent, rows_rejected=(known.rows_rejected or 0) - rejected, rows_accepted=taken
        ).save(self.home)  # fmt: skip

    def _accepted(self, gone: Gone) -> None:
        """From the first night that holds the person on: what later ones changed is told against those before."""
        nights = accepted_nights(self.contract, self.home, date.max)
        held = [folder for folder in nights if any(count(self.connection, path, self._any(path)) for path in _files(folder))]  # fmt: skip
        for link in nights[nights.index(held[0]) :] if held else ():
            night = date.fromisoformat(link.name)
            old = link.resolve()
            with keyed_night(self.contract, self.home, accepted_folder(self.contract, self.home, night), "accepted") as folder:  # fmt: skip
                rows, blanked = self._write(old / ROWS, folder / ROWS)
                acceptance = Acceptance.read(old)
                # Decided anew: that the rows are others than the ledger's is told by the ledger itself.
                replace(
                    acceptance, rows_sent=acceptance.rows_sent - rows, rows_accepted=acceptance.rows_accepted - rows,
                    decided_at=datetime.now(UTC).isoformat(),
                ).write(folder)  # fmt: skip
                if (old / WORDING).exists():
                    shutil.copyfile(old / WORDING, folder / WORDING)
                before = accepted_nights(self.contract, self.home, night - timedelta(days=1))
                changes = write_changes(self.contract, before, folder)
                seal_accepted(self.home, folder)
            keep_time(old, link.resolve())
            note_accepted(self.home, link)
            known = recorded(self.home, night, self.contract.agency, self.contract.feed)
            if known is not None and known.is_taken:
                with_changes(known, changes).save(self.home)
            gone.accepted, gone.blanked = gone.accepted + rows, gone.blanked + blanked
            gone.nights = tuple(sorted({*gone.nights, link.name}))
            erase(old)

    def _superseded(self, folder: Path) -> None:
        """What a later run of a night took the place of is of no use to a build, and may hold the person."""
        used = {os.path.realpath(link) for link in folder.glob("[0-9]*")}
        for attempt in folder.glob(".versions/*"):
            files = list(attempt.glob("*.parquet")) if str(attempt.resolve()) not in used else []
            if any(count(self.connection, path, self._any(path)) for path in files):
                erase(attempt)


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in (folder / ROWS, folder / CHANGES) if path.exists())
