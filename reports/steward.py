"""The steward's page of a night: `quality/report/index.html`, static, made from the record alone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sources.accepted import last_accepted
from sources.contract import Contract
from sources.feed_night import NO_AGREEMENT, TAKEN
from warehouse.engine import open_database
from warehouse.files import write_text
from warehouse.home import Home
from warehouse.nights import current_night
from warehouse.records import records


@dataclass(frozen=True)
class FeedLine:
    """One feed's row on the page."""

    agency: str
    agency_name: str
    feed: str
    status: str
    rows_sent: int | None
    rows_accepted: int | None
    rows_rejected: int | None
    failed: list[tuple[str, str, int, str]]
    rules: int
    used_night: str
    reason: str
    contacts: str
    data_docs: str | None

    @property
    def is_good(self) -> bool:
        return self.status in TAKEN

    @property
    def mark(self) -> str:
        """A shape besides the colour: not everyone sees colours."""
        if self.status == NO_AGREEMENT:
            return "▲"
        return "●" if self.is_good else "■"


def report_path(home: Home) -> Path:
    """The page of the newest night."""
    return home.quality / "report" / "index.html"


def page_of(home: Home, extract_date: date) -> Path:
    """The page that tells of this night: the front page for the newest, its own for an older one."""
    nights = [date.fromisoformat(path.stem) for path in (home.quality / "feed_night").glob("*.parquet")]
    return (
        report_path(home)
        if extract_date >= max(nights, default=extract_date)
        else home.quality / "report" / f"{extract_date}.html"
    )


def write_report(contracts: list[Contract], home: Home, extract_date: date, failure: str | None = None) -> Path:
    """Write the page of a night from what was recorded of it; `failure` is why it was not published. Returns its path."""
    with open_database() as connection:
        feeds = [_feed_line(connection, contract, home, extract_date) for contract in contracts]
        findings = connection.execute(
            "SELECT subject, rule, severity, any_value(agencies), count(*), first(source_key || ': ' || detail ORDER BY source_key) "
            f"FROM {records(home, 'finding')} WHERE extract_date = ? GROUP BY ALL ORDER BY severity, count(*) DESC", [extract_date]
        ).fetchall()  # fmt: skip
        cross = connection.execute(
            "SELECT feed, rule, severity, passed, unexpected_count, observed_value, description "
            f"FROM {records(home, 'gate_result')} WHERE extract_date = ? AND agency = 'harmonised' ORDER BY passed, severity, rule", [extract_date]
        ).fetchall()  # fmt: skip
    current = current_night(home)
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = templates.get_template("steward.html.j2").render(
        night=extract_date, made_at=datetime.now(UTC), feeds=feeds, findings=findings, cross=cross, current=current, failure=failure,
        docs_index=f"../data_docs/{extract_date}/index.html",
    )  # fmt: skip
    path = page_of(home, extract_date)
    write_text(path, page)
    return path


def _feed_line(connection: duckdb.DuckDBPyConnection, contract: Contract, home: Home, extract_date: date) -> FeedLine:
    whose = [extract_date, contract.agency, contract.feed]
    night = connection.execute(
        f"SELECT status, rows_sent, rows_accepted, rows_rejected, reason FROM {records(home, 'feed_night')} "
        "WHERE extract_date = ? AND agency = ? AND feed = ?", whose
    ).fetchone()  # fmt: skip
    results = connection.execute(
        f"SELECT rule, severity, unexpected_count, observed_value, passed FROM {records(home, 'gate_result')} "
        "WHERE extract_date = ? AND agency = ? AND feed = ?", whose
    ).fetchall()  # fmt: skip
    status, sent, accepted, rejected, reason = night or ("not pulled", None, None, None, None)
    used = last_accepted(contract, home, extract_date)
    docs = f"../data_docs/{extract_date}/{contract.relation}.html"
    return FeedLine(
        agency=contract.agency, agency_name=contract.agency_name, feed=contract.feed, status=status, rows_sent=sent,
        rows_accepted=accepted, rows_rejected=rejected, rules=len(results), reason=reason or "",
        failed=[(rule, severity, count, observed) for rule, severity, count, observed, passed in results if not passed],
        used_night=used.name if used else "none", contacts=", ".join(contact.channel for contact in contract.contacts),
        data_docs=docs if (home.quality / "report" / docs).resolve().exists() else None,
    )  # fmt: skip
