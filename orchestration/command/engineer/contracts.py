"""`interagency contracts`: checking and comparing contracts without pulling anything."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import NOT_DONE, contract_of_file, show_table, stop_at_problems, tell

if TYPE_CHECKING:
    from sources.contract.model import Contract

app = typer.Typer(help="Check and compare contracts.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Check and compare contracts."""


@app.command("lint")
def lint(
    paths: Annotated[list[Path] | None, typer.Argument(help="Contract files; every contract by default.")] = None,
) -> None:
    """Check contracts against the Open Data Contract Standard and this platform, and agreements against their schema, signatures and contracts.

    Every problem is named with file, line, place and what to write instead. Ends with 1 where there is one. What only lint
    asks for (a proof of where pages end) does not keep a feed from being pulled.
    """
    from sharing.agreements.lint import faults
    from sharing.agreements.register import read_register
    from sources.contract.load import doubts, load, load_all
    from sources.contract.reading.odcs import ContractError
    from warehouse.numbers_for_people import several

    problems: list[str] = []
    contracts: list[Contract] = []
    try:
        contracts = [load(path) for path in paths] if paths else load_all()
        problems += [str(problem) for contract in contracts for problem in doubts(contract)]
    except ContractError as error:
        problems += map(str, error.problems)
    register = read_register()
    problems += faults(register, contracts)
    stop_at_problems(problems)
    tell(f"{len(contracts)} contracts are valid, and {several(len(register.signed), 'agreement')} signed")


@app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The contract as it was.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The contract as it is to be.")],
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show what changed between two wordings of a contract, and whether it breaks those who read the feed's rows.

    Ends with 0 where nothing breaks, 1 where something does, 2 wrong use.
    """
    from sources.contract.diff import changes

    found = changes(contract_of_file(old), contract_of_file(new))
    if json:
        import json as writer

        tell(writer.dumps([vars(change) for change in found], ensure_ascii=False, indent=1))
    else:
        rows = [[change.where, change.what, "breaks" if change.breaks else ""] for change in found]
        if rows:
            show_table("Changes", ("where", "what", "readers"), rows)
        broken = sum(change.breaks for change in found)
        tell(f"{len(found)} changes, {broken} of them break readers" if found else "No change")
    if any(change.breaks for change in found):
        raise typer.Exit(NOT_DONE)
