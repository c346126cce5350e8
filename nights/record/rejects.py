"""The rejects of one extract, of the landing and of the gate, as one relation, and what of them may be shown."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from nights.record.attempt import recorded_attempt
from sources.arrival.manifest import REJECTS
from sources.contract.model import Contract
from sources.json_pointer import pointer_to
from warehouse.engines.duckdb.engine import literal, open_database
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
    if not parts:
        return None
    return f"(SELECT *, coalesce(line, row) AS place FROM ({' UNION ALL BY NAME '.join([_EMPTY, *parts])}))"


def _parts(landing: Path | None, gate: Path | None) -> Iterator[str]:
    for step, folder in (("landing", landing), ("gate", gate)):
        if folder and (folder / REJECTS).exists():
            file = literal(str(folder / REJECTS))
            yield f"SELECT {literal(step)} AS step, * REPLACE (record::VARCHAR AS record) FROM read_parquet({file})"


def shown_value(contract: Contract) -> str:
    """SQL of a reject's value for all eyes: masked where its column is not open, empty where there is none."""
    columns = ", ".join(literal(column.name) for column in contract.columns if not column.is_masked) or "NULL"
    return f"""CASE WHEN value IS NULL THEN '' WHEN "column" IN ({columns}) THEN value ELSE {literal(MASK)} END"""


def first_rejects(contract: Contract, relation: str, limit: int) -> tuple[int, list[tuple[str, ...]]]:
    """How many there are, and of the first `limit` the step, place, column, value for all eyes, and reason."""
    first = f"""
        SELECT step, place::VARCHAR, coalesce("column", ''), {shown_value(contract)}, reason
        FROM {relation}
        ORDER BY step DESC, place
        LIMIT {limit}
    """
    with open_database() as connection:
        total = connection.execute(f"SELECT count(*) FROM {relation}").fetchone() or (0,)
        return total[0], connection.execute(first).fetchall()


def write_csv(relation: str, target: Path, safe: Callable[[str], str]) -> int:
    """Write all rejects with their raw records; `safe` gives the SQL of a text as it may stand in the file. Returns how many."""
    texts = ", ".join(f"{safe(text)} AS {text}" for text in ('"column"', "value", "reason", "record"))
    with open_database() as connection:
        written = connection.execute(f"""
            COPY (
                SELECT step, place AS line, {texts}
                FROM {relation}
                ORDER BY step DESC, place
            ) TO {literal(str(target))} (FORMAT csv, HEADER)
        """).fetchone()
    return int((written or (0,))[0])


def in_record(name: str) -> str:
    """SQL of one value of a reject's record, as text: by the file's heading at landing, by the contract's name at the gate.

    By pointer: the engine's other way to name a key does not know a quote inside one.
    """
    return f"json_extract_string(record, {literal(pointer_to(name))})"
