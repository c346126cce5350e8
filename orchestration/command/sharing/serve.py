"""`interagency serve`: recipients read their products by Delta Sharing."""

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, stop, tell

if TYPE_CHECKING:
    from sharing.serve.today import ReadCovered
    from warehouse.home import Home


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port.", min=1, max=65535)] = 8443,
    certificate: Annotated[Path | None, typer.Option(help="A certificate with its chain, as PEM, for TLS.")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's private key, as PEM.")] = None,
    proxy_does_tls: Annotated[bool, typer.Option("--proxy-does-tls", help="Only a proxy that speaks TLS reaches this address.")] = False,
) -> None:  # fmt: skip
    """Let recipients read their products with any client of Delta Sharing, by the files that `release profile` writes. Ctrl-C ends it."""
    from sharing.serve.server import Listening, NotServed, public_address, serve
    from warehouse.home import Home
    from warehouse.settings import settings

    home, listening = Home.from_environment(), Listening(host, port, certificate, key, proxy_does_tls)
    try:
        base = public_address(settings().share_url)
        with listening.opened() as opened:
            tell(f"Delta Sharing on {listening.address}; Ctrl-C ends it")
            serve(home, _cover(home), opened, base)
    except NotServed as error:
        stop(str(error), WRONG_USE)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        stop(f"port {port} is in use; choose another with --port", NOT_DONE)


def _cover(home: "Home") -> "ReadCovered":
    from catalogue.dbt_manifest import ran
    from sharing.serve.today import CoverOfFiles

    return CoverOfFiles(home, lambda: ran(home))
