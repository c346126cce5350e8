"""Landing: the original bytes kept, typed rows, rejects, and a manifest in which every record is accounted for."""

import hashlib
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import tenacity

from sources.connectors import ExtractError, connector
from sources.contract import RESERVED_NAMES, Column, Contract
from sources.date_proof import check_column, check_name
from sources.formats import Reading, reader
from sources.formats.packed import unpacked
from sources.manifest import MANIFEST, REJECTS, ROWS, Manifest
from sources.typing_sql import TypedValue, typed
from warehouse.engine import literal, open_database, quoted
from warehouse.files import remove_unfinished, versioned_folder
from warehouse.home import Home

_HASH_CHUNK_BYTES = 1 << 20
_FETCH_ATTEMPTS = 3
_FAULTS = 'STRUCT("rule" VARCHAR, "column" VARCHAR, "value" VARCHAR, "reason" VARCHAR)[]'
_FAULT = "a text that is not of its column's type"


@dataclass(frozen=True)
class Field:
    """A column of the file: its header, and the contract's column or None where the contract does not know it."""

    header: str
    column: Column | None

    @property
    def name(self) -> str:
        return self.column.name if self.column else self.header

    @property
    def typed(self) -> TypedValue:
        text = quoted(self.header)
        return typed(self.column, text) if self.column else TypedValue(text, "true", "")


def land_night(contract: Contract, home: Home, extract_date: date) -> Manifest:
    """Land the extract of one night under `landing/<agency>/<feed>/<extract_date>`. Raises as `land_extract` does."""
    night = landed_folder(contract, home, extract_date)
    remove_unfinished(night.parent, MANIFEST)
    with versioned_folder(night) as folder:
        return land_extract(contract, folder, extract_date=extract_date)


def landed_folder(contract: Contract, home: Home, extract_date: date) -> Path:
    return home.landing / contract.agency / contract.feed / extract_date.isoformat()


def land_extract(
    contract: Contract, into: Path, location: str | None = None, extract_date: date | None = None
) -> Manifest:
    """Pull one extract into the folder `into`: `original/`, rows.parquet, rejects.parquet, manifest.json.

    `location` takes the place of the contract's own; `extract_date` is today (UTC) where none is given.
    Raises ExtractError with what happened, where, and what to do.
    """
    started_at = datetime.now(UTC)
    extract_date = extract_date or started_at.date()
    if location is not None:
        contract = replace(contract, server=replace(contract.server, location=location))
    into.mkdir(parents=True, exist_ok=True)
    original = _fetch(contract, extract_date, into / "original")
    check_name(contract, extract_date, original.name)
    with tempfile.TemporaryDirectory(dir=into, prefix=".scratch-") as scratch, open_database() as connection:
        plain = unpacked(original, Path(scratch))
        landed = _Landing(connection, contract, into, plain, Path(scratch)).land()
        check_column(connection, contract, extract_date, into / ROWS)
    manifest = Manifest(
        agency=contract.agency, feed=contract.feed, extract_date=extract_date, source=contract.server.location,
        original=f"original/{original.name}", original_bytes=original.stat().st_size, original_sha256=_sha256(original),
        contract_version=contract.version, contract_sha256=contract.fingerprint, rows_sent=landed.sent, rows_landed=landed.landed,
        rows_rejected=landed.rejected, started_at=started_at, finished_at=datetime.now(UTC), extra_columns=landed.extra_columns,
    )  # fmt: skip
    manifest.write(into)
    return manifest


