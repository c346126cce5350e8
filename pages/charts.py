"""Charts as SVG for a page that is light or dark: drawn by Vega-Lite without a browser, coloured by the page's own variables.

A chart is a picture for those who see it; the page has its numbers in a table beside.
"""

import math
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
_WIDTH = 400
_MOST_TICKS, _TICKS = 6, 4
# Fewer are figures, and no course.
_FEWEST_NIGHTS = 3


@dataclass(frozen=True)
class Band:
    """One night of a measure beside what was expected of it; `low` and `high` are None where too little is known."""

    night: date
    value: float | None
    low: float | None = None
    high: float | None = None
    is_anomaly: bool = False


@dataclass(frozen=True)
class Span:
    """A share and the interval that it lies in, 0 to 1."""

    name: str
    value: float
    low: float
    high: float


def drawn(values: Sequence[float]) -> Markup:
    """A small line for a cell of a table, oldest first, from 0 to its own greatest value; nothing where it would show no course."""
    if len(values) < _FEWEST_NIGHTS:
        return Markup()
    greatest, last = max(values) or 1, len(values) - 1
    points = " ".join(
        f"{100 * place / last:.1f},{24 - 22 * value / greatest:.1f}" for place, value in enumerate(values)
    )
    return Markup(
        '<svg class="line" viewBox="0 0 100 26" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<polyline points="{}"/></svg>'
    ).format(points)


def band(points: Sequence[Band], title: str) -> Markup:
    """The measure as a line over its expected band; an anomaly is a square on the line."""
    values = [{**point.__dict__, "night": point.night.isoformat()} for point in points]
    is_alone, nights, ticks = len(values) == 1, _nights(values), _ticks(points)
    measure = {
        "field": "value",
        "type": "quantitative",
        "title": title,
        "scale": {"domain": [ticks[0], ticks[-1]]},
        "axis": {"values": ticks, "format": ",d"},
    }
    low = {**measure, "field": "low"}
    return _svg(
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


def spans(rows: Sequence[Span], title: str, limit: float | None = None) -> Markup:
    """Shares from 0 to 1 with their intervals, a line each; `limit` is drawn across them."""
    values = [row.__dict__ for row in rows]
    share = {
        "type": "quantitative",
        "title": title,
        "scale": {"domain": [0, 1]},
        "axis": {"format": ".0%", "tickCount": 5},
    }
    line = {"field": "name", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 240}}
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "rule", "color": _INK}, "encoding": {"y": line, "x": {**share, "field": "low"}, "x2": {"field": "high"}}},
        {"mark": {"type": "point", "filled": True, "size": 60, "color": _INK}, "encoding": {"y": line, "x": {**share, "field": "value"}}},
    ]  # fmt: skip
    if limit is not None:
        layers.append(
            {
                "mark": {"type": "rule", "color": "var(--bad)", "strokeDash": [4, 3]},
                "encoding": {"x": {**share, "datum": limit}},
            }
        )
    return _svg(values, width=_WIDTH, height=28 * max(len(values), 2), layer=layers)


def _ticks(points: Sequence[Band]) -> list[int]:
    """Whole numbers at even steps around all that is drawn, each of them once."""
    drawn = [number for point in points for number in (point.value, point.low, point.high) if number is not None] or [0]
    lowest, highest = math.floor(min(drawn)), math.ceil(max(drawn))
    rough = max((highest - lowest) / _TICKS, 1)
    power = 10 ** math.floor(math.log10(rough))
    step = int(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough))
    return (
        list(range(lowest // step * step, -(-highest // step) * step + 1, step))
        if lowest < highest
        else [lowest - 1, lowest, lowest + 1]
    )


def _nights(values: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The axis of nights, each tick a night that there was."""
    nights = sorted({value["night"] for value in values})
    step = -(-len(nights) // _MOST_TICKS)
    axis = {"format": "%d %b", "grid": False, "values": nights[::-1][:: max(step, 1)]}
    return {"field": "night", "type": "temporal", "title": None, "axis": axis}


def _svg(values: list[dict[str, Any]], **chart: Any) -> Markup:
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
