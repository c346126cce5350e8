"""A feed's page: what arrived over the nights, every rule with its trend, examples, and what goes back to the agency."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nights.record.attempt import GATE, recorded_attempt
from nights.record.past import DIMENSIONS, SHARE, Past
from reports.charts import Band, Strip, band, strips
from reports.front import FeedLine, anomalies
from reports.pages import Site
from reports.rejected import reasons, write_back
from reports.scores import Failed, level, scores_of
from sources.contract.model import Contract
from warehouse.home import Home

_MOST_STRIPS, _MOST_FAILURES = 20, 400
# The contract standard's own names, as the dimensions of the scorecard are called.
_AS_CALLED = {name: dimension for dimension, names in DIMENSIONS.items() for name in names}


@dataclass(frozen=True)
class RuleLine:
    """A rule in the night and over the nights shown: how many rows broke it, and in how many nights it did not hold."""

    rule: str
    description: str
    dimension: str
    severity: str
    passed: bool
    unexpected: int
    observed: str
    nights_failed: int
    nights: int
    examples: tuple[str, ...]
    level: str


def feed_page(contract: Contract) -> str:
    """Below the site's folder."""
    return f"feeds/{contract.relation}.html"


def write_feed(past: Past, site: Site, line: FeedLine, bands: Sequence[Band]) -> Path:
    contract = line.contract
    rules = _rules(past, line)
    sent_back = write_back(contract, past.home, past.night)
    return site.write(
        "feed", feed_page(contract), line=line, contract=contract, rules=rules, scores=scores_of(past, [contract]),
        chart=band(bands, "rows sent"), bands=list(reversed(bands)), strips=strips(_strips(past, contract, rules)),
        failures=_failures(past, contract), reasons=reasons(contract, past.home, past.night), sent_back=sent_back,
        most=_MOST_FAILURES, strips_left_out=max(sum(1 for rule in rules if rule.nights_failed) - _MOST_STRIPS, 0), anomalies=anomalies(past, contract), docs=_docs(past.home, past, contract), dimensions=list(DIMENSIONS),
    )  # fmt: skip


def _rules(past: Past, line: FeedLine) -> list[RuleLine]:
    contract = line.contract
    examples = _examples(past, contract)
    by_rule = f"""
        WITH shown AS (
          SELECT *, extract_date = $4 AS is_tonight
          FROM gate_result
          WHERE agency = $1 AND feed = $2 AND extract_date >= $3
        )
        SELECT rule, any_value(description) FILTER (WHERE is_tonight),
          any_value(dimension), any_value(severity),
          bool_and(passed) FILTER (WHERE is_tonight),
          coalesce(sum(unexpected_count) FILTER (WHERE is_tonight), 0)::BIGINT,
          coalesce(any_value(observed_value) FILTER (WHERE is_tonight), ''),
          count(*) FILTER (WHERE NOT passed), count(*),
          any_value({SHARE}) FILTER (WHERE is_tonight)
        FROM shown
        GROUP BY rule
        HAVING bool_or(is_tonight)
        ORDER BY 5, 4, 8 DESC, 1"""
    found = past.rows(by_rule, *past.of_feed(contract), past.first, past.night)
    return [
        RuleLine(rule, said or rule, _AS_CALLED.get(dimension, dimension), severity, passed, count, observed, failed, nights,
                 tuple(examples.get(rule, ())), level(line.contract, Failed(0 if passed else 1, share if severity == "error" else None, line.is_taken)))
        for rule, said, dimension, severity, passed, count, observed, failed, nights, share in found
    ]  # fmt: skip


def _examples(past: Past, contract: Contract) -> dict[str, list[str]]:
    """Rows and keys of failing rows, as the gate kept them: keys of protected columns are masked there."""
    gate = recorded_attempt(contract, past.home, past.night).gate
    if gate is None:
        return {}
    results = json.loads((gate / GATE).read_text(encoding="utf-8"))["results"]
    return {item["rule"]: [f"row {one['row']} ({one['key']})" for one in item["examples"]] for item in results}


def _strips(past: Past, contract: Contract, rules: list[RuleLine]) -> list[Strip]:
    """Only rules that did not hold in some night: a row of nothing says less than the table does."""
    names = [rule.rule for rule in rules if rule.nights_failed][:_MOST_STRIPS]
    counts = """
        SELECT rule, extract_date, unexpected_count
        FROM gate_result
        WHERE agency = ? AND feed = ? AND extract_date >= ? AND list_contains(?, rule)
        ORDER BY extract_date"""
    found = past.rows(counts, *past.of_feed(contract), past.first, names)
    return [Strip(rule, night, float(count)) for name in names for rule, night, count in found if rule == name]


def _failures(past: Past, contract: Contract) -> list[tuple[str, str, int]]:
    """Night, rule and count of what did not hold: the numbers of the strips."""
    failures = """
        SELECT extract_date, rule, unexpected_count
        FROM gate_result
        WHERE agency = ? AND feed = ? AND extract_date >= ? AND NOT passed
        ORDER BY extract_date DESC, unexpected_count DESC
        LIMIT ?"""
    found = past.rows(failures, *past.of_feed(contract), past.first, _MOST_FAILURES)
    return [(str(night), rule, count) for night, rule, count in found]


def _docs(home: Home, past: Past, contract: Contract) -> str | None:
    """The page of great-expectations for this feed and night, below `quality/`."""
    page = f"data_docs/{past.night}/{contract.relation}.html"
    return page if (home.quality / page).exists() else None