def _fetch(contract: Contract, extract_date: date, into: Path) -> Path:
    into.mkdir()
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(OSError),
        stop=tenacity.stop_after_attempt(_FETCH_ATTEMPTS),
        wait=tenacity.wait_exponential_jitter(initial=1, max=30),
        reraise=True,
    )
    try:
        return into / retrying(connector(contract), contract, extract_date, into)
    except OSError as error:
        raise ExtractError(
            f"{error.strerror or error} after {_FETCH_ATTEMPTS} attempts; check the share or disk"
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Landed:
    """The counts of one landing: sent = landed + rejected."""

    sent: int
    landed: int
    rejected: int
    extra_columns: list[str]


class _Landing:
    """One extract on its way from a plain file to typed rows and rejects."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, contract: Contract, into: Path, plain: Path, scratch: Path
    ) -> None:
        self.connection, self.contract, self.into, self.scratch = connection, contract, into, scratch
        try:
            self.reading: Reading = reader(contract)(connection, contract, plain)
        except OSError as error:
            raise ExtractError(f"the original cannot be read ({error}); ask for it again") from error
        self.fields = self._fields()

    def land(self) -> Landed:
        if not self._write_when_all_right():
            self._write_with_faults()
        broken = self.reading.broken()
        self.connection.register(
            "broken",
            _arrow(
                line=[item.line for item in broken],
                reason=[item.reason for item in broken],
                record=[item.record for item in broken],
            ),
        )
        rejected = self._write_rejects()
        self._refuse_if_cut_off()
        landed = self._count(ROWS)
        sent = self.reading.records(landed + rejected)
        if sent != landed + rejected:
            raise ExtractError(
                f"{sent} records were sent, but {landed} landed and {rejected} were rejected; nothing was taken, "
                "tell the platform's maintainers"
            )
        return Landed(sent, landed, rejected, [item.header for item in self.fields if item.column is None])

    def _fields(self) -> list[Field]:
        fields = [Field(header, self.contract.matching_header(header)) for header in self.reading.headers]
        missing = [column.header for column in self.contract.columns if column.header not in self.reading.headers]
        if missing:
            extra = ", ".join(item.header for item in fields if item.column is None) or "none"
            raise ExtractError(
                f"line 1: the header has no {', '.join(missing)} (columns the contract does not know: {extra}); "
                f"ask {self.contract.agency_name} what changed, or change {self.contract.path.name}"
            )
        names = [item.name.lower() for item in fields]
        kept = RESERVED_NAMES.intersection([*names, *(header.lower() for header in self.reading.headers)])
        if kept:
            raise ExtractError(
                f"line 1: the platform keeps {', '.join(sorted(kept))} for itself; ask {self.contract.agency_name} for another name"
            )
        if len(set(names)) < len(names):
            raise ExtractError("line 1: a new column has the name of another one; rename it in the contract")
        return fields

    def _write_when_all_right(self) -> bool:
        """The usual night, in one pass: the statement stops at the first fault."""
        all_right = " AND ".join(item.typed.is_right for item in self.fields)
        selected = [f"{item.typed.value} AS {quoted(item.name)}" for item in self.fields]
        first = self.fields[0]
        guard = (
            f"CASE WHEN {all_right} THEN {first.typed.value} ELSE error({literal(_FAULT)}) END AS {quoted(first.name)}"
        )
        try:
            self._copy(f"SELECT {', '.join([guard, *selected[1:]])} FROM {self.reading.relation}", ROWS)
        except duckdb.Error as error:
            if _FAULT not in str(error):
                raise ExtractError(
                    f"the file cannot be read: {_first_line(error)}; ask the agency to send it again"
                ) from error
            self.connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
            return False
        self.connection.execute(f"CREATE TEMP TABLE faulty (line BIGINT, faults {_FAULTS}, record VARCHAR)")
        return True

    def _write_with_faults(self) -> None:
        """A bad night, in two passes: every row with its faults, then the rows without any."""
        marked = self.scratch / "marked.parquet"
        selected = [f"{item.typed.value} AS {quoted(item.name)}" for item in self.fields]
        faults = ", ".join(_fault(item) for item in self.fields if item.typed.reason)
        record = ", ".join(f"{literal(item.header)}: {quoted(item.header)}" for item in self.fields)
        self._copy(
            f"SELECT {', '.join(selected)}, list_filter([{faults}], lambda fault: fault IS NOT NULL) AS _faults, "
            f"CASE WHEN len(_faults) > 0 THEN to_json({{{record}}}) END AS _record FROM {self.reading.relation}",
            marked,
        )
        source = f"read_parquet({literal(str(marked))}, file_row_number=true)"
        self._copy(f"SELECT * EXCLUDE (_faults, _record, file_row_number) FROM {source} WHERE len(_faults) = 0", ROWS)
        positions = [
            row[0]
            for row in self.connection.execute(
                f"SELECT file_row_number + 1 FROM {source} WHERE len(_faults) > 0"
            ).fetchall()
        ]
        self.connection.register("place", _arrow(position=positions, line=self.reading.lines(positions)))
        self.connection.execute(
            f"CREATE TEMP TABLE faulty AS SELECT place.line, _faults AS faults, CAST(_record AS VARCHAR) AS record FROM {source} "
            "JOIN place ON place.position = file_row_number + 1"
        )

    def _write_rejects(self) -> int:
        """One row per rejected record: its first fault in columns, all of them in `faults`."""
        self._copy(
            "WITH rejected AS (SELECT line, [{'rule': 'structure', 'column': NULL, 'value': NULL, 'reason': reason}]"
            f"::{_FAULTS} AS faults, record FROM broken UNION ALL SELECT line, faults, record FROM faulty) "
            "SELECT line, unnest(faults[1]), record, faults FROM rejected ORDER BY line",
            REJECTS,
        )
        return self._count(REJECTS)

    def _refuse_if_cut_off(self) -> None:
        """A last record without a line end that is too short, or wrong where it stops: more is missing than this one.

        How many rejects the contract allows does not matter then.
        """
        found = self.connection.execute(
            f"SELECT line FROM read_parquet({literal(str(self.into / REJECTS))}) WHERE line = ? AND (rule = 'structure' "
            "AND reason <> 'too many columns' OR list_contains(list_transform(faults, lambda fault: fault.\"column\"), ?))",
            [self.reading.open_line(), self.fields[-1].name],
        ).fetchone()
        if found:
            raise ExtractError(
                f"line {found[0]}: the file ends in the middle of a record, it was cut off; "
                f"ask {self.contract.agency_name} to send it again"
            )

    def _copy(self, query: str, target: str | Path) -> None:
        self.connection.execute(
            f"COPY ({query}) TO {literal(str(self.into / target))} (FORMAT parquet, COMPRESSION zstd)"
        )

    def _count(self, file: str) -> int:
        found = self.connection.execute(
            f"SELECT count(*) FROM read_parquet({literal(str(self.into / file))})"
        ).fetchone()
        return int(found[0]) if found else 0


def _fault(item: Field) -> str:
    return (
        f"CASE WHEN NOT {item.typed.is_right} THEN {{'rule': 'type', 'column': {literal(item.name)}, "
        f"'value': {quoted(item.header)}, 'reason': {literal(item.typed.reason)}}} END"
    )


def _arrow(**columns: list[Any]) -> pa.Table:
    types = {"line": pa.int64(), "position": pa.int64()}
    return pa.table({name: pa.array(values, types.get(name, pa.string())) for name, values in columns.items()})


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]
