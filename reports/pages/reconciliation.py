"""Rows and sums of money from what an agency sent to the harmonised tables, step by step, to the last cent."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from catalogue.lineage import Lineage
from nights.record.attempt import recorded_attempt
from nights.record.past import Past
from nights.record.rejects import in_record
from nights.rows.accepted import Acceptance, accepted_nights, nights_read, state_of
from reports.figures.feed_lines import FeedLine
from reports.pages.lineage import staged_as
from reports.pages.night_site import Site
from sources.arrival.manifest import REJECTS, ROWS, Manifest
from sources.contract.model import Contract
from warehouse.engines.duckdb.encrypted_parquet import let_read, parquet
from warehouse.engines.duckdb.engine import literal, open_database, quoted
from warehouse.engines.duckdb.exact import as_number, difference, sum_of
from warehouse.store.published_nights import DATABASE, Night, published_nights
from warehouse.store.restricted import PROTECTED, attach_protected

STEPS = [
    "sent",
    "rejected at landing",
    "landed",
    "rejected at the gate",
    "accepted",
    "in use with earlier nights",
    "staged",
]


@dataclass(frozen=True)
class Step:
    """What there is of a feed at one step: rows, and the sum of each money column; None where it cannot be known any more."""

    name: str
    rows: int | None
    sums: dict[str, Decimal | None]


@dataclass(frozen=True)
class Account:
    """One feed's night from step to step. `gaps` are the differences that nothing explains; there should be none."""

    contract: Contract
    columns: list[str]
    steps: list[Step]
    gaps: list[str]
    # Whether anything of it came in this night.
    has_come: bool = True

    @property
    def unknown(self) -> list[str]:
        """Steps of which nothing is known, so that nothing was compared with them."""
        return [step.name for step in self.steps if step.rows is None]


def write_reconciliation(past: Past, site: Site, lines: Sequence[FeedLine], lineage: Lineage) -> Path:
    with _warehouse(past) as connection:
        accounts = [_account(connection, past, line, lineage) for line in lines]
    reconciling = """
        SELECT coalesce(nullif(description, ''), rule), passed, observed_value
        FROM gate_result
        WHERE extract_date = ? AND agency = 'harmonised' AND rule LIKE '%reconcile%'
        ORDER BY passed, rule"""
    rules = past.rows(reconciling, past.night)
    return site.write("reconciliation", "reconciliation.html", accounts=accounts, rules=rules, steps=STEPS)


@contextmanager
def _warehouse(past: Past) -> Iterator[duckdb.DuckDBPyConnection]:
    """The night's last build with its protected parts, whichever readers see; an empty database where none is kept."""
    build = _last_build(past)
    if build is None:
        with open_database() as connection:
            yield connection
        return
    database = build.folder / DATABASE
    with open_database(database, read_only=True) as connection:
        attach_protected(connection, database, read_only=True)
        yield connection


def _last_build(past: Past) -> Night | None:
    """Of those that came to their end: one that was restored, or is seen while the last run was held back, is of another run."""
    return next((night for night in published_nights(past.home) if night.extract_date == past.night), None)


def _is_built_of(past: Past, nights: Sequence[Path]) -> bool:
    """Whether the last build read these accepted nights as they are now: nothing was accepted after it."""
    build = _last_build(past)
    decided = [datetime.fromisoformat(Acceptance.read(folder).decided_at) for folder in nights]
    return build is not None and all(moment <= build.finished_at for moment in decided)


