"""Charts as SVG for a page that is light or dark: drawn by Vega-Lite without a browser, coloured by the page's own variables.

A chart is a picture for those who see it; the page has its numbers in a table beside.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import ModuleType
from typing import Any

from markupsafe import Markup

_INK, _LINE = "var(--ink)", "var(--line)"
_CONFIG = {
    "background": None,
    "font": "inherit",
    "view": {"stroke": None},
    "axis": {"labelColor": _INK, "titleColor": _INK, "domainColor": _LINE, "tickColor": _LINE, "gridColor": _LINE, "labelFontSize": 12},
    "text": {"color": _INK},
}  # fmt: skip
_NAME_SPACES = re.compile(r' xmlns(:xlink)?="[^"]*"')
_WIDTH = 620
_MOST_TICKS = 6
# Where a line of shares is drawn within its row of height one.
_RISE = 0.8


@dataclass(frozen=True)
class Cell:
    """A square of a heat map: what stands in it, and its colour's name: good, warn, bad or none."""

    row: str
    column: str
    text: str
    level: str


@dataclass(frozen=True)
class Band:
    """One night of a measure beside what was expected of it; `low` and `high` are None where too little is known."""

    night: date
    value: float | None
    low: float | None = None
    high: float | None = None
    is_anomaly: bool = False


@dataclass(frozen=True)
class Strip:
    """One night of one of several lines that are drawn one above the other, each from 0 to 1."""

    name: str
    night: date
    value: float


def heat_map(cells: Sequence[Cell], columns: Sequence[str]) -> Markup:
    """Rows in the order given; about 24 pixels a row."""
    rows = list(dict.fromkeys(cell.row for cell in cells))
    place = {
        "x": {"field": "column", "type": "nominal", "title": None, "sort": list(columns), "axis": {"orient": "top", "labelAngle": 0, "domain": False, "ticks": False}},
        "y": {"field": "row", "type": "nominal", "title": None, "sort": rows, "axis": {"domain": False, "ticks": False, "labelLimit": 260}},
    }  # fmt: skip
    levels = ["good", "warn", "bad", "none"]
    colour = {"field": "level", "type": "nominal", "legend": None, "scale": {"domain": levels, "range": [f"var(--{level}-cell)" for level in levels]}}  # fmt: skip
    return _drawn(
        [cell.__dict__ for cell in cells],
        width=90 * len(columns), height=26 * len(rows),
        layer=[
            {"mark": {"type": "rect", "stroke": "var(--page)", "strokeWidth": 2}, "encoding": {**place, "color": colour}},
            {"mark": {"type": "text", "fontSize": 12, "color": _INK}, "encoding": {**place, "text": {"field": "text"}}},
        ],
    )  # fmt: skip


def band(points: Sequence[Band], title: str) -> Markup:
    """The measure as a line over its expected band; an anomaly is a square on the line."""
    values = [{**point.__dict__, "night": point.night.isoformat()} for point in points]
    scale = {"zero": False, "nice": True}
    is_alone, nights = len(values) == 1, _nights(values)
    measure = {
        "field": "value",
        "type": "quantitative",
        "title": title,
        "scale": scale,
        "axis": {"tickCount": 4, "tickMinStep": 1, "format": ",d"},
    }
    low = {**measure, "field": "low"}
    return _drawn(
        values, width=_WIDTH, height=150,
        layer=[
            {"mark": {"type": "area", "color": "var(--band)"}, "transform": [{"filter": "isValid(datum.low)"}],
             "encoding": {"x": nights, "y": low, "y2": {"field": "high"}}},
            {"mark": {"type": "line", "color": _INK, "strokeWidth": 1.5, "point": is_alone}, "transform": [{"filter": "isValid(datum.value)"}],
             "encoding": {"x": nights, "y": measure}},
            {"mark": {"type": "point", "shape": "square", "filled": True, "size": 60, "color": "var(--bad)"},
             "transform": [{"filter": "datum.is_anomaly && isValid(datum.value)"}], "encoding": {"x": nights, "y": measure}},
        ],
    )  # fmt: skip


def strips(values: Sequence[Strip]) -> Markup:
    """Lines one above the other, named on the left; each row runs from 0 (its own base line) to its own greatest value."""
    names = list(dict.fromkeys(value.name for value in values))
    greatest = {name: max(value.value for value in values if value.name == name) or 1 for name in names}
    rows = [
        {"night": value.night.isoformat(), "name": value.name,
         "height": len(names) - names.index(value.name) - 1 + _RISE * value.value / greatest[value.name]}
        for value in values
    ]  # fmt: skip
    nights = _nights(rows)
    labels = "[" + ", ".join(repr(_short(name)) for name in reversed(names)) + "][datum.value]"
    axis = {
        "values": list(range(len(names))),
        "labelExpr": labels,
        "domain": False,
        "ticks": False,
        "grid": True,
        "labelLimit": 300,
    }
    height = {
        "field": "height",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [0, len(names)]},
        "axis": axis,
    }
    return _drawn(
        rows, width=_WIDTH, height=24 * len(names),
        layer=[{"mark": {"type": "line", "color": _INK, "strokeWidth": 1.5}, "encoding": {"x": nights, "y": height, "detail": {"field": "name"}}}],
    )  # fmt: skip


def _nights(values: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The axis of nights, each tick a night that there was."""
    nights = sorted({value["night"] for value in values})
    step = -(-len(nights) // _MOST_TICKS)
    axis = {"format": "%d %b", "grid": False, "values": nights[::-1][:: max(step, 1)]}
    return {"field": "night", "type": "temporal", "title": None, "axis": axis}


def _short(name: str) -> str:
    return name if len(name) <= 42 else name[:41] + "…"


def _drawn(values: list[dict[str, Any]], **chart: Any) -> Markup:
    if not values:
        return Markup()
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": values},
        "config": _CONFIG,
        **chart,
    }
    svg: str = _converter().vegalite_to_svg(spec, vl_version="6.4")
    # Read aloud, a drawing of paths says nothing: the table beside it does. Within a page it needs no name spaces.
    plain = _NAME_SPACES.sub("", svg).replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
    # Vega escapes the texts in it.
    return Markup(plain)


@cache
def _converter() -> ModuleType:
    """Imported where a chart is drawn: it brings an engine of its own, a second of start."""
    import vl_convert

    return vl_convert
