"""The narrowest type in which every value of a sample's column is right, by the very rules that landing types by.

All columns are asked at once, in rounds: what their texts look like, then the types that texts of that look could have.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from sources.contract.model import Column
from sources.draft.sample import Sample
from sources.typed_value import TypedValue, typed
from sources.typing.number_format import PLAIN, NumberFormat
from warehouse.engines.duckdb.engine import quoted

_DATE_FORMATS = ("", "dd.MM.yyyy", "d.M.yyyy", "dd/MM/yyyy", "MM/dd/yyyy", "d/M/yyyy", "M/d/yyyy", "dd-MM-yyyy", "MM-dd-yyyy",
                 "yyyy/MM/dd", "yyyy.MM.dd")  # fmt: skip
_TIME_FORMATS = ("", "dd.MM.yyyy HH:mm:ss", "dd.MM.yyyy HH:mm", "d.M.yyyy H:mm", "dd/MM/yyyy HH:mm:ss", "MM/dd/yyyy HH:mm:ss",
                 "dd/MM/yyyy HH:mm", "MM/dd/yyyy HH:mm", "yyyy/MM/dd HH:mm:ss", "yyyyMMddHHmmss")  # fmt: skip
_DAY = "yyyyMMdd"
# Eight digits that are a day each time are days; a few could be by chance.
_MIN_DAYS = 5
_DAYS_FROM, _DAYS_UNTIL = "18500101", "21001231"
_MAX_PRECISION = 30
_INTEGER_DIGITS = 18
# As many digits as a floating number gives back unchanged.
_FLOAT_DIGITS = 15
# The numbers of a workbook are floating ones, whose last digits are noise.
_WORKBOOK_DECIMALS = 6
# As an .ods says the time of a day.
_CLOCK = r"PT([01][0-9]|2[0-3])H[0-5][0-9]M[0-5][0-9]([.,][0-9]{1,6})?S"


@dataclass(frozen=True)
class Drafted:
    """A type in the standard's words; `doubt` where another would be right as well."""

    logical: str
    physical: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    doubt: str = ""


@dataclass(frozen=True)
class Form:
    """A way to write dates or times; `format` is '' for ISO 8601."""

    logical: str
    sql_type: str
    format: str = ""

    @property
    def options(self) -> dict[str, Any]:
        return {"format": self.format} if self.format else {}

    @property
    def described(self) -> str:
        return f"{_PLURALS[self.logical]} ({self.format or 'ISO 8601'})"

    def looks_like(self, text: str) -> bool:
        """Whether digits and signs follow each other as in `text`: most forms need not be asked of all rows."""
        if self.format:
            return re.sub("[A-Za-z]+", "0", self.format) == re.sub("[0-9]+", "0", text)
        return re.match(_ISO[self.logical], text) is not None


_PLURALS = {"date": "dates", "time": "times of day", "timestamp": "times"}
_ISO = {"date": r"\d{4}-\d\d-\d\d$", "time": r"\d\d:\d\d", "timestamp": r"\d{4}-\d\d-\d\d[T ]"}
FORMS = (
    *(Form("date", "DATE", form) for form in _DATE_FORMATS),
    Form("time", "TIME"),
    *(Form("timestamp", "TIMESTAMP WITH TIME ZONE", form) for form in _TIME_FORMATS),
)


@dataclass(frozen=True)
class Facts:
    """What the texts of a column look like; what is true of all of them is true of none as well.

    Lengths are in characters, `distinct` is an estimate, `example` is one of the texts.
    """

    values: int
    distinct: int
    longest: int
    example: str | None
    has_decimals: bool
    is_coded: bool
    is_negative: bool
    has_digits: bool
    is_whole: bool
    is_numeric: bool
    is_flag: bool
    is_yes: bool
    is_no: bool
    is_day: bool
    is_midnight: bool
    is_json: bool
    is_clock: bool


def look(sample: Sample) -> list[Facts]:
    """The facts on each column, in the order of the headers."""
    texts = [f"CAST({quoted(header)} AS VARCHAR)" for header in sample.headers]
    aggregates = [_aggregates(text) for text in texts]
    conditions = [_conditions(text) for text in texts]
    measured = iter(sample.ask(list(chain.from_iterable(aggregates))))
    held = iter(sample.hold(list(chain.from_iterable(conditions))))
    return [
        Facts(*islice(measured, len(asked)), *islice(held, len(wanted)))
        for asked, wanted in zip(aggregates, conditions, strict=True)
    ]


