"""Landing and gate beside the bare engine, in one run: ratios, because machines differ and drift.

    python -m benchmarks.landing [ROWS]

Peers: the engine's own COPY of the same file to Parquet, and one hand-written statement with the gate's checks.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.contract import contract_text
from benchmarks.report import Ratio, report, seconds
from expectations.gate import gate_extract
from nights.accept import copy_good_rows
from sources.arrival.manifest import REJECTS, ROWS
from sources.contract.load import load
from sources.contract.model import Contract
from sources.landing.land_extract import land_extract
from warehouse.engines.duckdb.engine import literal, open_database

RUNS = 3
_GOALS = {"landing": 1.3, "gate and accept": 1.5}
COLUMNS = (
    "name: payment_id, logicalType: integer, primaryKey: true",
    'name: person_number, logicalType: string, required: true, logicalTypeOptions: {pattern: "^[0-9]{9}$"}, classification: personal',
    "name: paid_on, logicalType: date, required: true",
    'name: amount, logicalType: number, physicalType: "DECIMAL(12,2)", logicalTypeOptions: {minimum: 0}',
    "name: share, logicalType: number, logicalTypeOptions: {minimum: 0, maximum: 1}",
    "name: kind, logicalType: string, enum: [{value: pension}, {value: child}, {value: housing}]",
    "name: office, logicalType: integer",
    "name: made_at, logicalType: timestamp",
    "name: note, logicalType: string",
)


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "bench"
        place.mkdir()
        text = contract_text("payments", "type: local, path: payments.csv, format: csv", COLUMNS, "5 %")
        (place / "payments.odcs.yaml").write_text(text)
        results = {}
        for name, every in (("clean", 0), ("1 % bad", 100)):
            _write(place / "payments.csv", rows, every)
            results |= {f"{measured}, {name}": ratio for measured, ratio in _compare(place, every).items()}
        report("landing", [
            Ratio(f"{rows:,} rows of CSV, {name}", ours, bare, "at most", _GOALS[name.partition(",")[0]])
            for name, (ours, bare) in results.items()
        ])  # fmt: skip


def _write(path: Path, rows: int, every: int) -> None:
    """Payments; with `every`, each so manieth has an amount that is no number."""
    amount = "CAST(i % 100000 / 100 AS DECIMAL(12,2))::VARCHAR"
    bad = f"CASE WHEN i % {every} = 7 THEN 'n/a' ELSE {amount} END" if every else amount
    with open_database() as connection:
        connection.execute(f"""
            COPY (
                SELECT i AS payment_id,
                    lpad((i * 7919 % 1000000000)::VARCHAR, 9, '0') AS person_number,
                    DATE '2020-01-01' + (i % 2000)::INT AS paid_on,
                    {bad} AS amount, (i % 1000) / 1000 AS share,
                    ['pension', 'child', 'housing'][i % 3 + 1] AS kind, i % 500 AS office,
                    strftime(TIMESTAMP '2020-01-01' + INTERVAL (i) SECOND, '%Y-%m-%dT%H:%M:%SZ') AS made_at,
                    'note ' || (i % 10007) AS note
                FROM range({rows}) t(i)
            ) TO {literal(str(path))} (FORMAT csv, HEADER)
        """)


def _compare(place: Path, every: int) -> dict[str, tuple[float, float]]:
    contract = load(place / "payments.odcs.yaml")
    bare, landed, sql, gated = [], [], [], []
    for run in range(RUNS):
        into, out = place / f"landed{run}{every}", place / f"gate{run}{every}"
        out.mkdir()
        bare.append(seconds(lambda out=out: _engine_copy(place / "payments.csv", out / "bare.parquet", every)))
        landed.append(seconds(lambda into=into: land_extract(contract, into)))
        sql.append(seconds(lambda into=into, out=out: _engine_checks(into / ROWS, out / "sql.parquet")))
        gated.append(seconds(lambda into=into, out=out: _gate_and_accept(contract, into, out)))
    return {"landing": (median(landed), median(bare)), "gate and accept": (median(gated), median(sql))}


def _gate_and_accept(contract: Contract, into: Path, out: Path) -> None:
    gate_extract(contract, into, out)
    copy_good_rows(into / ROWS, out / REJECTS, out / ROWS)


def _engine_copy(source: Path, target: Path, every: int) -> None:
    ignore = ", ignore_errors = true" if every else ""
    with open_database() as connection:
        connection.execute(f"""
            COPY (
                FROM read_csv(
                    {literal(str(source))},
                    header = true,
                    columns = {{
                        'payment_id': 'BIGINT', 'person_number': 'VARCHAR', 'paid_on': 'DATE',
                        'amount': 'DECIMAL(12,2)', 'share': 'DOUBLE', 'kind': 'VARCHAR',
                        'office': 'BIGINT', 'made_at': 'TIMESTAMPTZ', 'note': 'VARCHAR'
                    }}{ignore}
                )
            ) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)
        """)


def _engine_checks(rows: Path, target: Path) -> None:
    with open_database() as connection:
        connection.execute(f"""
            COPY (
                SELECT *
                FROM read_parquet({literal(str(rows))})
                WHERE payment_id IS NOT NULL
                  AND person_number IS NOT NULL AND regexp_matches(person_number, '^[0-9]{{9}}$')
                  AND paid_on IS NOT NULL
                  AND coalesce(amount >= 0, true)
                  AND coalesce(share BETWEEN 0 AND 1, true)
                  AND coalesce(kind IN ('pension', 'child', 'housing'), true)
                QUALIFY count(*) OVER (PARTITION BY payment_id) = 1
            ) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)
        """)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
