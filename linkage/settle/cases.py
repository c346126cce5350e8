"""Cases of the published night, and what was decided of them and why: appended to state, read as of a night, given to each build."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from linkage.settle.beginning import begun
from warehouse.engines.duckdb.engine import comment_on, literal, open_database, quoted
from warehouse.home import Home
from warehouse.journal import Journal
from warehouse.store.restricted import PROTECTED, attach_protected, restricted_file

# What a record's own heading says of it already.
_NAMED_ABOVE = ("agency", "feed", "source_key")

DISPOSITIONS = ("open", "fraud", "error", "false positive", "no issue")


class NotPublished(Exception):
    """No night is published."""


class NoCases(Exception):
    """The published night has no cases: none of its agencies sends records of people."""


@dataclass(frozen=True)
class Disposition:
    """One decision. `decided_at` is UTC in ISO 8601."""

    match_case_id: str
    disposition: str
    reason: str
    decided_by: str
    decided_at: str


def dispositions_file(home: Home) -> Path:
    return _journal(home).path


def decide(home: Home, decision: Disposition) -> None:
    """Append one decision. Nothing is ever taken back: a later decision of the same case counts. Raises Tampered."""
    _journal(home).append(asdict(decision), decision.decided_by)


@dataclass(frozen=True)
class Record:
    """One of a case's two records, as it was staged: its columns and their values, as text, those without one left out."""

    source: str
    source_key: str
    values: dict[str, str]


@dataclass(frozen=True)
class Case:
    """A case with both its records; a record is None where the published night has it no more."""

    match_case_id: str
    match_type: str
    person_id: str
    other_person_id: str | None
    key_strength: str
    match_probability: float
    money_at_risk_eur: Decimal | None
    detail: str
    disposition: str
    disposition_reason: str | None
    records: tuple[Record | None, Record | None]


