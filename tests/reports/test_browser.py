"""The report as a person opens it: in a browser, from the disk, with the keyboard, on a phone, in the dark, and without a network."""

from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from benchmarks.steward_report import LAST, many_contracts, write_record
from nights.folders import night_folder
from reports.report import write_report
from tests.browser import WITH_BROWSER, what_keeps_people_from_reading
from warehouse.home import Home

MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of forty nights of six feeds."""
    home = Home(tmp_path_factory.mktemp("site"))
    contracts = many_contracts(6)
    write_record(home, contracts, 40)
    write_report(contracts, home, LAST - timedelta(days=1))
    write_report(contracts, home, LAST)
    return night_folder(home, LAST)


class Links(HTMLParser):
    """Where a page leads, and the places in it that others may lead to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.places: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.targets.append(str(given["href"]))
        if given.get("id"):
            self.places.add(str(given["id"]))


def test_every_link_leads_somewhere_and_every_page_is_small(site: Path) -> None:
    pages = list(site.parent.parent.rglob("*.html"))
    # Those of two nights, and the front page where people look for it.
    assert len(pages) == 2 * (6 + 2 + 4) + 1
    for page in pages:
        assert page.stat().st_size < MOST_BYTES
        for target in Links(page.read_text(encoding="utf-8")).targets:
            if target.startswith(("mailto:", "https://")):
                continue
            path, _, place = unquote(target).partition("#")
            there = (page.parent / path).resolve() if path else page
            assert there.exists(), (page, target)
            assert not place or place in Links(there.read_text(encoding="utf-8")).places, (page, target)


@WITH_BROWSER
@pytest.mark.parametrize(
    "name",
    [
        "index.html",
        "agencies/agency_0.html",
        "feeds/agency_0__feed_0.html",
        "reconciliation.html",
        "findings.html",
        "lineage.html",
    ],
)
def test_nothing_keeps_people_from_reading_a_page(site: Path, name: str, tmp_path: Path) -> None:
    assert what_keeps_people_from_reading(site / name, tmp_path) == []
