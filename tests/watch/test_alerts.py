"""Alerts against a real mail server and a real receiver of webhooks: once for each cause, and again when it comes back."""

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from typer.testing import CliRunner

from nights.folders import report_path
from nights.record.feed_night import FAILED, REFUSED, FeedNight
from nights.record.past import open_past
from orchestration.command.main import app
from reports.report import write_report
from sources.contract.load import load, load_all
from sources.contract.model import Contact, Contract
from tests.conftest import NIGHT, Feed
from tests.sources.landed import text_columns
from warehouse.home import Home
from warehouse.store.night_records import record
from watch.alerts import tell


class Silent(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


STEWARD = Contact("data office", "mailto:data@agency.example", "email")


class Mailbox:
    """What the mail server took."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.messages.append(message_from_bytes(envelope.content))
        return "250 taken"


@contextmanager
def mail_server(**options: Any) -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port, **options)
    server.start()
    try:
        yield box, port
    finally:
        server.stop()


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with mail_server() as (box, port):
        monkeypatch.setenv("INTERAGENCY_SMTP", f"smtp://127.0.0.1:{port}")
        yield box


@pytest.fixture
def posted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The https address of a receiver, and what it was sent; it answers 500 to what has /broken in its path."""
    taken: list[dict[str, Any]] = []

    class Receiver(Silent):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if "broken" in self.path else 200)
            self.end_headers()

    with https_server(Receiver, tmp_path, monkeypatch) as address:
        yield address, taken


