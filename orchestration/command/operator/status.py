"""`interagency status`: what each feed's last night came to, and what readers see."""

import json
from typing import Annotated, Any

import typer

from orchestration.command.common import all_contracts, show_table, tell

_HEADINGS = ("agency", "feed", "last night", "status", "sent", "accepted", "rejected", "rows in use", "fresh")


def status(as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """Show each feed's last night, the rows in use, and the published warehouse."""
    from datetime import UTC, datetime

    from warehouse.home import Home
    from warehouse.store.published_nights import current_night

    home = Home.from_environment()
    now = datetime.now(UTC)
    lines = [_feed(contract, home, now) for contract in all_contracts()]
    current = current_night(home)
    if as_json:
        published = {"extract_date": str(current.extract_date), "warehouse": str(home.published)} if current else None
        typer.echo(json.dumps({"published": published, "feeds": lines}, indent=2))
        return
    show_table(
        "Feeds", _HEADINGS, [["–" if line[name] is None else str(line[name]) for name in _HEADINGS] for line in lines]
    )
    what = f"night of {current.extract_date}, {home.published}" if current else "nothing yet; run `interagency run`"
    tell(f"Published: {what}")


def _feed(contract: Any, home: Any, now: Any) -> dict[str, Any]:
    from nights.record.feed_night import last_recorded
    from nights.record.freshness import in_use

    last = last_recorded(home, contract.agency, contract.feed)
    told: list[Any] = [None, "never pulled", None, None, None]
    if last:
        told = [str(last.extract_date), last.status, last.rows_sent, last.rows_accepted, last.rows_rejected]
    used = in_use(contract, home, now.date())
    use = [str(used.night) if used.night else None, "no" if used.is_stale(now) else "yes"]
    return dict(zip(_HEADINGS, [contract.agency, contract.feed, *told, *use], strict=True))
