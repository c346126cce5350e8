"""What every database connector needs to know of its contract: which table, which columns, from which watermark on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sources.arrival.request import Pull
from sources.contract import defaults
from sources.contract.model import Contract
from sources.errors import ExtractError

ORIGINAL = "rows.parquet"


@dataclass(frozen=True)
class Selection:
    """The rows to pull: `source` is SQL to write after FROM, `where` a condition or empty; columns are the agency's own names.

    Only the contract's columns are pulled: what is not agreed on does not leave the agency.
    """

    source: str
    columns: tuple[str, ...]
    where: str

    @property
    def condition(self) -> str:
        return f" WHERE {self.where}" if self.where else ""


def selection(pull: Pull, quote: Callable[[str], str]) -> Selection:
    """The table (`physicalName` of the schema object, in the server's `schema`) or the server's `query`, in a dialect's quotes."""
    contract, options = pull.contract, pull.contract.server.options
    if "query" in options:
        source = f"({str(options['query']).strip().rstrip(';')}) AS extract"
    else:
        parts = [*([str(options["schema"])] if options.get("schema") else []), contract.physical_name]
        source = ".".join(map(quote, parts))
    return Selection(source, tuple(column.header for column in contract.columns), _since(pull, quote))


def _since(pull: Pull, quote: Callable[[str], str]) -> str:
    """From the watermark on, itself included: other rows may have the same one. Rows without any are pulled every night."""
    if pull.contract.increment is None or pull.watermark is None:
        return ""
    column = quote(pull.contract.column(pull.contract.increment.watermark).header)
    value = "'" + _as_written(pull, pull.watermark).replace("'", "''") + "'"
    return f"({column} >= {value} OR {column} IS NULL)"


def _as_written(pull: Pull, watermark: str) -> str:
    """A time without a zone, in UTC or in the contract's own zone, whichever is earlier: a column without a zone is in the
    latter, one with a zone is compared in UTC. Rows that come twice for it are told by their key.

    With a blank before the time, as databases write it: one that keeps times as text compares texts.
    """
    contract = pull.contract
    column = contract.column(contract.increment.watermark if contract.increment else "")
    if not column.sql_type.startswith("TIMESTAMP"):
        return watermark
    moment = datetime.fromisoformat(watermark)
    zones = ("UTC", str(column.options.get("defaultTimezone", defaults.TIME_ZONE)))
    local = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, microsecond=0) for zone in zones]
    return min(local).isoformat(sep=" ")


def check_columns(contract: Contract, found: Iterable[str]) -> None:
    """Raises ExtractError where the table lacks a column of the contract."""
    names = list(found)
    missing = [column.header for column in contract.columns if column.header not in names]
    if missing:
        extra = ", ".join(sorted(set(names) - {column.header for column in contract.columns})) or "none"
        raise ExtractError(
            f"{place(contract)} has no {', '.join(missing)} (columns the contract does not know: {extra}); "
            f"ask {contract.agency_name} what changed, or change {contract.path.name}"
        )


def place(contract: Contract) -> str:
    return "the query" if "query" in contract.server.options else f"table {contract.physical_name}"
