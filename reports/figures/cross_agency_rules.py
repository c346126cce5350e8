"""The rules between agencies: what each says, and what came of it."""

from dataclasses import dataclass

from nights.record.past import Past
from nights.rows.history_warnings import FEWER
from warehouse.numbers_for_people import several

_HARMONISED = """
    WITH was AS (FROM gate_result WHERE extract_date = ?)
    SELECT coalesce(nullif(now.description, ''), now.rule),
      'data_docs/' || now.extract_date || '/harmonised__' || now.feed || '.html#' || now.rule,
      now.passed, now.severity, now.observed_value, NOT now.passed AND coalesce(was.passed, false),
      now.row_count IS NOT DISTINCT FROM 0
    FROM gate_result AS now LEFT JOIN was USING (agency, feed, rule)
    WHERE now.extract_date = ? AND agency = 'harmonised'
    ORDER BY now.passed, now.severity, rule"""


@dataclass(frozen=True)
class CrossRule:
    """`docs` is its place in Data Docs, below `quality/`; `is_new` that it held the night before, `is_idle` that it
    had no rows to look at.
    """

    says: str
    docs: str
    passed: bool
    severity: str
    observed: str
    is_new: bool
    is_idle: bool = False


def cross_rules(past: Past) -> list[CrossRule]:
    """Those that do not hold first."""
    return [CrossRule(*row) for row in past.rows(_HARMONISED, past.before, past.night)]


def broken_rules(past: Past) -> dict[str, list[str]]:
    """By name of the feed what does not hold in the night, the worst first: what the rule says, and how many rows break it."""
    broken = """
        SELECT agency || '/' || feed, coalesce(nullif(description, ''), rule), unexpected_count, observed_value
        FROM gate_result
        WHERE extract_date = ? AND agency <> 'harmonised' AND NOT passed
        ORDER BY severity, unexpected_count DESC, rule"""
    found: dict[str, list[str]] = {}
    for feed, says, count, observed in past.rows(broken, past.night):
        told = several(count, "row") if count else f"observed: {observed}"
        found.setdefault(feed, []).append(f"{says.rstrip('.')} ({told})")
    return found


def shrunk(past: Past) -> dict[str, str]:
    """By name of the feed what is said of an extract that took the place of a far larger one of the same night."""
    found = past.rows(
        "SELECT agency || '/' || feed, description FROM gate_result WHERE extract_date = ? AND rule = ?",
        past.night,
        FEWER,
    )
    return dict(found)
