"""HTTP(S): one file to download, or a REST API whose records come in pages."""

import time
from datetime import date

import httpx

from sources.arrival.limits import Meter
from sources.arrival.request import Arrived, Pull
from sources.connectors.web.credentials import Login
from sources.connectors.web.download import Download
from sources.connectors.web.http import Web, address
from sources.connectors.web.paging import Walk, keep
from sources.contract.model import Contract
from sources.contract.server.paging_option import Paging


def fetch(pull: Pull) -> Arrived:
    """Pull the file, or all pages. Raises ExtractError with what happened, where, and what to do."""
    contract = pull.contract
    paging = Paging.of(contract)
    url = address(contract, pull.extract_date, pull.watermark)
    meter = Meter.of(pull)
    with Web(contract, pull.extract_date, Login(contract, url), meter) as web:
        if paging is None:
            return Download(web, url, pull.into).fetch()
        return keep(Walk(contract, paging, web.get, url), pull.into, meter)


def probe(contract: Contract, extract_date: date) -> None:
    """Raises ExtractError where the system does not answer, or refuses the login. Only the head of the answer is read."""
    Paging.of(contract)
    url = address(contract, extract_date)
    with Web(contract, extract_date, Login(contract, url), Meter(contract, time.monotonic())) as web:
        reach(web, url)


def reach(web: Web, url: httpx.URL) -> None:
    """One attempt, whose body is left unread: a doctor does not wait."""
    with web.open(url):
        return
