"""Requests that nobody should send: paths, bodies and headers at random are refused in the protocol's form, and nothing fails."""

import asyncio
import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sharing.serve.app import PREFIX
from sharing.serve.limits import Limit
from tests.sharing.serve.counter import SHARE, STAYS, TABLES, Counter

WORDS = [
    "shares", "schemas", "tables", SHARE, "products", "stays", "towns", "all-tables", "version", "metadata", "query", "changes", "files",
    "..", ".", "", "%2e%2e", "..%2f..%2fetc%2fpasswd", "\x00", "é", "a" * 3000, "*", "stays\n", "{share}", "-1",
]  # fmt: skip
VALUES = [
    "",
    "0",
    "-1",
    "x",
    "1e9",
    "9" * 50,
    "\x00",
    "2026-01-01",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "é",
    "true",
]
NAMES = [
    "maxResults", "pageToken", "startingVersion", "endingVersion", "startingTimestamp", "endingTimestamp", "includeHistoricalMetadata", "sig",
]  # fmt: skip
BODIES = ["", "{", "[]", "null", "1", '"x"', "[" * 100_000, '{"version": 1e400}', '{"version": -1}', '{"version": true}', '{"limitHint": "x"}',
          '{"predicateHints": 1}', '{"jsonPredicateHints": {}}', '{"timestamp": 5}', '{"version": 0, "timestamp": "2026-01-01"}', "\x00", "é"]  # fmt: skip


def status(counter: Counter, scope: dict[str, Any], body: bytes) -> tuple[int, bytes]:
    """What the application answers, below any client that would tidy a request."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    base = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": None,
        "root_path": "",
    }
    asyncio.run(counter.app(base | scope, receive, send))
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])


def test_no_request_fails(counter: Counter) -> None:
    bearer = f"Bearer {counter.token()[1]}".encode()
    path = st.lists(st.sampled_from(WORDS), max_size=9).map("/".join)
    known = st.sampled_from(
        [f"{STAYS}/{last}" for last in ("version", "metadata", "query", "changes")] + [TABLES, "/shares", "/files/x.y"]
    )
    params = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=3)
    bodies = st.one_of(st.sampled_from(BODIES).map(str.encode), st.binary(max_size=50))
    headers = st.dictionaries(
        st.sampled_from([b"authorization", b"range", b"delta-sharing-capabilities", b"host", b"if-range"]),
        st.binary(max_size=20),
        max_size=3,
    )

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(path, known), params, bodies, headers, st.sampled_from(["GET", "POST", "HEAD", "PUT", "é"]))
    def check(path: str, params: dict[str, str], body: bytes, headers: dict[bytes, bytes], method: str) -> None:
        from urllib.parse import urlencode

        scope = {
            "method": method, "path": f"{PREFIX}{path}", "raw_path": b"", "query_string": urlencode(params).encode(),
            "headers": list(({b"authorization": bearer} | headers).items()),
        }  # fmt: skip
        found, text = status(counter, scope, body)
        assert found < 500, (path, params, body, headers)
        if found >= 400 and method != "HEAD":
            assert set(json.loads(text)) == {"errorCode", "message"}

    check()


@pytest.mark.parametrize("body", BODIES[1:])
def test_a_body_that_is_no_query_is_refused(body: str, counter: Counter) -> None:
    answer = counter.ask(f"{STAYS}/query", method="POST", content=body.encode())
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_PARAMETER_VALUE")


def test_hints_are_hints(counter: Counter) -> None:
    hints = {"limitHint": 1, "predicateHints": ["town = 'Tartu'", "no SQL at all ;"], "jsonPredicateHints": "{no JSON"}
    assert counter.lines(f"{STAYS}/query", **hints)[2]["file"]["size"] > 0


def test_a_body_has_a_bounded_length_whatever_it_says(counter: Counter) -> None:
    async def pieces() -> Any:
        for _ in range(100):
            yield b" " * 10_000

    assert counter.ask(f"{STAYS}/query", method="POST", content=pieces()).status_code == 413


@pytest.mark.parametrize(
    ("asked", "format_"),
    [
        ("", "parquet"), ("responseformat=parquet", "parquet"), ("responseFormat=delta,parquet;readerfeatures=x", "parquet"),
        ("ResponseFormat=DELTA", "delta"), ("readerfeatures=deletionvectors", "parquet"), ("responseformat=something", "parquet"),
    ],
)  # fmt: skip
def test_a_format_is_answered_that_the_client_takes(asked: str, format_: str, counter: Counter) -> None:
    answer = counter.ask(f"{STAYS}/metadata", headers={"Delta-Sharing-Capabilities": asked})
    assert answer.headers["delta-sharing-capabilities"] == f"responseformat={format_}"
    assert ("deltaProtocol" in answer.text) == (format_ == "delta")
    assert answer.headers["content-type"] == "application/x-ndjson; charset=utf-8"


def test_the_log_tells_who_read_what_and_no_token(counter: Counter, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        address = counter.address()
        counter.fetch(address)
        counter.ask("/shares", None, headers={"authorization": "Bearer guessed-token"})
    said = [one.getMessage() for one in caplog.records if one.name != "httpx"]
    assert [line.rpartition("/")[2] for line in said] == [
        "query tests-office 200", "files tests-office 200", "shares - 401 UNAUTHENTICATED",
    ]  # fmt: skip
    for secret in (counter.token()[1], "guessed-token", address.rpartition("/")[2][:30], address.rpartition("sig=")[2]):
        assert secret not in "".join(said)


def test_what_fails_tells_its_place_and_nothing_else(
    counter: Counter, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a value of somebody")

    monkeypatch.setattr("sharing.serve.tables.Shelf.table", fail)
    answer = counter.ask(f"{STAYS}/version")
    assert (answer.status_code, set(answer.json())) == (500, {"errorCode", "message"})
    assert "a value of somebody" not in answer.text + caplog.text
    assert "RuntimeError at " in caplog.text


def test_a_limit_fills_again_and_remembers_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    limit = Limit(2, 3, lambda: now[0])
    assert [limit.take("a") for _ in range(4)] == [True, True, True, False]
    now[0] = 1.0
    assert [limit.take("a") for _ in range(3)] == [True, True, False]
    monkeypatch.setattr("sharing.serve.limits._MOST_REMEMBERED", 10)
    for number in range(100):
        assert limit.take(str(number))
    assert len(limit._left) == 10
