"""`interagency prune`: give disk back, without what is still needed."""

import typer

from orchestration.command.common import NOT_DONE, all_contracts, stop


def prune() -> None:
    """Delete originals whose retention is over, results that a later run of their night replaced, and builds that
    cannot be restored any more.

    The last good night of each feed and the restorable nights stay.
    """
    from nights.retention import forget_originals, forget_superseded
    from orchestration.resources import NightRunning, night_lock
    from warehouse.home import Home
    from warehouse.store.builds import prune_nights

    home, contracts = Home.from_environment(), all_contracts()
    try:
        with night_lock(home, wait_seconds=0):
            originals, builds = forget_originals(contracts, home), prune_nights(home)
            superseded = forget_superseded(home)
    except NightRunning as error:
        stop(str(error), NOT_DONE)
    typer.echo(
        f"{len(originals)} landed extracts, {len(superseded)} superseded results and {len(builds)} builds removed"
    )
