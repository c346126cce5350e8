"""The rejects of one extract, of the landing and of the gate, as one relation, and what of them may be shown."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from nights.record.attempt import recorded_attempt
from sources.arrival.manifest import REJECTS
from sources.contract.model import Contract
from sources.json_pointer import pointer_to
from warehouse.engines.duckdb.engine import literal
from warehouse.home import Home
from warehouse.shown import MASK

# What only the one or the other step knows.
_EMPTY = "SELECT NULL::VARCHAR AS file, NULL::BIGINT AS line, NULL::BIGINT AS row WHERE false"


def rejects_of(contract: Contract, home: Home, night: date) -> str | None:
    """The relation of what was recorded of a night; None where nothing landed that its record is of."""
    attempt = recorded_attempt(contract, home, night)
    return rejects_relation(attempt.landing, attempt.gate)


def rejects_relation(landing: Path | None, gate: Path | None) -> str | None:
    """SQL of the rejects in these folders: step, file, line (of the file) or row (that landed), rule, column, value, reason,
    record (as text), faults.

    To be written after FROM; None where neither folder has any file of rejects. Ordered by `step DESC, place`, where `place` is
    the line or the row, they are as the steps found them.
    """
    parts = list(_parts(landing, gate))
    return (
        f"(SELECT *, coalesce(line, row) AS place FROM ({' UNION ALL BY NAME '.join([_EMPTY, *parts])}))"
        if parts
        else None
    )


def _parts(landing: Path | None, gate: Path | None) -> Iterator[str]:
    for step, folder in (("landing", landing), ("gate", gate)):
        if folder and (folder / REJECTS).exists():
            file = literal(str(folder / REJECTS))
            yield f"SELECT {literal(step)} AS step, * REPLACE (record::VARCHAR AS record) FROM read_parquet({file})"


def shown_value(contract: Contract) -> str:
    """SQL of a reject's value for all eyes: masked where its column is not open, empty where there is none."""
    columns = ", ".join(literal(column.name) for column in contract.columns if not column.is_masked) or "NULL"
    return f"""CASE WHEN value IS NULL THEN '' WHEN "column" IN ({columns}) THEN value ELSE {literal(MASK)} END"""


def in_record(name: str) -> str:
    """SQL of one value of a reject's record, as text: by the file's heading at landing, by the contract's name at the gate.

    By pointer: the engine's other way to name a key does not know a quote inside one.
    """
    return f"json_extract_string(record, {literal(pointer_to(name))})"
