"""The server as an ASGI application: routes of the protocol, bodies of bounded length, answers in its form, a line of log without tokens."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sharing.ledger.errors import LedgerError
from sharing.release.errors import NotReleased
from sharing.serve.asked import Changes, Query
from sharing.serve.content import Content
from sharing.serve.desk import Desk, Told
from sharing.serve.door import Asker
from sharing.serve.errors import Refused
from sharing.serve.limits import Limit
from sharing.serve.lines import CAPABILITIES, Format, as_text
from sharing.serve.ranges import Part, part, whole
from warehouse.errors import KeyRefused, SettingError
from warehouse.store.seal import Tampered

PREFIX = "/delta-sharing"
_TABLE = PREFIX + "/shares/{share}/schemas/{schema}/tables/{table}"
_LONGEST_BODY = 256 << 10
_NDJSON = "application/x-ndjson; charset=utf-8"
# What the platform's own files are when something is wrong with them: the recipient tries again, the operator reads the log.
_OWN_FAULTS = (KeyRefused, LedgerError, Tampered, NotReleased, SettingError, OSError)
_log = logging.getLogger("interagency.serve")


@dataclass(frozen=True)
class _Asked:
    """A request that was let in, with its body."""

    request: Request
    asker: Asker
    body: bytes

    @property
    def format(self) -> Format:
        return Format.asked(self.request.headers.get(CAPABILITIES))


_Work = Callable[[_Asked], Response]


class Server:
    """The desk behind HTTP. `base` is where recipients reach it, such as https://share.example.org; as a request names it where None."""

    def __init__(self, desk: Desk, base: str | None = None) -> None:
        self._desk, self._base = desk, base
        # Of tokens that are good; of pieces of files; of those that are not let in, by where they come from.
        self._asking, self._fetching, self._strangers = Limit(20, 200), Limit(200, 2000), Limit(1, 30)

    def app(self) -> Starlette:
        desk = self._desk

        def listed(answer: Callable[[_Asked], dict[str, Any]]) -> _Work:
            return lambda asked: JSONResponse(answer(asked))

        routes = {
            "/shares": listed(lambda asked: desk.shares(asked.asker, asked.request.query_params)),
            "/shares/{share}": listed(lambda asked: desk.share(asked.asker, asked.request.path_params)),
            "/shares/{share}/schemas": listed(lambda asked: desk.schemas(asked.asker, *_names(asked))),
            "/shares/{share}/schemas/{schema}/tables": listed(lambda asked: desk.tables(asked.asker, *_names(asked))),
            "/shares/{share}/all-tables": listed(lambda asked: desk.tables(asked.asker, *_names(asked))),
        }
        return Starlette(
            routes=[
                *(self._route(f"{PREFIX}{path}", work) for path, work in routes.items()),
                self._route(f"{_TABLE}/version", self._version),
                self._route(f"{_TABLE}/metadata", self._metadata),
                self._route(f"{_TABLE}/query", self._query, "POST"),
                self._route(f"{_TABLE}/changes", self._changes),
                Route(f"{PREFIX}/files/{{address}}", self._file, methods=["GET", "HEAD"]),
            ],
            exception_handlers={HTTPException: _nothing_here},
        )

    def _route(self, path: str, work: _Work, method: str = "GET") -> Route:
        async def answer(request: Request) -> Response:
            try:
                body = await _body(request)
            except Refused as refused:
                return _refusal(path, request, refused)

            def answered() -> tuple[str, Response]:
                asked = self._asked(request, body)
                return asked.asker.recipient, work(asked)

            return await run_in_threadpool(_answered, path, request, answered)

        return Route(path, answer, methods=[method])

    def _asked(self, request: Request, body: bytes) -> _Asked:
        try:
            asker = self._desk.door.by_header(request.headers.get("authorization"))
        except Refused:
            self._limit_stranger(request)
            raise
        _within(self._asking, asker.token.id)
        return _Asked(request, asker, body)

    def _limit_stranger(self, request: Request) -> None:
        """After it was found to be none: whoever guesses keeps nobody else out who comes the same way."""
        _within(self._strangers, request.client.host if request.client else "")

    def _version(self, asked: _Asked) -> Response:
        number = self._desk.version(asked.asker, *_names(asked))
        return Response(headers=_of_version(number))

    def _metadata(self, asked: _Asked) -> Response:
        return _told(self._desk.metadata(asked.asker, asked.request.path_params, asked.format), asked)

    def _query(self, asked: _Asked) -> Response:
        query = Query.of_body(asked.body)
        return _told(self._desk.query(asked.asker, asked.request.path_params, query, self._of(asked)), asked)

    def _changes(self, asked: _Asked) -> Response:
        names, params = _names(asked)
        changes = Changes.of_params(params)
        return _told(self._desk.changes(asked.asker, names, changes, self._of(asked)), asked)

    def _of(self, asked: _Asked) -> tuple[Format, str]:
        base = self._base or str(asked.request.base_url).rstrip("/")
        return asked.format, f"{base}{PREFIX}"

    async def _file(self, request: Request) -> Response:
        return await run_in_threadpool(_answered, f"{PREFIX}/files", request, lambda: self._fetched(request))

    def _fetched(self, request: Request) -> tuple[str, Response]:
        try:
            address = f"{request.path_params['address']}.{request.query_params.get('sig', '')}"
            asker, content = self._desk.file(address)
        except Refused:
            self._limit_stranger(request)
            raise
        _within(self._fetching, asker.token.id)
        return asker.recipient, _piece(request, content)


