"""What the commands share: exits with a message, arguments as dates and contracts, plain or rich tables."""

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from nights.broken_contracts import Known
    from sources.contract.model import Contract

NOT_DONE, WRONG_USE = 1, 2


def stop(message: str, code: int) -> NoReturn:
    """Say why on standard error and end; never a traceback for a user's mistake."""
    tell(message, err=True)
    raise typer.Exit(code)


def tell(text: str, err: bool = False) -> None:
    """Lines for a person. What agencies wrote into a contract, a name or a file moves no cursor and turns no line."""
    shown = "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in text)
    typer.echo(shown, err=err)


def stop_at_problems(problems: Sequence[str]) -> None:
    """Say each on standard error, and end with 1 where there is one."""
    for problem in problems:
        tell(problem, err=True)
    if problems:
        raise typer.Exit(NOT_DONE)


def as_date(text: str | None) -> date:
    """A night as yyyy-mm-dd; today (UTC) where none is given. Ends with 2 where it is not a night that can have been."""
    today = datetime.now(UTC).date()
    try:
        night = date.fromisoformat(text) if text else today
    except ValueError:
        stop(f"{text!r} is not a date; write it as yyyy-mm-dd", WRONG_USE)
    if night > today:
        stop(f"{night} has not come yet (it is {today} UTC); name a night up to today", WRONG_USE)
    return night


def all_contracts() -> "list[Contract]":
    """The contracts of `known_contracts`."""
    return known_contracts().contracts


def known_contracts() -> "Known":
    """Every contract that feeds are known by; what is broken is told. Ends with 1 where a folder of contracts is none."""
    from nights.broken_contracts import load_known
    from sources.contract.reading.odcs import ContractError
    from warehouse.home import Home
    from warehouse.numbers_for_people import several

    try:
        known = load_known(Home.from_environment())
    except ContractError as error:
        stop(f"{error}\n{several(len(error.problems), 'problem')} in folders of contracts; nothing was done", NOT_DONE)
    for broken in known.broken:
        read_on = "is not pulled; its accepted rows are read by the last wording"
        becomes = "is left out" if broken.is_left_out else read_on
        tell(f"Broken contract: {broken.name} {becomes}", err=True)
        for problem in broken.problems:
            tell(f"  {problem}", err=True)
    if known.broken:
        tell("Mend them; `interagency contracts lint` shows all problems", err=True)
    return known


def contract_of_file(path: "Path") -> "Contract":
    """A contract, wherever it lies; ends with 2 and every problem where it is not valid."""
    from sources.contract.load import load_anywhere
    from sources.contract.reading.odcs import ContractError
    from warehouse.numbers_for_people import several

    if not path.is_file():
        stop(f"{path} is not a file; name a contract (.odcs.yaml)", WRONG_USE)
    try:
        return load_anywhere(path)
    except ContractError as error:
        stop(f"{error}\n{several(len(error.problems), 'problem')} in the contract; nothing was done", WRONG_USE)


def chosen(contracts: "list[Contract]", agency: str | None, feed: str | None) -> "list[Contract]":
    """The contracts of one agency or feed; ends with 2 where there is none of that name."""
    found = [item for item in contracts if agency in (None, item.agency) and feed in (None, item.feed)]
    if not found:
        known = ", ".join(item.name for item in contracts)
        stop(f"there is no feed {agency or '*'}/{feed or '*'}; known: {known}", WRONG_USE)
    return found


_LONGEST_CELL = 2000


def show_table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: frozenset[int] = frozenset()
) -> None:
    """A table on a terminal; tab-separated lines anywhere else. What an agency wrote moves no cursor."""
    from sources.file_names import printable

    headings = [printable(heading, _LONGEST_CELL) for heading in headings]
    rows = [[printable(cell, _LONGEST_CELL) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [headings, *rows]:
            typer.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Narrow enough for 80 columns: a number broken over two lines cannot be read.
    table = Table(
        title=printable(title, _LONGEST_CELL), box=None, padding=(0, 1), pad_edge=False, collapse_padding=True
    )
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
