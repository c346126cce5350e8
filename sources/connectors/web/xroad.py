"""X-Road REST: a service of another member, asked for through our own security server, after its rights and description.

The messages themselves are in `xroad_message.py`.
"""

import hashlib
import json
import time
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from sources.arrival.limits import Meter
from sources.arrival.request import Arrived, Pull
from sources.connectors.web.download import Download
from sources.connectors.web.http import Answer, Refused, Web, address, parsed
from sources.connectors.web.paging import Walk, keep
from sources.connectors.web.xroad_message import Consumer, Identifiers, encoded
from sources.contract.model import Contract
from sources.contract.server.location import located
from sources.contract.server.paging_option import Paging
from sources.errors import ExtractError

_LISTS = ("listMethods", "allowedMethods")
_PARTS = ("xroad_instance", "member_class", "member_code", "subsystem_code", "service_code")


def fetch(pull: Pull) -> Arrived:
    """Check our right, keep the rights and the description of the service, then pull the file, or all pages.

    Raises ExtractError, before any pull where the right is lost.
    """
    contract, consumer, meter = pull.contract, Consumer(pull.contract), Meter.of(pull)
    paging = Paging.of(contract)
    with Web(contract, pull.extract_date, consumer, meter) as web:
        snapshot = Metaservices(web, consumer.asked, _server(contract, pull.extract_date))
        evidence = snapshot.keep(pull.into)
        url = _address(contract, consumer.asked, pull.extract_date, pull.watermark)
        if paging is None:
            arrived = Download(web, url, pull.into).fetch()
        else:
            arrived = keep(Walk(contract, paging, web.get, url), pull.into, meter)
    return Arrived(arrived.files, totals=arrived.totals, evidence=evidence | arrived.evidence)


def probe(contract: Contract, extract_date: date) -> None:
    """Raises ExtractError where our security server does not answer, or we have no right to the service now."""
    consumer = Consumer(contract)
    Paging.of(contract)
    with Web(contract, extract_date, consumer, Meter(contract, time.monotonic())) as web:
        Metaservices(web, consumer.asked, _server(contract, extract_date)).rights()


class Metaservices:
    """What a provider says of its services: those it offers, those we may call, and how the one we ask for is described."""

    def __init__(self, web: Web, asked: Identifiers, server: httpx.URL) -> None:
        self.web, self.asked, self.server = web, asked, server

    def rights(self) -> dict[str, Answer]:
        """The answers of the two lists. Raises ExtractError where the service is not in one of them."""
        client, service = "/".join(self.asked.client), "/".join(self.asked.service)
        agency = self.web.contract.agency_name
        answers = {code: self._ask(code) for code in _LISTS}
        if not self._lists_service(answers["listMethods"]):
            raise ExtractError(f"{agency} no longer offers {service}; ask it for the present name of the service")
        if not self._lists_service(answers["allowedMethods"]):
            raise ExtractError(
                f"client {client} has no right to {service} any more; nothing was pulled, ask {agency} to grant it"
            )
        return answers

    def keep(self, into: Path) -> dict[str, str]:
        """Write the documents beside the originals. Returns their names with their SHA-256, for the manifest."""
        documents = {f"xroad-{code}.json": answer.content for code, answer in self.rights().items()}
        evidence = {}
        try:
            described = self._ask("getOpenAPI", {"serviceCode": self.asked.service[-1]}).content
            suffix = "json" if described.lstrip().startswith(b"{") else "yaml"
            documents[f"xroad-getOpenAPI.{suffix}"] = described
        except Refused as refused:
            # A plain REST service has no description, and needs none.
            evidence["xroad-getOpenAPI"] = f"none (status {refused.status})"
        for name, content in documents.items():
            (into / name).write_bytes(content)
            evidence[name] = hashlib.sha256(content).hexdigest()
        return evidence

    def _ask(self, code: str, query: dict[str, str] | None = None) -> Answer:
        url = service_url(self.server, self.asked.method(code))
        return self.web.get(url.copy_merge_params(query) if query else url)

    def _lists_service(self, answer: Answer) -> bool:
        services = _listed(answer)
        if services is None:
            raise ExtractError(
                f"the list of services is not one ({answer.media_type}); ask the operator of our own security server"
            )
        return any(_identifier(service) == self.asked.service for service in services)


def _listed(answer: Answer) -> list[Any] | None:
    """The entries of a metaservice's answer: `service`, or `member` in the protocol's own examples."""
    try:
        document = json.loads(answer.content)
    except ValueError:
        return None
    found = document.get("service", document.get("member")) if isinstance(document, dict) else None
    return found if isinstance(found, list) else None


def _identifier(entry: Any) -> tuple[str, ...]:
    described = entry.get("id", entry) if isinstance(entry, dict) else {}
    return tuple(str(described.get(part, "")) for part in _PARTS)


def service_url(server: httpx.URL, service: tuple[str, ...], path: str = "") -> httpx.URL:
    """`/r1/` and the five identifiers below the security server's own address, then the path within the service."""
    base = str(server.copy_with(query=None, fragment=None)).rstrip("/")
    return httpx.URL(f"{base}/r1/{encoded(service)}{path}")


def _server(contract: Contract, extract_date: date) -> httpx.URL:
    return parsed(contract, "location", located(contract, extract_date))


def _address(contract: Contract, asked: Identifiers, extract_date: date, watermark: str | None) -> httpx.URL:
    path = located(contract, extract_date, str(contract.server.options.get("servicePath", "")))
    url = service_url(_server(contract, extract_date), asked.service, "/" + path.lstrip("/") if path else "")
    query = address(contract, extract_date, watermark).params
    return url.copy_merge_params(query) if query else url
