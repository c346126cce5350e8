"""Where the things of a night lie at home: what landed, its gate, what was accepted, the pages of its report."""

from datetime import date
from pathlib import Path

from sources.contract.model import Contract
from warehouse.home import Home

NIGHTS = "nights"


def landed_folder(contract: Contract, home: Home, extract_date: date) -> Path:
    return home.landing / contract.agency / contract.feed / extract_date.isoformat()


def gate_folder(contract: Contract, home: Home, extract_date: date) -> Path:
    """Where the gate leaves its verdict and its rejects."""
    return home.quality / "gates" / contract.agency / contract.feed / extract_date.isoformat()


def accepted_folder(contract: Contract, home: Home, extract_date: date) -> Path:
    return home.accepted / contract.agency / contract.feed / extract_date.isoformat()


def report_folder(home: Home) -> Path:
    return home.quality / "report"


def report_path(home: Home) -> Path:
    """The front page of the newest night."""
    return report_folder(home) / "index.html"


def page_of(home: Home, extract_date: date) -> Path:
    """The front page that a person opens for this night."""
    return report_path(home) if is_newest(home, extract_date) else night_folder(home, extract_date) / "index.html"


def night_folder(home: Home, extract_date: date) -> Path:
    """Where the pages of a night are, and stay: what was said of it leads there on every later day too."""
    return report_folder(home) / NIGHTS / extract_date.isoformat()


def is_newest(home: Home, extract_date: date) -> bool:
    nights = [date.fromisoformat(path.stem) for path in (home.quality / "feed_night").glob("*.parquet")]
    return extract_date >= max(nights, default=extract_date)
