"""The guard before Dagster's web page: who is not logged in here, or comes from another page, reaches nothing behind it.

The page can start runs, so it is a door to everything that its operator may do. Dagster itself asks nobody who they are, and takes
what any web page sends. This is ASGI middleware, so that no second port stands open behind it.
"""

import hmac
import secrets
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

LOGIN = "/login"
GRAPHQL = "/graphql"
_POLICY_VIOLATION = 1008
_READS = ("GET", "HEAD")
# `charset` says nothing new of JSON, and is what some clients add.
_JSON = ("application/json", "application/json;charset=utf-8")
_ON_EVERY_ANSWER = (
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_LOG_IN = "Log in first: open the link that `interagency ui` printed where it was started."
# Not a redirect: after one, the browser would still count the visit as made by the page that led to the link, and keep the
# cookie back.
_LOGGED_IN = (
    '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
    '<meta http-equiv="refresh" content="0;url=/"><title>Logged in</title><p><a href="/">Go on</a></p>'
)


class Guard:
    """ASGI middleware on 127.0.0.1:`port`. `tell` is given each login link; a link is good once, and the next one follows its use."""

    def __init__(self, app: ASGIApp, port: int, tell: Callable[[str], None]) -> None:
        self._app, self._port, self._tell = app, port, tell
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        # Cookies know no port: two homes side by side must not log each other out.
        self._cookie = f"interagency_{port}"
        self._session = secrets.token_urlsafe(32)
        self._offer_link()

    def _offer_link(self) -> None:
        self._token = secrets.token_urlsafe(32)
        self._tell(f"http://127.0.0.1:{self._port}{LOGIN}?token={self._token}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        answer = self._answer(scope)
        if answer is None:
            await self._app(scope, receive, _hardened(send))
        elif scope["type"] == "websocket":
            # Before the handshake is accepted: the browser sees a refused connection.
            await WebSocketClose(code=_POLICY_VIOLATION)(scope, receive, send)
        else:
            await answer(scope, receive, _hardened(send))

    def _answer(self, scope: Scope) -> Response | None:
        """What is said in place of the page behind; None lets the request through."""
        headers = Headers(scope=scope)
        refused = self._foreign(scope, headers)
        if refused is not None:
            return refused
        if scope["type"] == "http" and scope["path"] == LOGIN:
            return self._log_in(scope)
        if not self._is_logged_in(headers):
            return PlainTextResponse(_LOG_IN, 401)
        return _unfit(scope, headers) if scope["type"] == "http" else None

    def _foreign(self, scope: Scope, headers: Headers) -> Response | None:
        """A name that leads here without being ours (DNS rebinding), or a page of another origin."""
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return PlainTextResponse(f"This page is http://127.0.0.1:{self._port}; open it under that name.", 421)
        # A browser names the origin of everything but a plain visit or picture.
        is_told = bool(origins) or (scope["type"] == "http" and scope["method"] in _READS)
        if not is_told or any(origin.lower() != f"http://{hosts[0].lower()}" for origin in origins):
            return PlainTextResponse("Refused: the request comes from another page.", 403)
        return None

    def _log_in(self, scope: Scope) -> Response:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["method"] != "GET" or not hmac.compare_digest(given.encode(), self._token.encode()):
            return PlainTextResponse(f"This link is not good, or was used already. {_LOG_IN}", 403)
        self._offer_link()
        answer = HTMLResponse(_LOGGED_IN, headers={"cache-control": "no-store"})
        answer.set_cookie(self._cookie, self._session, httponly=True, samesite="strict", path="/")
        return answer

    def _is_logged_in(self, headers: Headers) -> bool:
        sent = [SimpleCookie() for _ in headers.getlist("cookie")]
        for cookie, text in zip(sent, headers.getlist("cookie"), strict=True):
            try:
                cookie.load(text)
            except CookieError:
                continue
        held = [cookie[self._cookie].value for cookie in sent if self._cookie in cookie]
        return any(hmac.compare_digest(value.encode(), self._session.encode()) for value in held)


def _unfit(scope: Scope, headers: Headers) -> Response | None:
    """A request of the logged-in operator that the page itself would never make."""
    path, method = scope["path"], scope["method"]
    if method in _READS:
        # Dagster runs the mutation of a GET too; of this address only the page for queries is read.
        reads_page = "text/html" in headers.get("accept", "")
        return None if path != GRAPHQL or reads_page else PlainTextResponse("Send queries by POST.", 405)
    if method != "POST" or path != GRAPHQL:
        return PlainTextResponse("Only queries are sent here, by POST to /graphql.", 405)
    kinds = headers.getlist("content-type")
    if len(kinds) != 1 or kinds[0].lower().replace(" ", "") not in _JSON:
        return PlainTextResponse("Send JSON, as Content-Type: application/json.", 415)
    return None


def _hardened(send: Send) -> Send:
    async def send_hardened(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_ON_EVERY_ANSWER]
        await send(message)

    return send_hardened
