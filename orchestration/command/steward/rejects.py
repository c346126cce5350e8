"""`interagency rejects`: what was refused of one extract, line by line, for the agency to mend."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.command.common import NOT_DONE, all_contracts, as_date, chosen, show_table, stop, tell

_HEADINGS = ("step", "line", "column", "value", "reason")


def rejects(
    agency: str,
    feed: str,
    extract_date: Annotated[
        str | None, typer.Option(help="The night, yyyy-mm-dd; the last landed one by default.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 100,
    csv: Annotated[Path | None, typer.Option(help="Write all of them, as the agency sent them, to this file.")] = None,
) -> None:
    """List the rejects of landing and gate, by the line of the agency's file.

    Values of protected columns are masked, except in the file of --csv, which is meant for the agency and its spreadsheet: it
    is what the report leaves in sent_back/, whole. A value that begins as a formula does has a quote before it there.
    """
    from nights.record.rejects import first_rejects, rejects_of
    from warehouse.home import Home
    from warehouse.numbers_for_people import several

    home = Home.from_environment()
    contract = chosen(all_contracts(), agency, feed)[0]
    night = extract_date or _last_landed(home.landing / agency / feed)
    relation = rejects_of(contract, home, as_date(night))
    if relation is None:
        stop(f"{contract.name} has no landed extract of {night} that its record is of; run the night again", NOT_DONE)
    if csv:
        from reports.figures.rejected import write_all

        count = write_all(contract, relation, csv)
        tell(f"{several(count, 'reject')} of {contract.name}, night of {night}, written to {csv}")
        return
    total, shown = first_rejects(contract, relation, limit)
    show_table(f"{contract.name}, night of {night}", _HEADINGS, [list(row) for row in shown], frozenset({1}))
    tell(
        f"{several(total, 'reject')} of {contract.name}, night of {night}"
        + (f"; the first {limit} are shown" if total > limit else "")
    )


def _last_landed(folder: Path) -> str:
    nights = sorted(path.name for path in folder.glob("[0-9]*"))
    if not nights:
        stop(f"nothing has landed in {folder}; run `interagency run` first", NOT_DONE)
    return nights[-1]
