"""One extract landed and gated by its contract alone, away from what the platform keeps."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from expectations.gate import gate_extract
from nights.accept import copy_good_rows
from nights.record.rejects import IN_ORDER, rejects_relation
from nights.record.verdict import Verdict
from sources.arrival.manifest import MANIFEST, REJECTS, ROWS, Manifest
from sources.contract.model import Contract
from sources.landing.land_extract import land_extract
from warehouse.engines.duckdb.encrypted_parquet import readable
from warehouse.engines.duckdb.engine import open_database, write_parquet
from warehouse.files import replaced_whole, share_file

_COLUMNS = "step, coalesce(file, '') AS file, line, row, rule, \"column\", value, reason, record, faults"


@dataclass(frozen=True)
class Reason:
    """Why so many records were rejected, at which step (`landing` or `gate`), by the first fault of each."""

    step: str
    rule: str
    column: str | None
    reason: str
    records: int


@dataclass(frozen=True)
class Trial:
    """sent = good rows + rejects of the landing + rejects of the gate, whether the verdict accepts the extract or not."""

    manifest: Manifest
    verdict: Verdict
    reasons: list[Reason]

    @property
    def rows_good(self) -> int:
        return self.verdict.rows_landed - self.verdict.rows_rejected


def try_contract(
    contract: Contract, into: Path, location: str | None = None, extract_date: date | None = None
) -> Trial:
    """Write rows.parquet (the good rows), rejects.parquet (of both steps, by line) and manifest.json to the folder `into`.

    Raises ExtractError where the extract cannot be landed at all, and RuntimeError where a quality rule is not valid.
    """
    with TemporaryDirectory(prefix=".try-", dir=_made(into)) as scratch:
        landed, gated = Path(scratch) / "landed", Path(scratch) / "gated"
        gated.mkdir()
        manifest = land_extract(contract, landed, location, extract_date)
        verdict, _ = gate_extract(contract, landed, gated)
        with replaced_whole(into / ROWS) as rows:
            copy_good_rows(landed / ROWS, gated / REJECTS, rows)
        with replaced_whole(into / REJECTS) as rejects, open_database() as connection:
            relation = rejects_relation(landed, gated)
            write_parquet(connection, f"SELECT {_COLUMNS} FROM {relation} ORDER BY {IN_ORDER}", rejects)
            reasons = _reasons(connection, rejects)
        with replaced_whole(into / MANIFEST) as copy:
            share_file(landed / MANIFEST, copy)
    return Trial(manifest, verdict, reasons)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _reasons(connection: duckdb.DuckDBPyConnection, rejects: Path) -> list[Reason]:
    found = connection.execute(f"""
        SELECT step, rule, "column", reason, count(*)
        FROM {readable(connection, rejects)}
        GROUP BY ALL
        ORDER BY step DESC, 5 DESC, 2, 3, 4""").fetchall()
    return [Reason(*row) for row in found]
