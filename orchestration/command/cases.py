"""`interagency cases`: records that do not fit together, and what was decided of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, show_table, stop, tell

app = typer.Typer(
    help="Leads from comparing agencies' records; a lead is never a finding of guilt.", rich_markup_mode=None
)
_HEADINGS = ("case", "type", "person", "key", "euro at risk", "what does not fit", "disposition")


@app.command("list")
def list_cases(
    match_type: Annotated[
        str | None, typer.Option("--type", help="Only this type, such as 'paid after death'.")
    ] = None,
    disposition: Annotated[
        str, typer.Option(help="Only these: open, fraud, error, false positive, no issue, or all.")
    ] = "open",
    limit: Annotated[int, typer.Option(help="At most so many; those with most money at risk come first.", min=1)] = 50,
) -> None:
    """List the cases of the published night."""
    from nights.record.cases import published_cases
    from warehouse.home import Home
    from warehouse.shown import several

    with _of_published():
        cases = published_cases(Home.from_environment(), match_type, disposition, limit)
    shown = [["" if value is None else str(value) for value in row] for row in cases.first]
    show_table("", _HEADINGS, shown, frozenset({4}))
    tell(
        f"{several(cases.total, 'case')}, {cases.euro_at_risk} euro at risk"
        + (f"; the first {limit} are shown" if cases.total > limit else "")
    )


@app.command("decide")
def decide_case(
    case: Annotated[str, typer.Argument(help="The case, or enough of its beginning to tell it.")],
    disposition: Annotated[str, typer.Option(help="fraud, error, false positive, no issue, or open again.")],
    reason: Annotated[str, typer.Option(help="Why, in words that others can follow.")],
) -> None:
    """Write down what was decided of a case; the next night shows it. Nothing is overwritten."""
    from linkage.settle.cases import DISPOSITIONS
    from nights.decisions import NoReason, UnknownCase, UnknownDisposition, decide_case
    from warehouse.home import Home
    from warehouse.journal import actor
    from warehouse.store.seal import Tampered

    try:
        with _of_published():
            decided = decide_case(Home.from_environment(), case, disposition, reason, actor())
    except UnknownDisposition:
        stop(f"{disposition!r} is no disposition; write one of: {', '.join(DISPOSITIONS)}", WRONG_USE)
    except NoReason:
        stop("a decision needs its reason; write --reason", WRONG_USE)
    except UnknownCase as error:
        what = "the beginning of several cases" if error.is_ambiguous else "no case of the published night"
        stop(f"{case!r} is {what}; see `interagency cases list`", WRONG_USE)
    except Tampered as error:
        stop(str(error), NOT_DONE)
    tell(f"{decided.match_case_id}: {decided.disposition}; shown from the next night on")


@contextmanager
def _of_published() -> Iterator[None]:
    """Ends with 1 where the published night has no cases."""
    from linkage.settle.cases import NoCases, NotPublished
    from warehouse.home import Home

    try:
        yield
    except NotPublished:
        stop(
            f"nothing is published in {Home.from_environment().published.parent}; run `interagency run` first", NOT_DONE
        )
    except NoCases:
        stop("the published night has no cases: none of its agencies sends records of people", NOT_DONE)
