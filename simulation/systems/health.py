"""The health service's REST API: OAuth2 client credentials, pages by cursor, an ETag on each, and 429 now and then."""

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import parse_qsl, unquote_plus

import pyarrow as pa
import pyarrow.parquet as pq
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulation.systems.system import System, documents, extract_folder
from simulation.systems.web import serving

_AGENCY = "health_service"
_CLIENT, _SECRET = "interagency", "client-secret-of-a-simulated-country"
_PAGE_ROWS = 1000
_TOKEN_SECONDS = 300
# Once a night, at this request of the night, the client is asked to wait.
_BUSY_AT = 3
_WAIT_SECONDS = 1


class PatientApi:
    """The state of the API. A cursor is the number of the row where the next page begins, in base64."""

    def __init__(self) -> None:
        self.patients = pa.table({})
        self.tokens: set[str] = set()
        self.requests = 0

    def show(self, patients: pa.Table) -> None:
        self.patients, self.requests = patients, 0

    def app(self) -> Starlette:
        return Starlette(
            routes=[Route("/oauth2/token", self._token, methods=["POST"]), Route("/v1/patients", self._page)]
        )

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        given = _basic(request.headers.get("authorization", "")) or (form.get("client_id"), form.get("client_secret"))
        if form.get("grant_type") != "client_credentials" or given != (_CLIENT, _SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        token = secrets.token_urlsafe(24)
        self.tokens.add(token)
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": _TOKEN_SECONDS})

    async def _page(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.tokens:
            return JSONResponse({"error": "invalid_token"}, 401, {"WWW-Authenticate": "Bearer"})
        self.requests += 1
        if self.requests == _BUSY_AT:
            return JSONResponse({"error": "too many requests"}, 429, {"Retry-After": str(_WAIT_SECONDS)})
        start = _row(request.query_params.get("cursor", ""))
        if start is None or start > self.patients.num_rows:
            return JSONResponse({"error": "no such cursor"}, 400)
        return self._answer(request, start)

    def _answer(self, request: Request, start: int) -> Response:
        rows, end = self.patients.slice(start, _PAGE_ROWS), start + _PAGE_ROWS
        following = _cursor(end) if end < self.patients.num_rows else None
        page = {"patients": documents(rows), "next": following, "total": self.patients.num_rows}
        body = json.dumps(page, ensure_ascii=False).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return Response(body, media_type="application/json", headers={"ETag": tag})


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    user, _, password = base64.b64decode(encoded).decode().partition(":")
    # RFC 6749, 2.3.1: both are form-encoded before they become a basic login.
    return unquote_plus(user), unquote_plus(password)


def _cursor(row: int) -> str:
    return base64.urlsafe_b64encode(str(row).encode()).decode().rstrip("=")


def _row(cursor: str) -> int | None:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return int(text or 0) if text.isdecimal() or not text else None


@contextmanager
def health(extracts: Path) -> Iterator[System]:
    api = PatientApi()

    def show(night: date) -> None:
        api.show(pq.read_table(extract_folder(extracts, _AGENCY, night) / "patient.parquet"))

    with serving(api.app()) as url:
        environment = {
            "COUNTRY_HEALTH_SERVICE_URL": url, "COUNTRY_HEALTH_SERVICE_CLIENT": _CLIENT, "COUNTRY_HEALTH_SERVICE_SECRET": _SECRET,
        }  # fmt: skip
        yield System(environment, show)
