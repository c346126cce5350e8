"""`interagency findings`: what a night asks of each agency, as a list and as a file."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.command.common import NOT_DONE, all_contracts, as_date, chosen, show_table, stop, tell

app = typer.Typer(
    help="Findings, cases and notices: questions to agencies about their records.", no_args_is_help=True,
    rich_markup_mode=None,
)  # fmt: skip
_HEADINGS = ("kind", "agency", "feed", "key", "type", "what", "others concerned", "status")


@app.command("list")
def list_findings(
    agency: Annotated[str | None, typer.Option(help="Only what this agency is asked.")] = None,
    extract_date: Annotated[
        str | None, typer.Option(help="The night, yyyy-mm-dd; the last recorded one by default.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 100,
    csv: Annotated[
        Path | None, typer.Option(help="Write all of them, with the agencies' own keys, to this file.")
    ] = None,
) -> None:
    """List findings of a night, and open cases and notices where it is the published one; each is a question, not an error.

    A protected key is a pseudonym here; in the file of --csv it stands as the agency has it, and a text that begins as a formula
    does has a quote before it.
    """
    from reports.figures.concerns import listed, write_concerns
    from warehouse.home import Home
    from warehouse.store.seal import Tampered

    home, contracts = Home.from_environment(), all_contracts()
    if agency is not None:
        chosen(contracts, agency, None)
    nights = sorted(path.stem for path in (home.quality / "feed_night").glob("*.parquet"))
    night = as_date(extract_date or (nights[-1] if nights else None))
    try:
        if csv is not None:
            count = write_concerns(contracts, home, night, agency, csv)
            tell(f"{count} findings, cases and notices of the night of {night} written to {csv}")
            return
        total, found = listed(contracts, home, night, agency, limit)
    except Tampered as error:
        stop(str(error), NOT_DONE)
    show_table("", _HEADINGS, [list(vars(item).values()) for item in found])
    tell(
        f"{total} findings, cases and notices of the night of {night}"
        + (f"; the first {limit} are shown" if total > limit else "")
    )
