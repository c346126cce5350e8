"""`interagency warehouse`: the builds that readers can be shown."""

from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import NOT_DONE, all_contracts, as_date, show_table, stop, tell
from orchestration.command.noted import note

if TYPE_CHECKING:
    from warehouse.home import Home
    from warehouse.store.published_nights import Night

app = typer.Typer(help="List and restore published nights.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_nights() -> None:
    """List the builds that are kept, newest first: the last of each of seven nights, and up to three of each of the newest two."""
    from warehouse.home import Home
    from warehouse.store.published_nights import restorable

    home = Home.from_environment()
    rows = []
    for night in restorable(home):
        seen = "readers see it" if night.is_current else ""
        rows.append([str(night.extract_date), night.run, f"{night.finished_at:%Y-%m-%d %H:%M:%S}", seen])
    show_table("Published nights", ("night", "run", "built (UTC)", "shown"), rows)
    if not rows:
        tell("nothing is published yet; run `interagency run`")


@app.command("restore")
def restore_night(
    extract_date: str,
    run: Annotated[
        str | None,
        typer.Option(help="A run of that night, or enough of its beginning to tell it; the last one by default."),
    ] = None,
) -> None:
    """Let readers see a kept build again, in one step. Not one with rows of a feed whose agreement has ended."""
    from sharing.ledger.entry import Kind
    from sharing.policy.policy import Policy
    from warehouse.home import Home
    from warehouse.lock import NightRunning, night_lock
    from warehouse.store.published_nights import PublishError, restore
    from warehouse.store.seal import Tampered

    home, wanted = Home.from_environment(), as_date(extract_date)
    try:
        with night_lock(home, wait_seconds=0):
            night = restore(home, wanted, Policy.read(home).refusal_of_any, run)
    except (PublishError, NightRunning, Tampered) as error:
        stop(str(error), NOT_DONE)
    note(home, Kind.RESTORE, night=str(night.extract_date), run=night.run)
    tell(f"readers see the night of {night.extract_date} again (run {night.run}): {home.published}")
    _tell_how_long(home, night)


def _tell_how_long(home: "Home", night: "Night") -> None:
    """A restore changes what is shown and not what was accepted, of which the next run builds."""
    from nights.record.feeds_in_use import accepted_again_since
    from warehouse.store.published_nights import DATABASE

    tell("This lasts until the next run, which builds anew of the extracts that were accepted last.")
    for feed in accepted_again_since(all_contracts(), home, night.folder / DATABASE):
        tell(
            f"{feed.name}: another extract of this build's night was accepted after it, and the next run will show that one. To keep "
            f"what was restored, put the right file back, then interagency run --extract-date {night.extract_date} "
            f"--agency {feed.agency} --feed {feed.feed}"
        )
