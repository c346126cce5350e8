"""How a page of the report is made: one template, one file, everything in it; opened with a double click, without a network."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from warehouse.files import write_text
from warehouse.home import Home

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def report_folder(home: Home) -> Path:
    return home.quality / "report"


def report_path(home: Home) -> Path:
    """The front page of the newest night."""
    return report_folder(home) / "index.html"


def page_of(home: Home, extract_date: date) -> Path:
    """The front page of this night."""
    return night_folder(home, extract_date) / "index.html"


def night_folder(home: Home, extract_date: date) -> Path:
    """Where the pages of a night are: the newest has the front page, an older one a folder of its own beside it."""
    nights = [date.fromisoformat(path.stem) for path in (home.quality / "feed_night").glob("*.parquet")]
    is_newest = extract_date >= max(nights, default=extract_date)
    return report_folder(home) if is_newest else report_folder(home) / "nights" / extract_date.isoformat()


@dataclass(frozen=True)
class Site:
    """Where the pages of one night go, and what each of them says at its head and foot."""

    home: Home
    night: date

    @property
    def folder(self) -> Path:
        return night_folder(self.home, self.night)

    def write(self, template: str, path: str, **content: Any) -> Path:
        """`path` is below the site's folder. Links of a page begin with `root`, the way back to that folder."""
        target = self.folder / path
        depth = path.count("/")
        page = _TEMPLATES.get_template(f"{template}.html.j2").render(
            night=self.night,
            made_at=datetime.now(UTC),
            root="../" * depth,
            quality="../" * (depth + len(self.folder.relative_to(self.home.quality).parts)),
            **content,
        )
        write_text(target, page)
        return target


def counted(value: int | None) -> str:
    """1234567 as 1,234,567; a dash where there is no number."""
    return "–" if value is None else f"{value:,}"


def percent(share: float | None) -> str:
    """0.99987 as 99.99 %; never rounded up to 100 % nor down to 0 %."""
    if share is None:
        return "–"
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    shown = min(max(share * 100, 0.01), 99.99)
    return f"{shown:.2f} %" if shown > 99 or shown < 1 else f"{shown:.1f} %"


_TEMPLATES.filters.update(counted=counted, percent=percent, words=lambda name: str(name).replace("_", " "))