def _aggregates(text: str) -> list[str]:
    """The SQL of the first facts, in their order."""
    return [
        f"count({text})",
        f"approx_count_distinct({text})",
        f"coalesce(max(length({text})), 0)",
        f"any_value({text})",
        f"coalesce(bool_or(regexp_matches({text}, '[.,][0-9]|[0-9][eE][+-]')), false)",
        # 007 is a code and not seven, and 12E5 is one of a product.
        f"coalesce(bool_or(regexp_matches({text}, '^-?0[0-9]|^[0-9]+[eE][0-9]+$')), false)",
        f"coalesce(bool_or(starts_with({text}, '-')), false)",
    ]


def _conditions(text: str) -> list[str]:
    """The SQL of the other facts, in their order."""
    return [
        f"regexp_matches({text}, '[0-9]')",
        f"regexp_full_match({text}, '-?(0|[1-9][0-9]{{0,17}})')",
        # A sign in front is one of telephone numbers as well, and is lost in a number.
        rf"regexp_full_match({text}, '-?[0-9.,'' \x{{A0}}]*[0-9]([eE][+-]?[0-9]+)?')",
        f"lower({text}) IN ('true', 'false', 'yes', 'no')",
        # NO alone is a country as well.
        f"lower({text}) IN ('yes', 'y', 't')",
        f"lower({text}) IN ('no', 'n', 'f')",
        f"try_strptime({text}, '%Y%m%d') IS NOT NULL AND length({text}) = 8 AND {text} BETWEEN '{_DAYS_FROM}' AND '{_DAYS_UNTIL}'",
        f"regexp_full_match({text}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}} 00:00:00')",
        rf"regexp_matches({text}, '^\s*[\[{{]')",
        rf"regexp_full_match({text}, '{_CLOCK}')",
    ]


def draft_types(sample: Sample, facts: Sequence[Facts]) -> list[Drafted]:
    """The type of each column, in the order of the headers."""
    of_text = [(header, fact) for header, fact in zip(sample.headers, facts, strict=True) if header not in sample.types]
    texts = {header: fact.example for header, fact in of_text if fact.example and not fact.is_whole}
    times = _times(sample, texts)
    numeric = [header for header, fact in of_text if fact.values and fact.is_numeric and not fact.is_whole]
    numbers = _numbers(sample, numeric)
    return [
        _native(sample.types[header]) if header in sample.types
        else _text_type(sample, fact, times.get(header), numbers.get(header))
        for header, fact in zip(sample.headers, facts, strict=True)
    ]  # fmt: skip


def _text_type(sample: Sample, fact: Facts, time: Drafted | None, number: Drafted | None) -> Drafted:
    if not fact.values:
        return Drafted("string", doubt="Every value of the sample is missing; say what type it has.")
    if fact.is_yes or fact.is_no:
        return Drafted(
            "string",
            doubt="Every value is the same word, which may be a code such as NO of Norway or F of a sex: say whether it is.",
        )
    if fact.is_flag:
        return Drafted("boolean")
    if fact.is_day and fact.distinct >= _MIN_DAYS:
        return Drafted("date", options={"format": _DAY})
    if fact.is_whole:
        return Drafted("integer")
    if sample.server.format == "excel" and (fact.is_midnight or fact.is_clock):
        return Drafted("date" if fact.is_midnight else "time")
    is_number = number and not fact.is_coded and (fact.has_decimals or number.logical == "integer")
    return time or (number if number and is_number else Drafted("string"))


