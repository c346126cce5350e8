"""A feed's page: what arrived over the nights, every rule with its trend, examples, and what goes back to the agency."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from nights.record.attempt import recorded_attempt
from nights.record.past import DIMENSIONS, SHARE, Past
from nights.record.verdict import Verdict
from pages.charts import Band, band, drawn
from reports.figures.feed_lines import FeedLine
from reports.figures.rejected import SentBack, reasons
from reports.figures.scores import Failed, level, scores_of
from reports.figures.since_night_before import anomalies
from reports.pages.night_site import Site
from sources.contract.model import Contract
from warehouse.home import Home

_MOST_FAILURES = 400
# The contract standard's own names, as the dimensions of the scorecard are called.
_AS_CALLED = {name: dimension for dimension, names in DIMENSIONS.items() for name in names}


@dataclass(frozen=True)
class RuleLine:
    """A rule in the night and over the nights shown: how many rows broke it, and in how many nights it did not hold.

    `line` draws the rows that broke it night by night; it is empty for a rule that always held.
    """

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
    line: Markup


def feed_page(contract: Contract) -> str:
    """Below the site's folder."""
    return f"feeds/{contract.relation}.html"


def write_feed(past: Past, site: Site, line: FeedLine, bands: Sequence[Band], sent_back: SentBack | None) -> Path:
    contract = line.contract
    return site.write(
        "feed", feed_page(contract), line=line, contract=contract, rules=_rules(past, line), scores=scores_of(past, [contract]),
        chart=band(bands, "rows sent"), bands=list(reversed(bands)), failures=_failures(past, contract), most=_MOST_FAILURES,
        reasons=reasons(contract, past.home, past.night), sent_back=sent_back, anomalies=anomalies(past, contract),
        docs=_docs(past.home, past, contract), dimensions=list(DIMENSIONS),
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
          any_value({SHARE}) FILTER (WHERE is_tonight),
          list(unexpected_count ORDER BY extract_date)
        FROM shown
        GROUP BY rule
        HAVING bool_or(is_tonight)
        ORDER BY 5, 4, 8 DESC, 1"""
    found = past.rows(by_rule, *past.of_feed(contract), past.first, past.night)
    return [
        RuleLine(rule, said or rule, _AS_CALLED.get(dimension, dimension), severity, passed, count, observed, failed, nights,
                 tuple(examples.get(rule, ())), level(line.contract, Failed(0 if passed else 1, share if severity == "error" else None, line.is_taken)),
                 drawn(broken if failed else ()))
        for rule, said, dimension, severity, passed, count, observed, failed, nights, share, broken in found
    ]  # fmt: skip


def _examples(past: Past, contract: Contract) -> dict[str, list[str]]:
    """Rows and keys of failing rows, as the gate kept them: keys of protected columns are masked there."""
    gate = recorded_attempt(contract, past.home, past.night).gate
    if gate is None:
        return {}
    return {result.rule: [example.place for example in result.examples] for result in Verdict.read(gate).results}


def _failures(past: Past, contract: Contract) -> list[tuple[str, str, int]]:
    """Night, rule and count of what did not hold."""
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