def _account(connection: duckdb.DuckDBPyConnection, past: Past, line: FeedLine, lineage: Lineage) -> Account:
    contract = line.contract
    money = [column.name for column in contract.columns if column.sql_type.startswith("DECIMAL")]
    attempt = recorded_attempt(contract, past.home, past.night)
    manifest = Manifest.read(attempt.landing) if attempt.landing else None
    nights = accepted_nights(contract, past.home, past.night)
    # A night that was run again and refused keeps the rows that it had, which are none of this run's.
    tonight = line.is_taken and nights and nights[-1].name == past.night.isoformat()
    steps = [
        Step("sent", manifest.rows_sent if manifest else line.rows_sent, {}),
        Step("rejected at landing", manifest.rows_rejected if manifest else None, {}),
        _measured(connection, "landed", _parquet(attempt.landing, ROWS), {name: quoted(name) for name in money}),
        _measured(connection, "rejected at the gate", _parquet(attempt.gate, REJECTS), {name: _in_record(contract, name) for name in money}),
        _measured(connection, "accepted", _parquet(nights[-1] if tonight else None, ROWS), {name: quoted(name) for name in money}),
        _measured(connection, "in use with earlier nights", f"({state_of(contract, nights)})" if nights else None, {name: quoted(name) for name in money}),
        _staged(connection, contract, lineage, money) if _is_built_of(past, nights_read(contract, nights)) else Step("staged", None, dict.fromkeys(money)),
    ]  # fmt: skip
    return Account(
        contract, money, steps, list(_gaps(steps, money)), manifest is not None or line.rows_sent is not None
    )


def _parquet(folder: Path | None, name: str) -> str | None:
    file = folder / name if folder else None
    return parquet(file.resolve()) if file and file.exists() else None


def _in_record(contract: Contract, column: str) -> str:
    """A gate reject keeps its row as JSON."""
    return f"TRY_CAST({in_record(column)} AS {contract.column(column).sql_type})"


def _measured(connection: duckdb.DuckDBPyConnection, name: str, relation: str | None, columns: dict[str, str]) -> Step:
    if relation is None:
        return Step(name, None, dict.fromkeys(columns))
    let_read(connection, relation)
    listed = ", ".join(["0", *columns.values()])
    _, *kinds = (row[1] for row in connection.execute(f"DESCRIBE SELECT {listed} FROM {relation}").fetchall())
    sums = [sum_of(expression, kind) for expression, kind in zip(columns.values(), kinds, strict=True)]
    found = connection.execute(f"SELECT {', '.join(['count(*)', *sums])} FROM {relation}").fetchone() or (0,)
    return Step(name, found[0], dict(zip(columns, map(as_number, found[1:]), strict=True)))


def _staged(connection: duckdb.DuckDBPyConnection, contract: Contract, lineage: Lineage, money: list[str]) -> Step:
    name, model = "staged", f"stg_{contract.relation}"
    place = connection.execute(f"""
        SELECT table_catalog
        FROM information_schema.tables
        WHERE table_schema = 'staging' AND table_name = {literal(model)}
        ORDER BY table_catalog NOT IN {PROTECTED}
        LIMIT 1""").fetchone()
    if place is None:
        return Step(name, None, dict.fromkeys(money))
    names = staged_as(lineage, contract)
    known = {column: quoted(names[column]) for column in money if column in names}
    step = _measured(connection, name, f"{quoted(place[0])}.staging.{quoted(model)}", known)
    return Step(name, step.rows, {column: step.sums.get(column) for column in money})


def _gaps(steps: list[Step], money: list[str]) -> Iterator[str]:
    """Each step must be the one before it less what was rejected between them."""
    sent, at_landing, landed, at_gate, accepted, in_use, staged = steps
    nothing = Step("nothing", 0, dict.fromkeys(money, Decimal(0)))
    if _unexplained(sent.rows, at_landing.rows, landed.rows):
        yield f"{sent.rows} rows sent are not {landed.rows} landed and {at_landing.rows} rejected"
    for before, less, after in ((landed, at_gate, accepted), (in_use, nothing, staged)):
        if _unexplained(before.rows, less.rows, after.rows):
            yield f"{before.rows} rows {before.name} are not {after.rows} {after.name} and {less.rows} rejected"
        for column in money:
            gap = _unexplained(before.sums[column], less.sums[column], after.sums[column])
            if gap:
                yield (
                    f"{column}: {before.sums[column]} {before.name} less {less.sums[column]} rejected is not "
                    f"{after.sums[column]} {after.name}, a difference of {gap}"
                )


def _unexplained(
    before: int | Decimal | None, less: int | Decimal | None, after: int | Decimal | None
) -> Decimal | None:
    """The difference that nothing explains; None where one of them is not known."""
    return None if before is None or less is None or after is None else difference(Decimal(before), less, after)