def _numbers(sample: Sample, headers: Sequence[str]) -> dict[str, Drafted]:
    """DECIMAL(p,s) wide enough for every value, with some digits to spare; DOUBLE where it gives all digits back."""
    decimal = "," if sample.server.options.get("decimalSeparator") == "," else r"\."
    is_workbook = sample.server.format == "excel"
    asked: list[str] = []
    for header in headers:
        text = f"CAST({quoted(header)} AS VARCHAR)"
        whole = rf"regexp_replace({text}, '({decimal}[0-9]+)?([eE].*)?$', '')"
        asked += [
            f"max(length(regexp_extract({text}, '{decimal}([0-9]+)', 1)))",
            f"max(length(regexp_replace({whole}, '[^0-9]', '', 'g')))",
            # 3.10 beside 3.9 is a number of a section or version: as a decimal it could not be told from 3.1.
            f"bool_or(regexp_matches({text}, '{decimal}[0-9]*0$')) AND "
            f"count(DISTINCT length(regexp_extract({text}, '{decimal}([0-9]+)$', 1))) FILTER ({text} LIKE '%{decimal[-1]}%') > 1",
        ]
    answers = sample.ask(asked)
    measured = zip(headers, answers[::3], answers[1::3], answers[2::3], strict=True)
    scales = {header: (scale, whole) for header, scale, whole, is_version in measured if is_workbook or not is_version}
    wholes = {header: "BIGINT" for header, (scale, whole) in scales.items() if not scale and whole <= _INTEGER_DIGITS}
    exact = {
        header: f"DECIMAL({max(whole + scale + 4, 12)},{scale})"
        for header, (scale, whole) in scales.items()
        if scale and whole + scale <= _MAX_PRECISION and (scale <= _WORKBOOK_DECIMALS or not is_workbook)
    }
    floats = [header for header, (scale, whole) in scales.items() if whole + scale <= _FLOAT_DIGITS or is_workbook]
    tried = [*wholes.items(), *exact.items(), *((header, "DOUBLE") for header in floats)]
    right = sample.hold([_is_right(sample, header, kind, {}) for header, kind in tried])
    found: dict[str, Drafted] = {}
    for (header, kind), is_right in zip(tried, right, strict=True):
        if is_right:
            found.setdefault(header, _drafted_number(kind))
    return found


def _drafted_number(kind: str) -> Drafted:
    if kind == "BIGINT":
        return Drafted("integer")
    return Drafted("number", None if kind == "DOUBLE" else kind)


def _times(sample: Sample, texts: Mapping[str, str]) -> dict[str, Drafted]:
    """Of columns by an example of their texts: the first form of dates and times that all values have, where there is one."""
    tried = [(header, form) for header, text in texts.items() for form in FORMS if form.looks_like(text)]
    right = sample.hold([_is_right(sample, header, form.sql_type, form.options) for header, form in tried])
    fitting: dict[str, list[Form]] = {}
    for (header, form), is_right in zip(tried, right, strict=True):
        if is_right:
            fitting.setdefault(header, []).append(form)
    return {header: _chosen(forms) for header, forms in fitting.items()}


def _chosen(fitting: Sequence[Form]) -> Drafted:
    form = fitting[0]
    # The same with day and month the other way round.
    swapped = form.format.replace("d", "x").replace("M", "d").replace("x", "M")
    is_either = swapped != form.format and any(other.format == swapped for other in fitting)
    doubt = f"Days and months fit {form.format} and {swapped} alike: ask the agency." if is_either else ""
    return Drafted(form.logical, options=form.options, doubt=doubt)


def _is_right(sample: Sample, header: str, sql_type: str, options: dict[str, Any]) -> str:
    return typed_value(sample, header, sql_type, options).is_right


def typed_value(sample: Sample, header: str, sql_type: str, options: dict[str, Any]) -> TypedValue:
    """The value that a text column lands as, and when it is right."""
    is_number = sql_type.startswith(("DECIMAL", "DOUBLE", "BIGINT"))
    numbers = NumberFormat.of(sample.server.options) if is_number else PLAIN
    column = Column(header, header, sql_type, "", "internal", options=options, numbers=numbers)
    return typed(column, f"CAST({quoted(header)} AS VARCHAR)")


def _native(kind: str) -> Drafted:
    """The engine's own type, where the format has types."""
    if kind.startswith("DECIMAL"):
        return Drafted("number", kind)
    if kind in ("HUGEINT", "UHUGEINT", "UBIGINT"):
        return Drafted("integer", options={"format": "u64" if kind == "UBIGINT" else "i128"})
    if kind.endswith("INT") or kind == "INTEGER":
        return Drafted("integer")
    simple = {"DOUBLE": "number", "FLOAT": "number", "DATE": "date", "BOOLEAN": "boolean", "TIME": "time"}
    return Drafted("timestamp" if kind.startswith("TIMESTAMP") else simple.get(kind, "string"))
