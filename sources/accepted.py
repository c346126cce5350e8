"""Accepted extracts: which nights of a feed count on a date, what they add up to, and the relations that dbt reads them through."""

import json
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from sources.contract import Contract
from sources.manifest import ROWS
from warehouse.engine import literal, quoted
from warehouse.home import Home

ACCEPTANCE = "accepted.json"
SCHEMA = "accepted"


@dataclass(frozen=True)
class Acceptance:
    """Why the rows beside it may be read further, and what they changed in the feed's state of the night before.

    `watermark` is where an incremental feed ended; the next night starts there.
    """

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
    watermark: str | None = None
    changes: dict[str, int] | None = None

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
    return max(accepted_nights(contract, home, until), key=lambda path: path.name, default=None)


def accepted_nights(contract: Contract, home: Home, until: date) -> list[Path]:
    """The folders of all accepted nights with extract_date <= `until`, oldest first."""
    nights = accepted_folder(contract, home, until).parent.glob("[0-9]*")
    return sorted(path for path in nights if path.name <= until.isoformat() and (path / ACCEPTANCE).exists())


def counting(contract: Contract, nights: list[Path]) -> list[Path]:
    """Those of the accepted nights that make up the feed's state: the last one of a snapshot, all of the others."""
    return nights[-1:] if contract.extract_mode == "snapshot" else nights


def create_relations(connection: duckdb.DuckDBPyConnection, contracts: list[Contract], home: Home, until: date) -> None:
    """Make `accepted.<agency>__<feed>` for every contract: the feed's state, or an empty typed relation.

    They are views over Parquet, for the length of a build; what is published must not read them.
    """
    connection.execute(f"CREATE SCHEMA {SCHEMA}")
    for contract in contracts:
        state = state_of(contract, accepted_nights(contract, home, until))
        connection.execute(f"CREATE VIEW {SCHEMA}.{quoted(contract.relation)} AS {state}")


def state_of(contract: Contract, nights: list[Path]) -> str:
    """SQL of what the accepted `nights` (oldest first) add up to: the contract's columns and the lineage columns.

    snapshot: the last night. append: every night; of a key that came twice, the first. incremental: the newest wording of
    each key by night, then by watermark, without the keys whose newest wording is marked as deleted.
    """
    files = [(night / ROWS).resolve() for night in counting(contract, nights)]
    key = ", ".join(map(quoted, contract.key))
    source_key = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in contract.key)
    columns = ", ".join(quoted(column.name) for column in contract.columns)
    lineage = f"{literal(contract.agency)} AS _agency, {literal(contract.feed)} AS _feed, _extract_date, concat_ws('|', {source_key}) AS _source_key"
    state = f"SELECT {columns}, {lineage} FROM ({_rows(contract, files)})"
    if contract.extract_mode == "append":
        return f"{state} QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY _extract_date) = 1"
    if contract.increment is None:
        return state
    # By night first: what a later night was told of a key is what its agency holds, whatever clock stamped the rows.
    newest = f"_extract_date DESC, {quoted(contract.increment.watermark)} DESC NULLS LAST"
    state = f"{state} QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {newest}) = 1"
    if contract.increment.deleted_when is None:
        return state
    return f"SELECT * FROM ({state}) WHERE NOT coalesce({quoted(contract.increment.deleted_when)}, false)"


def _rows(contract: Contract, files: list[Path]) -> str:
    """The rows of accepted files, each with its night. A column that is newer than all of them is null."""
    if not files:
        empty = ", ".join(f"NULL::{column.sql_type} AS {quoted(column.name)}" for column in contract.columns)
        return f"SELECT {empty}, NULL::DATE AS _extract_date LIMIT 0"
    known = {name for file in files for name in pq.read_schema(file).names}
    columns = ", ".join(
        f"CAST({quoted(column.name) if column.name in known else 'NULL'} AS {column.sql_type}) AS {quoted(column.name)}"
        for column in contract.columns
    )
    # Accepted files lie in folders that are named by their night.
    night = "CAST(left(parse_path(filename)[-2], 10) AS DATE) AS _extract_date"
    listed = ", ".join(literal(str(file)) for file in files)
    return f"SELECT {columns}, {night} FROM read_parquet([{listed}], filename = true, union_by_name = true)"
