"""Of `interagency agreements`: what stands there and what it is worth: texts, signatures, changes, and what marts may serve by them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import (
    NOT_DONE,
    WRONG_USE,
    all_contracts,
    show_table,
    stop,
    stop_at_problems,
    tell,
)
from orchestration.command.sharing.agreements.asked import signed_agreement, told

if TYPE_CHECKING:
    from sharing.policy.purposes_of_marts import Purposes


def register_into(app: typer.Typer) -> None:
    """Add these commands to the group of agreements."""
    app.command("list")(list_agreements)
    app.command("show")(show)
    app.command("lint")(lint)
    app.command("verify")(verify)
    app.command("diff")(diff)
    app.command("trace")(trace)


def list_agreements() -> None:
    """List every agreement, draft and broken text, with what it is worth today."""
    from sharing.agreements.lint import drafts
    from sharing.agreements.register import read_register
    from warehouse.home import Home

    register, today = read_register(Home.from_environment()), datetime.now(UTC).date()
    rows = []
    for signed in register.agreements:
        one = signed.agreement
        feeds, until = ", ".join(one.feeds), str(one.valid_until)
        rows.append([one.id, str(one.version), one.provider, feeds, until, signed.refusal(today) or "in force"])
    rows += [[path.stem, "", "", "", "", "a draft; sign it"] for path in drafts()]
    rows += [["", "", "", ", ".join(broken.feeds), "", f"CANNOT BE USED: {broken.why}"] for broken in register.broken]
    show_table("Agreements", ("agreement", "version", "provider", "feeds", "until", "state"), rows)


def show(agreement: str) -> None:
    """Show one agreement as people read it, with who signed it and when."""
    from sharing.agreements.shown import lines

    for line in lines(signed_agreement(agreement), datetime.now(UTC).date()):
        tell(line)


def lint() -> None:
    """Hold all texts and drafts against their schema, signatures and contracts; ends with 1 where one cannot be used."""
    from sharing.agreements import lint as checks
    from sharing.agreements.register import read_register
    from warehouse.home import Home
    from warehouse.numbers_for_people import several

    register, contracts = read_register(Home.from_environment()), all_contracts()
    for warning in checks.warnings(register, contracts, datetime.now(UTC).date()):
        tell(f"warning: {warning}")
    stop_at_problems(list(checks.faults(register, contracts)))
    tell(f"{several(len(register.signed), 'agreement')} signed and valid, {several(len(checks.drafts()), 'draft')}")


def verify(agreement: Annotated[str | None, typer.Argument(help="One agreement; all by default.")] = None) -> None:
    """Check every signature; ends with 1 where one is missing or does not hold."""
    from sharing.agreements.register import read_register
    from sharing.agreements.shown import signatures
    from warehouse.home import Home

    register = read_register(Home.from_environment())
    wanted = [item for item in register.agreements if agreement in (None, item.agreement.id)]
    broken = [item for item in register.broken if agreement is None or f"/{agreement}.yaml" in item.why]
    if not wanted and not broken:
        stop(f"there is no agreement {agreement!r}; `interagency agreements list`", WRONG_USE)
    show_table(
        "Signatures",
        ("agreement", "version", "party", "key", "signed (UTC)"),
        [row for item in wanted for row in signatures(item)],
    )
    for item in broken:
        tell(item.why, err=True)
    if broken or any(item.unsigned for item in wanted):
        raise typer.Exit(NOT_DONE)


def diff(
    agreement: str,
    old: Annotated[
        Path | None, typer.Option(help="Another text to hold it against; the version before by default.")
    ] = None,
) -> None:
    """Show what a version changes against the one before; of a draft, against the text in force."""
    from sharing.agreements.changes import changes
    from sharing.agreements.drafts import find_text
    from sharing.agreements.register import agreement_folders, read_text, text_before

    with told():
        path = find_text(agreement_folders(), agreement)
        before = old or text_before(path, read_text(path)[0])
        rows = changes(read_text(before)[1], read_text(path)[1])
    show_table("Changes", ("clause", "before", "now"), rows)


def trace(
    what: Annotated[str, typer.Argument(help="A mart, or a column of it, such as marts.flight.carrier.")],
) -> None:
    """Show which agencies' fields a column comes from and its rows are joined and chosen by, under which agreements, for which purposes."""
    from catalogue.dbt_manifest import read_manifests, resources_of
    from catalogue.lineage import Lineage
    from orchestration.dbt import ran
    from sharing.agreements.purposes import broadest
    from sharing.policy.policy import Policy
    from sharing.policy.purposes_of_marts import ROWS, Purposes
    from warehouse.home import Home

    home = Home.from_environment()
    purposes = Purposes.today(Policy.read(home), Lineage(resources_of(read_manifests(ran(home)))))
    key = next(
        (mart.key for mart in purposes.marts() if what.lower() in (mart.key, *_columns(purposes, mart.key))), None
    )
    if key is None:
        known = ", ".join(mart.key for mart in purposes.marts()) or "none; run `interagency run` first"
        stop(f"there is no mart or column {what!r}; marts are {known}", WRONG_USE)
    rows = [
        [use.column, "; ".join(use.fields), ", ".join(use.agreements), ", ".join(broadest(use.purposes or frozenset()))]
        for use in (*purposes.uses(key), purposes.rows_by(key))
        if use.column == ROWS or what.lower() in (key, f"{key}.{use.column}")
    ]
    show_table(what, ("column", "made of", "agreements", "purposes"), rows)
    common = purposes.common(key)
    tell(f"All of {key} may serve: {', '.join(broadest(common)) if common else 'no purpose of an agreement'}")


def _columns(purposes: "Purposes", key: str) -> list[str]:
    return [f"{key}.{column}" for column in purposes.lineage.columns(key)]
