"""`interagency serve` as a process: where it listens, under which certificate, and its log."""

import ipaddress
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from sharing.serve.app import Server
from sharing.serve.desk import Desk
from sharing.serve.door import Door
from sharing.serve.reads import Reads
from sharing.serve.signed import Signer
from sharing.serve.today import ReadCovered
from warehouse.home import Home

_MOST_AT_ONCE, _IDLE_SECONDS = 200, 10


class NotServed(Exception):
    """Why nothing is listened on: what to do."""


@dataclass(frozen=True)
class Listening:
    """`proxy_does_tls` says that only a proxy on the way to recipients reaches this address, and that it speaks TLS."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    proxy_does_tls: bool = False

    def check(self) -> None:
        """Raises NotServed where tokens and rows would go over a network in clear."""
        if (self.certificate is None) != (self.key is None):
            raise NotServed("--certificate and --key go together; name both")
        missing = next((path for path in (self.certificate, self.key) if path is not None and not path.is_file()), None)
        if missing is not None:
            raise NotServed(f"{missing} is no file; name a certificate and its key, as PEM")
        if not (self.certificate or self.proxy_does_tls or _is_loopback(self.host)):
            raise NotServed(
                f"{self.host} can be reached from elsewhere, and tokens would go there in clear: name --certificate and --key, or say "
                "--proxy-does-tls where a proxy before it speaks TLS"
            )

    @property
    def address(self) -> str:
        """Where it listens, as a person reads it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.certificate else ''}://{name}:{self.port}"

    @contextmanager
    def opened(self) -> "Iterator[Opened]":
        """Raises NotServed, and OSError where the port is taken."""
        self.check()
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.create_server((self.host, self.port), family=family) as found:
            yield Opened(found, self)


@dataclass(frozen=True)
class Opened:
    """A port that is listened on."""

    socket: socket.socket
    listening: Listening


def serve(home: Home, read: ReadCovered, opened: Opened, base: str | None) -> None:
    """Until a signal ends it."""
    listening = opened.listening
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("interagency.serve").setLevel(logging.INFO)
    desk = Desk(Door(home, read), Signer(home), Reads(home))
    config = uvicorn.Config(
        Server(desk, base).app(), log_level="warning", log_config=None, access_log=False, server_header=False,
        ssl_certfile=listening.certificate, ssl_keyfile=listening.key, limit_concurrency=_MOST_AT_ONCE,
        timeout_keep_alive=_IDLE_SECONDS, proxy_headers=False,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[opened.socket])


def public_address(url: str | None) -> str | None:
    """Where recipients reach the server, as INTERAGENCY_SHARE_URL says it. Raises NotServed where they would send tokens in clear."""
    if url is None:
        return None
    parts = urlsplit(url)
    if (
        parts.scheme not in ("https", "http")
        or not parts.hostname
        or (parts.scheme == "http" and not _is_loopback(parts.hostname))
    ):
        raise NotServed(
            f"INTERAGENCY_SHARE_URL is {url!r}, where tokens would go in clear; write an address that begins with https://"
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
