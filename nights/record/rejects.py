"""The rejects of one extract, of the landing and of the gate, as one relation, and what of them may be shown."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from nights.record.attempt import recorded_attempt
from sources.arrival.manifest import REJECTS
from sources.contract.model import Contract
from sources.json_pointer import pointer_to
from warehouse.engines.duckdb.encrypted_parquet import let_read, parquet
from warehouse.engines.duckdb.engine import literal, open_database
from warehouse.home import Home
from warehouse.numbers_for_people import MASK

# What only the one or the other step knows, also of those that an earlier version wrote.
_EMPTY = """
    SELECT NULL::VARCHAR AS file, NULL::BIGINT AS line, NULL::BIGINT AS row, NULL::VARCHAR AS sent
    WHERE false"""
# As the agency's file has them, and behind them what nobody knows the line of.
IN_ORDER = "file NULLS LAST, line NULLS LAST, row"


def rejects_of(contract: Contract, home: Home, night: date) -> str | None:
    """The relation of what was recorded of a night; None where nothing landed that its record is of."""
    attempt = recorded_attempt(contract, home, night)
    return rejects_relation(attempt.landing, attempt.gate)


def rejects_relation(landing: Path | None, gate: Path | None) -> str | None:
    """SQL of the rejects in these folders: step, file, line, rule, column, value, reason, record (as text), is_as_sent, faults.

    To be written after FROM; None where neither folder has any file of rejects. To be ordered by IN_ORDER: `line` is the line of
    the agency's file, or the record's number where it has no lines. Where it is empty, the originals of a reject of the gate
    could not be read again: then `row` is its number among those that landed, and its record has the contract's names and
    typed values, where one that `is_as_sent` has the file's headings and texts. A connection needs its keys (`let_read`).
    """
    parts = list(_parts(landing, gate))
    if not parts:
        return None
    return f"""
        (
            SELECT * EXCLUDE (sent) REPLACE (coalesce(sent, record) AS record),
                step = 'landing' OR sent IS NOT NULL AS is_as_sent
            FROM ({" UNION ALL BY NAME ".join([_EMPTY, *parts])})
        )"""


def _parts(landing: Path | None, gate: Path | None) -> Iterator[str]:
    for step, folder in (("landing", landing), ("gate", gate)):
        if folder and (folder / REJECTS).exists():
            yield f"""
                SELECT {literal(step)} AS step, * REPLACE (record::VARCHAR AS record)
                FROM {parquet(folder / REJECTS)}"""


def shown_value(contract: Contract) -> str:
    """SQL of a reject's value for all eyes: masked where its column is not open, empty where there is none."""
    columns = ", ".join(literal(column.name) for column in contract.columns if not column.is_masked) or "NULL"
    return f"""CASE WHEN value IS NULL THEN '' WHEN "column" IN ({columns}) THEN value ELSE {literal(MASK)} END"""


def first_rejects(contract: Contract, relation: str, limit: int) -> tuple[int, list[tuple[str, ...]]]:
    """How many there are, and of the first `limit` the step, place, column, value for all eyes, and reason."""
    place = "concat_ws(':', nullif(file, ''), coalesce(line::VARCHAR, 'row ' || row))"
    first = f"""
        SELECT step, {place}, coalesce("column", ''), {shown_value(contract)}, reason
        FROM {relation}
        ORDER BY {IN_ORDER}
        LIMIT {limit}
    """
    with open_database() as connection:
        let_read(connection, relation)
        total = connection.execute(f"SELECT count(*) FROM {relation}").fetchone() or (0,)
        return total[0], connection.execute(first).fetchall()


def in_record(name: str, record: str = "record") -> str:
    """SQL of one value of a reject's record, as text: by the file's heading where it is as sent, else by the contract's name.

    By pointer: the engine's other way to name a key does not know a quote inside one.
    """
    return f"json_extract_string({record}, {literal(pointer_to(name))})"
