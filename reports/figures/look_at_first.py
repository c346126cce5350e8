"""What a steward looks at first: all that is not as it should be in a night, ranked, each with its reason and what to do about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from nights.record.feed_night import BY_STEWARD, NO_AGREEMENT, REFUSED
from reports.figures.cross_agency_rules import CrossRule
from reports.figures.feed_lines import NOT_PULLED, FeedLine
from reports.figures.rejected import SentBack
from reports.figures.scores import BAD, WARN
from warehouse.numbers_for_people import counted, several
from watch.alerts import Alert

# From what keeps the night from its readers down to what has been so before. Within a rank, more records come first.
(
    _NIGHT,
    _STALE,
    _NOT_TAKEN,
    _CONTRADICTION,
    _SHRUNK,
    _BROKEN,
    _UNTOLD,
    _UNUSUAL,
    _REJECTED,
    _NEW_WARNING,
    _WARNING,
    _NOT_ASKED,
) = range(12)

_MOST_REASONS = 3


@dataclass(frozen=True)
class Matter:
    """`page` is below the site's folder, `files` go back to the agency; `rank` and `records` say how urgent it is."""

    rank: int
    records: int
    title: str
    why: str
    remedy: str
    page: str | None = None
    files: tuple[Path, ...] = ()

    @property
    def level(self) -> str:
        return BAD if self.rank <= _CONTRADICTION else WARN


@dataclass(frozen=True)
class Seen:
    """What is known of the night: why it was not published where it was not (`failure`), and by feed what goes back to its agency,
    what does not hold, why records were rejected, what is unusual, and what is said of a far smaller second extract (`shrunk`).
    """

    failure: str | None
    before: date | None
    lines: Sequence[FeedLine]
    sent_back: Mapping[str, SentBack | None]
    rules: Sequence[CrossRule]
    broken: Mapping[str, Sequence[str]]
    reasons: Mapping[str, Sequence[str]]
    unusual: Mapping[str, str]
    alerts: Sequence[Alert]
    shrunk: Mapping[str, str] = field(default_factory=dict)


def matters(seen: Seen) -> list[Matter]:
    """The most urgent first."""
    found = [
        *_of_the_night(seen),
        *(matter for line in seen.lines for matter in _of_feed(line, seen)),
        *_of_rules(seen),
    ]
    found += [*_untold(seen.alerts), *_not_pulled(seen.lines)]
    return sorted(found, key=lambda matter: (matter.rank, -matter.records, matter.title))


def _of_the_night(seen: Seen) -> Iterator[Matter]:
    if seen.failure:
        remedy = "Mend the cause, then run the night again; readers go on with what was published before."
        yield Matter(_NIGHT, 0, "The night was not published", seen.failure, remedy)


def _of_feed(line: FeedLine, seen: Seen) -> Iterator[Matter]:
    """At most one matter for each feed: the most serious one speaks for the rest, which are on its page."""
    contract, sent_back = line.contract, seen.sent_back.get(line.contract.name)
    whom = ", ".join(contact.channel for contact in contract.contacts) or contract.agency_name
    back = f"Send {sent_back.told} back to {whom}." if sent_back else f"Ask {whom}."
    if line.status == NOT_PULLED:
        return
    found = _taken(line, seen, whom, back) if line.is_taken else _not_taken(line, back)
    if found is not None:
        files = sent_back.files if sent_back and back in found.remedy else ()
        name, page = contract.title or contract.name, f"feeds/{contract.relation}.html"
        yield replace(found, title=f"{name}: {found.title}", page=page, files=files)


def _not_taken(line: FeedLine, back: str) -> Matter:
    rank = _STALE if line.is_stale else _NOT_TAKEN
    if line.status == NO_AGREEMENT:
        remedy = "Have one signed, or take the feed out."
        return Matter(rank, 0, "no agreement allows it", line.reason, remedy)
    has_rows = line.used_night != "none"
    used = f"Readers go on with the rows of {line.used_night}." if has_rows else "Readers have no rows of it."
    what = "refused" if line.status == REFUSED else "not there"
    return Matter(rank, line.rows_sent or 0, what, line.reason, f"{back} {used}")


