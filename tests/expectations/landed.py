"""A landed and gated night made of plain rows, for tests of what comes after: no file is parsed and no suite runs."""

from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nights.folders import gate_folder, landed_folder
from nights.integrity.sealed_extracts import seal_gate, seal_landed
from nights.integrity.vouched import take_over
from nights.record.verdict import GATE, Verdict
from sources.arrival.manifest import REJECTS, ROWS, Manifest, Original
from sources.contract.model import Contract
from warehouse.engines.duckdb.engine import open_database, quoted
from warehouse.files import versioned_folder
from warehouse.home import Home


def land_rows(
    contract: Contract, home: Home, night: date, rows: list[dict[str, Any]], refusal: str | None = None
) -> None:
    """Land `rows` in the contract's types, with the verdict of a gate that found nothing, or refused for `refusal`."""
    take_over(home)
    moment = datetime.now(UTC)
    with versioned_folder(landed_folder(contract, home, night)) as landing:
        _write_rows(contract, rows, str(landing / ROWS))
        Manifest(
            agency=contract.agency, feed=contract.feed, extract_date=night, source="rows",
            originals=[Original.of(landing, ROWS)], contract_version="1", contract_sha256="", rows_sent=len(rows),
            rows_landed=len(rows), rows_rejected=0, started_at=moment, finished_at=moment,
        ).write(landing)  # fmt: skip
        seal_landed(home, landing)
    with versioned_folder(gate_folder(contract, home, night)) as gate:
        pq.write_table(pa.table({"row": pa.array([], pa.int64())}), gate / REJECTS)
        Verdict(
            agency=contract.agency, feed=contract.feed, extract_date=night.isoformat(), landing=landing.name,
            accepted=refusal is None, reasons=[refusal] if refusal else [], rows_landed=len(rows), rows_rejected=0, results=[],
        ).write(gate)  # fmt: skip
        seal_gate(home, gate)
    assert (gate / GATE).exists()


def _write_rows(contract: Contract, rows: list[dict[str, Any]], target: str) -> None:
    given = {column.name: [row.get(column.name) for row in rows] for column in contract.columns}
    schema = _schema(tuple((column.name, column.sql_type) for column in contract.columns))
    pq.write_table(pa.table({name: pa.array(given[name], schema.field(name).type) for name in given}), target)


@cache
def _schema(columns: tuple[tuple[str, str], ...]) -> pa.Schema:
    """As the engine writes columns of these types."""
    typed = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in columns)
    with open_database() as connection:
        return connection.execute(f"SELECT {typed} LIMIT 0").to_arrow_table().schema
