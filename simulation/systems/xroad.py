"""A consumer's X-Road security server on loopback: it refuses what a real one refuses, and stands in front of the providers.

Source: X-Road Message Protocol for REST (PR-REST) and Service Metadata Protocol for REST (PR-MREST). The global configuration,
signatures and the way between the two security servers are not simulated.
"""

import base64
import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_IDENTIFIER = re.compile(r"[A-Za-z0-9'()+,\-.=?]+\Z")
_PARTS = ("xroad_instance", "member_class", "member_code", "subsystem_code", "service_code")
_METASERVICES = ("listMethods", "allowedMethods", "getOpenAPI")

# A provider's own system: its answer to the request, as a response or as what becomes JSON.
Provider = Callable[[Request], Any]


class XRoadError(Exception):
    """A refusal of a security server: the type of PR-REST, the message, and the status that goes with it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message

    @property
    def status(self) -> int:
        return 400 if self.kind.startswith("Client.") else 500


@dataclass
class SecurityServer:
    """`services` by `instance/class/member/subsystem/serviceCode`; `rights` are pairs of a client and one of them.

    `clients` are further subsystems behind this server, without any right. `descriptions` are the OpenAPI documents.
    `says_in_lower_case` gives errors the names of newer servers.
    """

    services: dict[str, Provider]
    rights: set[tuple[str, str]]
    clients: set[str] = field(default_factory=set)
    descriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    says_in_lower_case: bool = False

    def app(self) -> Starlette:
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
        return Starlette(
            routes=[Route("/r1/{rest:path}", self._message, methods=methods), Route("/listClients", self._clients)]
        )

    async def _message(self, request: Request) -> Response:
        body = await request.body()
        try:
            client, service, raw_service = self._addressed(request)
            _check_headers(request)
            answer = await self._answer(request, client, service)
        except XRoadError as error:
            return self._refusal(error)
        answer.headers["X-Road-Client"] = request.headers["x-road-client"]
        answer.headers["X-Road-Service"] = raw_service
        answer.headers["X-Road-Id"] = request.headers.get("x-road-id") or str(uuid.uuid4())
        answer.headers["X-Road-Request-Id"] = str(uuid.uuid4())
        answer.headers["X-Road-Request-Hash"] = request_hash(request, body)
        return answer

    def _addressed(self, request: Request) -> tuple[str, str, str]:
        """Client and service, decoded, and the service as it was written."""
        raw = request.scope["raw_path"].decode("ascii").partition("?")[0].removeprefix("/r1/").split("/")
        if len(raw) < len(_PARTS):
            raise XRoadError("Client.BadRequest", "Request path has fewer than five identifiers")
        if "x-road-client" not in request.headers:
            raise XRoadError("Client.BadRequest", "Missing required header X-Road-Client")
        client = request.headers["x-road-client"].split("/")
        service = raw[: len(_PARTS)]
        if len(client) != len(_PARTS) - 1:
            raise XRoadError("Client.BadRequest", "Invalid X-Road-Client")
        for part in (*client, *service):
            if not _IDENTIFIER.match(unquote(part)):
                raise XRoadError("Client.BadRequest", "Invalid identifier")
        return _joined(client), _joined(service), "/".join(service)

    async def _answer(self, request: Request, client: str, service: str) -> Response:
        provider, _, code = service.rpartition("/")
        if client not in self.clients | {ours for ours, _ in self.rights}:
            raise XRoadError("Server.ClientProxy.UnknownMember", f"Client '{client}' not found")
        if provider not in {name.rpartition("/")[0] for name in self.services}:
            raise XRoadError(
                "Server.ClientProxy.UnknownMember", f"Could not find addresses for service provider '{provider}'"
            )
        if code in _METASERVICES:
            return self._metaservice(request, client, provider, code)
        if service not in self.services:
            raise XRoadError("Server.ServerProxy.UnknownService", f"Unknown service: SERVICE:{service}")
        if (client, service) not in self.rights:
            raise XRoadError("Server.ServerProxy.AccessDenied", f"Request is not allowed: SERVICE:{service}")
        said = await run_in_threadpool(self.services[service], request)
        return said if isinstance(said, Response) else JSONResponse(said)

    def _metaservice(self, request: Request, client: str, provider: str, code: str) -> Response:
        offered = sorted(name for name in self.services if name.rpartition("/")[0] == provider)
        if code == "getOpenAPI":
            service = f"{provider}/{request.query_params.get('serviceCode', '')}"
            if service not in self.descriptions:
                raise XRoadError("Server.ServerProxy.UnknownService", f"No OpenAPI description: SERVICE:{service}")
            return JSONResponse(self.descriptions[service])
        if code == "allowedMethods":
            offered = [name for name in offered if (client, name) in self.rights]
        return JSONResponse({"service": [self._described(name) for name in offered]})

    def _described(self, service: str) -> dict[str, Any]:
        identifier = dict(zip(_PARTS, service.split("/"), strict=True))
        kind = "OPENAPI" if service in self.descriptions else "REST"
        endpoints = [{"method": "*", "path": "**"}]
        return {**identifier, "object_type": "SERVICE", "service_type": kind, "endpoint_list": endpoints}

    async def _clients(self, request: Request) -> Response:
        providers = {name.rpartition("/")[0] for name in self.services}
        known = sorted(providers | self.clients | {client for client, _ in self.rights})
        members = [
            dict(zip(_PARTS[:-1], name.split("/"), strict=True)) | {"object_type": "SUBSYSTEM"} for name in known
        ]
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"member": [{"id": member, "name": member["member_code"]} for member in members]})
        listed = "".join(
            f"<member><id>{escape('/'.join(member[part] for part in _PARTS[:-1]))}</id></member>" for member in members
        )
        return Response(f"<clientList>{listed}</clientList>", media_type="text/xml")

    def _refusal(self, error: XRoadError) -> Response:
        kind = error.kind
        if self.says_in_lower_case:
            *prefix, last = kind.split(".")
            kind = ".".join([*prefix, re.sub(r"(?<!^)(?=[A-Z])", "_", last)]).lower()
        said = {"type": kind, "message": error.message, "detail": str(uuid.uuid4())}
        return JSONResponse(said, error.status, {"X-Road-Error": kind})


def request_hash(request: Request, body: bytes) -> str:
    """Base64 of SHA-512 over the digests of headers and body, or over the headers alone where there is no body."""
    first = f"{request.method} {request.url.path}?{request.url.query} HTTP/1.1\r\n"
    headers = "".join(f"{name}:{value}\r\n" for name, value in request.headers.items())
    head = (first + headers).encode()
    if not body:
        return base64.b64encode(hashlib.sha512(head).digest()).decode()
    parts = hashlib.sha512(head).digest() + hashlib.sha512(body).digest()
    return base64.b64encode(hashlib.sha512(parts).digest()).decode()


def _joined(parts: list[str]) -> str:
    return "/".join(unquote(part) for part in parts)


def _check_headers(request: Request) -> None:
    security_server = request.headers.get("x-road-security-server")
    if security_server is not None and len(security_server.split("/")) != 4:
        raise XRoadError("Client.BadRequest", "Invalid X-Road-Security-Server")
    party = request.headers.get("x-road-represented-party")
    if party is not None and len(party.split("/")) not in (1, 2):
        raise XRoadError("Client.BadRequest", "Invalid X-Road-Represented-Party")
