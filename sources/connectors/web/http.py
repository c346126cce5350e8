"""Speaking HTTP(S) with a system: certificates verified, time-outs, retries, no redirect to another host.

What is said in the headers (credentials, X-Road) is a `Manner`; what is done with the answers is in `paging.py` and `download.py`.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.request import getproxies

import httpx

from sources.arrival.limits import Meter
from sources.connectors.retry import PassingFault, retried, seconds_to_wait
from sources.connectors.web.body import whole
from sources.connectors.web.deadline import Deadline
from sources.contract.model import Contract
from sources.contract.server.connection import CONNECT_SECONDS, read_seconds
from sources.contract.server.location import located, own_file, permit_address, permit_host
from sources.contract.server.secret import is_own_machine, is_reference, is_secret_name, referred
from sources.errors import ExtractError

# One page is parsed in memory.
MAX_PAGE_BYTES = 64 << 20
_MAX_REDIRECTS = 5
PASSING = frozenset({429, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ADVICE = {
    401: "the login was refused; check the credentials that the contract names",
    403: "the login has no right to it; ask {agency} to grant it",
    404: "it is not there; ask {agency} for it, or mend the location in {file}",
    429: "too many requests; ask {agency} for a larger allowance",
}


class Refused(ExtractError):
    """An answer that says no, with its HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Manner:
    """How one kind of system wants to be spoken to; this one has nothing to say beyond HTTP itself."""

    follows_redirects = True

    def headers(self) -> dict[str, str]:
        """What every request carries, made anew for each."""
        return {}

    def renewed(self) -> bool:
        """Called after a 401: whether other credentials are at hand now."""
        return False

    def explained(self, response: httpx.Response) -> ExtractError | None:
        """What an answer of refusal means in this system; None where the status says it all. The body is not read yet."""
        return None

    def check(self, response: httpx.Response) -> None:
        """Raises ExtractError where an answer is not to what was asked."""


@dataclass(frozen=True)
class Answer:
    """One answer read whole, as decoded from the transfer (gzip)."""

    url: httpx.URL
    headers: httpx.Headers
    content: bytes
    next_link: str | None = None

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() or "no content type"


