"""What the nights before say of an accepted one: warnings beside the rules of its gate. They never refuse, and never remove a row."""

from nights.record.feed_night import FeedNight
from nights.record.verdict import RuleResult
from nights.rows.accepted import Acceptance
from nights.rows.watermark import lost
from sources.contract.model import Contract

SENT_AGAIN, WATERMARK = "sent_again_differently", "watermark_goes_on"


def sent_again(contract: Contract, night: FeedNight) -> list[RuleResult]:
    """Of an append feed, whose records are never rewritten: the keys that came again with another content."""
    if not night.rows_again:
        return []
    told = (
        f"{contract.agency_name} sent keys again with another content. The first record of a key stays, as extractMode append "
        "says; those not taken are in changes.parquet under `again`. If they are corrections, agree on extractMode incremental"
    )
    return [_warning(SENT_AGAIN, "consistency", told, night, night.rows_again, f"{night.rows_again} keys")]


def lost_watermark(contract: Contract, night: FeedNight, last: Acceptance | None) -> list[RuleResult]:
    """Of an incremental feed: where the watermark of the `last` accepted night is of another column or type than today's."""
    told = lost(contract, last) if last else None
    if told is None or last is None:
        return []
    return [_warning(WATERMARK, "timeliness", told, night, 1, f"full pull, not from {last.watermark}")]


def _warning(rule: str, dimension: str, told: str, night: FeedNight, count: int, observed: str) -> RuleResult:
    return RuleResult(
        rule=rule, dimension=dimension, severity="warning", description=told, passed=False, unexpected_count=count,
        row_count=night.rows_accepted, observed_value=observed,
    )  # fmt: skip
