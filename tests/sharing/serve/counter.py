"""A platform whose products are read by Delta Sharing: an office, a clock that can be set, and the server, with or without a port."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from threading import Thread
from typing import Any

import httpx
import uvicorn

from sharing.release.cover import Covered
from sharing.release.deliver import deliver
from sharing.release.kept import Release
from sharing.serve.app import PREFIX, Server
from sharing.serve.desk import Desk
from sharing.serve.door import Door
from sharing.serve.reads import Reads
from sharing.serve.signed import Signer
from sharing.serve.tokens import Token, issue, profile
from tests.sharing.office import TABLE, Office, product

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHARE = "stay-statistics"
TABLES = f"/shares/{SHARE}/schemas/products/tables"
STAYS = f"{TABLES}/stays"
Line = dict[str, Any]


def served(**said: Any) -> dict[str, Any]:
    return product(**({"format": "delta-sharing", "delivery": "delta-sharing"} | said))


@dataclass
class Counter:
    """`moment` is what the server's clock says; `stays` go to tests-office, `towns` to tests-ministry."""

    office: Office
    moment: datetime = START
    tokens: dict[str, tuple[Token, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.office.give(served(), served(id="towns", columns={"town": "keep"}, recipients=["tests-ministry"]))
        home = self.office.home
        self._last: tuple[Any, Covered] | None = None
        self.door = Door(home, self._covered, lambda: self.moment)
        self.server = Server(Desk(self.door, Signer(home), Reads(home)))
        self.app = self.server.app()

    def _covered(self, on: date) -> Covered:
        """The same object as long as nothing changed, as of the files of a platform."""
        office = self.office
        office.on = on
        state = (on, office.revoked, json.dumps([office.source, office.release]), tuple(office.parties.values()))
        if self._last is None or self._last[0] != state:
            self._last = state, office.maker.covered
        return self._last[1]

    def publish(self, sql: str = TABLE, run: str = "run00001") -> list[Release]:
        """A night, of which every product is released and handed over."""
        self.office.publish(sql, run)
        return [self._released(place) for place in range(len(self.office.wanted()))]

    def _released(self, place: int) -> Release:
        wanted, release = self.office.wanted()[place], self.office.made(place)
        deliver(self.office.home, release, wanted.product)
        return release

    def token(self, recipient: str = "tests-office") -> tuple[Token, str]:
        """One for each recipient, and its text."""
        if recipient not in self.tokens:
            agreement = self._covered(self.moment.date()).agreement(SHARE)
            self.tokens[recipient] = issue(self.office.home, agreement, recipient)
        return self.tokens[recipient]

    def profile(self, endpoint: str, recipient: str = "tests-office") -> str:
        path = self.office.folder / f"{recipient}.share"
        path.write_text(profile(*self.token(recipient), endpoint))
        return str(path)

    def ask(
        self, path: str, recipient: str | None = "tests-office", method: str = "GET", **said: Any
    ) -> httpx.Response:
        """One request, without a port: what the application answers. `path` is below the endpoint, or a whole address."""
        headers = said.pop("headers", {})
        if recipient is not None:
            headers = {"authorization": f"Bearer {self.token(recipient)[1]}"} | headers

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://share.example.org") as client:
                address = path if path.startswith("http") else f"{PREFIX}{path}"
                return await client.request(method, address, headers=headers, **said)

        return asyncio.run(ask())

    def lines(self, path: str, recipient: str = "tests-office", **body: Any) -> list[Line]:
        """Of a query, or of an answer to GET where the path has a question mark."""
        method, said = ("GET", {}) if "?" in path else ("POST", {"json": body})
        answer = self.ask(path, recipient, method, **said)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def address(self, recipient: str = "tests-office", table: str = STAYS, **body: Any) -> str:
        """Of a table's file."""
        return str(self.lines(f"{table}/query", recipient, **body)[-1]["file"]["url"])

    def fetch(self, address: str, method: str = "GET", **headers: str) -> httpx.Response:
        """A file by its address alone."""
        return self.ask(
            address, None, method, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    def plain(self, release: Release) -> bytes:
        """What the release holds."""
        from warehouse.keys.keyed_folder import key_of
        from warehouse.keys.sealed_file import opened

        key = key_of(release.sealed)
        assert key is not None
        return b"".join(opened(release.sealed, key))

    def later(self, **by: float) -> None:
        self.moment += timedelta(**by)


@contextlib.contextmanager
def listening(app: Any) -> Iterator[str]:
    """The endpoint of the server on a port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as port:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        thread = Thread(target=server.run, kwargs={"sockets": [port]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{port.getsockname()[1]}{PREFIX}"
        finally:
            server.should_exit = True
            thread.join()
