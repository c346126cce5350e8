"""From a text column to a typed one: for each column of a contract, the SQL value, when it is right, and what to say if not.

The casts of the engine alone are too kind: they read 5.7 as 6, 1_000 as 1000 and ' 5 ' as 5. Here a text is taken when the
typed value prints as the same text (the fast path), or when it matches the type's grammar.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime

from sources.contract import Column
from warehouse.engine import literal

_INTEGER = "[+-]?[0-9]+"
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
# Below a microsecond nothing is kept: digits there must be zero.
_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6}0{0,12})?)?"
_ZONE = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
# Types whose every value is a value of the wider ones.
_WIDER = {
    "TINYINT": ("SMALLINT", "INTEGER", "BIGINT"), "SMALLINT": ("INTEGER", "BIGINT"),
    "INTEGER": ("BIGINT", "DOUBLE"), "FLOAT": ("DOUBLE",),
    "UTINYINT": ("SMALLINT", "INTEGER", "BIGINT"), "USMALLINT": ("INTEGER", "BIGINT"),
    "UINTEGER": ("BIGINT",),
}  # fmt: skip
_LOCAL_TIMES = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
# Beyond it a float is no longer sure of its last digit.
_MOST_WHOLE = 1 << 53
_BOOLEANS = ("true", "false", "t", "f", "1", "0", "yes", "no", "y", "n")
# Letters of Java's DateTimeFormatter, which the standard prescribes: the engine's strptime, and how the text must look.
# strptime alone is too kind here as well: it reads 1.1.26 as the year 26.
_TWO_DIGITS, _UP_TO_TWO_DIGITS = "[0-9]{2}", "[0-9]{1,2}"
_JAVA = {
    "yyyy": ("%Y", "[0-9]{4}"), "yy": ("%y", _TWO_DIGITS), "MMM": ("%b", "[A-Za-z]{3}"), "MM": ("%m", _TWO_DIGITS),
    "M": ("%m", _UP_TO_TWO_DIGITS), "dd": ("%d", _TWO_DIGITS), "d": ("%d", _UP_TO_TWO_DIGITS), "HH": ("%H", _TWO_DIGITS),
    "H": ("%H", _UP_TO_TWO_DIGITS), "mm": ("%M", _TWO_DIGITS), "ss": ("%S", _TWO_DIGITS), "SSS": ("%g", "[0-9]{3}"),
    "XXX": ("%z", _ZONE), "X": ("%z", _ZONE), "Z": ("%z", _ZONE),
}  # fmt: skip
# The letters of a pattern, and between single quotes (two of them are one) what stands for itself.
_FORMAT_PART = re.compile(r"'([^']*)'|([A-Za-z])\2*|.", re.DOTALL)


# Stands for the typed value within a condition.
_VALUE = "<value>"
# Of a type that is the contract's own: what the engine has beyond, infinite and before Christ, is no value of an agency.
_AS_SENT = {
    "DOUBLE": (f"({_VALUE} IS NULL OR isfinite({_VALUE}))", "not a number"),
    "DATE": (f"({_VALUE} IS NULL OR {_VALUE} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31')", "not a date of the years 1 to 9999"),
    "TIME": (f"({_VALUE} IS NULL OR {_VALUE} < TIME '24:00:00')", "not a time of a day"),
    "TIMESTAMP WITH TIME ZONE": (
        f"({_VALUE} IS NULL OR {_VALUE} BETWEEN TIMESTAMPTZ '0001-01-01 00:00:00+00' "
        "AND TIMESTAMPTZ '9999-12-31 23:59:59.999999+00')", "not a time of the years 1 to 9999",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class TypedValue:
    """SQL of the typed value, of the condition under which the text is right, and the reason given where it is not."""

    value: str
    condition: str
    reason: str

    @property
    def is_right(self) -> str:
        return self.right_by(self.value)

    def right_by(self, reference: str) -> str:
        """The condition where the typed value has been computed already and goes by this name."""
        return self.condition.replace(_VALUE, reference)


def typed(column: Column, value: str, source_type: str = "VARCHAR") -> TypedValue:
    """How the SQL expression `value`, of the engine's type `source_type`, becomes a value of `column`."""
    if source_type == "VARCHAR":
        return _from_text(column, value)
    kind = column.sql_type
    if source_type == kind:
        right, reason = _AS_SENT.get(kind, ("true", ""))
        return TypedValue(value, right, reason)
    if source_type in _LOCAL_TIMES and source_type != "TIMESTAMP_NS" and kind == "TIMESTAMP WITH TIME ZONE":
        zone = literal(column.options.get("defaultTimezone", "UTC"))
        return TypedValue(f"timezone({zone}, {value})", *_AS_SENT[kind])
    whole = _whole(value, source_type, kind)
    if whole:
        return whole
    if kind in _WIDER.get(source_type, ()):
        return TypedValue(f"CAST({value} AS {kind})", "true", "")
    if _keeps_decimals(source_type, kind):
        cast = f"try_cast({value} AS {kind})"
        return TypedValue(cast, f"({value} IS NULL OR {_VALUE} IS NOT NULL)", f"too large a number ({kind})")
    return _from_text(column, f"CAST({value} AS VARCHAR)")


