"""Alerts: who is told of a feed that did not come, was refused or is unusual, once for each cause, and what to do next.

To the log always; by e-mail and webhook where the contract's `support` names one. No value of a record is ever in an alert.
"""

import logging
import smtplib
import ssl
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from nights.folders import night_folder
from nights.record.feed_night import FAILED, REFUSED
from nights.record.past import Past
from sources.connectors.web.deadline import Deadline
from sources.contract.grants import Grant, NotGranted
from sources.contract.model import Contact, Contract
from warehouse.home import Home
from warehouse.settings import settings
from warehouse.store.night_records import record, records
from watch.anomalies import MISSING

_LOG = logging.getLogger("interagency.alerts")
_TIMEOUT_SECONDS = 20
# Tools of the contract standard whose address is one that takes a message, and the channel that says it of any other.
_CHAT_TOOLS, _WEBHOOK = ("slack", "teams", "discord", "googlechat"), "webhook"
_NEXT = {
    FAILED: "Find out why it did not come or could not be read; when it is there, `interagency run` pulls it again.",
    REFUSED: "Send the rejects back to the agency (the link below has the file), or let it in with `interagency accept` and a reason.",
    "anomaly": "Ask the agency whether this is so; nothing was refused because of it.",
}


class NoServer(LookupError):
    """There is somebody to mail, and no server to do it."""


@dataclass(frozen=True)
class Alert:
    """One cause on one feed, as recorded for a night. `first_night` is since when it lasts; `is_sent` once everybody was told.

    `untold` are the channels that were tried in vain, `fault` says why.
    """

    agency: str
    feed: str
    cause: str
    description: str
    first_night: date
    is_sent: bool = False
    fault: str | None = None
    untold: tuple[str, ...] = ()


def tell(past: Past) -> list[Alert]:
    """Send what is new in the night, and record all that is open. A channel that fails is tried again by the next run."""
    known = _known(past)
    contracts = {(contract.agency, contract.feed): contract for contract in past.contracts}
    open_ones = [_continued(alert, known, past) for alert in _causes(past)]
    by_feed: dict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in open_ones:
        by_feed[alert.agency, alert.feed].append(alert)
    told = []
    for feed, alerts in by_feed.items():
        fresh = [alert for alert in alerts if not alert.is_sent]
        # Of a feed that has no contract any more there is nobody to tell.
        told += _send(contracts[feed], fresh, past.home, past.night) if fresh and feed in contracts else fresh
        told += [alert for alert in alerts if alert.is_sent]
    record(past.home, "alert", past.night, [asdict(alert) for alert in told], {})
    return told


_NOT_TAKEN = """
    SELECT agency, feed, status, coalesce(reason, '')
    FROM feed_night
    WHERE extract_date = ? AND status IN (?, ?)"""
_UNLIKELY = """
    SELECT agency, feed, measure, column_name, description
    FROM anomaly
    WHERE extract_date = ? AND measure <> ?
    ORDER BY ALL"""


def _causes(past: Past) -> Iterable[Alert]:
    for agency, feed, status, reason in past.rows(_NOT_TAKEN, past.night, FAILED, REFUSED):
        yield Alert(agency, feed, status, reason, past.night)
    # What did not come is told as such.
    for agency, feed, measure, column, description in past.rows(_UNLIKELY, past.night, MISSING):
        yield Alert(agency, feed, " ".join(filter(None, ["anomaly", measure, column])), description, past.night)


def recorded_alerts(past: Past, night: date | None) -> list[Alert]:
    """What was open in a night, and who was told; read anew, also where it was recorded since `past` was opened."""
    recorded = f"""
        SELECT {", ".join(field.name for field in fields(Alert))}
        FROM {records(past.home, "alert", past.night)}
        WHERE extract_date = ?"""
    found = past.rows(recorded, night)
    return [replace(Alert(*row[:-1]), untold=tuple(row[-1] or ())) for row in found]


def _known(past: Past) -> dict[tuple[str, str, str], Alert]:
    """What was open in this night (when it is run again) or in the one before it."""
    alerts = [*recorded_alerts(past, past.before), *recorded_alerts(past, past.night)]
    return {(alert.agency, alert.feed, alert.cause): alert for alert in alerts}


def _continued(alert: Alert, known: dict[tuple[str, str, str], Alert], past: Past) -> Alert:
    before = known.get((alert.agency, alert.feed, alert.cause))
    if before is None:
        return alert
    return replace(before, description=alert.description)


