"""`interagency ui`: Dagster's web page and its daemon."""

import errno
from typing import Annotated

import typer

from orchestration.command.common import NOT_DONE, stop


def ui(port: Annotated[int, typer.Option(help="Port on localhost.")] = 3000) -> None:
    """Open Dagster on localhost, with the daemon that fires the schedule. Ctrl-C ends both.

    The printed link logs one browser in, once; nobody else and no other web page reaches what stands behind it.
    """
    from orchestration.run_night import prepare_home
    from warehouse.home import Home

    home = Home.from_environment()
    prepare_home(home)
    from orchestration.ui.server import serve

    try:
        serve(home.dagster, port, lambda link: typer.echo(f"Log in with this link; it is good for one browser: {link}"))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        stop(f"port {port} is in use; choose another with --port", NOT_DONE)