def _whole(value: str, source_type: str, kind: str) -> TypedValue | None:
    """Days that are written as times at midnight and whole numbers as floats, as data frames do; None for other types."""
    if source_type in _LOCAL_TIMES and kind == "DATE":
        right = f"({value} IS NULL OR (isfinite({_VALUE}) AND CAST({_VALUE} AS {source_type}) = {value}))"
        return TypedValue(f"CAST({value} AS DATE)", right, "not a date (it has a time of day)")
    if source_type in ("DOUBLE", "FLOAT") and kind.endswith(("INT", "INTEGER")):
        right = f"({value} IS NULL OR ({_VALUE} = {value} AND abs({value}) <= {_MOST_WHOLE}))"
        return TypedValue(f"try_cast({value} AS {kind})", right, f"not a whole number ({kind})")
    return None


def _keeps_decimals(source_type: str, kind: str) -> bool:
    """Whether a cast between these types only fails, and never rounds."""
    source, target = scale_of(source_type), scale_of(kind)
    return source is not None and target is not None and source <= target


def scale_of(kind: str) -> int | None:
    """The decimals of an exact type; None of any other."""
    exact = re.fullmatch(r"DECIMAL\([0-9]+,([0-9]+)\)", kind)
    if exact:
        return int(exact[1])
    return 0 if kind.endswith("INT") or kind == "INTEGER" else None


def _from_text(column: Column, text: str) -> TypedValue:
    if column.separators != (".", ""):
        return _separated(column, text)
    kind = column.sql_type
    if kind == "VARCHAR":
        return TypedValue(text, "true", "")
    if "format" in column.options and kind in ("DATE", "TIMESTAMP WITH TIME ZONE"):
        return _formatted(column, text)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return _timestamp(column, text)
    value = f"try_cast({text} AS {kind})"
    if kind == "DOUBLE":
        return _checked(text, value, f"isfinite({_VALUE}) AND regexp_full_match({text}, '{_NUMBER}')", "not a number")
    if kind == "BOOLEAN":
        words = ", ".join(map(literal, _BOOLEANS))
        return _checked(text, value, f"lower({text}) IN ({words})", "not true or false")
    if kind == "DATE":
        # Ten characters: the engine also prints infinity, years of five digits and years before Christ.
        right = f"length({text}) = 10 AND CAST({_VALUE} AS VARCHAR) = {text}"
        return _checked(text, value, right, "not a date (yyyy-MM-dd)")
    grammar, reason = _grammar(kind)
    return _checked(
        text, value, f"CAST({_VALUE} AS VARCHAR) = {text} OR regexp_full_match({text}, '{grammar}')", reason
    )


def _separated(column: Column, text: str) -> TypedValue:
    """A number with the contract's own separators: 1.234,50 is one, 1,234.50 and 12.34,5 are none."""
    decimal, thousands = column.separators
    whole = "[0-9]+"
    if thousands:
        whole = f"([0-9]+|[0-9]{{1,3}}({re.escape(thousands)}[0-9]{{3}})+)"
    look = f"[+-]?{whole}({re.escape(decimal)}[0-9]+)?"
    plain = f"replace(replace({text}, {literal(thousands)}, ''), {literal(decimal)}, '.')"
    given = f"CASE WHEN regexp_full_match({text}, {literal(look)}) THEN {plain} END"
    inner = _from_text(replace(column, separators=(".", "")), f"({given})")
    written = f"{inner.reason} with {decimal!r} before its decimals"
    written += f" and {thousands!r} between its thousands" if thousands else ""
    return TypedValue(inner.value, f"({text} IS NULL OR (({given}) IS NOT NULL AND {inner.condition}))", written)