def ask_published(home: Home, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of a query on `known_case`: the cases of the published night, each with the last that was decided of it until now.

    Raises NotPublished, NoCases and Tampered.
    """
    with published_cases(home) as connection:
        return connection.execute(sql, values).fetchall()


@dataclass(frozen=True)
class Cases:
    """How many there are and the money at risk in them all; the first, those with most money at risk before the others."""

    total: int
    euro_at_risk: Decimal
    first: list[tuple[Any, ...]]


_WANTED = "($type IS NULL OR match_type = $type) AND ($disposition = 'all' OR disposition = $disposition)"


def first_cases(home: Home, match_type: str | None, disposition: str, limit: int) -> Cases:
    """Of one type or of any, with this disposition or `all`. Raises as `ask_published` does."""
    values = {"type": match_type, "disposition": disposition}
    listed = f"""
        SELECT match_case_id[:12], match_type, person_id, key_strength, money_at_risk_eur, detail, disposition
        FROM known_case
        WHERE {_WANTED}
        ORDER BY money_at_risk_eur DESC NULLS LAST, match_case_id
        LIMIT {limit}"""
    summed = f"SELECT count(*), sum(money_at_risk_eur) FROM known_case WHERE {_WANTED}"
    with published_cases(home) as connection:
        total, euro_at_risk = connection.execute(summed, values).fetchall()[0]
        return Cases(total, euro_at_risk or Decimal(0), connection.execute(listed, values).fetchall())


def find_case(home: Home, beginning: str) -> str:
    """The case of the published night that begins so. Raises NotOne, and as `ask_published` does."""
    asked = "SELECT match_case_id FROM known_case WHERE starts_with(match_case_id, $beginning)"
    return begun(beginning, [case for (case,) in ask_published(home, asked, {"beginning": beginning})])


def case_of(home: Home, beginning: str) -> Case:
    """Raises as `find_case` does, FileNotFoundError where the night has no restricted database, and duckdb.Error or OSError where
    that cannot be opened, as without its key.
    """
    case = find_case(home, beginning)
    published = home.published.resolve()
    if not restricted_file(published).exists():
        raise FileNotFoundError(restricted_file(published))
    *shown, _ = [field.name for field in fields(Case)]
    sides = ("left_source", "left_source_key", "right_source", "right_source_key")
    asked = f"SELECT {', '.join([*shown, *sides])} FROM known_case WHERE match_case_id = $case"
    with published_cases(home) as connection:
        attach_protected(connection, published, read_only=True)
        found = connection.execute(asked, {"case": case}).fetchall()[0]
        left, left_key, right, right_key = found[len(shown) :]
        records = _record(connection, left, left_key), _record(connection, right, right_key)
    return Case(**dict(zip(shown, found, strict=False)), records=records)


def _record(connection: duckdb.DuckDBPyConnection, source: str, source_key: str | None) -> Record | None:
    """From the staging model of the feed, of the vault where it is there."""
    place = connection.execute(
        """
        SELECT table_catalog, table_name
        FROM information_schema.tables
        WHERE table_schema = 'staging' AND table_name = 'stg_' || replace($source, '/', '__')
        ORDER BY table_catalog NOT IN $protected
        LIMIT 1
        """,
        {"source": source, "protected": list(PROTECTED)},
    ).fetchone()
    if place is None or source_key is None:
        return None
    asked = connection.execute(
        f"SELECT * FROM {quoted(place[0])}.staging.{quoted(place[1])} WHERE source_key = ?", [source_key]
    )
    names, row = [column[0] for column in asked.description], asked.fetchone()
    if row is None:
        return None
    values = {name: str(value) for name, value in zip(names, row, strict=True) if value is not None}
    return Record(source, source_key, {name: text for name, text in values.items() if name not in _NAMED_ABOVE})


@contextmanager
def published_cases(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published database, with `known_case`. Raises NotPublished, NoCases and Tampered."""
    if not home.published.exists():
        raise NotPublished
    _journal(home).check()
    with open_database(home.published, read_only=True) as connection:
        try:
            connection.execute(f"""
                CREATE TEMP VIEW known_case AS
                SELECT night.* REPLACE (
                  coalesce(now.disposition, night.disposition) AS disposition,
                  coalesce(now.reason, night.disposition_reason) AS disposition_reason,
                  coalesce(now.decided_on, night.decided_on) AS decided_on)
                FROM marts.match_case AS night
                LEFT JOIN ({_last_decisions(home, date.max)}) AS now USING (match_case_id)""")
        except duckdb.CatalogException:
            raise NoCases from None
        yield connection


def _journal(home: Home) -> Journal:
    return Journal(home, "cases/disposition.jsonl")


_SAYS = {
    "match_case_id": "The case, as in marts.match_case.",
    "disposition": "What was decided.",
    "reason": "Why, in the words of whoever decided.",
    "decided_by": "The user of the operating system who decided.",
    "decided_on": "The day on which it was decided, UTC.",
}


def load_dispositions(connection: duckdb.DuckDBPyConnection, home: Home, night: date) -> None:
    """Make `linkage.case_disposition` of the build: the last decision of each case, as of the end of the night's day (UTC).

    Raises Tampered where decisions are not as they were written.
    """
    _journal(home).check()
    connection.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    connection.execute(f"CREATE OR REPLACE TABLE linkage.case_disposition AS {_last_decisions(home, night)}")
    comment_on(connection, "linkage.case_disposition", "The last decision of each case that was decided.", _SAYS)


def _last_decisions(home: Home, until: date) -> str:
    """SQL of the last decision of each case, as of the end of a day (UTC)."""
    file = dispositions_file(home)
    columns = [field.name for field in fields(Disposition)]
    shape = "{" + ", ".join(f"{name}: 'VARCHAR'" for name in columns) + "}"
    source = (
        # A line that a crash cut off is none.
        f"read_json({literal(str(file))}, format='newline_delimited', columns={shape}, ignore_errors=true)"
        if file.exists()
        else f"(SELECT {', '.join(f'NULL::VARCHAR AS {name}' for name in columns)} WHERE false)"
    )
    decided_on = "CAST(CAST(decided_at AS TIMESTAMPTZ) AS DATE)"
    return f"""
        SELECT match_case_id, disposition, reason, decided_by, {decided_on} AS decided_on
        FROM {source}
        WHERE match_case_id IS NOT NULL AND {decided_on} <= DATE {literal(until.isoformat())}
        QUALIFY row_number() OVER (PARTITION BY match_case_id ORDER BY decided_at DESC) = 1"""


def now_text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
