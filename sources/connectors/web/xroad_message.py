"""X-Road REST messages: identifiers, the headers of a request, the proof of its answer, and who failed where one is an error.

Source: X-Road Message Protocol for REST (PR-REST) and Service Metadata Protocol for REST (PR-MREST).
"""

import re
import uuid
from dataclasses import dataclass
from urllib.parse import quote, unquote

import httpx

from sources.connectors.retry import PassingFault, seconds_to_wait
from sources.connectors.web.http import PASSING, Manner, Refused, public
from sources.contract.model import Contract
from sources.contract.server.connection import said
from sources.errors import ExtractError

_SUBSYSTEM_PARTS, _SERVICE_PARTS = 4, 5
# Faults of the way between the two security servers; the rest stays wrong until somebody mends it.
_BETWEEN_SERVERS = frozenset({"networkerror", "timeout", "servicefailed", "outdatedglobalconf"})
_NO_RIGHT, _NO_SERVICE = "accessdenied", frozenset({"unknownservice", "servicedisabled"})


@dataclass(frozen=True)
class Identifiers:
    """Our subsystem and the service that we ask for, each as the parts of its X-Road identifier."""

    client: tuple[str, ...]
    service: tuple[str, ...]

    @classmethod
    def of(cls, contract: Contract) -> "Identifiers":
        """Raises ExtractError where the contract's `client` or `service` has another number of parts."""
        client = tuple(said(contract, "client").split("/"))
        service = tuple(said(contract, "service").split("/"))
        if len(client) != _SUBSYSTEM_PARTS or not all(client):
            raise ExtractError(f"client in {contract.path.name} is not instance/class/member/subsystem; mend it")
        if len(service) != _SERVICE_PARTS or not all(service):
            raise ExtractError(
                f"service in {contract.path.name} is not instance/class/member/subsystem/serviceCode; mend it"
            )
        return cls(client, service)

    def method(self, code: str) -> tuple[str, ...]:
        """A metaservice of the same provider."""
        return (*self.service[:_SUBSYSTEM_PARTS], code)


def encoded(parts: tuple[str, ...]) -> str:
    """Each identifier percent-encoded by itself; the `/` between them is not."""
    return "/".join(quote(part, safe="") for part in parts)


def decoded(text: str) -> tuple[str, ...]:
    return tuple(unquote(part) for part in text.split("/"))


class Consumer(Manner):
    """The consumer's side of the message protocol, through its own security server. It never follows a redirect."""

    follows_redirects = False

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.asked = Identifiers.of(contract)
        self._user = {"X-Road-UserId": said(contract, "userId")} if "userId" in contract.server.options else {}

    def headers(self) -> dict[str, str]:
        return {"X-Road-Client": encoded(self.asked.client), "X-Road-Id": str(uuid.uuid4()), **self._user}

    def check(self, response: httpx.Response) -> None:
        """Raises ExtractError where the answer is another message's, another service's or for another client."""
        request, answer = response.request, response.headers
        # The path says what was asked, also for the metaservices: /r1/ and the five identifiers.
        path = request.url.raw_path.decode("ascii").partition("?")[0].partition("/r1/")[2].split("/")
        expected = {
            "X-Road-Id": (request.headers["X-Road-Id"],),
            "X-Road-Client": self.asked.client,
            "X-Road-Service": decoded("/".join(path[:_SERVICE_PARTS])),
        }
        wrong = [name for name, parts in expected.items() if decoded(answer.get(name, "")) != parts]
        if wrong:
            raise ExtractError(
                f"{public(response.url)}: the answer is not to our question ({', '.join(wrong)}); "
                "ask the operator of our own security server"
            )

    def explained(self, response: httpx.Response) -> ExtractError:
        """Who failed, by the header X-Road-Error, and what to do."""
        where, agency = public(response.url), self.contract.agency_name
        if "x-road-error" not in response.headers:
            return self._provider_failed(response)
        # Only the type is shown: message and detail of the body may hold what is not ours to show.
        shown = re.sub(r"[^A-Za-z0-9._-]", "", response.headers["x-road-error"])[:100]
        folded = shown.lower().replace("_", "")
        failed, todo = self._blame(folded)
        message = f"{where} answers {response.status_code}, {shown}: {failed}; {todo.format(agency=agency)}"
        if folded.rpartition(".")[2] in _BETWEEN_SERVERS:
            return PassingFault(message, _asked_wait(response))
        return Refused(message, response.status_code)

    def _provider_failed(self, response: httpx.Response) -> ExtractError:
        status = response.status_code
        message = (
            f"{public(response.url)} answers {status} without X-Road-Error: the provider's own system failed; "
            f"ask {self.contract.agency_name} what is wrong"
        )
        return PassingFault(message, _asked_wait(response)) if status in PASSING else Refused(message, status)

    def _blame(self, folded: str) -> tuple[str, str]:
        """From the error's type in lower case without `_`: who failed, and what to do."""
        last = folded.rpartition(".")[2]
        client, service = "/".join(self.asked.client), "/".join(self.asked.service)
        if last == _NO_RIGHT:
            return f"client {client} has no right to {service}", "ask {agency} to grant it"
        if last == "unknownmember":
            return (
                f"client {client} or the provider of {service} is not known",
                "ask the operator of our own security server",
            )
        if last in _NO_SERVICE:
            return f"service {service} is not known or not offered", "ask {agency} for its present name"
        if folded.startswith("server.serverproxy"):
            return "the provider's security server, or the system behind it, failed", "ask {agency} what is wrong"
        if folded.startswith("server.clientproxy"):
            return "our own security server failed", "ask its operator"
        if folded.startswith("client"):
            return "our request was not understood", f"mend {self.contract.path.name}"
        return "X-Road failed", "ask the operator of our own security server"


def _asked_wait(response: httpx.Response) -> float | None:
    return seconds_to_wait(response.headers.get("retry-after"), response.headers.get("date"))
