"""The stewards' report over many feeds and nights, made from records alone: how long it takes, and how large its pages are.

python -m benchmarks.steward_report [FEEDS] [NIGHTS]
"""

import random
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import typer

from nights.folders import report_folder
from reports.report import write_report
from sources.contract.load import load
from sources.contract.model import Contract
from warehouse.home import AGENCIES, Home
from warehouse.store.night_records import SCHEMAS, record_file

SECONDS, PAGE_BYTES = 20, 300_000
LAST = date(2026, 11, 20)
_FEEDS_AN_AGENCY = 3
_DIMENSIONS = ("completeness", "conformity", "uniqueness", "consistency", "validity")
_RULES = 15


def main(feeds: int, nights: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        contracts = many_contracts(feeds)
        write_record(home, contracts, nights)
        began = time.perf_counter()
        write_report(contracts, home, LAST)
        seconds = time.perf_counter() - began
        sizes = {path: path.stat().st_size for path in report_folder(home).rglob("*.html")}
        largest = max(sizes, key=lambda path: sizes[path])
        _goal(f"{feeds} feeds by {nights} nights, {len(sizes)} pages", seconds, SECONDS, "s")
        _goal(f"largest page ({largest.name})", sizes[largest] / 1000, PAGE_BYTES / 1000, "kB")


def many_contracts(feeds: int) -> list[Contract]:
    """As many feeds as asked for, of a third as many agencies, all with the columns of one."""
    one = load(AGENCIES / "faa" / "aircraft.odcs.yaml")
    return [
        replace(one, agency=f"agency_{number // _FEEDS_AN_AGENCY}", agency_name=f"Agency {number // _FEEDS_AN_AGENCY}", feed=f"feed_{number}")
        for number in range(feeds)
    ]  # fmt: skip


def write_record(home: Home, contracts: list[Contract], nights: int) -> None:
    """What `nights` runs up to LAST would have left in `quality/`: mostly good, with late feeds, failing rules and findings."""
    chance = random.Random(2026)
    for number in range(nights):
        night = LAST - timedelta(days=nights - 1 - number)
        rows = [_feed_night(contract, night, chance) for contract in contracts]
        _write(home, "feed_night", night, rows)
        _write(home, "gate_result", night, [rule for row in rows for rule in _rules(row, chance)])
        _write(home, "finding", night, [_finding(night, chance) for _ in range(200)])


def _feed_night(contract: Contract, night: date, chance: random.Random) -> dict[str, object]:
    rows = int(chance.gauss(100_000, 500))
    is_taken = chance.random() > 0.01
    at = datetime(night.year, night.month, night.day, 3, tzinfo=UTC) + timedelta(seconds=chance.randrange(3600))
    wrong = chance.randrange(50)
    return {
        "extract_date": night, "agency": contract.agency, "feed": contract.feed, "status": "accepted" if is_taken else "refused",
        "rows_sent": rows, "rows_accepted": rows - wrong if is_taken else 0, "rows_rejected": wrong if is_taken else rows,
        "started_at": at, "finished_at": at + timedelta(minutes=5), "reason": None if is_taken else "rows 12 % below the last good night",
        "rows_new": 300, "rows_changed": 800, "rows_gone": 20, "rows_again": 0,
    }  # fmt: skip


def _rules(row: dict[str, object], chance: random.Random) -> list[dict[str, object]]:
    rules = []
    for number in range(_RULES):
        wrong = chance.randrange(20) if chance.random() < 0.2 else 0
        rules.append({
            "extract_date": row["extract_date"], "agency": row["agency"], "feed": row["feed"], "rule": f"column_{number}_is_right",
            "dimension": _DIMENSIONS[number % len(_DIMENSIONS)], "severity": "error" if number % 3 else "warning", "passed": not wrong,
            "unexpected_count": wrong, "row_count": row["rows_sent"], "observed_value": f"{wrong / 1000} %",
            "description": f"column {number} must be as the contract says",
        })  # fmt: skip
    return rules


def _finding(night: date, chance: random.Random) -> dict[str, object]:
    rule = chance.randrange(12)
    return {
        "extract_date": night, "rule": f"rule_between_agencies_{rule}", "severity": "warning", "subject": "population",
        "agencies": f"agency_{rule},agency_{rule + 1}", "source_key": str(chance.randrange(10**9)), "detail": "no such person",
    }  # fmt: skip


def _write(home: Home, table: str, night: date, rows: list[dict[str, object]]) -> None:
    file = record_file(home, table, night)
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMAS[table]), file)


def _goal(name: str, figure: float, goal: float, unit: str) -> None:
    typer.echo(
        f"{name:<56}{figure:>9.1f} {unit}  goal at most {goal:g} {unit}: {'met' if figure <= goal else 'MISSED'}"
    )


if __name__ == "__main__":
    main(*[int(value) for value in sys.argv[1:]] or [50, 365])
