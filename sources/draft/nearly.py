"""Columns that are nearly of a type: a few values that are none make a text of dates or numbers, and somebody should look."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sources.draft.sample import Sample
from sources.draft.types import FORMS, Facts, typed_value
from warehouse.engines.duckdb.engine import quoted

# Of so many values and more, this share must be right.
_MIN_VALUES, _SHARE = 20, 0.95


@dataclass(frozen=True)
class _Type:
    sql_type: str
    options: dict[str, Any]
    described: str


def nearly_typed(sample: Sample, facts: Mapping[str, Facts]) -> dict[str, str]:
    """Of text columns by their headers: a doubt in a sentence, where nearly all values are of one type. No value is shown."""
    headers = [header for header, fact in facts.items() if fact.values >= _MIN_VALUES and header not in sample.types]
    shapes = sample.ask([f"mode(regexp_replace({_text(header)}, '[0-9]', '0', 'g'))" for header in headers])
    tried = [
        (header, kind)
        for header, shape in zip(headers, shapes, strict=True)
        for kind in _likely(str(shape), facts[header].is_coded)
    ]
    counts = sample.ask(
        [f"count_if({_text(header)} IS NOT NULL AND {_is_right(sample, header, kind)})" for header, kind in tried]
    )
    found: dict[str, str] = {}
    for (header, kind), right in zip(tried, counts, strict=True):
        values = facts[header].values
        if _SHARE * values <= right < values:
            remedy = "the others are not: where those are faults, declare the type."
            found.setdefault(header, f"{right} of {values} values are {kind.described}, {remedy}")
    return found


def _text(header: str) -> str:
    return f"CAST({quoted(header)} AS VARCHAR)"


def _is_right(sample: Sample, header: str, kind: _Type) -> str:
    return typed_value(sample, header, kind.sql_type, kind.options).is_right


def _likely(shape: str, is_coded: bool) -> Iterator[_Type]:
    """By what most texts look like, each digit as a 0. Numbers that begin with zeros are codes."""
    if re.fullmatch(r"[+-]?0{1,18}", shape) and not is_coded:
        yield _Type("BIGINT", {}, "whole numbers")
    if re.fullmatch(r"[+-]?[0., '\u00a0\u202f]*[.,]0+", shape) and not is_coded:
        yield _Type("DOUBLE", {}, "numbers")
    yield from (_Type(form.sql_type, form.options, form.described) for form in FORMS if form.looks_like(shape))
