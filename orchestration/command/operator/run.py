"""`interagency run`: the whole night, with progress and a closing table."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, as_date, chosen, known_contracts, show_table, stop, tell
from orchestration.command.operator.progress import progress

if TYPE_CHECKING:
    from nights.broken_contracts import Broken
    from nights.record.feed_night import FeedNight
    from nights.record.verdict import RuleCounts
    from orchestration.run_night import Outcome
    from sources.contract.model import Contract
    from warehouse.home import Home

_NOT_PULLED = "not pulled"
_HEADINGS = ("agency", "feed", "status", "sent", "accepted", "rejected", "gates passed", "failed", "seconds")


def run(
    extract_date: Annotated[str | None, typer.Option(help="The night, yyyy-mm-dd; today (UTC) by default.")] = None,
    agency: Annotated[str | None, typer.Option(help="Pull this agency only.")] = None,
    feed: Annotated[str | None, typer.Option(help="Pull this feed only.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 where any feed is stale or refused.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a night that is running to end.")] = False,
) -> None:
    """Pull, gate, accept, harmonise, gate, publish: one night.

    Feeds that are not pulled go on with their last good night. Ends with 0 published, 1 not published, 2 wrong use.
    """
    night = as_date(extract_date)
    known = known_contracts()
    pulled = chosen(known.contracts, agency, feed)
    check_first_night(night)
    outcome, home = run_all(pulled, [night], as_json, wait)
    lines = _lines(known.contracts, home, night) + [_left_out(broken) for broken in known.left_out]
    if as_json:
        typer.echo(json.dumps(_as_json(outcome, lines, home), indent=2))
    else:
        _show(outcome, lines, home)
    behind = any(line.is_behind for line in lines)
    raise typer.Exit(NOT_DONE if not outcome.published or (strict and behind) else 0)


def check_first_night(night: date) -> None:
    """Ends with 2 where the night is before the first one. Raises SettingError."""
    from warehouse.settings import settings

    first = settings().first_night
    if first and night < first:
        stop(f"{night} is before the first night, {first}; set INTERAGENCY_FIRST_NIGHT to an earlier one", WRONG_USE)


def run_all(contracts: "list[Contract]", nights: Sequence[date], quiet: bool, wait: bool) -> "tuple[Outcome, Home]":
    """Run the nights with progress, after `wait`ing for one that is running; ends with 1 and the reason where nothing could be
    built at all.
    """
    from sharing.agreements.register import read_register
    from warehouse.home import Home
    from warehouse.numbers_for_people import several

    home = Home.from_environment()
    with progress(len(contracts), len(nights), quiet) as step_ended:
        if not quiet:
            spoken = (
                f"Night of {nights[0]}" if len(nights) == 1 else f"{len(nights)} nights, {nights[0]} to {nights[-1]}"
            )
            tell(f"{spoken}: {several(len(contracts), 'feed')}, data in {home.root}", err=True)
            for broken in read_register().broken:
                tell(f"Agreement without effect: {broken.why}", err=True)
        from expectations.cross_agency import RuleError
        from orchestration.dbt import DbtError
        from orchestration.run_night import run_nights
        from warehouse.files import DISK_REMEDY
        from warehouse.lock import WAIT_SECONDS, NightRunning
        from warehouse.store.seal import Tampered

        try:
            outcome = run_nights(contracts, home, nights, step_ended, WAIT_SECONDS if wait else 0)
        except (NightRunning, RuleError, DbtError, Tampered) as error:
            stop(f"not published: {error}", NOT_DONE)
        except OSError as error:
            why = f"{error.strerror or error} ({error.filename or home.root}); {DISK_REMEDY}"
            stop(f"not published: {why}", NOT_DONE)
    if outcome.taken_over:
        tell(outcome.taken_over, err=True)
    return outcome, home


@dataclass(frozen=True)
class _Line:
    """A feed's row of the closing table."""

    agency: str
    feed: str
    status: str
    sent: int | None
    accepted: int | None
    rejected: int | None
    passed: int
    failed: int
    seconds: float | None
    used_night: str | None
    reason: str | None
    is_stale: bool
    is_taken: bool = False
    new: int | None = None
    changed: int | None = None
    gone: int | None = None
    again: int | None = None
    warning: str | None = None

    @property
    def is_behind(self) -> bool:
        """Stale, or pulled in vain. A feed that was not asked is behind only where newer rows of it are due."""
        return self.is_stale or not (self.is_taken or self.status == _NOT_PULLED)

    def cells(self) -> list[str]:
        from warehouse.numbers_for_people import NOTHING, counted

        counts = map(counted, (self.sent, self.accepted, self.rejected))
        took = NOTHING if self.seconds is None else f"{self.seconds:.1f}"
        return [self.agency, self.feed, self.status, *counts, str(self.passed), str(self.failed), took]


