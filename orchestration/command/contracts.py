"""`interagency contracts`: checking contracts and agreements without pulling anything."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.command.common import NOT_DONE

app = typer.Typer(help="Check contracts.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Check contracts."""


@app.command("lint")
def lint(
    paths: Annotated[list[Path] | None, typer.Argument(help="Contract files; every contract by default.")] = None,
) -> None:
    """Check contracts against the Open Data Contract Standard and this platform, and agreements against their schema.

    Every problem is named with file, line, place and what to write instead. Ends with 1 where there is one.
    """
    from sharing.agreements import AgreementError, load_agreements
    from sources.contract_file import load, load_all
    from sources.odcs import ContractError

    problems: list[str] = []
    count = 0
    try:
        count = len([load(path) for path in paths] if paths else load_all())
    except ContractError as error:
        problems += map(str, error.problems)
    try:
        agreements = load_agreements()
    except AgreementError as error:
        problems.append(str(error))
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(NOT_DONE)
    typer.echo(f"{count} contracts and {len(agreements)} agreements are valid")
