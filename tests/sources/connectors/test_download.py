"""Downloads over HTTP(S): whole or not at all, resumed where they broke, from nobody but the host that was asked."""

import asyncio
import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from simulation.systems.web import serving
from sources.arrival.request import Arrived
from sources.connectors import probe, retry
from tests.conftest import NIGHT
from tests.sources.connectors.pulling import contract_of, pulled, refused, sent

CONTENT = b"id\n" + b"".join(b"%06d\n" % number for number in range(100_000))


@contextmanager
def answering(answer: Any, path: str = "/extract.csv") -> Iterator[str]:
    """A server that gives this answer to every request for the path; yields the address."""
    with serving(Starlette(routes=[Route(path, lambda request: answer(request))])) as base:
        yield base + path


def downloaded(folder: Path, answer: Any) -> Arrived:
    with answering(answer) as url:
        return pulled(contract_of(folder, "api", url), folder / "into")


def refusal(folder: Path, answer: Any, **options: Any) -> str:
    with answering(answer) as url:
        return refused(contract_of(folder, "api", url, **options), folder / "into")


class Breaking:
    """Sends half of what is asked for, then drops the connection, so many times; then all."""

    def __init__(self, breaks: int, etags: list[str]) -> None:
        self.breaks, self.etags = breaks, etags
        self.ranges: list[str | None] = []

    def __call__(self, request: Request) -> Response:
        asked, etag = request.headers.get("range"), self.etags[min(len(self.ranges), len(self.etags) - 1)]
        self.ranges.append(asked)
        start = int(asked[6:-1]) if asked and request.headers["if-range"] == etag else 0
        body = CONTENT[start:]
        headers = {"etag": etag, "content-length": str(len(body))}
        if start:
            headers["content-range"] = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        is_broken = len(self.ranges) <= self.breaks
        return StreamingResponse(sent(body, is_broken), 206 if start else 200, headers)


def test_a_file_arrives_as_it_is_with_its_proof(tmp_path: Path) -> None:
    moment = "Fri, 20 Nov 2026 01:00:00 GMT"
    answer = Response(CONTENT, headers={"ETag": '"v1"', "Last-Modified": moment})
    arrived = downloaded(tmp_path, lambda _: answer)
    assert arrived.files == ("extract.csv",)
    assert (tmp_path / "into" / "extract.csv").read_bytes() == CONTENT
    assert arrived.evidence == {"ETag": '"v1"', "Last-Modified": moment}


def test_the_night_and_the_watermark_are_filled_in(tmp_path: Path) -> None:
    asked = []

    def answer(request: Request) -> Response:
        asked.append(str(request.url).partition("/x")[2])
        return PlainTextResponse("id\n")

    with answering(answer, "/x{rest:path}") as url:
        place = url.replace("{rest:path}", "_{extract_date:%Y%m%d}.csv")
        contract = contract_of(tmp_path, "api", place, query={"day": "{extract_date}", "since": "{watermark}"})
        pulled(contract, tmp_path / "first")
        pulled(contract, tmp_path / "second", watermark="2026-11-19 03:00:00+00")
    assert asked[0] == "_20261120.csv?day=2026-11-20"
    assert asked[1] == "_20261120.csv?day=2026-11-20&since=2026-11-19+03%3A00%3A00%2B00"


def test_a_broken_transfer_goes_on_where_it_broke(tmp_path: Path) -> None:
    system = Breaking(2, ['"v1"'])
    downloaded(tmp_path, system)
    assert (tmp_path / "into" / "extract.csv").read_bytes() == CONTENT
    assert system.ranges[0] is None
    assert all(int(asked[6:-1]) > 0 for asked in system.ranges[1:]), "neither began again"
    assert list((tmp_path / "into").iterdir()) == [tmp_path / "into" / "extract.csv"]


@pytest.mark.parametrize("etags", [['"v1"', '"v2"'], ['W/"v1"']], ids=["changed meanwhile", "weak ETag"])
def test_a_broken_transfer_starts_again_where_the_file_may_be_another(tmp_path: Path, etags: list[str]) -> None:
    downloaded(tmp_path, Breaking(1, etags))
    assert (tmp_path / "into" / "extract.csv").read_bytes() == CONTENT


