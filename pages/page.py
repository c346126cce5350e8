"""A page is one file with everything in it: opened with a double click, without a network; nothing that an agency writes becomes markup."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from warehouse.numbers_for_people import counted, percent, several

_OWN = Path(__file__).parent / "templates"
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def templates(folder: Path) -> Environment:
    """The templates of a room, beside the frame (`base.html.j2`) and the parts that all pages share."""
    environment = Environment(
        loader=FileSystemLoader([folder, _OWN]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.globals["style"] = style()
    environment.filters |= {
        "counted": counted,
        "percent": percent,
        "several": several,
        "words": lambda name: str(name).replace("_", " "),
    }
    return environment


@cache
def style(*further: str) -> Markup:
    """The style sheet, for a page's head, with those of pages that are made elsewhere after it."""
    return Markup("").join(Markup((_OWN / f"{name}.css").read_text(encoding="utf-8")) for name in ("style", *further))


def _visible(value: Any) -> Any:
    """Marks that turn the direction of the text after them are shown as what they are: nobody's text turns the page's words."""
    return _TURNING.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", value) if type(value) is str else value
