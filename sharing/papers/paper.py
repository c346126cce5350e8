"""A paper: sections by article, each with what is known, tables, and what a person has yet to write. As a page, and as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pages.page import templates
from warehouse.files import write_text
from warehouse.home import Home

_TEMPLATES = templates(Path(__file__).parent / "templates")


@dataclass(frozen=True)
class Table:
    """Rows of cells under their headings, in order; `numbers` are the headings of counts, `long` those of cells that take the room."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[str, ...] = ()
    long: tuple[str, ...] = ()

    @property
    def as_data(self) -> list[dict[str, str]]:
        return [dict(zip(self.headings, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class ToWrite:
    """What nobody but a person can say, and who that is."""

    by: str
    what: str


@dataclass(frozen=True)
class Section:
    """What one point of the law asks for."""

    article: str
    heading: str
    says: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    to_write: tuple[ToWrite, ...] = ()
    picture: Markup | None = None
    pictured: str = ""


@dataclass(frozen=True)
class Paper:
    """About one version of an agreement. `lead` says in a sentence what matters; `figures` are name and count."""

    kind: str
    agreement: str
    version: int
    digest: str
    title: str
    state: str
    lead: str
    figures: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    at: datetime

    @property
    def to_write(self) -> list[ToWrite]:
        return [one for section in self.sections for one in section.to_write]

    @property
    def as_data(self) -> dict[str, Any]:
        return {
            "paper": self.kind,
            "agreement": {"id": self.agreement, "version": self.version, "digest": self.digest, "title": self.title, "state": self.state},
            "written_at": self.at.isoformat(timespec="seconds"),
            "lead": self.lead,
            "figures": dict(self.figures),
            "sections": [
                {
                    "article": section.article, "heading": section.heading, "says": list(section.says),
                    "tables": [{"caption": table.caption, "rows": table.as_data} for table in section.tables],
                    "to_be_written": [{"by": one.by, "what": one.what} for one in section.to_write],
                }
                for section in self.sections
            ],
        }  # fmt: skip


def papers_folder(home: Home, name: str) -> Path:
    return home.root / "papers" / name


def write_papers(folder: Path, kind: str, intro: str, papers: Sequence[Paper]) -> list[Path]:
    """Each paper as a page and as JSON, after an overview of them, whose path is the first. `papers` are not empty."""
    said = [{name: paper.as_data[name] for name in ("agreement", "lead", "figures")} for paper in papers]
    written = [
        write_page(folder / "index.html", "overview", kind=kind, intro=intro, papers=papers, at=papers[0].at),
        write_json(folder / "index.json", said),
    ]
    for paper in papers:
        written.append(write_page(folder / f"{paper.agreement}.html", "paper", kind=kind, paper=paper, at=paper.at))
        written.append(write_json(folder / f"{paper.agreement}.json", paper.as_data))
    return written


def write_page(path: Path, template: str, **said: Any) -> Path:
    write_text(path, _TEMPLATES.get_template(f"{template}.html.j2").render(**said))
    return path


def write_json(path: Path, data: Any) -> Path:
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    return path


def forget_others(folder: Path, written: Iterable[Path]) -> None:
    """Take away what stands in a folder of the platform's own of agreements that are not there any more."""
    for gone in set(folder.iterdir()) - set(written):
        gone.unlink()
