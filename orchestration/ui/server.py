"""Dagster's web page behind the guard, with its daemon and the code location that both ask, in processes that end together.

Of all of them only the page has a port: the code location is asked through a socket file that is its owner's alone.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import dagster as dg
import uvicorn
import yaml

# Private names: Dagster has no public way to serve its page from a process of one's own, and its command opens a port without a
# guard. This is what `dagster dev` and `dagster-webserver` are made of.
from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context

from orchestration.ui.guard import Guard
from orchestration.ui.reloading import reload_on_change
from warehouse.home import PROJECT

_POLL_MILLISECONDS = 2000
_STATEMENT_MILLISECONDS, _RECYCLE_SECONDS, _OVERFLOW = 15000, 3600, 20
_SECONDS_TO_END = 30


def serve(dagster_home: Path, port: int, tell: Callable[[str], None]) -> None:
    """Serve until a signal ends it; `tell` is given each login link. Raises OSError where the port is taken."""
    # Dagster starts the code location by itself, with this process's environment, and finds its own folder by nothing else there.
    os.environ["DAGSTER_HOME"] = str(dagster_home)
    # Whatever is made from here on (the socket of the code location, temporary files) is for its owner alone.
    os.umask(0o077)
    with (
        socket.create_server(("127.0.0.1", port)) as listening,
        dg.DagsterInstance.get() as instance,
        TemporaryDirectory(prefix="interagency-ui-") as folder,
    ):
        instance.optimize_for_webserver(_STATEMENT_MILLISECONDS, _RECYCLE_SECONDS, _OVERFLOW)
        own = WorkspaceFileTarget([str(PROJECT / "workspace.yaml")])
        with ProxyServerManager(instance, own, "warning") as code:
            workspace = Path(folder) / "workspace.yaml"
            workspace.write_text(yaml.safe_dump({"load_from": code.get_code_server_specs()}), encoding="utf-8")
            with _daemon(workspace) as daemon, _context(instance, workspace) as context, _reloading(context):
                page = create_app_from_workspace_process_context(context, live_data_poll_rate=_POLL_MILLISECONDS)
                config = uvicorn.Config(Guard(page, port, tell), log_level="warning", server_header=False)
                _run(uvicorn.Server(config), listening, daemon)


def _context(instance: dg.DagsterInstance, workspace: Path) -> WorkspaceProcessContext:
    target = WorkspaceFileTarget([str(workspace)])
    return WorkspaceProcessContext(instance, target, version=dg.__version__, code_server_log_level="warning")


@contextmanager
def _reloading(context: WorkspaceProcessContext) -> Iterator[None]:
    """The daemon takes what is loaded here at its next look."""

    def reload() -> None:
        for name in context.create_request_context().code_location_names:
            context.reload_code_location(name)

    ended = Event()
    reload_on_change(reload, ended)
    try:
        yield
    finally:
        ended.set()


def _run(server: uvicorn.Server, listening: socket.socket, daemon: "subprocess.Popen[bytes]") -> None:
    """A page without its daemon would show a schedule that never fires: it ends with it."""

    def follow() -> None:
        daemon.wait()
        server.should_exit = True

    Thread(target=follow, daemon=True).start()
    server.run(sockets=[listening])


@contextmanager
def _daemon(workspace: Path) -> "Iterator[subprocess.Popen[bytes]]":
    # As `dagster dev` starts it: `dagster-daemon` beside it is the same module, and may not be on the path.
    command = [sys.executable, "-m", "dagster._daemon", "run", "--workspace", str(workspace), "--log-level", "warning"]
    daemon = subprocess.Popen(command)
    try:
        yield daemon
    finally:
        daemon.send_signal(signal.SIGINT)
        try:
            daemon.wait(timeout=_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            daemon.kill()
