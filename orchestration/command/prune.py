"""`interagency prune`: give disk back, without what is still needed."""

import typer

from orchestration.command.common import NOT_DONE, all_contracts, stop


def prune() -> None:
    """Delete originals whose retention is over, builds that cannot be restored any more, and what a crash left behind.

    The last good night of each feed and the restorable nights stay.
    """
    from orchestration.resources import NightRunning, night_lock
    from sources.retention import forget_originals
    from warehouse.home import Home
    from warehouse.nights import prune_nights

    home = Home.from_environment()
    try:
        with night_lock(home, wait_seconds=0):
            originals, builds = forget_originals(all_contracts(), home), prune_nights(home)
    except NightRunning as error:
        stop(str(error), NOT_DONE)
    typer.echo(f"{len(originals)} landed extracts and {len(builds)} builds removed")