def _answered(route: str, request: Request, work: Callable[[], tuple[str, Response]]) -> Response:
    """What `work` gives, with who asked. Whatever goes wrong is an answer in the protocol's form; the log has no words that nobody knows."""
    try:
        who, response = work()
    except Refused as refused:
        return _refusal(route, request, refused)
    except _OWN_FAULTS as error:
        _log.warning("%s %s cannot be answered: %s", request.method, route, error)
        return _refusal(
            route, request, Refused(503, "TEMPORARILY_UNAVAILABLE", "the platform cannot answer now; try again later")
        )
    except Exception as error:
        _log.error("%s %s failed: %s at %s", request.method, route, type(error).__name__, _place(error))
        return _refusal(route, request, Refused(500, "INTERNAL_ERROR", "the platform cannot answer this"))
    _log.info("%s %s %s %d", request.method, route, who, response.status_code)
    return response


def _place(error: Exception) -> str:
    """The file and line that it comes from: no value stands in them."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"


def _refusal(route: str, request: Request, refused: Refused) -> Response:
    _log.info("%s %s - %d %s", request.method, route, refused.status, refused.code)
    headers = {401: {"www-authenticate": "Bearer"}, 429: {"retry-after": "1"}}.get(refused.status)
    return JSONResponse({"errorCode": refused.code, "message": refused.message}, refused.status, headers)


async def _nothing_here(request: Request, error: Exception) -> Response:
    """An address or a method that there is not."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    code = {404: "RESOURCE_DOES_NOT_EXIST", 405: "METHOD_NOT_ALLOWED"}.get(status, "INVALID_PARAMETER_VALUE")
    return _refusal("no such address", request, Refused(status, code, "the protocol has no such request"))


async def _body(request: Request) -> bytes:
    """Raises Refused where it is too long, whatever it says of its length."""
    body = b""
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > _LONGEST_BODY:
                raise Refused(413, "INVALID_PARAMETER_VALUE", f"a body has at most {_LONGEST_BODY:,} bytes")
    except ClientDisconnect:
        raise Refused(400, "INVALID_PARAMETER_VALUE", "the body ends before its end") from None
    return body


def _within(limit: Limit, who: str) -> None:
    if not limit.take(who):
        raise Refused(429, "RESOURCE_EXHAUSTED", "too many requests; wait a second")


def _names(asked: _Asked) -> tuple[dict[str, str], Any]:
    return asked.request.path_params, asked.request.query_params


def _of_version(number: int) -> dict[str, str]:
    return {"delta-table-version": str(number)}


def _told(told: Told, asked: _Asked) -> Response:
    headers = _of_version(told.version) | {CAPABILITIES: f"responseformat={asked.format}"}
    return Response(as_text(told.lines), media_type=_NDJSON, headers=headers)


def _piece(request: Request, content: Content) -> Response:
    """The file, or the part of it that is asked for."""
    mark = f'"{content.sha256}"'
    wanted = request.headers.get("if-range")
    asked = part(request.headers.get("range"), content.length) if wanted in (None, mark) else whole(content.length)
    headers = {"accept-ranges": "bytes", "etag": mark, "cache-control": "no-store"}
    if asked is None:
        told = {"errorCode": "INVALID_PARAMETER_VALUE", "message": "the file has no such bytes"}
        return JSONResponse(told, 416, headers | {"content-range": f"bytes */{content.length}"})
    headers |= {"content-length": str(asked.stop - asked.start)}
    headers |= {"content-range": asked.header} if asked.is_asked else {}
    status, media = (206 if asked.is_asked else 200), "application/vnd.apache.parquet"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media)
    return StreamingResponse(_begun(content, asked), status, headers, media)


def _begun(content: Content, asked: Part) -> Iterator[bytes]:
    """The pieces, of which the first is read already: what cannot be read is refused before anything is said."""
    pieces = content.read(asked.start, asked.stop)
    return chain([next(pieces, b"")], pieces)
