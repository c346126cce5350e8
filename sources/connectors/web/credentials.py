"""Logins of an HTTP API: OAuth2 client credentials, API key, user and password, bearer token."""

import base64
import json
import re
import time
from typing import Any
from urllib.parse import quote_plus

import httpx

from sources.connectors.retry import PassingFault, retried, seconds_to_wait
from sources.connectors.web.body import whole
from sources.connectors.web.http import PASSING, Manner, client, parsed, public, refuse_clear_text, speaking
from sources.contract.model import Contract
from sources.contract.reading.value_shapes import is_number_between
from sources.contract.server.connection import said
from sources.contract.server.secret import secret
from sources.errors import ExtractError

# A token is left alone this long before its end, so that it does not expire on the way.
_MARGIN_SECONDS = 30.0
_LONGEST_ANSWER_BYTES = 1 << 20
_LONGEST_LIFE_SECONDS = 1e9


class Login(Manner):
    """The login that the contract names, as headers; no login where it names none."""

    def __init__(self, contract: Contract, url: httpx.URL) -> None:
        options = contract.server.options
        ways = [name for name in ("tokenUrl", "username", "bearerToken") if name in options]
        if len(ways) > 1:
            raise ExtractError(f"{contract.path.name} names several logins ({', '.join(ways)}); keep one")
        self._headers: dict[str, str] = {}
        self._token = Token(contract) if "tokenUrl" in options else None
        if "apiKey" in options:
            self._headers[str(options.get("apiKeyHeader", "X-API-Key"))] = secret(contract, "apiKey") or ""
        if "bearerToken" in options:
            self._headers["Authorization"] = f"Bearer {secret(contract, 'bearerToken')}"
        if "username" in options:
            self._headers["Authorization"] = basic(said(contract, "username"), secret(contract, "password") or "")
        if self._headers or self._token:
            refuse_clear_text(contract, url)

    def headers(self) -> dict[str, str]:
        return self._headers | ({"Authorization": f"Bearer {self._token.value()}"} if self._token else {})

    def renewed(self) -> bool:
        """Where a token was refused, a new one is asked for; the second refusal is the answer."""
        if self._token is None:
            return False
        self._token.forget()
        return True


class Token:
    """An access token by the client credentials grant (RFC 6749, 4.4), kept until shortly before its end."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._url = parsed(contract, "tokenUrl", said(contract, "tokenUrl"))
        refuse_clear_text(contract, self._url)
        self._value, self._ends = "", 0.0

    def value(self) -> str:
        # Our monotonic clock, from before the question: neither clock's date matters, nor a step of ours.
        if time.monotonic() >= self._ends:
            asked_at = time.monotonic()
            self._value, lasts = retried(self._ask)
            self._ends = asked_at + lasts - min(_MARGIN_SECONDS, lasts / 10)
        return self._value

    def forget(self) -> None:
        self._ends = 0.0

    def _ask(self) -> tuple[str, float]:
        # RFC 6749, 2.3.1: id and secret are form-encoded before they are joined.
        user = quote_plus(said(self._contract, "clientId"))
        login = basic(user, quote_plus(secret(self._contract, "clientSecret") or ""))
        form = {"grant_type": "client_credentials"}
        if "scope" in self._contract.server.options:
            form["scope"] = said(self._contract, "scope")
        headers = {"Authorization": login, "Accept": "application/json", "Accept-Encoding": "identity"}
        with (
            speaking(self._url),
            client(self._contract) as asking,
            asking.stream("POST", self._url, data=form, headers=headers) as response,
        ):
            return self._granted(response, whole(response, public(self._url), _LONGEST_ANSWER_BYTES))

    def _granted(self, response: httpx.Response, content: bytes) -> tuple[str, float]:
        where, status = public(self._url), response.status_code
        if status in PASSING:
            asked = seconds_to_wait(response.headers.get("retry-after"), response.headers.get("date"))
            raise PassingFault(f"{where} answers {status}; ask {self._contract.agency_name} what is wrong", asked)
        answer = _document(content)
        if not response.is_success:
            raise ExtractError(
                f"{where} gives no access token: {status} {_error_code(answer)}; check clientId, clientSecret and scope, "
                f"or ask {self._contract.agency_name} whether this client is still registered"
            )
        token, lasts = answer.get("access_token"), answer.get("expires_in", 300)
        is_lasting = is_number_between(lasts, -1, _LONGEST_LIFE_SECONDS)
        if not isinstance(token, str) or not token.isprintable() or not is_lasting:
            raise ExtractError(f"{where} answers {status} without an access token; check tokenUrl")
        return token, float(lasts)


def basic(user: str, password: str) -> str:
    """The header Authorization of RFC 7617."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _document(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _error_code(answer: dict[str, Any]) -> str:
    """The error of RFC 6749, 5.2, such as invalid_client; any other text may hold what is not ours to show."""
    code = str(answer.get("error", ""))
    return code if re.fullmatch(r"[a-z_]{1,40}", code) else ""
