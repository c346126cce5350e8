"""`interagency ui`: Dagster's web page and its daemon."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def ui(port: Annotated[int, typer.Option(help="Port on localhost.")] = 3000) -> None:
    """Open Dagster on localhost, with the daemon that fires the schedule. Ctrl-C ends both."""
    from orchestration.night import prepare_home
    from warehouse.home import PROJECT, Home

    prepare_home(Home.from_environment())
    dagster = Path(sys.executable).with_name("dagster")
    arguments = [
        "dagster",
        "dev",
        "--workspace",
        str(PROJECT / "workspace.yaml"),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    os.execv(dagster, arguments)