def test_a_transfer_that_always_breaks_is_no_extract(tmp_path: Path) -> None:
    system = Breaking(100, ['"v1"'])
    message = refusal(tmp_path, system)
    assert "breaks off" in message
    assert f"after {retry.MAX_ATTEMPTS} attempts" in message
    assert len(system.ranges) == retry.MAX_ATTEMPTS


def test_a_gzip_encoding_is_undone(tmp_path: Path) -> None:
    packed = gzip.compress(CONTENT)
    downloaded(tmp_path, lambda _: Response(packed, headers={"Content-Encoding": "gzip"}))
    assert (tmp_path / "into" / "extract.csv").read_bytes() == CONTENT


def test_a_cut_gzip_encoding_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(CONTENT)[:-20]
    assert "damaged gzip" in refusal(tmp_path, lambda _: Response(packed, headers={"Content-Encoding": "gzip"}))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_body_without_end_is_stopped(tmp_path: Path, packed: bool) -> None:
    body, headers = (gzip.compress(bytes(8 << 20)), {"Content-Encoding": "gzip"}) if packed else (bytes(8 << 20), {})
    message = refusal(tmp_path, lambda _: Response(body, headers=headers), limits={"arrivedBytes": 1 << 20})
    assert "more than 1048576 bytes" in message


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="night.csv"', "night.csv"),
        ('attachment; filename="../../../etc/passwd"', "passwd"),
        ("attachment; filename=..", "extract"),
    ],
)
def test_a_name_that_the_system_gives_is_never_a_path(tmp_path: Path, disposition: str, name: str) -> None:
    arrived = downloaded(tmp_path, lambda _: Response(b"id\n", headers={"Content-Disposition": disposition}))
    assert arrived.files == (name,)
    assert list((tmp_path / "into").iterdir()) == [tmp_path / "into" / name]


def test_a_web_page_with_status_200_is_no_extract(tmp_path: Path) -> None:
    assert "web page (text/html)" in refusal(tmp_path, lambda _: HTMLResponse("<html>Please log in</html>"))


def test_a_redirect_stays_on_its_host(tmp_path: Path) -> None:
    seen = []

    def other(request: Request) -> Response:
        seen.append(dict(request.headers))
        return PlainTextResponse("id\n")

    with answering(other) as elsewhere:
        routes = [
            Route("/here", lambda _: RedirectResponse("/there.csv")),
            Route("/there.csv", lambda _: PlainTextResponse("id\n")),
            Route("/away", lambda _: RedirectResponse(elsewhere)),
            Route("/round", lambda _: RedirectResponse("/round")),
        ]
        with serving(Starlette(routes=routes)) as base:
            assert pulled(contract_of(tmp_path, "api", f"{base}/here"), tmp_path / "a").files == ("here",)
            away = refused(contract_of(tmp_path, "api", f"{base}/away"), tmp_path / "b")
            assert "redirects without end" in refused(contract_of(tmp_path, "api", f"{base}/round"), tmp_path / "c")
    assert f"redirects to {elsewhere.removesuffix('/extract.csv')}" in away
    assert seen == []


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_tried_again(tmp_path: Path, status: int) -> None:
    statuses = [status, status, 200]
    downloaded(tmp_path, lambda _: PlainTextResponse("id\n", statuses.pop(0)))
    assert statuses == []


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_stays_wrong_is_asked_once(tmp_path: Path, status: int) -> None:
    asked = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return PlainTextResponse("hush-and-hide", status)

    with answering(answer) as url:
        message = refused(contract_of(tmp_path, "api", url + "?token=hush-and-hide"), tmp_path / "into")
        assert f"{url} answers {status}" in message
    assert len(asked) == 1


