"""`interagency backfill`: many nights in one go, each pulled, gated and accepted, the last one published."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, as_date, chosen, known_contracts, show_table, stop, tell
from orchestration.command.operator.run import check_first_night, run_all

if TYPE_CHECKING:
    from sources.contract.model import Contract
    from warehouse.home import Home

_HEADINGS = ("night", "feeds taken", "refused or failed", "sent", "accepted", "rejected", "new", "changed", "gone")


def backfill(
    first: Annotated[str, typer.Option("--from", help="The first night, yyyy-mm-dd.")],
    last: Annotated[str | None, typer.Option("--to", help="The last night; today (UTC) by default.")] = None,
    agency: Annotated[str | None, typer.Option(help="Pull this agency only.")] = None,
    feed: Annotated[str | None, typer.Option(help="Pull this feed only.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a night that is running to end.")] = False,
) -> None:
    """Pull, gate and accept every night from one date to another, then harmonise and publish the last.

    Ends with 0 where every night of every feed was taken, 1 where one was not or the last night could not be built, 2 wrong use.
    """
    nights = _nights(as_date(first), as_date(last))
    known = known_contracts()
    contracts = chosen(known.contracts, agency, feed)
    left_out = [item for item in known.left_out if agency in (None, item.agency) and feed in (None, item.feed)]
    check_first_night(nights[0])
    outcome, home = run_all(contracts, nights, quiet=False, wait=wait)
    missed = _show(contracts, home, nights)
    tell(f"Published: {home.published}" if outcome.published else f"NOT PUBLISHED: {outcome.reason}")
    is_built = outcome.published or outcome.is_stored
    raise typer.Exit(0 if is_built and not missed and not left_out else NOT_DONE)


def _nights(first: date, last: date) -> list[date]:
    if first > last:
        stop(f"{first} is after {last}; name the earlier night with --from", WRONG_USE)
    return [first + timedelta(days=count) for count in range((last - first).days + 1)]


def _show(contracts: "list[Contract]", home: "Home", nights: list[date]) -> int:
    """The table of nights, and the reasons of those that were not taken; returns how many."""
    from nights.record.feed_night import feed_nights
    from warehouse.numbers_for_people import several

    rows, reasons = [], []
    names = {(contract.agency, contract.feed) for contract in contracts}
    for night in nights:
        found = [known for name, known in feed_nights(home, night).items() if name in names]
        taken = [known for known in found if known.is_taken]
        counts = [sum(getattr(known, f"rows_{name}") or 0 for known in taken) for name in _HEADINGS[3:]]
        rows.append([str(night), str(len(taken)), str(len(found) - len(taken)), *(f"{count:,}" for count in counts)])
        reasons += [f"{night} {known.agency}/{known.feed}: {known.reason}" for known in found if not known.is_taken]
    show_table(several(len(nights), "night"), _HEADINGS, rows, frozenset(range(1, len(_HEADINGS))))
    for reason in reasons:
        tell(reason)
    return len(reasons)
