"""A web application served on loopback for as long as a block runs."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trustme
import uvicorn

_STARTS_WITHIN_SECONDS = 20
_STOPS_WITHIN_SECONDS = 10


@contextmanager
def serving(
    app: Any, *, certificate: trustme.LeafCert | None = None, client_ca: trustme.CA | None = None
) -> Iterator[str]:
    """Serve an ASGI application from a thread of its own, and yield its base URL, `http://127.0.0.1:PORT`.

    With a certificate (issued for `127.0.0.1`) it is `https`; with a `client_ca` only callers with a certificate of
    that authority are let in. Raises RuntimeError where the server does not start.
    """
    config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    config.load()
    if certificate is not None:
        config.ssl = _tls(certificate, client_ca)
    server = uvicorn.Server(config)
    # The socket is bound here, so that the port is known and taken before anybody is told of it.
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            scheme = "http" if certificate is None else "https"
            yield f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_STOPS_WITHIN_SECONDS)


def _tls(certificate: trustme.LeafCert, client_ca: trustme.CA | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if client_ca is not None:
        client_ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the web server does not start; see what else this machine is doing")
        time.sleep(0.01)