@contextmanager
def https_server(
    handler: type[BaseHTTPRequestHandler], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Its address; its certificate is the only one that is trusted."""
    authority = trustme.CA()
    server = HTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def feed(folder: Path, *contacts: Contact) -> Contract:
    return replace(load(Feed(text_columns("a", "b")).write(folder)), contacts=contacts)


def save(home: Home, night: date, status: str, reason: str | None = None) -> None:
    now = datetime.now(UTC)
    FeedNight(
        night, "tests", "things", status, now, now, reason=reason, rows_sent=1, rows_accepted=1, rows_rejected=0
    ).save(home)


def told(home: Home, contract: Contract, night: date = NIGHT) -> list[tuple[str, bool, str | None]]:
    with open_past(home, [contract], night) as past:
        return [(alert.cause, alert.is_sent, alert.fault) for alert in tell(past)]


def test_a_refused_night_is_told_once_with_what_to_do_and_where_to_look(
    home: Home, tmp_path: Path, mailbox: Mailbox
) -> None:
    contract = feed(tmp_path, STEWARD)
    save(home, NIGHT, REFUSED, "more rejects than the contract allows")
    told(home, contract)
    told(home, contract)
    write_report([contract], home, NIGHT)
    (message,) = mailbox.messages
    assert message["To"] == "data@agency.example"
    assert message["Subject"] == f"tests/things, night of {NIGHT}: refused"
    text = message.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert "more rejects than the contract allows" in text
    assert "interagency accept" in text
    page = text.rpartition("file://")[2].strip()
    assert Path(page).exists()


def test_a_cause_that_lasts_is_not_told_again_and_one_that_comes_back_is(
    home: Home, tmp_path: Path, mailbox: Mailbox
) -> None:
    contract = feed(tmp_path, STEWARD)
    for day, status in enumerate([FAILED, FAILED, "accepted", FAILED]):
        save(home, NIGHT + timedelta(days=day), status, "the share is down")
        told(home, contract, NIGHT + timedelta(days=day))
    assert [message["Subject"].split(",")[1] for message in mailbox.messages] == [
        f" night of {NIGHT}: failed", f" night of {NIGHT + timedelta(days=3)}: failed"
    ]  # fmt: skip


def test_a_report_that_is_written_anew_tells_nobody_and_says_who_was_told(
    home: Home, inbox: Path, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [replace(contract, contacts=(STEWARD,)) for contract in load_all()]
    monkeypatch.setattr("orchestration.command.steward.report.all_contracts", lambda: known)
    command: Callable[..., Any] = CliRunner().invoke
    now = datetime.now(UTC)
    FeedNight(NIGHT, known[0].agency, known[0].feed, FAILED, now, now, reason="the share is down").save(home)
    assert command(app, ["report"]).exit_code == 0
    assert mailbox.messages == []
    assert "There was nothing to tell." in report_path(home).read_text(encoding="utf-8")

    told(home, known[0])
    assert len(mailbox.messages) == 1
    for arguments in (["report"], ["report", "--extract-date", NIGHT.isoformat()]):
        assert command(app, arguments).exit_code == 0
        assert "every channel that is set up" in report_path(home).read_text(encoding="utf-8")
    assert len(mailbox.messages) == 1


@pytest.mark.parametrize(("password", "sent"), [("right", True), ("wrong", False)])
def test_a_mail_server_that_wants_tls_and_a_login(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str, sent: bool
) -> None:
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    monkeypatch.setenv("INTERAGENCY_SMTP_PASSWORD", password)

    def is_known(_server: Any, _session: Any, _envelope: Any, _mechanism: Any, given: LoginPassword) -> AuthResult:
        return AuthResult(success=given == LoginPassword(b"night", b"right"), handled=False)

    save(home, NIGHT, FAILED, "the share is down")
    options = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": is_known}
    with mail_server(**options) as (box, port):
        monkeypatch.setenv("INTERAGENCY_SMTP", f"smtp://night@127.0.0.1:{port}")
        expected = ("failed", True, None) if sent else ("failed", False, "data office: SMTPAuthenticationError")
        assert told(home, feed(tmp_path, STEWARD)) == [expected]
    assert len(box.messages) == sent


def test_a_mail_server_that_nobody_vouches_for_is_told_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    save(home, NIGHT, FAILED, "the share is down")
    with mail_server(tls_context=context) as (box, port):
        monkeypatch.setenv("INTERAGENCY_SMTP", f"smtp://127.0.0.1:{port}")
        assert told(home, feed(tmp_path, STEWARD)) == [("failed", False, "data office: SSLCertVerificationError")]
    assert box.messages == []


def test_several_causes_of_a_feed_are_one_message(home: Home, tmp_path: Path, mailbox: Mailbox) -> None:
    contract = feed(tmp_path, STEWARD)
    save(home, NIGHT, "accepted")
    odd = [
        {"measure": "rows", "column_name": None, "description": "half as many"},
        {"measure": "null_share", "column_name": "a", "description": "all null"},
    ]
    record(home, "anomaly", NIGHT, odd, {"agency": "tests", "feed": "things"})
    assert told(home, contract) == [("anomaly null_share a", True, None), ("anomaly rows", True, None)]
    assert len(mailbox.messages) == 1


def test_a_webhook_gets_the_words_and_the_alerts(
    home: Home, tmp_path: Path, posted: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, taken = posted
    monkeypatch.setenv("ROOM", address)
    page = Contact("handbook", f"{address}/page", "other")
    contract = feed(
        tmp_path, Contact("night room", "${ROOM}/hook", "slack"), Contact("webhook", f"{address}/other"), page
    )
    save(home, NIGHT, FAILED, "the share is down")
    assert told(home, contract) == [("failed", True, None)]
    assert len(taken) == 2
    assert "the share is down" in taken[0]["text"]
    assert taken[0]["alerts"][0]["first_night"] == str(NIGHT)


def test_a_channel_that_fails_is_tried_by_the_next_run(
    home: Home, tmp_path: Path, posted: tuple[str, list[dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    address, taken = posted
    save(home, NIGHT, FAILED, "the share is down")
    broken = feed(tmp_path, Contact("webhook", f"{address}/broken?token=secret"))
    for _ in range(2):
        assert told(home, broken) == [("failed", False, "webhook: HTTPStatusError")]
    assert "not by webhook: HTTPStatusError" in write_report([broken], home, NIGHT).read_text(encoding="utf-8")
    assert "secret" not in caplog.text
    assert told(home, feed(tmp_path, Contact("webhook", address))) == [("failed", True, None)]
    assert told(home, feed(tmp_path, Contact("webhook", address))) == [("failed", True, None)]
    assert "every channel that is set up" in write_report([broken], home, NIGHT).read_text(encoding="utf-8")
    assert len(taken) == 3


def test_a_channel_that_was_told_is_not_told_again_because_another_one_failed(
    home: Home, tmp_path: Path, posted: tuple[str, list[dict[str, Any]]]
) -> None:
    address, taken = posted
    save(home, NIGHT, FAILED, "the share is down")
    contract = feed(tmp_path, STEWARD, Contact("webhook", address))
    expected = [("failed", False, "data office: INTERAGENCY_SMTP names no mail server")]
    assert told(home, contract) == expected
    assert told(home, contract) == expected
    assert len(taken) == 1
    page = write_report([contract], home, NIGHT).read_text(encoding="utf-8")
    assert "not by data office: INTERAGENCY_SMTP names no mail server" in page


def test_a_message_waits_for_a_mail_server(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(home, NIGHT, FAILED, "the share is down")
    contract = feed(tmp_path, STEWARD)
    assert told(home, contract)[0][1] is False
    with mail_server() as (box, port):
        monkeypatch.setenv("INTERAGENCY_SMTP", f"smtp://127.0.0.1:{port}")
        assert told(home, contract) == [("failed", True, None)]
        assert told(home, contract) == [("failed", True, None)]
    assert len(box.messages) == 1


def test_nobody_to_tell_is_no_error(home: Home, tmp_path: Path) -> None:
    save(home, NIGHT, FAILED, "the share is down")
    assert told(home, feed(tmp_path, Contact("room", "${NOT_SET}", "slack")))[0][1] is False
    assert told(home, feed(tmp_path)) == [("failed", True, None)]


@pytest.mark.parametrize("way", ["body", "headers"])
def test_a_webhook_that_never_ends_its_answer_holds_up_no_night(
    way: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drip is never silent, so that no time-out of a read ends it."""
    monkeypatch.setattr("watch.alerts._TIMEOUT_SECONDS", 1)
    is_over = Event()

    class Dripping(Silent):
        def do_POST(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if way == "body" else b"X-Long: "))
            with suppress(OSError):
                while not is_over.wait(0.1):
                    self.wfile.write(b"x")

    with https_server(Dripping, tmp_path, monkeypatch) as address:
        save(home, NIGHT, "refused")
        began = time.monotonic()
        told(home, feed(tmp_path, Contact("webhook", address)))
        is_over.set()
        assert time.monotonic() - began < 10
