"""great-expectations' own pages (Data Docs) of a night, rendered from the kept results and readable without a network."""

import html
import json
import os
import re
from datetime import date
from pathlib import Path
from typing import Any

from expectations.cross_agency import AGENCY
from nights.folders import night_folder
from nights.record.verdict import VALIDATION
from pages.page import style
from warehouse.engines.duckdb.engine import open_database
from warehouse.files import write_text
from warehouse.home import Home
from warehouse.store.night_records import records

# The pages as rendered fetch styles, scripts and a logo from public hosts; a closed network would only wait for them.
_REMOTE = re.compile(
    r'<script[^>]*src="https?://[^"]*"[^>]*>\s*</script>|<link[^>]*href="https?://[^"]*"[^>]*/?>|<img[^>]*src="https?://[^"]*"[^>]*/?>'
)
_FOOTER = re.compile(r"<footer>.*?</footer>", re.DOTALL)
# The icons come with a remote font; a character says the same.
_ICONS = {re.compile(r'<i class="fas fa-check-circle[^>]*></i>'): "✔ holds", re.compile(r'<i class="fas fa-times[^>]*></i>'): "✘",
          re.compile(r'<i class="fas fa-exclamation[^>]*></i>'): "▲"}  # fmt: skip
# Scripts that call what is not there any more; the head of the page, whose links lead nowhere.
_SCRIPT = re.compile(r"<script>.*?</script>", re.DOTALL)
_HEAD = re.compile(r'<nav class="navbar.*?</nav>\s*</div>\s*</nav>', re.DOTALL)
_TITLES = re.compile(r"<title>.*</title>", re.DOTALL)
_UNKNOWN_LINK = re.compile(r'href="(\.\./)+[^"]*"')


def folder(home: Home, extract_date: date) -> Path:
    return home.quality / "data_docs" / extract_date.isoformat()


def write_data_docs(home: Home, extract_date: date) -> list[Path]:
    """A page for each suite that ran for the night, and an index of them."""
    pages: list[Path] = []
    report = (
        Path(os.path.relpath(night_folder(home, extract_date), folder(home, extract_date))).as_posix() + "/index.html"
    )
    for name, result in _validations(home, extract_date).items():
        page = folder(home, extract_date) / f"{name}.html"
        content = json.loads(result.read_text(encoding="utf-8"))
        write_text(page, _anchored(_accessible(_offline(_rendered(content)), name, report), content))
        pages.append(page)
    links = "".join(f'<li><a href="{page.name}">{page.stem}</a></li>' for page in pages)
    head = f'<head><meta charset="utf-8"><title>Data Docs {extract_date}</title>{_style()}</head>'
    main = f"<main><h1>Data Docs, night of {extract_date}</h1><ul>{links}</ul></main>"
    index = f'<!doctype html><html lang="en">{head}<body>{_nav(report)}{main}</body></html>'
    written = folder(home, extract_date) / "index.html"
    write_text(written, index)
    for page in set(written.parent.glob("*.html")) - {written, *pages}:
        page.unlink()
    return pages


def _validations(home: Home, extract_date: date) -> dict[str, Path]:
    gates, missed = home.quality / "gates", _missed(home, extract_date)
    contracts = {
        f"{path.parent.parent.parent.name}__{path.parent.parent.name}": path
        for path in gates.glob(f"*/*/{extract_date}/{VALIDATION}")
        if (path.parent.parent.parent.name, path.parent.parent.name) not in missed
    }
    harmonised = {f"{AGENCY}__{path.parent.name}": path for path in gates.glob(f"{AGENCY}/*/{extract_date}.json")}
    return dict(sorted({**contracts, **harmonised}.items()))


def _missed(home: Home, extract_date: date) -> set[tuple[str, str]]:
    """Agencies and feeds whose recorded run came to no gate: what lies there is of a run before it."""
    missed = f"""
        SELECT agency, feed FROM {records(home, "feed_night")} WHERE extract_date = $night
        EXCEPT
        SELECT agency, feed FROM {records(home, "gate_result")} WHERE extract_date = $night"""
    with open_database() as connection:
        found = connection.execute(missed, {"night": extract_date}).fetchall()
    return {(agency, feed) for agency, feed in found}


def _rendered(content: dict[str, Any]) -> str:
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    loaded = expectationSuiteValidationResultSchema.load(content)
    return str(DefaultJinjaPageView().render(ValidationResultsPageRenderer(run_info_at_end=True).render(loaded)))


def _anchored(page: str, content: dict[str, Any]) -> str:
    """With a place at each rule, named as the rule, that the steward's report leads to."""
    for result in content["results"]:
        said, rule = result["expectation_config"].get("description"), result["expectation_config"]["meta"].get("rule")
        if said and rule:
            found = re.search(rf"<span >(?=\s*{re.escape(said)})", page)
            if found:
                page = f'{page[: found.start()]}<span id="{html.escape(rule)}">{page[found.end() :]}'
    return page


def _nav(report: str) -> str:
    """The head of each page; `report` is the way to the night's report."""
    links = f'<li><a href="{report}">Quality report</a></li><li><a href="index.html">All suites of the night</a></li>'
    return f'<header><nav aria-label="Pages"><ul>{links}</ul></nav></header>'


def _style() -> str:
    return f"<style>{style('data_docs')}</style>"


def _offline(page: str) -> str:
    page = _UNKNOWN_LINK.sub('href="index.html"', _FOOTER.sub("", _REMOTE.sub("", page)))
    for icon, character in _ICONS.items():
        page = icon.sub(character, page)
    return page.replace("</head>", f"{_style()}</head>", 1)


def _accessible(page: str, name: str, report: str) -> str:
    """With a language, a title, headings in their order and landmarks, for readers that are told the page (WCAG 2.2)."""
    page = _SCRIPT.sub("", page).replace("<html>", '<html lang="en">', 1)
    page = _TITLES.sub(f"<title>{html.escape(name)}: Data Docs</title>", page, count=1)
    head = f"{_nav(report)}<main><h1>{html.escape(name.replace('__', '/'))}</h1>"
    page = _HEAD.sub(lambda _: head, page, count=1).replace("</body>", "</main></body>", 1)
    page = page.replace('<nav id="navigation"', '<nav id="navigation" aria-label="Rules"', 1)
    for given, meant in (("h4", "h2"), ("h5", "h3"), ("h6", "h4")):
        page = re.sub(rf"<(/?){given}\b", rf"<\g<1>{meant}", page)
    return page
