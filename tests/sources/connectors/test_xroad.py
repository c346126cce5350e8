"""X-Road REST through a security server: rights before any pull, proof of every page, and who failed."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse
from starlette.routing import Route

from simulation.systems.web import serving
from simulation.systems.xroad import SecurityServer
from sources.connectors import probe
from sources.errors import ExtractError
from tests.conftest import NIGHT
from tests.sources.connectors.pulling import SECRET, contract_of, pulled, refused

CLIENT = "EE/GOV/70000001/platform"
SERVICE = "EE/GOV/70000002/vehicles/list"
PAGES = {"style": "page", "parameter": "page", "size": 2, "records": "/vehicles", "total": "/total"}


class Vehicles:
    """The provider's own system: five vehicles, two on a page. `asked` counts the questions that reach it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, request: Request) -> Any:
        self.asked.append(request.url.path)
        start = (int(request.query_params.get("page", "1")) - 1) * 2
        return {"vehicles": [{"id": str(n)} for n in range(5)][start : start + 2], "total": 5}


def server(provider: Callable[[Request], Any], **further: Any) -> SecurityServer:
    return SecurityServer({SERVICE: provider}, {(CLIENT, SERVICE)}, **further)


def options(**further: Any) -> dict[str, Any]:
    return {"client": CLIENT, "service": SERVICE, "paging": PAGES, **further}


def test_pages_come_with_their_proof_and_the_rights_of_the_night(tmp_path: Path) -> None:
    provider, into = Vehicles(), tmp_path / "into"
    system = server(provider, descriptions={SERVICE: {"openapi": "3.0.0"}})
    with serving(system.app()) as base:
        arrived = pulled(contract_of(tmp_path, "xroad", base, **options(servicePath="all/now")), into)
    assert arrived.files == ("page-00001.json", "page-00002.json", "page-00003.json")
    assert arrived.totals is not None
    assert arrived.totals.count == 5
    assert set(provider.asked) == {f"/r1/{SERVICE}/all/now"}
    hashes = {arrived.evidence[name].partition("X-Road-Request-Hash: ")[2] for name in arrived.files}
    assert len(hashes) == 3
    assert all(len(found) == 88 for found in hashes), "SHA-512 in Base64"
    for code in ("listMethods", "allowedMethods", "getOpenAPI"):
        name = f"xroad-{code}.json"
        assert arrived.evidence[name] == hashlib.sha256((into / name).read_bytes()).hexdigest()
    listed = json.loads((into / "xroad-allowedMethods.json").read_bytes())
    assert [item["service_code"] for item in listed["service"]] == ["list"]


@pytest.mark.parametrize("older", [True, False], ids=["old names of errors", "new names of errors"])
def test_a_right_that_is_lost_refuses_before_any_pull(tmp_path: Path, older: bool) -> None:
    provider = Vehicles()
    system = SecurityServer({SERVICE: provider}, set(), clients={CLIENT}, says_in_lower_case=not older)
    with serving(system.app()) as base:
        contract = contract_of(tmp_path, "xroad", base, **options())
        message = refused(contract, tmp_path / "into")
        with pytest.raises(ExtractError, match="no right"):
            probe(contract, NIGHT)
    assert f"client {CLIENT} has no right to {SERVICE}" in message
    assert "Agency of Tests" in message
    assert provider.asked == []


def test_a_service_that_is_gone_is_told_from_a_right_that_is_lost(tmp_path: Path) -> None:
    with serving(server(Vehicles()).app()) as base:
        message = refused(contract_of(tmp_path, "xroad", base, **options(service=SERVICE + "2")), tmp_path / "into")
    assert f"no longer offers {SERVICE}2" in message