def test_retry_after_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(retry.tenacity.nap.time, "sleep", waits.append)
    date = "Fri, 20 Nov 2026 01:00:00 GMT"
    answers = [
        PlainTextResponse("", 429, {"Retry-After": "7"}),
        PlainTextResponse("", 503, {"Retry-After": "Fri, 20 Nov 2026 01:00:20 GMT", "Date": date}),
        PlainTextResponse("", 503, {"Retry-After": "9999999"}),
        PlainTextResponse("", 503, {"Retry-After": "soon"}),
        PlainTextResponse("id\n"),
    ]
    downloaded(tmp_path, lambda _: answers.pop(0))
    named = [wait for wait in waits if wait >= 1]
    assert named[0] == 7
    assert named[-1] == retry.LONGEST_RETRY_AFTER_SECONDS


ODD_WAITS = ["²", "٣", "-1", "9" * 400, "Fri, 20 Nov 99999 01:00:00 GMT", "Fri, 20 Nov 2026 01:00:20 -9999"]


@given(st.text() | st.sampled_from(ODD_WAITS))
def test_any_retry_after_is_a_wait_or_none(text: str) -> None:
    wait = retry.seconds_to_wait(text, None)
    assert wait is None or wait >= 0
    assert retry.seconds_to_wait("²", text) is None


def test_a_system_that_is_down_or_unknown_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = f"http://127.0.0.1:{taken.getsockname()[1]}/extract.csv"
        assert "cannot be reached" in refused(contract_of(tmp_path, "api", place), tmp_path / "into")


def test_a_slow_system_is_not_waited_for_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "MAX_ATTEMPTS", 2)
    released = threading.Event()

    def answer(_: Request) -> Response:
        released.wait(10)
        return PlainTextResponse("id\n")

    with answering(answer) as url:
        message = refused(contract_of(tmp_path, "api", url, timeoutSeconds=0.2), tmp_path / "into")
        released.set()
    assert "does not answer in time" in message


def test_certificates_are_verified(tmp_path: Path) -> None:
    right, wrong = trustme.CA(), trustme.CA()
    right.cert_pem.write_to_path(tmp_path / "right.pem")
    wrong.cert_pem.write_to_path(tmp_path / "wrong.pem")
    app = Starlette(routes=[Route("/x.csv", lambda _: PlainTextResponse("id\n"))])
    with serving(app, certificate=right.issue_cert("127.0.0.1")) as base:
        place = f"{base}/x.csv"
        pulled(contract_of(tmp_path, "api", place, caFile=str(tmp_path / "right.pem")), tmp_path / "a")
        for number, options in enumerate(({}, {"caFile": str(tmp_path / "wrong.pem")})):
            message = refused(contract_of(tmp_path, "api", place, **options), tmp_path / str(number))
            assert "certificates do not match" in message
        assert "cannot be read" in refused(contract_of(tmp_path, "api", place, caFile="none.pem"), tmp_path / "b")
    with serving(app, certificate=right.issue_cert("other.example")) as base:
        contract = contract_of(tmp_path, "api", f"{base}/x.csv", caFile=str(tmp_path / "right.pem"))
        assert "certificates do not match" in refused(contract, tmp_path / "c")


def test_mutual_tls(tmp_path: Path) -> None:
    authority, ours = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = ours.issue_cert("platform@example.gov")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    app = Starlette(routes=[Route("/x.csv", lambda _: PlainTextResponse("id\n"))])
    ca, pair = {"caFile": "../ca.pem"}, {"clientCertFile": "../cert.pem", "clientKeyFile": "../key.pem"}
    with serving(app, certificate=authority.issue_cert("127.0.0.1"), client_ca=ours) as base:
        arrived = pulled(contract_of(tmp_path, "api", f"{base}/x.csv", **ca, **pair), tmp_path / "a")
        refused(contract_of(tmp_path, "api", f"{base}/x.csv", **ca), tmp_path / "b")
    assert arrived.files == ("x.csv",)


def test_a_probe_reads_no_body(tmp_path: Path) -> None:
    sent: list[int] = []

    async def long() -> Any:
        while len(sent) < 500:
            sent.append(1)
            yield bytes(1 << 10)
            await asyncio.sleep(0.01)

    with answering(lambda _: StreamingResponse(long())) as url:
        probe(contract_of(tmp_path, "api", url), NIGHT)
        assert len(sent) < 100
