"""What became of each feed in a night: what arrived, what was taken of it, and which night's rows are in use."""

from collections import defaultdict
from dataclasses import dataclass

from nights.record.feed_night import NO_AGREEMENT, TAKEN
from nights.record.freshness import in_use, moment_of
from nights.record.past import Past
from sources.contract.model import Contract

NOT_PULLED = "not pulled"


@dataclass(frozen=True)
class FeedLine:
    """One feed in the night; counts are of records."""

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
        if self.status == NOT_PULLED and not self.is_stale:
            return "none"
        if self.is_taken:
            return "warn" if self.errors + self.warnings + self.anomalies else "good"
        return "warn" if self.status == NO_AGREEMENT else "bad"

    @property
    def is_taken(self) -> bool:
        return self.status in TAKEN


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
        status, sent, accepted, rejected, reason = nights.get(whose, (NOT_PULLED, None, None, None, ""))
        used = in_use(contract, past.home, past.night)
        errors, warnings = failed.get(whose, [0, 0])
        lines.append(FeedLine(
            contract, status, sent, accepted, rejected, errors, warnings, odd.get(whose, 0),
            str(used.night or "none"), used.is_stale(moment), reason,
        ))  # fmt: skip
    return lines
