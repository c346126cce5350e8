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
    from warehouse.store.builds import current_night

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
    tell(
        f"Published: night of {current.extract_date}, {home.published}"
        if current
        else "Published: nothing yet; run `interagency run`"
    )


def _feed(contract: Any, home: Any, now: Any) -> dict[str, Any]:
    from nights.record.freshness import in_use
    from warehouse.engines.duckdb.engine import open_database
    from warehouse.store.records import records

    with open_database(spills=False) as connection:
        row = connection.execute(
            f"SELECT extract_date, status, rows_sent, rows_accepted, rows_rejected FROM {records(home, 'feed_night')} "
            "WHERE agency = ? AND feed = ? ORDER BY extract_date DESC LIMIT 1", [contract.agency, contract.feed]
        ).fetchone() or (None, "never pulled", None, None, None)  # fmt: skip
    used = in_use(contract, home, now.date())
    night, used_night = (str(day) if day else None for day in (row[0], used.night))
    values = [contract.agency, contract.feed, night, *row[1:], used_night, "no" if used.is_stale(now) else "yes"]
    return dict(zip(_HEADINGS, values, strict=True))
