"""Date patterns in the letters of Java's DateTimeFormatter, which the standard prescribes: what can be read, and how.

The engine's strptime alone is too kind: it reads 1.1.26 as the year 26, and day 366 of any year. A pattern therefore also
says how a text must look.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from itertools import groupby

from warehouse.engines.duckdb.engine import literal

ZONE = "(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
_TWO_DIGITS, _UP_TO_TWO_DIGITS = "[0-9]{2}", "[0-9]{1,2}"
# ICU writes U+202F before AM and PM, others U+00A0, and Spanish a. m.
_BLANK = "[ \u00a0\u202f]"
_HALF_DAY = rf"([AaPp])\.?{_BLANK}?([Mm])\.?"
# What a group of letters stands for, the engine's strptime, and how the text must look.
_JAVA = {
    "yyyy": ("year", "%Y", "[0-9]{4}"), "yy": ("short year", "%y", f"({_TWO_DIGITS})"),
    "MMM": ("month", "%b", "[A-Za-z]{3}"), "MM": ("month", "%m", _TWO_DIGITS), "M": ("month", "%m", _UP_TO_TWO_DIGITS),
    "dd": ("day", "%d", _TWO_DIGITS), "d": ("day", "%d", _UP_TO_TWO_DIGITS),
    "DDD": ("day of the year", "%j", "[0-9]{3}"), "D": ("day of the year", "%j", "[0-9]{1,3}"),
    "HH": ("hour", "%H", _TWO_DIGITS), "H": ("hour", "%H", _UP_TO_TWO_DIGITS),
    "hh": ("hour of a half day", "%I", _TWO_DIGITS), "h": ("hour of a half day", "%I", _UP_TO_TWO_DIGITS),
    "a": ("AM or PM", "%p", _HALF_DAY), "mm": ("minute", "%M", _TWO_DIGITS), "ss": ("second", "%S", _TWO_DIGITS),
    **{"S" * count: ("fraction", "%f", f"[0-9]{{{count}}}") for count in range(1, 7)},
    "SSS": ("fraction", "%g", "[0-9]{3}"),
    # Below a microsecond nothing is kept: it must be zero.
    **{"S" * count: ("long fraction", "%f", f"([0-9]{{6}})0{{{count - 6}}}") for count in range(7, 10)},
    "XXX": ("zone", "%z", ZONE), "X": ("zone", "%z", ZONE), "Z": ("zone", "%z", ZONE),
}  # fmt: skip
# The letters of a pattern, and between single quotes (two of them are one) what stands for itself.
_PART = re.compile(r"'([^']*)'|([A-Za-z])\2*|.", re.DOTALL)
_NEEDS = {
    "month": "year", "day": "month", "day of the year": "year", "minute": "hour", "second": "minute", "fraction": "second",
    "long fraction": "second",
    "AM or PM": "hour", "hour of a half day": "AM or PM", "zone": "hour",
}  # fmt: skip
_ALSO = {"short year": "year", "hour of a half day": "hour"}
_EXCLUDE = (
    ("fraction", "long fraction"), ("day of the year", "month"), ("year", "short year"),
    ("hour", "hour of a half day"), ("hour", "AM or PM"),
)  # fmt: skip
# What the text is taken apart at, before the engine reads it.
_TAKEN_APART = ("short year", "AM or PM", "day of the year", "long fraction")


@dataclass(frozen=True)
class _Part:
    """`look` has groups of its own where the text is rewritten before the engine reads it."""

    kind: str
    form: str
    look: str


@dataclass(frozen=True)
class DatePattern:
    """A pattern without faults; `years_from` is the first of the hundred years that two digits stand for."""

    parts: tuple[_Part, ...]
    years_from: int | None = None

    @property
    def form(self) -> str:
        """As strptime and strftime write it."""
        form = "".join(part.form for part in self.parts)
        return form if self.years_from is None else form.replace("%y", "%Y")

    @property
    def look(self) -> str:
        """The regular expression (RE2) of a text in this pattern."""
        return "".join(part.look for part in self.parts)

    @property
    def has_zone(self) -> bool:
        return self._has("zone")

    def parsed(self, text: str) -> str:
        """SQL of the time (with a zone where the pattern has one) that a text in this pattern states; null where there is none."""
        given = self._in_full(text)
        if self.form.endswith("%z"):
            # Java writes UTC as Z, which the engine's %z does not read.
            given = f"regexp_replace({given}, 'Z$', '+00')"
        found = f"try_strptime({given}, {literal(self.form)})"
        if not self._has("day of the year"):
            return found
        number = [kind for kind, _ in self._groups()].index("day of the year") + 1
        day = f"try_cast(regexp_extract({text}, {literal(self._grouped)}, {number}) AS INTEGER)"
        return f"CASE WHEN dayofyear({found}) = {day} THEN {found} END"

    def _has(self, kind: str) -> bool:
        return any(part.kind == kind for part in self.parts)

    @property
    def _grouped(self) -> str:
        return f"^{''.join(look for _, look in self._groups())}$"

    def _groups(self) -> list[tuple[str, str]]:
        """The kinds of the groups of a regular expression that takes the text apart, and their parts of it."""
        groups: list[tuple[str, str]] = []
        for kind, parts in groupby(self.parts, lambda part: part.kind if part.kind in _TAKEN_APART else ""):
            look = "".join(part.look for part in parts)
            if kind == "AM or PM":
                groups += [(kind, look), (kind, "")]
            else:
                groups.append((kind, look if kind in ("short year", "long fraction") else f"({look})"))
        return groups

    def _in_full(self, text: str) -> str:
        """SQL of the text with all four digits of its year, AM or PM in two letters, and at most six digits below a second."""
        is_half = self._has("AM or PM")
        if self.years_from is None and not is_half and not self._has("long fraction"):
            return text
        whole, written = literal(self._grouped), []
        text = f"translate({text}, '\u00a0\u202f', '  ')" if is_half else text
        for number, (kind, _) in enumerate(self._groups(), start=1):
            if kind == "short year" and self.years_from is not None:
                century, first = divmod(self.years_from, 100)
                digits = f"regexp_extract({text}, {whole}, {number})"
                written.append(f"CASE WHEN {digits} >= '{first:02}' THEN '{century:02}' ELSE '{century + 1:02}' END")
            written.append(f"'\\{number}'")
        return f"regexp_replace({text}, {whole}, {' || '.join(written)})"


@cache
def date_pattern(text: str, years_from: int | None = None) -> DatePattern:
    parts = list(_parts(text))
    is_short = any(part.kind == "short year" for part in parts)
    if any(part.kind == "AM or PM" for part in parts):
        parts = [_Part("", " ", _BLANK) if part.form == " " else part for part in parts]
    return DatePattern(tuple(parts), years_from if is_short else None)


def _parts(text: str) -> Iterator[_Part]:
    for part in _PART.finditer(text):
        plain = part[0] if part[1] is None else part[1] or "'"
        yield _Part(*_JAVA.get(part[0], ("", plain.replace("%", "%%"), re.escape(plain))))


def pattern_fault(text: str) -> str | None:
    """Why a pattern cannot be read, or would be read as something else than is meant; None where it can."""
    unknown = [part[0] for part in _PART.finditer(text) if part[2] and part[0] not in _JAVA]
    if unknown:
        return f"has {', '.join(unknown)}, which this platform does not read"
    kinds = [part.kind for part in _parts(text) if part.kind]
    twice = [kind for kind in kinds if kinds.count(kind) > 1]
    if twice:
        return f"has its {twice[0]} twice (M is the month, m the minute)"
    said = {*kinds, *(_ALSO[kind] for kind in kinds if kind in _ALSO)}
    for kind in kinds:
        if _NEEDS.get(kind, kind) not in said:
            return f"has a {kind} and no {_NEEDS[kind]} (M is the month, m the minute)"
    both = next((pair for pair in _EXCLUDE if set(kinds).issuperset(pair)), None)
    if both:
        return f"has both {both[0]} and {both[1]}"
    return None if "year" in said else "has no year"


def has_short_year(text: str) -> bool:
    """Whether a pattern has a year of two digits, whose century the contract must say."""
    return any(part.kind == "short year" for part in _parts(text))


def read_date(text: str, pattern: str) -> date | None:
    """The date that `text` states in a pattern such as yyyyMMdd; None where it is not in that form.

    Two digits of a year are those of 1969 to 2068 (POSIX): such a date is held against the night's.
    """
    found = date_pattern(pattern)
    try:
        moment = datetime.strptime(text, found.form) if re.fullmatch(found.look, text) else None
    except ValueError:
        return None
    # Day 366 of a common year would be the first of the next.
    return moment.date() if moment and ("%j" not in found.form or moment.strftime(found.form) == text) else None


def write_date(moment: datetime, pattern: str, years_from: int | None = None) -> str:
    """`moment` in a pattern such as dd.MM.yyyy; in ISO 8601 where its two digits would stand for another century."""
    if years_from is not None and has_short_year(pattern) and not years_from <= moment.year < years_from + 100:
        return moment.isoformat()
    # The engine's %g are milliseconds, to Python a year.
    form = date_pattern(pattern).form.replace("%g", f"{moment.microsecond // 1000:03}")
    return moment.strftime(form)
