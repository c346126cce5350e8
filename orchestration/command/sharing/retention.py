"""`interagency retention`: what is kept for longer than was agreed, listed and deleted."""

from typing import Annotated

import typer

from orchestration.command.common import NOT_DONE, all_contracts, show_table, stop, tell

app = typer.Typer(help="What is over its retention.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """What is over its retention."""


@app.command("apply")
def apply(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would go, and delete nothing.")] = False,
) -> None:
    """Delete originals, rows, releases and consents whose time is over. Every night does the first two by itself."""
    from datetime import UTC, datetime

    from sharing.ledger.errors import LedgerError
    from sharing.policy.policy import Policy
    from sharing.rights.retention import Retention
    from warehouse.errors import KeyRefused
    from warehouse.home import Home
    from warehouse.journal import actor
    from warehouse.lock import NightRunning, night_lock
    from warehouse.numbers_for_people import several
    from warehouse.store.seal import Tampered

    home, contracts = Home.from_environment(), all_contracts()
    try:
        with night_lock(home, wait_seconds=0):
            retention = Retention(home, contracts, Policy.read(home), datetime.now(UTC).date())
            found = list(retention.over()) if dry_run else retention.apply(actor())
    except (LedgerError, KeyRefused, NightRunning, Tampered) as error:
        stop(str(error), NOT_DONE)
    show_table("Over", ("what", "where", "why"), [(one.what, one.place, one.why) for one in found])
    tell(f"{several(len(found), 'thing')} {'would go' if dry_run else 'went'}")