def _grammar(kind: str) -> tuple[str, str]:
    if kind.startswith("DECIMAL"):
        scale = kind.removesuffix(")").rpartition(",")[2]
        return rf"[+-]?[0-9]*(\.[0-9]{{0,{scale}}}0*)?", f"not an exact number with at most {scale} decimals ({kind})"
    if kind == "TIME":
        return _CLOCK, "not a time (HH:mm:ss)"
    return _INTEGER, f"not a whole number ({kind})"


def _checked(text: str, value: str, is_right: str, reason: str) -> TypedValue:
    return TypedValue(value, f"({text} IS NULL OR ({_VALUE} IS NOT NULL AND ({is_right})))", reason)


def _timestamp(column: Column, text: str) -> TypedValue:
    """ISO 8601; a text without a zone is in the contract's defaultTimezone (UTC where it names none)."""
    zone = literal(column.options.get("defaultTimezone", "UTC"))
    local = f"timezone({zone}, try_cast({text} AS TIMESTAMP))"
    with_zone = f"regexp_matches({text}, '[T ].*{_ZONE}$')"
    # With a zone the engine wants seconds, and +05:30 rather than +0530; ISO 8601 leaves both free.
    whole = rf"regexp_replace({text}, '([T ][0-9:]{{5}})(Z|[+-])', '\1:00\2')"
    whole = rf"regexp_replace({whole}, '([+-][0-9]{{2}})([0-9]{{2}})$', '\1:\2')"
    zoned = f"coalesce(try_cast({text} AS TIMESTAMP WITH TIME ZONE), try_cast({whole} AS TIMESTAMP WITH TIME ZONE))"
    value = f"CASE WHEN {with_zone} THEN {zoned} ELSE {local} END"
    if zone == "'UTC'":
        # The engine's own zone: what it reads at once is the same with a zone and without.
        value = f"coalesce(try_cast({text} AS TIMESTAMP WITH TIME ZONE), {value})"
    grammar = f"{_DATE}[T ]{_CLOCK}{_ZONE}?"
    return _checked(text, value, f"regexp_full_match({text}, '{grammar}')", "not a time stamp (ISO 8601)")


def _formatted(column: Column, text: str) -> TypedValue:
    pattern = str(column.options["format"])
    form, look = _translated(pattern)
    # Java writes UTC as Z, which the engine's %z does not read.
    given = f"regexp_replace({text}, 'Z$', '+00')" if form.endswith("%z") else text
    parsed = f"try_strptime({given}, {literal(form)})"
    if column.sql_type == "DATE":
        value = f"CAST({parsed} AS DATE)"
    elif "%z" in form:
        value = parsed
    else:
        value = f"timezone({literal(column.options.get('defaultTimezone', 'UTC'))}, {parsed})"
    return _checked(text, value, f"regexp_full_match({text}, {literal(look)})", f"not in the form {pattern}")


def written(column: Column, text: str) -> str:
    """SQL of a typed value, given as its text, in the form in which the contract's files have it."""
    if column.sql_type == "DATE" and "format" in column.options:
        form, _ = _translated(str(column.options["format"]))
        return f"strftime(TRY_CAST({text} AS DATE), {literal(form)})"
    decimal, _ = column.separators
    return text if decimal == "." else f"replace({text}, '.', {literal(decimal)})"


def read_date(text: str, pattern: str) -> date | None:
    """The date that `text` states in a pattern such as yyyyMMdd; None where it is not in that form."""
    form, look = _translated(pattern)
    try:
        return datetime.strptime(text, form).date() if re.fullmatch(look, text) else None
    except ValueError:
        return None


def write_date(moment: datetime, pattern: str) -> str:
    """`moment` in a pattern such as dd.MM.yyyy."""
    # The engine's %g are milliseconds, to Python a year.
    form = _translated(pattern)[0].replace("%g", f"{moment.microsecond // 1000:03}")
    return moment.strftime(form)


def unknown_format_letters(pattern: str) -> list[str]:
    """The groups of letters in a date pattern that this platform does not read."""
    return [part[0] for part in _FORMAT_PART.finditer(pattern) if part[2] and part[0] not in _JAVA]


def _translated(pattern: str) -> tuple[str, str]:
    """The engine's form of a date pattern, and the regular expression of a text that has it."""
    form, look = "", ""
    for part in _FORMAT_PART.finditer(pattern):
        plain = part[0] if part[1] is None else part[1] or "'"
        wanted, shape = _JAVA.get(part[0], (plain.replace("%", "%%"), re.escape(plain)))
        form, look = form + wanted, look + shape
    return form, look
