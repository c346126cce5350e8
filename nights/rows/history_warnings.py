"""What the nights before say of an accepted one: warnings beside the rules of its gate. They never refuse, and never remove a row."""

from nights.record.feed_night import FeedNight
from nights.record.verdict import RuleResult
from nights.rows.accepted import Acceptance
from nights.rows.watermark import lost
from sources.contract.model import Contract

SENT_AGAIN, WATERMARK, FEWER = "sent_again_differently", "watermark_goes_on", "rows_since_last_run"


def rows_replaced(contract: Contract, night: FeedNight, earlier: Acceptance | None) -> int | None:
    """The most rows that were accepted of this night before, where `night` is of other bytes and has fewer of them than the
    contract's `largestDrop` lets one night have after another; None where that is not so.

    The same bytes again are told as they were: only another extract says anything new.
    """
    if earlier is None:
        return None
    if earlier.original_sha256 == night.original_sha256:
        return earlier.rows_replaced
    most = max(earlier.rows_accepted, earlier.rows_replaced or 0)
    return most if (night.rows_accepted or 0) < int(most * (1 - contract.largest_drop)) else None


def far_fewer(night: FeedNight, taken: Acceptance) -> list[RuleResult]:
    """Of an extract that took the place of one with many more rows, for the same night."""
    before, now = taken.rows_replaced, night.rows_accepted or 0
    if before is None:
        return []
    told = (
        f"Another extract of this night was accepted before and had {before} rows; this one, which took its place, has {now}. "
        "If it is the bad one, put the right file back and run the night again"
    )
    return [_warning(FEWER, "coverage", told, night, before - now, f"{now} of {before} rows")]


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