def _send(contract: Contract, alerts: Sequence[Alert], home: Home, night: date) -> list[Alert]:
    """Tell every channel of the contract that does not know yet. Returns the alerts with what became of it, without an address."""
    for alert in alerts:
        if not alert.untold:
            _LOG.warning("%s, night of %s: %s: %s", contract.name, night, alert.cause, alert.description)
    about, link = f"{contract.name}, night of {night}", f"The report: {_link(contract, home, night)}"
    faults: dict[Alert, dict[str, str]] = {alert: {} for alert in alerts}
    for contact in contract.contacts:
        due = [alert for alert in alerts if not alert.untold or contact.channel in alert.untold]
        fault = _tell_channel(contact, contract.grant, about, due, link) if due else None
        for alert in due if fault else ():
            faults[alert][contact.channel] = str(fault)
    return [_tried(alert, faults[alert]) for alert in alerts]


def _tried(alert: Alert, faults: dict[str, str]) -> Alert:
    said = "; ".join(f"{channel}: {fault}" for channel, fault in faults.items())
    return replace(alert, is_sent=not faults, fault=said or None, untold=tuple(faults))


def _tell_channel(contact: Contact, grant: Grant, about: str, alerts: Sequence[Alert], link: str) -> str | None:
    """`about` is the feed and the night. Returns what went wrong, or None."""
    subject = f"{about}: {', '.join(sorted({alert.cause for alert in alerts}))}"
    text = "\n\n".join([*map(_said, alerts), link])
    try:
        if contact.url.startswith("mailto:"):
            _mail(contact, subject, text)
        elif contact.tool in _CHAT_TOOLS or contact.channel == _WEBHOOK:
            _post(contact, grant, subject, text, alerts)
    except (NoServer, NotGranted) as error:
        return str(error)
    except (OSError, ValueError, smtplib.SMTPException, httpx.HTTPError, httpx.InvalidURL, LookupError) as error:
        _LOG.error("%s: the channel %s could not be told (%s)", about, contact.channel, type(error).__name__)
        return type(error).__name__
    return None


def _said(alert: Alert) -> str:
    lasting = _NEXT[alert.cause.partition(" ")[0]]
    return f"{alert.agency}/{alert.feed}: {alert.cause}\n{alert.description}\nWhat to do: {lasting}"


def _link(contract: Contract, home: Home, night: date) -> str:
    """Into the report: below INTERAGENCY_REPORT_URL where the folder `quality` is served, else the file itself."""
    page = night_folder(home, night) / "feeds" / f"{contract.relation}.html"
    served = settings().report_url
    return f"{served.rstrip('/')}/{page.relative_to(home.quality / 'report')}" if served else page.as_uri()


def _mail(contact: Contact, subject: str, text: str) -> None:
    """By the server that INTERAGENCY_SMTP names (smtp://user@host:port, or smtps://). Raises NoServer where there is none."""
    said = settings()
    if not said.smtp:
        raise NoServer("INTERAGENCY_SMTP names no mail server")
    address = urlsplit(said.smtp)
    message = EmailMessage()
    message["Subject"], message["To"] = subject, contact.url.removeprefix("mailto:").partition("?")[0]
    message["From"] = said.mail_from or f"interagency@{address.hostname}"
    message.set_content(text)
    host, port, trusted = address.hostname or "", address.port or 0, ssl.create_default_context()
    is_sealed = address.scheme == "smtps"
    with (
        smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_SECONDS, context=trusted)
        if is_sealed
        else smtplib.SMTP(host, port, timeout=_TIMEOUT_SECONDS)
    ) as client:
        client.ehlo_or_helo_if_needed()
        if not is_sealed and client.has_extn("starttls"):
            client.starttls(context=trusted)
        if address.username:
            client.login(address.username, said.smtp_password)
        client.send_message(message)


def _post(contact: Contact, grant: Grant, subject: str, text: str, alerts: Sequence[Alert]) -> None:
    """`text` is what chat tools show (Discord calls it content); `alerts` is for machines."""
    told = f"{subject}\n\n{text}"
    plain = [{**asdict(alert), "first_night": alert.first_night.isoformat()} for alert in alerts]
    words = {"text": told, "content": told, "alerts": plain}
    # Of an answer without an end only its status is read, and of one that drips no more than in time.
    with Deadline(_TIMEOUT_SECONDS) as deadline, httpx.Client(timeout=_TIMEOUT_SECONDS) as client:

        def at_each_step(event: str, info: dict[str, Any]) -> None:
            deadline.note(event, info)
            # The name may lead elsewhere since it was looked up; a proxy of ours stands where it stands.
            if event == "connection.connect_tcp.complete" and not getproxies():
                grant.permit_address(info["return_value"].get_extra_info("server_addr")[0])

        url, extensions = _webhook(contact, grant), {"trace": at_each_step}
        with client.stream("POST", url, json=words, extensions=extensions) as answer:
            answer.raise_for_status()


def _webhook(contact: Contact, grant: Grant) -> httpx.URL:
    """The address with its variables filled in. Raises NotGranted where it would lead where the agency may not."""
    url = httpx.URL(grant.filled(contact.url))
    if url.scheme != "https":
        raise NotGranted("the webhook's address is not encrypted; write https")
    grant.permit_host(url.host)
    return url
