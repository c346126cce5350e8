"""Columns that are nearly of a type: a few values that are none are faults where they are very few, and otherwise a doubt."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sources.draft.columns.column_types import FORMS, typed_value
from sources.draft.sample import Sample, tolerated
from warehouse.engines.duckdb.engine import quoted

# Of so many values and more, this share must be right.
_MIN_VALUES, _SHARE = 20, 0.95
# All columns together: the share of rows that may be faulty, and how many of a small sample.
_SHARE_OF_ROWS, _FEW_ROWS = 0.05, 4
# A letter beside a digit is no slip in a number: 12a is a house.
_CODE = "[0-9] ?[A-Za-z]|[A-Za-z][0-9]"


@dataclass(frozen=True)
class _Type:
    sql_type: str
    options: dict[str, Any]
    described: str


@dataclass(frozen=True)
class Nearly:
    """A column of texts of which all but `wrong` values are of one type. `is_wrong` is SQL, of a row."""

    header: str
    described: str
    values: int
    wrong: int
    are_codes: bool
    is_wrong: str

    @property
    def are_faults(self) -> bool:
        return self.wrong <= tolerated(self.values) and not self.are_codes

    @property
    def doubt(self) -> str:
        """No value is shown."""
        return (
            f"{self.values - self.wrong} of {self.values} values are {self.described}, the others are not: "
            "where those are faults, declare the type."
        )


def nearly_typed(sample: Sample) -> list[Nearly]:
    """Of each column of texts the type that all but a few values have, where it is not of all."""
    headers = [header for header in sample.headers if header not in sample.types]
    looked = sample.ask([f"mode(regexp_replace({_text(header)}, '[0-9]', '0', 'g'))" for header in headers])
    counted = sample.ask([f"count({_text(header)})" for header in headers])
    zeros = sample.ask([f"count_if(regexp_matches({_text(header)}, '^-?0[0-9]'))" for header in headers])
    tried = [
        (header, kind, values)
        for header, shape, values, codes in zip(headers, looked, counted, zeros, strict=True)
        if values >= _MIN_VALUES
        for kind in _likely(str(shape), codes > tolerated(values))
    ]
    wrong = [_is_wrong(sample, header, kind) for header, kind, _ in tried]
    counts = sample.ask([f"count_if({condition})" for condition in wrong])
    coded = sample.ask(
        [
            f"count_if({condition} AND regexp_matches({_text(header)}, '{_CODE}'))"
            for condition, (header, _, _) in zip(wrong, tried, strict=True)
        ]
    )
    found: dict[str, Nearly] = {}
    for (header, kind, values), condition, count, codes in zip(tried, wrong, counts, coded, strict=True):
        are_codes = bool(codes) and kind.sql_type in ("BIGINT", "DOUBLE")
        if count <= (1 - _SHARE) * values and (header not in found or count < found[header].wrong):
            found[header] = Nearly(header, kind.described, values, count, are_codes, condition)
    return [nearly for nearly in found.values() if nearly.wrong]


def faulty_columns(sample: Sample, nearly: Sequence[Nearly]) -> list[Nearly]:
    """Those whose few wrong values are taken for faults; the worst are left out where too many rows would have one."""
    faulty = sorted((column for column in nearly if column.are_faults), key=lambda column: column.wrong)
    most = max(int(_SHARE_OF_ROWS * sample.rows), _FEW_ROWS)
    while faulty and sample.ask([f"count_if({any_wrong(faulty)})"])[0] > most:
        faulty.pop()
    return faulty


def any_wrong(faulty: Sequence[Nearly]) -> str:
    """SQL: whether a row has a fault in one of these columns."""
    return "(" + (" OR ".join(column.is_wrong for column in faulty) or "false") + ")"


def _text(header: str) -> str:
    return f"CAST({quoted(header)} AS VARCHAR)"


def _is_wrong(sample: Sample, header: str, kind: _Type) -> str:
    is_right = typed_value(sample, header, kind.sql_type, kind.options).is_right
    return f"({_text(header)} IS NOT NULL AND NOT coalesce({is_right}, false))"


def _likely(shape: str, is_coded: bool) -> Iterator[_Type]:
    """By what most texts look like, each digit as a 0. Numbers that begin with zeros are codes."""
    if re.fullmatch(r"[+-]?0{1,18}", shape) and not is_coded:
        yield _Type("BIGINT", {}, "whole numbers")
    if re.fullmatch(r"[+-]?0[0., '\u00a0\u202f]*", shape) and not is_coded:
        yield _Type("DOUBLE", {}, "numbers")
    yield from (_Type(form.sql_type, form.options, form.described) for form in FORMS if form.looks_like(shape))