def _taken(line: FeedLine, seen: Seen, whom: str, back: str) -> Matter | None:
    rejected = line.rows_rejected or 0
    rejects = several(rejected, "reject")
    if said := seen.shrunk.get(line.contract.name):
        return Matter(_SHRUNK, rejected, "far fewer rows than before in this night", f"{said}.", f"Ask {whom}.")
    if line.status == BY_STEWARD:
        return Matter(_BROKEN, rejected, f"taken with {rejects}", f"By a steward's word: {line.reason}", back)
    if line.errors:
        return Matter(_BROKEN, rejected, f"taken with {rejects}", _broken(line, seen), back)
    if odd := seen.unusual.get(line.contract.name):
        return Matter(_UNUSUAL, 0, "unusual", odd, f"Ask {whom} whether this is so.")
    if rejected:
        why = f"Of {counted(line.rows_sent)} records, fewer than the contract allows. {_broken(line, seen)}"
        return Matter(_REJECTED, rejected, rejects, why, back)
    if line.warnings:
        remedy = f"Tell {whom}, if it is theirs to mend."
        return Matter(_WARNING, 0, "taken with warnings", _broken(line, seen), remedy)
    return None


def _broken(line: FeedLine, seen: Seen) -> str:
    """Why records were rejected; where none were the worst of the rules that do not hold, and how many more there are."""
    found = seen.reasons.get(line.contract.name) or seen.broken.get(line.contract.name, ["A rule does not hold"])
    more = f"; and {len(found) - _MOST_REASONS} more" if len(found) > _MOST_REASONS else ""
    return f"{'; '.join(found[:_MOST_REASONS])}{more}."


def _not_pulled(lines: Sequence[FeedLine]) -> Iterator[Matter]:
    """Nobody asked for them: no agency's fault."""
    names = [line.contract.name for line in lines if line.status == NOT_PULLED]
    if names:
        without = [line.contract.name for line in lines if line.status == NOT_PULLED and line.used_night == "none"]
        why = f"{', '.join(names)}." + (f" Readers have no rows of {', '.join(without)}." if without else "")
        yield Matter(
            _NOT_ASKED, 0, f"{several(len(names), 'feed')} not pulled", why, "`interagency run` pulls all feeds."
        )


def _of_rules(seen: Seen) -> Iterator[Matter]:
    broken = [rule for rule in seen.rules if not rule.passed]
    for rule in broken:
        if rule.severity == "error":
            yield Matter(
                _CONTRADICTION,
                0,
                rule.says,
                f"Observed: {rule.observed}.",
                "Ask the agencies which of them is right.",
                "findings.html",
            )
        elif rule.is_new:
            why = f"Observed: {rule.observed}; it held the night before."
            yield Matter(_NEW_WARNING, 0, rule.says, why, "See which records, and ask the agencies.", "findings.html")
    old = sum(1 for rule in broken if rule.severity != "error" and not rule.is_new)
    if old:
        what = "One rule between agencies does not hold" if old == 1 else f"{old} rules between agencies do not hold"
        why = "They only warn, and are not new." if seen.before else "They only warn."
        yield Matter(_WARNING, -1, what, why, "Ask the agencies, record by record.", "findings.html")


def _untold(alerts: Sequence[Alert]) -> Iterator[Matter]:
    for alert in alerts:
        if not alert.is_sent:
            why = f"Not by {alert.fault}." if alert.fault else "Nobody is known whom to tell."
            yield Matter(
                _UNTOLD,
                0,
                f"{alert.agency}/{alert.feed}: nobody was told",
                why,
                "The next run tries again; tell them by hand until then.",
            )
