"""Watermarks of incremental feeds: where the next night begins, and how far an accepted night has come."""

from datetime import date, datetime, timedelta
from pathlib import Path

from sources.accepted import Acceptance, last_accepted
from sources.contract import Contract
from warehouse.engine import literal, open_database, quoted
from warehouse.home import Home


def since(contract: Contract, home: Home, extract_date: date) -> str | None:
    """Where the pull of a night begins: the watermark of the last accepted night before it, less the contract's lateness.

    None where everything is to be pulled. Rows of the overlap that came before are told by their key.
    """
    if contract.increment is None:
        return None
    before = last_accepted(contract, home, extract_date - timedelta(days=1))
    reached = Acceptance.read(before).watermark if before else None
    if reached is None:
        return None
    kind = contract.column(contract.increment.watermark).sql_type
    if kind == "DATE":
        return (
            date.fromisoformat(reached) - timedelta(days=-(-contract.increment.lateness // timedelta(days=1)))
        ).isoformat()
    if kind.startswith("TIMESTAMP"):
        return (datetime.fromisoformat(reached) - contract.increment.lateness).isoformat()
    return reached


def reached(contract: Contract, rows: Path, pulled_at: datetime, before: str | None) -> str | None:
    """The watermark after a night was accepted: the highest of its rows, never less than `before`.

    A time after `pulled_at` is a clock that goes wrong: taken, it would hide every change until then.
    """
    if contract.increment is None:
        return None
    column = quoted(contract.increment.watermark)
    kind = contract.column(contract.increment.watermark).sql_type
    limit = (
        f" WHERE {column} <= CAST({literal(pulled_at.isoformat())} AS {kind})"
        if kind.startswith(("DATE", "TIMESTAMP"))
        else ""
    )
    with open_database() as connection:
        found = connection.execute(f"SELECT max({column}) FROM read_parquet({literal(str(rows))}){limit}").fetchone()
    value = found[0] if found else None
    if value is None:
        return before
    text = value.isoformat() if isinstance(value, date) else str(value)
    return max(text, before, key=lambda mark: _ordered(mark, kind)) if before else text


def _ordered(text: str, kind: str) -> datetime | date | int:
    if kind == "DATE":
        return date.fromisoformat(text)
    return datetime.fromisoformat(text) if kind.startswith("TIMESTAMP") else int(text)
