"""The report as a person opens it: in a browser, from the disk, with the keyboard, on a phone, in the dark, and without a network."""

import importlib.util
import json
import re
import shutil
import subprocess
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from benchmarks.steward_report import LAST, many_contracts, write_record
from reports.pages import report_folder
from reports.site import write_report
from warehouse.home import Home

CHROMIUM = shutil.which("chromium")
WITH_BROWSER = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
MOST_BYTES = 300_000
# What the browser is asked once the page stands: axe-core's findings, and where the keyboard comes to.
ASK = """
const done = (name, value) => document.documentElement.setAttribute('data-told-' + name, encodeURIComponent(JSON.stringify(value)));
const isFolded = item => item.tagName !== 'SUMMARY' && item.closest('details:not([open])');
const order = [...document.querySelectorAll('a[href], summary, [tabindex="0"]')].filter(item => !isFolded(item));
done('keyboard', order.map(item => { item.focus(); return document.activeElement === item; }));
done('wide', document.documentElement.scrollWidth - document.documentElement.clientWidth);
axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
  .then(found => done('axe', found.violations.map(item => [item.id, item.nodes.map(node => node.html)])));
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of forty nights of six feeds."""
    home = Home(tmp_path_factory.mktemp("site"))
    contracts = many_contracts(6)
    write_record(home, contracts, 40)
    write_report(contracts, home, LAST - timedelta(days=1))
    write_report(contracts, home, LAST)
    return report_folder(home)


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
    pages = list(site.rglob("*.html"))
    assert len(pages) == 2 * (6 + 2 + 4)
    for page in pages:
        assert page.stat().st_size < MOST_BYTES
        for target in Links(page.read_text(encoding="utf-8")).targets:
            if target.startswith(("mailto:", "https://")) or "data_docs" in target:
                continue
            path, _, place = unquote(target).partition("#")
            there = (page.parent / path).resolve() if path else page
            assert there.exists(), (page, target)
            assert not place or place in Links(there.read_text(encoding="utf-8")).places, (page, target)


def asked(page: Path, folder: Path, *switches: str) -> dict[str, object]:
    """What the browser answers on a copy of the page with axe-core and the questions in it."""
    package = importlib.util.find_spec("axe_playwright_python")
    assert package is not None
    assert package.origin is not None
    axe = (Path(package.origin).parent / "axe.min.js").read_text(encoding="utf-8")
    copy = folder / "asked.html"
    text = page.read_text(encoding="utf-8")
    copy.write_text(text.replace("</body>", f"<script>{axe}</script><script>{ASK}</script></body>"), encoding="utf-8")
    shown = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", f"--user-data-dir={folder / 'browser'}",
         "--host-resolver-rules=MAP * ~NOTFOUND", *switches, "--dump-dom", copy.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    return {name: json.loads(unquote(value)) for name, value in re.findall(r'data-told-(\w+)="([^"]*)"', shown)}


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
    for switches in ((), ("--force-dark-mode", "--blink-settings=preferredColorScheme=0"), ("--window-size=390,844",)):
        found = asked(site / name, tmp_path, *switches)
        assert found["axe"] == [], switches
        assert found["wide"] == 0, switches
        assert all(found["keyboard"]), switches  # type: ignore[arg-type]
