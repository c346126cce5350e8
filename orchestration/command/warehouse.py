"""`interagency warehouse`: the nights that readers can be shown."""

import typer

from orchestration.command.common import NOT_DONE, as_date, show_table, stop, tell

app = typer.Typer(help="List and restore published nights.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_nights() -> None:
    """List the nights that are kept, newest first."""
    from warehouse.home import Home
    from warehouse.store.builds import restorable

    home = Home.from_environment()
    rows = []
    for night in restorable(home):
        seen = "readers see it" if night.is_current else ""
        rows.append([str(night.extract_date), f"{night.finished_at:%Y-%m-%d %H:%M:%S}", seen, night.folder.name])
    show_table("Published nights", ("night", "built (UTC)", "current", "folder"), rows)
    if not rows:
        tell("nothing is published yet; run `interagency run`")


@app.command("restore")
def restore_night(extract_date: str) -> None:
    """Let readers see a kept night again, in one step. Not one with rows of a feed whose agreement has ended."""
    from sharing.agreements import read_register
    from warehouse.home import Home
    from warehouse.lock import NightRunning, night_lock
    from warehouse.store.builds import PublishError, restore

    home, wanted = Home.from_environment(), as_date(extract_date)
    try:
        with night_lock(home, wait_seconds=0):
            night = restore(home, wanted, read_register().refusal_of_any)
    except (PublishError, NightRunning) as error:
        stop(str(error), NOT_DONE)
    tell(f"readers see the night of {night.extract_date} again: {home.published}")
