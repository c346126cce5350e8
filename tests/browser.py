"""A page as a person opens it in a browser: read aloud, with the keyboard, on a phone, in the dark."""

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

CHROMIUM = shutil.which("chromium")
WITH_BROWSER = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
_SHOWN_AS = ((), ("--force-dark-mode", "--blink-settings=preferredColorScheme=0"), ("--window-size=390,844",))
# What the browser is asked once the page stands: axe-core's findings, and where the keyboard comes to.
_ASK = """
const done = (name, value) => document.documentElement.setAttribute('data-told-' + name, encodeURIComponent(JSON.stringify(value)));
const isFolded = item => item.tagName !== 'SUMMARY' && item.closest('details:not([open])');
const order = [...document.querySelectorAll('a[href], summary, [tabindex="0"]')].filter(item => !isFolded(item));
done('keyboard', order.map(item => { item.focus(); return document.activeElement === item; }));
done('wide', document.documentElement.scrollWidth - document.documentElement.clientWidth);
axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
  .then(found => done('axe', found.violations.map(item => [item.id, item.nodes.map(node => node.html)])));
"""


def what_keeps_people_from_reading(page: Path, folder: Path) -> list[object]:
    """What axe-core finds, what is wider than the screen and what the keyboard does not reach: light, dark, and on a phone."""
    wrong: list[object] = []
    for switches in _SHOWN_AS:
        told = _asked(page, folder, *switches)
        wrong += [(switches, finding) for finding in told["axe"]]
        wrong += [(switches, "wider than the screen by pixels", told["wide"])] if told["wide"] else []
        wrong += [] if all(told["keyboard"]) else [(switches, "the keyboard does not reach everything")]
    return wrong


def _asked(page: Path, folder: Path, *switches: str) -> dict[str, Any]:
    """What the browser answers on a copy of the page with axe-core and the questions in it."""
    package = importlib.util.find_spec("axe_playwright_python")
    assert package is not None
    assert package.origin is not None
    axe = (Path(package.origin).parent / "axe.min.js").read_text(encoding="utf-8")
    copy = folder / "asked.html"
    text = page.read_text(encoding="utf-8")
    copy.write_text(text.replace("</body>", f"<script>{axe}</script><script>{_ASK}</script></body>"), encoding="utf-8")
    shown = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", f"--user-data-dir={folder / 'browser'}",
         "--host-resolver-rules=MAP * ~NOTFOUND", *switches, "--dump-dom", copy.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    return {name: json.loads(unquote(value)) for name, value in re.findall(r'data-told-(\w+)="([^"]*)"', shown)}
