"""The front page: can the night be trusted, what to look at first, who was how good, what changed, what was published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nights.record.past import DIMENSIONS, SHOWN_NIGHTS, Past
from reports.figures.cross_agency_rules import broken_rules, cross_rules, shrunk
from reports.figures.feed_lines import FeedLine, by_agency
from reports.figures.look_at_first import Seen, matters
from reports.figures.rejected import SentBack, reasons
from reports.figures.scores import Score, scores_of
from reports.figures.since_night_before import MOST_CHANGES, anomalies, changes_of
from reports.pages.night_site import Site, nights_written
from warehouse.numbers_for_people import counted
from warehouse.store.published_nights import current_night, published_nights
from watch.alerts import Alert


@dataclass(frozen=True)
class Scored:
    """One agency's row of scores; `target` is the share of right rows that all its contracts ask for, `page` its page."""

    target: float
    scores: Sequence[Score]
    page: str


def write_front(
    past: Past, site: Site, feeds: list[FeedLine], sent_back: Mapping[str, SentBack | None], alerts: list[Alert]
) -> Path:
    """`sent_back` are the files for the agencies, by name of the feed. Returns the path of what people open."""
    failure, rules, unusual = _failure(past), cross_rules(past), anomalies(past)
    odd = {f"{agency}/{feed}": said for agency, feed, _, said in unusual}
    seen = Seen(
        failure, past.before, feeds, sent_back, rules, broken_rules(past), _reasons(past, feeds), odd, alerts, shrunk(past)
    )  # fmt: skip
    return site.write_first(
        "front", feeds=feeds, matters=matters(seen), nights=nights_written(past.home)[:SHOWN_NIGHTS], scores=_scored(past),
        dimensions=list(DIMENSIONS), most_changes=MOST_CHANGES, changes=list(changes_of(past))[:MOST_CHANGES],
        before=past.before, unusual=unusual, current=current_night(past.home), failure=failure, rules=rules, alerts=alerts,
        in_use=_in_use(past, feeds), restored=_restored(past), findings=past.rows("SELECT count(*) FROM finding WHERE extract_date = ?", past.night)[0][0],
    )  # fmt: skip


def _scored(past: Past) -> dict[str, Scored]:
    """By the agency's name."""
    return {
        agency[0].agency_name: Scored(
            1 - float(max(one.reject_threshold for one in agency)),
            scores_of(past, agency),
            f"agencies/{agency[0].agency}.html",
        )
        for agency in by_agency(list(past.contracts))
    }


def _reasons(past: Past, lines: list[FeedLine]) -> dict[str, list[str]]:
    """By name of the feed why records were rejected, the most frequent first."""
    return {
        line.contract.name: [
            f"{reason.column or 'the record'} {reason.reason} ({counted(reason.records)})"
            for reason in reasons(line.contract, past.home, past.night)
        ]
        for line in lines
        if line.rows_rejected
    }


def _in_use(past: Past, lines: list[FeedLine]) -> dict[str, list[str]]:
    """Of what was not taken: which rows readers have, and the feeds that this is so of."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if not line.is_taken:
            said = {"none": "No rows yet", str(past.night): "Rows of an earlier run of this night"}
            found.setdefault(said.get(line.used_night, "Rows of an earlier night"), []).append(line.contract.name)
    return found


def _restored(past: Past) -> str | None:
    """The run of the build that readers see, where a later one of the same night was published."""
    of_night = [night for night in published_nights(past.home) if night.extract_date == past.night]
    return next((night.run for night in of_night[1:] if night.is_current), None)


def _failure(past: Past) -> str | None:
    """Why the night was not published, where that is so."""
    return next(
        (failure for (failure,) in past.rows("SELECT failure FROM night WHERE extract_date = ?", past.night)), None
    )
