"""Logins of an HTTP API: each as its standard says, renewed when it ends, and in no message."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from simulation.systems.web import serving
from sources.arrival.request import Pull
from sources.connectors import fetch
from sources.connectors.web.credentials import Login
from sources.errors import ExtractError
from tests.conftest import NIGHT
from tests.sources.connectors.pulling import SECRET, contract_of, pulled, refused

PAGES = {"style": "page", "parameter": "page", "size": 1}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", SECRET)


class Protected:
    """An API behind OAuth2: tokens are good for so many pages; `asked` are the bodies of token requests."""

    def __init__(self, uses: int = 1000, expires_in: float = 3600) -> None:
        self.uses, self.expires_in = uses, expires_in
        self.asked: list[dict[str, str]] = []
        self.left: dict[str, int] = {}

    def app(self) -> Starlette:
        return Starlette(
            routes=[Route("/token", self.token, methods=["POST"]), Route("/items", lambda request: self.items(request))]
        )

    async def token(self, request: Request) -> Response:
        login = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        if login != f"platform:{SECRET}":
            return JSONResponse({"error": "invalid_client", "error_description": SECRET}, 401)
        self.asked.append(dict(parse_qsl((await request.body()).decode())))
        token = f"token-{len(self.asked)}"
        self.left[token] = self.uses
        return JSONResponse({"access_token": token, "token_type": "bearer", "expires_in": self.expires_in})

    def items(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.left.get(token, 0) < 1:
            return PlainTextResponse(SECRET, 401)
        self.left[token] -= 1
        page = int(request.query_params["page"])
        return JSONResponse([{"id": str(page)}] if page < 5 else [])


def oauth(base: str, **further: Any) -> dict[str, Any]:
    client = {"clientId": "platform", "clientSecret": "env:TEST_SECRET"}
    return {"tokenUrl": f"{base}/token", **client, "paging": PAGES, **further}


def test_a_token_is_asked_for_once(tmp_path: Path) -> None:
    system = Protected()
    with serving(system.app()) as base:
        arrived = pulled(
            contract_of(tmp_path, "api", f"{base}/items", **oauth(base, scope="health.read")), tmp_path / "a"
        )
    assert len(arrived.files) == 4
    assert system.asked == [{"grant_type": "client_credentials", "scope": "health.read"}]


@pytest.mark.parametrize(
    "system", [Protected(uses=2), Protected(expires_in=0)], ids=["refused on the way", "expires at once"]
)
def test_a_token_that_ends_is_renewed(tmp_path: Path, system: Protected) -> None:
    with serving(system.app()) as base:
        arrived = pulled(contract_of(tmp_path, "api", f"{base}/items", **oauth(base)), tmp_path / "a")
    assert len(arrived.files) == 4
    assert len(system.asked) > 1


def test_a_token_that_is_never_taken_is_renewed_once(tmp_path: Path) -> None:
    system = Protected(uses=0)
    with serving(system.app()) as base:
        message = refused(contract_of(tmp_path, "api", f"{base}/items", **oauth(base)), tmp_path / "a")
    assert "answers 401: the login was refused" in message
    assert len(system.asked) == 2


def test_a_refused_client_is_named_by_the_errors_code_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", "another-" + SECRET)
    with serving(Protected().app()) as base:
        message = refused(contract_of(tmp_path, "api", f"{base}/items", **oauth(base)), tmp_path / "a")
    assert f"{base}/token gives no access token: 401 invalid_client" in message


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: PlainTextResponse(SECRET),
        lambda _: JSONResponse({}),
        lambda _: JSONResponse({"access_token": f"{SECRET}\r\nX-Injected: 1"}),
        lambda _: JSONResponse({"access_token": "t", "expires_in": SECRET}),
        lambda _: JSONResponse([SECRET]),
    ],
    ids=["text", "empty", "line end in the token", "time that is no number", "list"],
)
def test_an_answer_that_is_no_token_is_refused(tmp_path: Path, answer: Callable[[Request], Response]) -> None:
    with serving(Starlette(routes=[Route("/token", answer, methods=["POST"])])) as base:
        message = refused(contract_of(tmp_path, "api", f"{base}/items", **oauth(base)), tmp_path / "a")
    assert "without an access token" in message


BASIC = base64.b64encode(f"me:{SECRET}".encode()).decode()
SENT: dict[str, tuple[dict[str, str], str, str]] = {
    "API key": ({"apiKey": "env:TEST_SECRET"}, "x-api-key", SECRET),
    "API key in a header of its own": ({"apiKey": "env:TEST_SECRET", "apiKeyHeader": "X-A-Key"}, "x-a-key", SECRET),
    "user and password": ({"username": "me", "password": "env:TEST_SECRET"}, "authorization", f"Basic {BASIC}"),
    "bearer token": ({"bearerToken": "env:TEST_SECRET"}, "authorization", f"Bearer {SECRET}"),
}


@pytest.mark.parametrize("case", SENT)
def test_a_login_is_in_its_header_and_in_no_message(tmp_path: Path, case: str) -> None:
    options, header, expected = SENT[case]
    seen: list[str] = []

    def answer(request: Request) -> Response:
        seen.append(request.headers[header])
        return PlainTextResponse(request.headers[header], 403 if len(seen) > 1 else 200)

    with serving(Starlette(routes=[Route("/x.csv", answer)])) as base:
        contract = contract_of(tmp_path, "api", f"{base}/x.csv", **options)
        pulled(contract, tmp_path / "a")
        refused(contract, tmp_path / "b")
    assert seen == [expected, expected]


@pytest.mark.parametrize("option", ["headers", "query"])
def test_a_secret_among_headers_or_parameters_is_fetched_from_its_keeper(tmp_path: Path, option: str) -> None:
    seen: list[str] = []

    def answer(request: Request) -> Response:
        seen.append(request.headers.get("x-token") or request.query_params["X-Token"])
        return PlainTextResponse(SECRET, 403)

    with serving(Starlette(routes=[Route("/x.csv", answer)])) as base:
        contract = contract_of(tmp_path, "api", f"{base}/x.csv", **{option: {"X-Token": "env:TEST_SECRET"}})
        refused(contract, tmp_path / "a")
    assert seen == [SECRET]
    missing = contract_of(tmp_path, "api", f"{base}/x.csv", **{option: {"X-Token": "env:TEST_NOT_SET"}})
    assert f"names as its {option}.X-Token, is not set; set it" in refused(missing, tmp_path / "b")


def test_a_secret_that_is_no_header_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", f"{SECRET}\né")
    with serving(Starlette(routes=[])) as base:
        refused(contract_of(tmp_path, "api", f"{base}/x.csv", bearerToken="env:TEST_SECRET"), tmp_path / "a")


LOGINS: list[dict[str, Any]] = [
    {"bearerToken": "env:TEST_SECRET"},
    {"apiKey": "env:TEST_SECRET"},
    {"username": "me", "password": "env:TEST_SECRET"},
    {"headers": {"Authorization": "env:TEST_SECRET"}},
    {"headers": {"X-Api-Key": "${TEST_SECRET}"}},
    {"headers": {"X-Other": "env:TEST_SECRET"}},
    {"query": {"token": "${TEST_SECRET}"}},
    {"query": {"other": "env:TEST_SECRET"}},
]


@pytest.mark.parametrize("options", LOGINS, ids=str)
@pytest.mark.parametrize("host", ["agency.example", "127.0.0.1.agency.example"])
def test_a_login_travels_in_clear_to_no_other_machine(tmp_path: Path, options: dict[str, Any], host: str) -> None:
    contract = contract_of(tmp_path, "api", f"http://{host}/x.csv", **options)
    assert "is not encrypted" in refused(contract, tmp_path / "a")
    Login(contract, httpx.URL(f"https://{host}/x.csv"))


def test_a_client_without_an_id_is_told(tmp_path: Path) -> None:
    contract = contract_of(tmp_path, "api", "https://127.0.0.1:1/x.csv", tokenUrl="http://127.0.0.1:1/token")
    assert "has no clientId; add it" in refused(contract, tmp_path / "a")


@pytest.mark.parametrize(
    ("location", "options"),
    [
        (f"https://me:{SECRET}@agency.example/x.csv", {}),
        ("https://agency.example/x.csv", {"bearerToken": "env:TEST_SECRET", "username": "me"}),
        ("ftp://agency.example/x.csv", {}),
        ("https:///x.csv", {}),
        ("https://agency.example/x.csv", {"headers": "none"}),
        ("https://agency.example/x.csv", {"timeoutSeconds": "long"}),
    ],
    ids=["login in the address", "two logins", "other scheme", "no address", "headers", "time-out"],
)
def test_what_the_contract_says_wrong_is_told_before_any_pull(
    tmp_path: Path, location: str, options: dict[str, str]
) -> None:
    with pytest.raises(ExtractError, match=r"things\.odcs\.yaml") as caught:
        fetch(Pull(contract_of(tmp_path, "api", location, **options), NIGHT, tmp_path))
    assert SECRET not in str(caught.value)
