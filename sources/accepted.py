"""Accepted extracts: which nights of a feed count on a date, and the relations that dbt reads them through."""

import json
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path

import duckdb

from sources.contract import Contract
from sources.manifest import ROWS
from warehouse.engine import literal, quoted
from warehouse.home import Home

ACCEPTANCE = "accepted.json"
SCHEMA = "accepted"


@dataclass(frozen=True)
class Acceptance:
    """Why the rows beside it may be read further."""

    agency: str
    feed: str
    extract_date: str
    status: str
    original_sha256: str
    rows_sent: int
    rows_accepted: int
    rows_rejected: int
    decided_at: str
    reason: str | None = None

    def write(self, folder: Path) -> None:
        (folder / ACCEPTANCE).write_text(
            json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )

    @classmethod
    def read(cls, folder: Path) -> "Acceptance":
        data = json.loads((folder / ACCEPTANCE).read_text(encoding="utf-8"))
        return cls(**{field.name: data.get(field.name) for field in fields(cls)})


def accepted_folder(contract: Contract, home: Home, extract_date: date) -> Path:
    return home.accepted / contract.agency / contract.feed / extract_date.isoformat()


def last_accepted(contract: Contract, home: Home, until: date) -> Path | None:
    """The folder of the newest accepted night with extract_date <= `until`, or None."""
    nights = [
        path for path in accepted_folder(contract, home, until).parent.glob("[0-9]*") if path.name <= until.isoformat()
    ]
    complete = [path for path in nights if (path / ACCEPTANCE).exists()]
    return max(complete, key=lambda path: path.name, default=None)


def create_relations(connection: duckdb.DuckDBPyConnection, contracts: list[Contract], home: Home, until: date) -> None:
    """Make `accepted.<agency>__<feed>` for every contract: the last good night, or an empty typed relation.

    They are views over Parquet, for the length of a build; what is published must not read them.
    """
    connection.execute(f"CREATE SCHEMA {SCHEMA}")
    for contract in contracts:
        folder = last_accepted(contract, home, until)
        connection.execute(f"CREATE VIEW {SCHEMA}.{quoted(contract.relation)} AS {_selected(contract, folder)}")


def _selected(contract: Contract, folder: Path | None) -> str:
    key = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in contract.key)
    lineage = f"{literal(contract.agency)} AS _agency, {literal(contract.feed)} AS _feed"
    if folder is None:
        typed = ", ".join(f"NULL::{column.sql_type} AS {quoted(column.name)}" for column in contract.columns)
        return f"SELECT {typed}, {lineage}, NULL::DATE AS _extract_date, NULL::VARCHAR AS _source_key LIMIT 0"
    columns = ", ".join(quoted(column.name) for column in contract.columns)
    rows = literal(str((folder / ROWS).resolve()))
    return (
        f"SELECT {columns}, {lineage}, DATE {literal(folder.name)} AS _extract_date, concat_ws('|', {key}) AS _source_key "
        f"FROM read_parquet({rows})"
    )
