"""`interagency cases`: records that do not fit together, and what was decided of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, show_table, stop, tell
from orchestration.command.noted import check_grant, note

if TYPE_CHECKING:
    from linkage.settle.cases import Case

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
    """List the cases of the published night, each with the last that was decided of it."""
    from linkage.settle.cases import first_cases
    from warehouse.home import Home
    from warehouse.numbers_for_people import several

    with _of_published():
        cases = first_cases(Home.from_environment(), match_type, disposition, limit)
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
    """Write down what was decided of a case; `cases list` shows it at once. Nothing is overwritten."""
    from linkage.settle.cases import DISPOSITIONS
    from nights.decisions import NoReason, UnknownDisposition, decide_case
    from sharing.ledger.entry import Kind
    from warehouse.home import Home
    from warehouse.journal import actor

    home = Home.from_environment()
    try:
        with _of_published(case):
            decided = decide_case(home, case, disposition, reason, actor())
    except UnknownDisposition:
        stop(f"{disposition!r} is no disposition; write one of: {', '.join(DISPOSITIONS)}", WRONG_USE)
    except NoReason:
        stop("a decision needs its reason; write --reason", WRONG_USE)
    note(home, Kind.DECISION, case=decided.match_case_id, disposition=decided.disposition)
    tell(f"{decided.match_case_id}: {decided.disposition}; in the published warehouse from the next night on")


@app.command("show")
def show_case(case: Annotated[str, typer.Argument(help="The case, or enough of its beginning to tell it.")]) -> None:
    """Show both records of a case side by side, as they were staged: names beside content, for whoever has a grant."""
    import duckdb

    from linkage.settle.cases import case_of
    from sharing.ledger.entry import Kind
    from warehouse.home import Home
    from warehouse.keys.platform_key import KEY_VARIABLE

    home = Home.from_environment()
    check_grant(home)
    try:
        with _of_published(case):
            found = case_of(home, case)
    except (duckdb.Error, OSError):
        stop(
            f"the vault of the published night cannot be opened; set {KEY_VARIABLE} to its key, and ask its owner "
            "for the right to read it",
            NOT_DONE,
        )
    note(home, Kind.QUERY, case=found.match_case_id, restricted=True)
    left, right = found.records
    columns = list(dict.fromkeys([*(left.values if left else ()), *(right.values if right else ())]))
    sides = [f"{record.source}:{record.source_key}" if record else "gone" for record in (left, right)]
    rows = [[name, *(record.values.get(name, "") if record else "" for record in (left, right))] for name in columns]
    show_table(found.match_case_id, ("field", *sides), rows)
    tell(_told(found))


def _told(case: "Case") -> str:
    people = " and ".join(filter(None, (case.person_id, case.other_person_id)))
    money = f", {case.money_at_risk_eur} euro at risk" if case.money_at_risk_eur is not None else ""
    decided = f"{case.disposition}{f': {case.disposition_reason}' if case.disposition_reason else ''}"
    return (
        f"{case.match_type}: {case.detail}{money}; {people}, linked by {case.key_strength} with "
        f"probability {case.match_probability:.3g}; {decided}"
    )


@contextmanager
def _of_published(case: str = "") -> Iterator[None]:
    """Ends with 1 where the published night has no cases, with 2 where it has no such one or several."""
    from linkage.settle.beginning import NotOne
    from linkage.settle.cases import NoCases, NotPublished
    from warehouse.home import Home
    from warehouse.store.seal import Tampered

    try:
        yield
    except NotPublished:
        stop(
            f"nothing is published in {Home.from_environment().published.parent}; run `interagency run` first", NOT_DONE
        )
    except NoCases:
        stop("the published night has no cases: none of its agencies sends records of people", NOT_DONE)
    except NotOne as error:
        stop(error.told(case, "case of the published night", "interagency cases list"), WRONG_USE)
    except Tampered as error:
        stop(str(error), NOT_DONE)
