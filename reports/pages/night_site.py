"""The site of a night: where each page of the report goes, and which nights have one."""

import os
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from nights.folders import NIGHTS, is_newest, night_folder, report_folder, report_path
from pages.page import templates
from warehouse.files import write_text
from warehouse.home import Home

_TEMPLATES = templates(Path(__file__).parent / "templates")


def nights_written(home: Home) -> list[str]:
    """The nights that have pages, the newest first."""
    return sorted((path.name for path in (report_folder(home) / NIGHTS).glob("*-*-*")), reverse=True)


def forget_nights(home: Home, kept: int) -> None:
    """Remove the pages of all nights but the newest `kept`; `interagency report` writes any of them anew from the record."""
    for night in nights_written(home)[kept:]:
        shutil.rmtree(report_folder(home) / NIGHTS / night)


@dataclass(frozen=True)
class Site:
    """Where the pages of one night go, and what each of them says at its head and foot."""

    home: Home
    night: date

    @property
    def folder(self) -> Path:
        return night_folder(self.home, self.night)

    def write(self, template: str, path: str, **content: Any) -> Path:
        """`path` is below the site's folder."""
        return self._write(template, self.folder / path, **content)

    def write_first(self, template: str, **content: Any) -> Path:
        """The front page of the night; of the newest one also where people look for it. Returns the path of what they open."""
        page = self.write(template, "index.html", **content)
        return self._write(template, report_path(self.home), **content) if is_newest(self.home, self.night) else page

    def _write(self, template: str, target: Path, **content: Any) -> Path:
        """Links of a page begin with `root`, the way to the site's folder, or with `quality`."""
        page = _TEMPLATES.get_template(f"{template}.html.j2").render(
            night=self.night, made_at=datetime.now(UTC), root=_way(target.parent, self.folder), quality=_way(target.parent, self.home.quality),
            has_docs=(self.home.quality / "data_docs" / self.night.isoformat()).exists(), **content,
        )  # fmt: skip
        write_text(target, page)
        return target


def _way(start: Path, folder: Path) -> str:
    way = Path(os.path.relpath(folder, start)).as_posix()
    return "" if way == "." else f"{way}/"
