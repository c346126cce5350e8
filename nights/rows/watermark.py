"""Watermarks of incremental feeds: where the next night begins, and how far an accepted night has come."""

from datetime import date, datetime, timedelta
from pathlib import Path

from nights.rows.accepted import Acceptance, last_accepted
from sources.contract.model import Contract
from warehouse.engines.duckdb.encrypted_parquet import readable
from warehouse.engines.duckdb.engine import literal, open_database, quoted
from warehouse.home import Home


def since(contract: Contract, home: Home, extract_date: date) -> str | None:
    """Where the pull of a night begins: the watermark of the last accepted night before it, less the contract's lateness.

    None where everything is to be pulled: nothing was before, or `lost` tells why its watermark cannot be gone on from.
    Rows of the overlap that came before are told by their key.
    """
    if contract.increment is None:
        return None
    before = last_accepted(contract, home, extract_date - timedelta(days=1))
    mark = usable(contract, Acceptance.read(before)) if before else None
    if mark is None:
        return None
    lateness = contract.increment.lateness
    if isinstance(lateness, int):
        return str(int(mark) - lateness)
    match _ordered(mark, contract.column(contract.increment.watermark).sql_type):
        case datetime() as moment:
            return (moment - lateness).isoformat()
        case date() as day:
            return (day - timedelta(days=-(-lateness // timedelta(days=1)))).isoformat()
    return mark


def usable(contract: Contract, before: Acceptance) -> str | None:
    """The watermark of an accepted night; None where it has none, or it is of another column or type than the contract's."""
    if contract.increment is None or before.watermark is None:
        return None
    if before.watermark_column not in (None, contract.increment.watermark):
        return None
    try:
        _ordered(before.watermark, contract.column(contract.increment.watermark).sql_type)
    except ValueError:
        return None
    return before.watermark


def lost(contract: Contract, before: Acceptance) -> str | None:
    """Why a night could not go on from the watermark of the accepted one `before`, so that all was asked for; None where it could."""
    if contract.increment is None or before.watermark is None or usable(contract, before):
        return None
    name = contract.increment.watermark
    if before.watermark_column in (None, name):
        what = f"is no {contract.column(name).sql_type}, as {name} is now"
    else:
        what = f"is of {before.watermark_column}, which says nothing of {name}"
    return (
        f"the watermark of the night of {before.extract_date} {what}: everything was asked for, and the next night goes on from "
        f"this one; where {contract.agency_name} sends only what changed, ask for one full extract"
    )


def reached(contract: Contract, rows: Path, pulled_at: datetime, before: str | None) -> str | None:
    """The watermark after a night was accepted: the highest of its rows, never less than `before`.

    A time after `pulled_at` is a clock that goes wrong: taken, it would hide every change until then.
    """
    if contract.increment is None:
        return None
    column = quoted(contract.increment.watermark)
    kind = contract.column(contract.increment.watermark).sql_type
    limit = ""
    if kind.startswith(("DATE", "TIMESTAMP")):
        limit = f" WHERE {column} <= CAST({literal(pulled_at.isoformat())} AS {kind})"
    with open_database() as connection:
        found = connection.execute(f"SELECT max({column}) FROM {readable(connection, rows)}{limit}").fetchone()
    value = found[0] if found else None
    if value is None:
        return before
    text = value.isoformat() if isinstance(value, date) else str(value)
    return max(text, before, key=lambda mark: _ordered(mark, kind)) if before else text


def _ordered(text: str, kind: str) -> datetime | date | int:
    """A watermark as what it is ordered by. Raises ValueError where it is none of the type: 20261120 is a number, and no date."""
    if kind == "DATE":
        return datetime.strptime(text, "%Y-%m-%d").date()
    if not kind.startswith("TIMESTAMP"):
        return int(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} is no time with a zone")
    return moment