@pytest.mark.parametrize("name", ["X-Road-Id", "X-Road-Service", "X-Road-Client"])
def test_an_answer_to_another_question_is_refused(tmp_path: Path, name: str) -> None:
    app = server(Vehicles()).app()

    async def mixing_up(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                kept = [item for item in message["headers"] if item[0].decode().lower() != name.lower()]
                message = {**message, "headers": [*kept, (name.encode(), b"EE/GOV/1/other/one")]}
            await send(message)

        await app(scope, receive, sent)

    with serving(mixing_up) as base:
        message = refused(contract_of(tmp_path, "xroad", base, **options()), tmp_path / "into")
    assert f"not to our question ({name})" in message


BLAMED = {
    "Client.BadRequest": (400, "mend things.odcs.yaml"),
    "client.bad_request": (400, "mend things.odcs.yaml"),
    "Server.ClientProxy.SslAuthenticationFailed": (500, "our own security server failed"),
    "server.clientproxy.unknown_member": (500, "is not known"),
    "Server.ServerProxy.AccessDenied": (500, "has no right"),
    "server.serverproxy.access_denied": (500, "has no right"),
    "SERVER.SERVERPROXY.UNKNOWNSERVICE": (500, "not known or not offered"),
    "Server.ServerProxy.DatabaseError": (500, "the provider's security server"),
    "Something.Else": (500, "X-Road failed"),
}


@pytest.mark.parametrize("kind", BLAMED)
def test_an_error_says_who_failed_and_what_to_do(tmp_path: Path, kind: str) -> None:
    status, expected = BLAMED[kind]
    said = {"type": kind, "message": SECRET, "detail": SECRET}
    routes = [Route("/r1/{rest:path}", lambda _: JSONResponse(said, status, {"X-Road-Error": kind}))]
    with serving(Starlette(routes=routes)) as base:
        message = refused(contract_of(tmp_path, "xroad", base, **options()), tmp_path / "into")
    assert expected in message
    assert kind in message


def test_a_provider_that_fails_is_told_from_x_road(tmp_path: Path) -> None:
    with serving(server(lambda _: PlainTextResponse(SECRET, 500)).app()) as base:
        message = refused(contract_of(tmp_path, "xroad", base, **options()), tmp_path / "into")
    assert "the provider's own system failed" in message


def test_a_network_error_between_the_servers_is_tried_again(tmp_path: Path) -> None:
    answers: list[Any] = [JSONResponse({}, 500, {"X-Road-Error": "server.clientproxy.network_error"}), Vehicles()]

    def shaky(request: Request) -> Any:
        return answers.pop(0) if len(answers) > 1 else answers[0](request)

    with serving(server(shaky).app()) as base:
        assert len(pulled(contract_of(tmp_path, "xroad", base, **options()), tmp_path / "into").files) == 3


def test_no_redirect_is_followed(tmp_path: Path) -> None:
    with serving(server(lambda _: RedirectResponse("/elsewhere")).app()) as base:
        assert "answers 307" in refused(contract_of(tmp_path, "xroad", base, **options()), tmp_path / "into")


@pytest.mark.parametrize("further", [{"client": "EE/GOV/1"}, {"service": "EE/GOV/1/x"}, {"service": "EE//1/x/y"}])
def test_identifiers_with_parts_missing_are_told_before_any_pull(tmp_path: Path, further: dict[str, str]) -> None:
    contract = contract_of(tmp_path, "xroad", "http://127.0.0.1:9", **options(**further))
    assert "in things.odcs.yaml is not instance/class/member/subsystem" in refused(contract, tmp_path / "into")


def test_identifiers_are_encoded_one_by_one(tmp_path: Path) -> None:
    odd = "EE/GOV/70000002/a+b(1)/what?=1"
    provider = Vehicles()
    with serving(SecurityServer({odd: provider}, {(CLIENT, odd)}).app()) as base:
        pulled(contract_of(tmp_path, "xroad", base, **options(service=odd)), tmp_path / "into")
    assert provider.asked


def test_the_security_server_refuses_what_a_real_one_refuses() -> None:
    """The simulation is only worth something where it says no."""
    ours = {"X-Road-Client": CLIENT}
    with serving(server(Vehicles()).app()) as base, httpx.Client(base_url=base) as client:
        for path, headers, status, kind in [
            (f"/r1/{SERVICE}", {}, 400, "Client.BadRequest"),
            (f"/r1/{SERVICE}", {"X-Road-Client": "EE/GOV/1"}, 400, "Client.BadRequest"),
            ("/r1/EE/GOV/70000002/list", ours, 400, "Client.BadRequest"),
            ("/r1/EE/GOV/70000002/ve%2Fhicles/list", ours, 400, "Client.BadRequest"),
            (f"/r1/{SERVICE}", {**ours, "X-Road-Represented-Party": "a/b/c"}, 400, "Client.BadRequest"),
            (f"/r1/{SERVICE}", {"X-Road-Client": "EE/GOV/1/stranger"}, 500, "Server.ClientProxy.UnknownMember"),
            ("/r1/EE/GOV/1/nobody/list", ours, 500, "Server.ClientProxy.UnknownMember"),
            (f"/r1/{SERVICE}2", ours, 500, "Server.ServerProxy.UnknownService"),
        ]:
            answer = client.get(path, headers=headers)
            assert (answer.status_code, answer.headers["X-Road-Error"]) == (status, kind), path
            assert answer.json()["type"] == kind
        assert client.get("/listClients").headers["content-type"].startswith("text/xml")
        assert client.get("/listClients", headers={"Accept": "application/json"}).json()["member"]
