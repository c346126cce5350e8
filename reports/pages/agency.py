"""An agency's page: its scorecard over the nights, its feeds, whom to tell, and what to send back."""

from collections.abc import Sequence
from pathlib import Path

from nights.record.past import Past
from pages.charts import drawn
from reports.figures.feed_lines import FeedLine
from reports.figures.scores import scores_of, trend
from reports.pages.night_site import Site
from sources.contract.model import Contract


def agency_page(agency: str) -> str:
    """Below the site's folder."""
    return f"agencies/{agency}.html"


def write_agency(past: Past, site: Site, lines: Sequence[FeedLine]) -> Path:
    contracts = [line.contract for line in lines]
    wrong = trend(past, contracts)
    nights = sorted({one.night for one in wrong}, reverse=True)
    shown = list(dict.fromkeys(one.dimension for one in wrong))
    return site.write(
        "agency", agency_page(contracts[0].agency), name=contracts[0].agency_name, lines=lines, scores=scores_of(past, contracts),
        broken=_broken(past, contracts), nights=nights, by_night={(one.night, one.dimension): one.share for one in wrong}, shown=shown,
        lines_of_dimension={name: drawn([one.share for one in wrong if one.dimension == name]) for name in shown},
        contacts=sorted({(contact.channel, contact.url) for contract in contracts for contact in contract.contacts}),
    )  # fmt: skip


def _broken(past: Past, contracts: Sequence[Contract]) -> list[tuple[str, str, str, str, int]]:
    """Feed, rule, what it says, severity and count of what does not hold in the night, errors first."""
    broken = """
        SELECT feed, rule, coalesce(description, ''), severity, unexpected_count
        FROM gate_result
        WHERE extract_date = ? AND agency = ? AND list_contains(?, feed) AND NOT passed
        ORDER BY severity, unexpected_count DESC, feed, rule"""
    found = past.rows(broken, past.night, contracts[0].agency, [contract.feed for contract in contracts])
    return [(feed, rule, said, severity, count) for feed, rule, said, severity, count in found]
