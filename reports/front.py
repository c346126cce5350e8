"""The front page: is last night good, who was how good, what changed, what is late, what was published and why."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nights.record.feed_night import NO_AGREEMENT, TAKEN
from nights.record.freshness import in_use, moment_of
from nights.record.past import DIMENSIONS, SHOWN_NIGHTS, Past
from reports.charts import heat_map
from reports.pages import Site, nights_written
from reports.scores import heat_cells, scores_of
from sources.contract.model import Contract
from warehouse.store.builds import current_night
from watch.alerts import Alert

_MOST_CHANGES = 40


@dataclass(frozen=True)
class FeedLine:
    """One feed's row: what arrived, what was taken of it, and which night's rows are in use."""

    contract: Contract
    status: str
    rows_sent: int | None
    rows_accepted: int | None
    rows_rejected: int | None
    errors: int
    warnings: int
    anomalies: int
    used_night: str
    is_stale: bool
    reason: str

    @property
    def level(self) -> str:
        if self.is_taken:
            return "warn" if self.errors + self.warnings + self.anomalies else "good"
        return "warn" if self.status == NO_AGREEMENT else "bad"

    @property
    def is_taken(self) -> bool:
        return self.status in TAKEN


def write_front(past: Past, site: Site, feeds: list[FeedLine], alerts: list[Alert]) -> Path:
    scores = {agency[0].agency_name: scores_of(past, agency) for agency in by_agency(list(past.contracts))}
    return site.write_first(
        "front", feeds=feeds, nights=nights_written(past.home)[:SHOWN_NIGHTS], scores=scores, heat=heat_map(heat_cells(scores), list(DIMENSIONS)),
        dimensions=list(DIMENSIONS), most_changes=_MOST_CHANGES,
        targets={agency[0].agency_name: 1 - float(max(one.reject_threshold for one in agency)) for agency in by_agency(list(past.contracts))},
        changes=list(_changes(past))[:_MOST_CHANGES], before=past.before, anomalies=anomalies(past),
        current=current_night(past.home), failure=_failure(past), cross=_cross_agency(past), alerts=alerts,
    )  # fmt: skip


def _failure(past: Past) -> str | None:
    """Why the night was not published, where that is so."""
    return next(
        (failure for (failure,) in past.rows("SELECT failure FROM night WHERE extract_date = ?", past.night)), None
    )


def by_agency(contracts: list[Contract]) -> list[list[Contract]]:
    groups: dict[str, list[Contract]] = defaultdict(list)
    for contract in contracts:
        groups[contract.agency].append(contract)
    return list(groups.values())


_CAME = """
    SELECT agency, feed, status, rows_sent, rows_accepted, rows_rejected, coalesce(reason, '')
    FROM feed_night
    WHERE extract_date = ?"""
_FAILED = """
    SELECT agency, feed, count(*) FILTER (WHERE severity = 'error'), count(*) FILTER (WHERE severity <> 'error')
    FROM gate_result
    WHERE extract_date = ? AND NOT passed
    GROUP BY ALL"""
_ODD = "SELECT agency, feed, count(*) FROM anomaly WHERE extract_date = ? GROUP BY ALL"


def feed_lines(past: Past) -> list[FeedLine]:
    """Of every feed that has a contract; of one that has none any more the changes tell."""
    nights = {(agency, feed): rest for agency, feed, *rest in past.rows(_CAME, past.night)}
    failed = {(agency, feed): counts for agency, feed, *counts in past.rows(_FAILED, past.night)}
    odd = {(agency, feed): count for agency, feed, count in past.rows(_ODD, past.night)}
    lines, moment = [], moment_of(past.night)
    for contract in past.contracts:
        whose = (contract.agency, contract.feed)
        status, sent, accepted, rejected, reason = nights.get(whose, ("not pulled", None, None, None, ""))
        used = in_use(contract, past.home, past.night)
        errors, warnings = failed.get(whose, [0, 0])
        lines.append(FeedLine(
            contract, status, sent, accepted, rejected, errors, warnings, odd.get(whose, 0),
            str(used.night or "none"), used.is_stale(moment), reason,
        ))  # fmt: skip
    return lines


def anomalies(past: Past, contract: Contract | None = None) -> list[tuple[str, str, str, str]]:
    """Agency, feed, measure and what is said of each anomaly of the night."""
    of_feed = "AND agency = ? AND feed = ?" if contract else ""
    tonight = f"""
        SELECT agency, feed, measure, description
        FROM anomaly
        WHERE extract_date = ? {of_feed}
        ORDER BY ALL"""
    found = past.rows(tonight, past.night, *(past.of_feed(contract) if contract else []))
    return [(agency, feed, measure, description) for agency, feed, measure, description in found]


_CHANGED_STATES = """
    WITH now AS (FROM feed_night WHERE extract_date = ?),
    was AS (FROM feed_night WHERE extract_date = ?)
    SELECT agency || '/' || feed,
      coalesce(was.status, 'not pulled') AS before, coalesce(now.status, 'not pulled') AS after
    FROM now FULL JOIN was USING (agency, feed)
    WHERE before <> after
    ORDER BY 1"""
_LAST_NIGHTS = """
    SELECT agency || '/' || feed AS name, max(extract_date)
    FROM feed_night
    GROUP BY 1
    ORDER BY 1"""
# A rule that was not there before is told where it fails.
_CHANGED_RULES = """
    WITH now AS (FROM gate_result WHERE extract_date = ?),
    was AS (FROM gate_result WHERE extract_date = ?)
    SELECT agency || '/' || feed, rule, now.passed, now.unexpected_count
    FROM now LEFT JOIN was USING (agency, feed, rule)
    WHERE now.passed <> coalesce(was.passed, true)
    ORDER BY now.passed, now.severity, 1, 2"""
_CHANGED_FINDINGS = """
    WITH counted AS (
      SELECT rule, count(*) FILTER (WHERE extract_date = ?) AS now, count(*) FILTER (WHERE extract_date = ?) AS was
      FROM finding
      GROUP BY rule
    )
    SELECT *
    FROM counted
    WHERE now <> was
    ORDER BY abs(now - was) DESC, rule"""


def _changes(past: Past) -> Iterator[str]:
    """In words, the most serious first."""
    if past.before is None:
        return
    for feed, was, now in past.rows(_CHANGED_STATES, past.night, past.before):
        yield f"{feed} was {was.replace('_', ' ')} and is {now.replace('_', ' ')}"
    known = {contract.name for contract in past.contracts}
    for feed, last in past.rows(_LAST_NIGHTS):
        if feed not in known:
            yield f"{feed} has no contract any more; its last night was {last}"
    for feed, rule, passed, count in past.rows(_CHANGED_RULES, past.night, past.before):
        yield f"{feed}: {rule} {'holds again' if passed else f'does not hold ({count:,})'}"
    for rule, now, was in past.rows(_CHANGED_FINDINGS, past.night, past.before):
        yield f"findings of {rule.replace('_', ' ')}: {was:,} before, {now:,} now"


def _cross_agency(past: Past) -> list[tuple[str, str, bool, str, str]]:
    """What each rule between agencies says, its place in Data Docs, whether it holds, its severity and what was observed."""
    harmonised = """
        SELECT coalesce(nullif(description, ''), rule), 'harmonised__' || feed || '.html#' || rule,
          passed, severity, observed_value
        FROM gate_result
        WHERE extract_date = ? AND agency = 'harmonised'
        ORDER BY passed, severity, rule"""
    found = past.rows(harmonised, past.night)
    return [(said, place, passed, severity, observed) for said, place, passed, severity, observed in found]
