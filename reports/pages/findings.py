"""Linkage and findings: how many records went to how many people, what waits for a person's word, and what grows old."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from markupsafe import Markup

from nights.record.past import Past
from pages.charts import drawn
from reports.pages.night_site import Site
from warehouse.engines.duckdb.engine import literal, open_database
from warehouse.numbers_for_people import MASK
from warehouse.store.published_nights import DATABASE, current_night

# Days a lead or a notice has waited, up to and including.
_AGES = (7, 30, 90)


@dataclass(frozen=True)
class Found:
    """What one rule found in the night; `before` is how much the night before (None where there was none), `line` night by night."""

    subject: str
    rule: str
    severity: str
    agencies: tuple[str, ...]
    count: int
    example: str
    before: int | None
    line: Markup


_FOUND = """
    SELECT subject, rule, severity, any_value(agencies), count(*), min(source_key)
    FROM finding
    WHERE extract_date = ?
    GROUP BY subject, rule, severity
    ORDER BY severity, count(*) DESC"""
_TREND = """
    SELECT rule, extract_date, count(*)
    FROM finding
    WHERE extract_date >= ?
    GROUP BY ALL
    ORDER BY rule, extract_date"""
_LINKAGE = """
    SELECT entity, extract_date, records, entities, links,
      expected_precision, expected_recall, review_queue, merged, split
    FROM linkage_night
    WHERE extract_date >= ?
    ORDER BY extract_date DESC, entity DESC"""


def write_findings(past: Past, site: Site, for_agencies: Mapping[str, Path]) -> Path:
    """`for_agencies` are the files of what each agency is asked."""
    trend = past.rows(_TREND, past.first)
    return site.write(
        "findings", "findings.html", findings=_found(past, trend), trend=trend, linkage=past.rows(_LINKAGE, past.first),
        for_agencies=for_agencies, called={contract.agency: contract.agency_name for contract in past.contracts}, **_published(past),
    )  # fmt: skip


def _found(past: Past, trend: list[tuple[Any, ...]]) -> list[Found]:
    """Nights in which a rule found nothing are none in `trend`."""
    counts = {(rule, night): count for rule, night, count in trend}
    return [
        Found(subject, rule, severity, tuple((agencies or "").split(",")), count, _shown(past, key),
              counts.get((rule, past.before), 0) if past.before else None,
              drawn([counts.get((rule, night), 0) for night in past.nights]))
        for subject, rule, severity, agencies, count, key in past.rows(_FOUND, past.night)
    ]  # fmt: skip


def _shown(past: Past, source_key: str) -> str:
    """The key of a record, masked where its contract says that it is not for all eyes."""
    name, _, _ = source_key.partition(":")
    masked = any(
        contract.name == name and any(contract.column(key).is_masked for key in contract.key)
        for contract in past.contracts
    )
    return f"{name}:{MASK}" if masked else source_key


def _published(past: Past) -> dict[str, Any]:
    """Leads and notices by kind and age, from the warehouse where this night is the published one."""
    current = current_night(past.home)
    empty: dict[str, Any] = {"cases": [], "notices": [], "ages": _AGES}
    if current is None or current.extract_date != past.night:
        return empty
    with open_database(current.folder / DATABASE, read_only=True) as connection:
        if not _has_cases(connection):
            return empty
        return {
            **empty,
            "cases": connection.execute(_cases_sql()).fetchall(),
            "notices": connection.execute(_notices_sql()).fetchall(),
        }


def _cases_sql() -> str:
    return f"""
        WITH known AS (SELECT match_case_id, min(known_from) AS first_seen FROM history.match_case GROUP BY 1)
        SELECT match_type, disposition, count(*), sum(money_at_risk_eur),
          {_by_age("extract_date - coalesce(first_seen, extract_date)")}
        FROM marts.match_case LEFT JOIN known USING (match_case_id)
        GROUP BY ALL
        ORDER BY ALL"""


def _notices_sql() -> str:
    return f"""
        SELECT event_type, agency_to_tell, count(*), max(days_outstanding), {_by_age("days_outstanding")}
        FROM marts.life_event_notice
        GROUP BY ALL
        ORDER BY ALL"""


def _has_cases(connection: duckdb.DuckDBPyConnection) -> bool:
    found = connection.execute("""
        SELECT 1
        FROM information_schema.tables
        WHERE table_schema = 'marts' AND table_name = 'match_case'""")
    return found.fetchone() is not None


def _by_age(days: str) -> str:
    """Counts of those up to each age, and of the older ones."""
    bounds = [*_AGES, None]
    lower = [-1, *_AGES]
    return ", ".join(
        f"count(*) FILTER (WHERE {days} > {literal(low)}{f' AND {days} <= {high}' if high else ''})"
        for low, high in zip(lower, bounds, strict=True)
    )