def _lines(contracts: "list[Contract]", home: "Home", night: date) -> list[_Line]:
    from nights.record.feed_night import feed_nights
    from nights.record.verdict import RuleCounts, rule_counts

    known, counts = feed_nights(home, night), rule_counts(home, night)
    names = [(contract.agency, contract.feed) for contract in contracts]
    return [
        _line(contract, home, night, known.get(name), counts.get(name, RuleCounts()))
        for name, contract in zip(names, contracts, strict=True)
    ]


def _line(contract: "Contract", home: "Home", night: date, known: "FeedNight | None", gates: "RuleCounts") -> _Line:
    from nights.record.freshness import in_use, moment_of

    used = in_use(contract, home, night)
    used_night, is_stale = str(used.night) if used.night else None, used.is_stale(moment_of(night))
    if known is None:
        return _Line(
            contract.agency, contract.feed, _NOT_PULLED, None, None, None, 0, 0, None, used_night, None, is_stale
        )
    passed, failed = (gates.passed, gates.failed) if known.rows_sent is not None else (0, 0)
    return _Line(
        contract.agency, contract.feed, known.status, known.rows_sent, known.rows_accepted, known.rows_rejected, passed, failed,
        _seconds(contract, home, known), used_night, known.reason, is_stale, known.is_taken, known.rows_new, known.rows_changed,
        known.rows_gone, known.rows_again, _warning(contract, home, known),
    )  # fmt: skip


def _warning(contract: "Contract", home: "Home", known: "FeedNight") -> str | None:
    """What is said of an extract that took the place of a far larger one of the same night."""
    from nights.folders import accepted_folder
    from nights.rows.accepted import Acceptance
    from nights.rows.history_warnings import far_fewer

    if not known.is_taken:
        return None
    found = far_fewer(known, Acceptance.read(accepted_folder(contract, home, known.extract_date)))
    return found[0].description if found else None


def _released(home: "Home", night: date) -> Iterator[str]:
    """A line for each product and recipient."""
    from sharing.release.nightly import left_in

    for left in left_in(home, night):
        why = f": {left.reason}" if left.reason else f", {left.rows:,} rows"
        yield f"Product:   {left.product} of {left.agreement} for {left.recipient}: {left.state}{why}"


def _left_out(broken: "Broken") -> _Line:
    return _Line(broken.agency, broken.feed, "left out", None, None, None, 0, 0, None, None, broken.why, True)


def _seconds(contract: "Contract", home: "Home", known: "FeedNight") -> float:
    """Of the feed's own landing and gate; feeds land side by side and are gated one after the other."""
    from nights.record.attempt import attempt_of
    from nights.record.verdict import Verdict
    from sources.arrival.manifest import Manifest

    attempt = attempt_of(contract, home, known)
    if attempt.landing is None or attempt.gate is None:
        return (known.finished_at - known.started_at).total_seconds()
    manifest = Manifest.read(attempt.landing)
    return (manifest.finished_at - manifest.started_at).total_seconds() + Verdict.read(attempt.gate).seconds


def _show(outcome: "Outcome", lines: list[_Line], home: "Home") -> None:
    show_table(
        f"Night of {outcome.extract_date}", _HEADINGS, [line.cells() for line in lines], frozenset({3, 4, 5, 6, 7, 8})
    )
    steps, fixed = (
        ", ".join(f"{name} {took:.1f}" for name, took in spent.items()) for spent in (outcome.steps, outcome.fixed)
    )
    tell(f"{outcome.total_seconds:.1f} s by step: {steps}")
    tell(f"{sum(outcome.fixed.values()):.1f} s of it is fixed cost, whatever the data: {fixed}")
    for line in lines:
        if line.reason:
            tell(f"{line.agency}/{line.feed}: {line.reason}")
        if line.warning:
            tell(f"{line.agency}/{line.feed}: warning: {line.warning}")
    tell(f"Report:    {outcome.report}")
    if not outcome.published:
        tell(f"NOT PUBLISHED: {outcome.reason}")
        return
    tell(f"Published: {home.published}")
    for left in _released(home, outcome.extract_date):
        tell(left)
    if outcome.reason:
        tell(f"After publishing, this went wrong: {outcome.reason}")
    behind = [
        f"{line.agency}/{line.feed} {line.status}, {f'rows of {line.used_night}' if line.used_night else 'no rows yet'}"
        for line in lines
        if line.is_behind
    ]
    rest = "Every feed is of this night." if all(line.is_taken for line in lines) else "No feed is stale or refused."
    tell(f"Stale or refused: {'; '.join(behind)}" if behind else rest)


def _as_json(outcome: "Outcome", lines: list[_Line], home: "Home") -> dict[str, Any]:
    return {
        "extract_date": outcome.extract_date.isoformat(), "published": outcome.published, "reason": outcome.reason,
        "warehouse": str(home.published), "report": str(outcome.report),
        "seconds": {"total": outcome.total_seconds, "steps": outcome.steps, "fixed": outcome.fixed},
        "feeds": [vars(line) for line in lines],
    }  # fmt: skip
