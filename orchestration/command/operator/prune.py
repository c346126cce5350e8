"""`interagency prune`: give disk back, without what is still needed."""

import typer

from orchestration.command.common import NOT_DONE, all_contracts, stop


def prune() -> None:
    """Delete originals whose retention is over, results that a later run of their night replaced, and builds that
    cannot be restored any more.

    The last good night of each feed and the restorable nights stay.
    """
    from nights.retention_by_contract import forget_all
    from sharing.ledger.night import note_originals_ended
    from warehouse.home import Home
    from warehouse.journal import actor
    from warehouse.lock import NightRunning, night_lock

    home, contracts = Home.from_environment(), all_contracts()
    try:
        with night_lock(home, wait_seconds=0):
            removed = forget_all(contracts, home)
            note_originals_ended(home, removed.originals, actor())
    except NightRunning as error:
        stop(str(error), NOT_DONE)
    typer.echo(
        f"{len(removed.originals)} landed extracts, {removed.superseded} superseded results and {removed.builds} builds removed"
    )