class Web:
    """The way of one contract to its system, for the time of one pull; a context manager."""

    def __init__(self, contract: Contract, extract_date: date, manner: Manner, meter: Meter) -> None:
        self.contract, self.extract_date, self.manner, self.meter = contract, extract_date, manner, meter
        self._client, self._deadline = client(contract), Deadline(meter.seconds_left)
        self._headers = filled(contract, extract_date, "headers")
        said = [contract.server.options.get(option) or {} for option in ("headers", "query")]
        self._has_secrets = any(is_reference(value) for mapping in said for value in mapping.values())

    def __enter__(self) -> "Web":
        self._deadline.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._deadline.__exit__()
        self._client.close()

    def get(self, url: httpx.URL, limit: int = MAX_PAGE_BYTES) -> Answer:
        """One document, with retries. Raises ExtractError, also where it has more than `limit` bytes."""
        return retried(lambda: self._read(url, limit))

    def _read(self, url: httpx.URL, limit: int) -> Answer:
        with self.open(url, {"Accept-Encoding": "gzip"}) as response:
            content = whole(response, public(url), limit)
            return Answer(response.url, response.headers, content, _next_link(response))

    @contextmanager
    def open(self, url: httpx.URL, headers: Mapping[str, str] | None = None) -> Iterator[httpx.Response]:
        """One attempt at a GET: a successful answer whose body is still to be read.

        Raises PassingFault where it may work the next time (also for faults while the body is read), Refused where the
        answer says no, and ExtractError otherwise, also where the extract's time is over.
        """
        self.meter.check_time()
        with self._in_time(), speaking(url):
            response = self._answered(url, headers or {})
            if response.status_code == httpx.codes.UNAUTHORIZED and self.manner.renewed():
                response.close()
                response = self._answered(url, headers or {})
            try:
                self._refuse(response)
                self.manner.check(response)
                yield response
            finally:
                response.close()

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        """The client's extension: called at each step of a request, before anything is sent over a new connection."""
        self._deadline.note(event, info)
        if event == "connection.connect_tcp.complete" and not getproxies():
            permit_address(self.contract, info["return_value"].get_extra_info("server_addr")[0])

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """A connection that broke off because we ended it in time is not tried again."""
        try:
            yield
        except PassingFault:
            self.meter.check_time()
            raise

    def _answered(self, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Response:
        for _ in range(_MAX_REDIRECTS + 1):
            # The headers of this one request go last: a range, an encoding.
            all_headers = {"Accept": "*/*"} | self._headers | self.manner.headers() | dict(headers)
            if self._has_secrets or any(map(is_secret_name, [*all_headers, *url.params])):
                refuse_clear_text(self.contract, url)
            request = self._client.build_request("GET", url, headers=all_headers, extensions={"trace": self._trace})
            response = self._client.send(request, stream=True)
            if response.status_code not in _REDIRECTS or not self.manner.follows_redirects:
                return response
            response.close()
            url = same_host(response.url, response.headers.get("location", ""), "redirects")
        raise ExtractError(
            f"{public(url)} redirects without end; ask {self.contract.agency_name} for the right address"
        )

    def _refuse(self, response: httpx.Response) -> None:
        status = response.status_code
        if response.is_success:
            return
        explained = self.manner.explained(response)
        if explained is not None:
            raise explained
        agency, file = self.contract.agency_name, self.contract.path.name
        advice = _ADVICE.get(status, "ask {agency} what is wrong").format(agency=agency, file=file)
        message = f"{public(response.url)} answers {status}: {advice}"
        if status in PASSING:
            asked = seconds_to_wait(response.headers.get("retry-after"), response.headers.get("date"))
            raise PassingFault(message, asked)
        raise Refused(message, status)


def client(contract: Contract) -> httpx.Client:
    """A client with the contract's certificates and time-outs, which follows no redirect. Raises ExtractError."""
    read = read_seconds(contract)
    return httpx.Client(
        verify=_tls(contract), timeout=httpx.Timeout(read, connect=min(CONNECT_SECONDS, read)), follow_redirects=False
    )


@contextmanager
def speaking(url: httpx.URL) -> Iterator[None]:
    """Turns what goes wrong on the way to `url` into a PassingFault, or an ExtractError where it stays wrong."""
    try:
        yield
    except httpx.TimeoutException:
        raise PassingFault(f"{public(url)} does not answer in time; ask its operator") from None
    except (httpx.LocalProtocolError, UnicodeEncodeError):
        raise ExtractError(
            f"{public(url)}: a header or login holds what HTTP cannot carry; check the headers and secrets of the contract"
        ) from None
    except (httpx.TransportError, httpx.DecodingError) as error:
        wrong = _tls_fault(error)
        if wrong is not None:
            raise ExtractError(
                f"{public(url)}: the certificates do not match ({wrong}); check caFile, clientCertFile and the host's name"
            ) from None
        # The library's own words may hold the query, and with it a secret; its class says enough.
        raise PassingFault(f"{public(url)} cannot be reached or breaks off ({_fault_name(error)})") from None
    except (httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
        raise ExtractError(f"{public(url)} cannot be asked for ({type(error).__name__}); mend the address") from None


def _fault_name(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


def _tls_fault(error: BaseException) -> str | None:
    """What is wrong with the certificates, where that is the fault; a TLS connection that only breaks off is another one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return cause.reason or "TLS"
        cause = cause.__cause__ or cause.__context__
    return None


def _tls(contract: Contract) -> ssl.SSLContext:
    """The machine's trusted authorities, or only those of `caFile`; our own certificate where the contract names one."""
    paths = {name: _file(contract, name) for name in ("caFile", "clientCertFile", "clientKeyFile")}
    try:
        context = ssl.create_default_context(cafile=paths["caFile"])
        if paths["clientCertFile"]:
            context.load_cert_chain(paths["clientCertFile"], paths["clientKeyFile"], password="")
    except OSError as error:
        wrong = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        names = ", ".join(f"{name} {path}" for name, path in paths.items() if path)
        raise ExtractError(f"certificates cannot be read ({wrong}): {names}; put them there in PEM") from None
    return context


def _file(contract: Contract, option: str) -> str | None:
    options = contract.server.options
    return str(own_file(contract, str(options[option]))) if option in options else None


def address(contract: Contract, extract_date: date, watermark: str | None = None) -> httpx.URL:
    """The contract's location with its `query`. Raises ExtractError as `parsed` does.

    A value of the query with `{watermark}` is left out where there is none yet, so that the first pull brings everything.
    """
    url = parsed(contract, "location", located(contract, extract_date))
    query = filled(contract, extract_date, "query", watermark)
    return url.copy_merge_params(query) if query else url


def parsed(contract: Contract, option: str, text: str) -> httpx.URL:
    """An address of the contract. Raises ExtractError where it is no http or https address, or holds a login."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise ExtractError(f"the {option} in {contract.path.name} is no http or https address; write one")
    if url.userinfo:
        raise ExtractError(f"the {option} in {contract.path.name} holds a login; write it as username and password")
    permit_host(contract, url.host)
    return url


def refuse_clear_text(contract: Contract, url: httpx.URL) -> None:
    """Raises ExtractError where a login would travel unencrypted to another machine."""
    if url.scheme == "http" and not is_own_machine(url.host):
        raise ExtractError(
            f"{public(url)} is not encrypted, and the login of {contract.path.name} would be read on the way; use https"
        )


def filled(contract: Contract, extract_date: date, option: str, watermark: str | None = None) -> dict[str, str]:
    """A mapping among the server's options with secrets, dates, variables and the watermark filled in."""
    mapping: Any = contract.server.options.get(option) or {}
    if not isinstance(mapping, dict):
        raise ExtractError(f"{option} in {contract.path.name} is no mapping; write names and values")

    def value(name: str, text: str) -> str:
        if is_reference(text):
            return referred(contract, f"{option}.{name}", text)
        return located(contract, extract_date, text).replace("{watermark}", watermark or "")

    values = {str(name): str(text) for name, text in mapping.items()}
    return {
        name: value(name, text) for name, text in values.items() if watermark is not None or "{watermark}" not in text
    }


def same_host(asked: httpx.URL, target: str, verb: str) -> httpx.URL:
    """The address that an answer leads on to. Raises ExtractError where that is another scheme, host or port:
    our credentials would go there."""
    try:
        url = asked.join(target)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if (url.scheme, url.host, url.port) != (asked.scheme, asked.host, asked.port):
        raise ExtractError(
            f"{public(asked)} {verb} to {url.scheme}://{url.netloc.decode('ascii', 'replace')}, which is not followed; "
            "write the right address in the contract, if you trust it"
        )
    return url


def public(url: httpx.URL) -> str:
    """An address as messages and manifests may show it: without user, password, query and fragment."""
    return str(url.copy_with(userinfo=b"", query=None, fragment=None)) if url.host else "the address"


def _next_link(response: httpx.Response) -> str | None:
    """The target of `rel="next"` in the header Link (RFC 8288); a relation may have several names."""
    links = response.links.values() if "link" in response.headers else []
    return next((link.get("url") for link in links if "next" in link.get("rel", "").lower().split()), None)
