"""The stewards' quality report of a night: a static site below `quality/report/`, made from the record and what is kept beside it."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from nights.record.past import SHOWN_NIGHTS, open_past
from reports.figures.concerns import forget_files, write_for_agencies
from reports.figures.feed_lines import by_agency, feed_lines
from reports.figures.rejected import forget_sent_back, write_back
from reports.figures.rows_by_night import bands_of
from reports.pages.agency import write_agency
from reports.pages.feed import write_feed
from reports.pages.findings import write_findings
from reports.pages.front import write_front
from reports.pages.lineage import trace, write_lineage
from reports.pages.night_site import Site, forget_nights
from reports.pages.reconciliation import write_reconciliation
from sources.contract.model import Contract
from warehouse.home import Home
from watch.alerts import recorded_alerts


def write_report(contracts: Sequence[Contract], home: Home, extract_date: date) -> Path:
    """Write all pages of a night; who was told of it is read from the record. Returns the front page's path."""
    forget_sent_back(contracts, home)
    forget_files(contracts, home)
    # Before it writes: a night that is older than all that are kept has its pages until the next report.
    forget_nights(home, SHOWN_NIGHTS)
    site = Site(home, extract_date)
    with open_past(home, contracts, extract_date) as past:
        lines = feed_lines(past)
        bands = bands_of(past)
        sent_back = {line.contract.name: write_back(line.contract, home, extract_date) for line in lines}
        for line in lines:
            write_feed(past, site, line, bands[line.contract.name], sent_back[line.contract.name])
        for feeds in by_agency(list(contracts)):
            write_agency(past, site, [line for line in lines if line.contract in feeds])
        lineage = trace(home)
        write_lineage(lineage, contracts, site)
        write_reconciliation(past, site, lines, lineage)
        write_findings(past, site, write_for_agencies(contracts, home, extract_date))
        return write_front(past, site, lines, sent_back, recorded_alerts(past, past.night))
