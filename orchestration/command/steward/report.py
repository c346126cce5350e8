"""`interagency report`: the steward's report of a night, written anew from the record, and opened where asked."""

from typing import Annotated

import typer

from orchestration.command.common import NOT_DONE, all_contracts, as_date, stop


def report(
    extract_date: Annotated[
        str | None, typer.Option(help="The night, yyyy-mm-dd; the last recorded one by default.")
    ] = None,
    is_opened: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the report of a night below quality/report and print where its front page is."""
    import webbrowser

    from reports.report import write_report
    from warehouse.home import Home

    home = Home.from_environment()
    nights = sorted(path.stem for path in (home.quality / "feed_night").glob("*.parquet"))
    night = as_date(extract_date or (nights[-1] if nights else None))
    if extract_date and str(night) not in nights:
        remedy = f"run it with `interagency run --extract-date {night}`"
        stop(f"nothing is recorded of the night of {night}; {remedy}", NOT_DONE)
    page = write_report(all_contracts(), home, night)
    typer.echo(str(page))
    if is_opened:
        webbrowser.open(page.as_uri())
