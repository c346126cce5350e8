"""From a text column to a typed one: for each column of a contract, the SQL value, when it is right, and what to say if not.

The casts of the engine alone are too kind: they read 5.7 as 6, 1_000 as 1000 and ' 5 ' as 5. Here a text is taken when the
typed value prints as the same text (the fast path), or when it matches the type's grammar.
"""

import re
from dataclasses import dataclass, replace

from sources.contract import defaults
from sources.contract.model import Column
from sources.typing import local_time
from sources.typing.date_pattern import ZONE, date_pattern
from sources.typing.number_format import PLAIN
from warehouse.engines.duckdb.engine import literal

_INTEGER = "[+-]?[0-9]+"
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
# Below a microsecond nothing is kept: digits there must be zero.
_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6}0{0,12})?)?"
_TOO_FINE = r":[0-9]{2}\.[0-9]{6}0*[1-9]"
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
_TOO_FINE_REASON = "not a time that can be kept: it has digits below a microsecond; ask the agency for microseconds"
# Of a text that has the form, and states what no calendar or clock has: 31.02.2026, 24:60.
_NO_SUCH = {
    "DATE": "not a day of the calendar", "TIME": "not a time of a day",
    "TIMESTAMP WITH TIME ZONE": "not a time of the calendar and clock",
}  # fmt: skip
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
    """SQL of the typed value, of the condition under which the text is right, and the reason given where it is not.

    `reason_sql` tells the reason apart where it depends on the value; it is asked of faulty ones alone.
    """

    value: str
    condition: str
    reason: str
    reason_sql: str = ""

    @property
    def is_right(self) -> str:
        return self.right_by(self.value)

    @property
    def why(self) -> str:
        """SQL of the reason."""
        return self.reason_sql or literal(self.reason)

    def right_by(self, reference: str) -> str:
        """The condition where the typed value has been computed already and goes by this name."""
        return self.condition.replace(_VALUE, reference)


def typed(column: Column, value: str, source_type: str = "VARCHAR") -> TypedValue:
    """How the SQL expression `value`, of the engine's type `source_type`, becomes a value of `column`."""
    if source_type == "VARCHAR":
        return _from_text(column, value)
    kind = column.sql_type
    if column.numbers != PLAIN:
        # What comes as a number is in no format.
        column = replace(column, numbers=PLAIN)
    if source_type == kind:
        right, reason = _AS_SENT.get(kind, ("true", ""))
        return TypedValue(value, right, reason)
    if source_type in _LOCAL_TIMES and source_type != "TIMESTAMP_NS" and kind == "TIMESTAMP WITH TIME ZONE":
        return _of_local(column, value)
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
    if column.numbers != PLAIN:
        return _in_format(column, text)
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
        right, reason = f"length({text}) = 10 AND CAST({_VALUE} AS VARCHAR) = {text}", "not a date (yyyy-MM-dd)"
        why = _why_no_time(kind, f"regexp_full_match({text}, '{_DATE}')", literal(reason))
        return _checked(text, value, right, reason, why)
    grammar, reason = _grammar(kind)
    right = f"CAST({_VALUE} AS VARCHAR) = {text} OR regexp_full_match({text}, '{grammar}')"
    if kind != "TIME":
        return _checked(text, value, right, reason)
    # The engine has a 24:00:00, which is no time of a day.
    right = f"({right}) AND {_VALUE} < TIME '24:00:00'"
    why = _why_no_time(kind, f"regexp_full_match({text}, '{grammar}')", literal(reason))
    return _checked(text, value, right, reason, why)


def _in_format(column: Column, text: str) -> TypedValue:
    """A number in the contract's own format: where 1.234,50 is one, 1,234.50 and 12.34,5 are none."""
    given = f"({column.numbers.plain(text)})"
    inner = _from_text(replace(column, numbers=PLAIN), given)
    right = f"({text} IS NULL OR ({given} IS NOT NULL AND {inner.condition}))"
    return TypedValue(inner.value, right, inner.reason + column.numbers.described)


def _grammar(kind: str) -> tuple[str, str]:
    if kind.startswith("DECIMAL"):
        scale = kind.removesuffix(")").rpartition(",")[2]
        return rf"[+-]?[0-9]*(\.[0-9]{{0,{scale}}}0*)?", f"not an exact number with at most {scale} decimals ({kind})"
    if kind == "TIME":
        return _CLOCK, "not a time (HH:mm:ss, with at most six digits below a second)"
    return _INTEGER, f"not a whole number ({kind})"


def _checked(text: str, value: str, is_right: str, reason: str, reason_sql: str = "") -> TypedValue:
    return TypedValue(value, f"({text} IS NULL OR ({_VALUE} IS NOT NULL AND ({is_right})))", reason, reason_sql)


def _why_no_time(kind: str, has_form: str, otherwise: str) -> str:
    """SQL of why a text is no date or time; one that has the form states what there is not."""
    return f"CASE WHEN {has_form} THEN {literal(_NO_SUCH[kind])} ELSE {otherwise} END"


def _timestamp(column: Column, text: str) -> TypedValue:
    """ISO 8601; a text without a zone is in the contract's defaultTimezone (UTC where it names none)."""
    naive = f"try_cast({text} AS TIMESTAMP)"
    with_zone = f"regexp_matches({text}, '[T ].*{ZONE}$')"
    # With a zone the engine wants seconds, and +05:30 rather than +0530; ISO 8601 leaves both free.
    whole = rf"regexp_replace({text}, '([T ][0-9:]{{5}})(Z|[+-])', '\1:00\2')"
    whole = rf"regexp_replace({whole}, '([+-][0-9]{{2}})([0-9]{{2}})$', '\1:\2')"
    zoned = f"coalesce(try_cast({text} AS TIMESTAMP WITH TIME ZONE), try_cast({whole} AS TIMESTAMP WITH TIME ZONE))"
    value = f"CASE WHEN {with_zone} THEN {zoned} ELSE {_instant(column, naive)} END"
    if _zone(column) == "UTC":
        # The engine's own zone: what it reads at once is the same with a zone and without.
        value = f"coalesce(try_cast({text} AS TIMESTAMP WITH TIME ZONE), {value})"
    reason = "not a time stamp (ISO 8601, with at most six digits below a second)"
    has_form = f"regexp_full_match({text}, '{_DATE}[T ]{_CLOCK}{ZONE}?')"
    why = _local_reason(column, f"CASE WHEN NOT {with_zone} THEN {naive} END", reason)
    why = _why_no_time(column.sql_type, f"{has_form} AND ({with_zone} OR {naive} IS NULL)", why)
    why = f"CASE WHEN regexp_matches({text}, '{_TOO_FINE}') THEN {literal(_TOO_FINE_REASON)} ELSE {why} END"
    return _checked(text, value, has_form, reason, why)


def _formatted(column: Column, text: str) -> TypedValue:
    pattern = str(column.options["format"])
    read = date_pattern(pattern, column.years_from)
    parsed, reason = read.parsed(text), f"not in the form {pattern}"
    value, why, has_form = parsed, literal(reason), f"regexp_full_match({text}, {literal(read.look)})"
    if column.sql_type == "DATE":
        value = f"CAST({parsed} AS DATE)"
    elif not read.has_zone:
        value, why = _instant(column, parsed), _local_reason(column, parsed, reason)
    why = _why_no_time(column.sql_type, f"{has_form} AND {parsed} IS NULL", why)
    return _checked(text, value, has_form, reason, why)


def _of_local(column: Column, value: str) -> TypedValue:
    """A time without a zone, of a source that has times."""
    found = _instant(column, value)
    is_within, otherwise = _AS_SENT["TIMESTAMP WITH TIME ZONE"]
    if _zone(column) == "UTC":
        return TypedValue(found, is_within, otherwise)
    reason = "not a time of this zone"
    right = f"({value} IS NULL OR {_VALUE} IS NOT NULL) AND {is_within}"
    return TypedValue(found, right, reason, _local_reason(column, value, reason))


def _zone(column: Column) -> str:
    return str(column.options.get("defaultTimezone", defaults.TIME_ZONE))


def _instant(column: Column, local: str) -> str:
    if _zone(column) == "UTC":
        return f"timezone('UTC', {local})"
    return local_time.instant(_zone(column), local, column.ambiguous_time)


def _local_reason(column: Column, local: str, otherwise: str) -> str:
    return literal(otherwise) if _zone(column) == "UTC" else local_time.reason(_zone(column), local, otherwise)


def written(column: Column, text: str) -> str:
    """SQL of a typed value, given as its text, in the form in which the contract's files have it."""
    if column.sql_type == "DATE" and "format" in column.options:
        form = date_pattern(str(column.options["format"])).form
        return f"strftime(TRY_CAST({text} AS DATE), {literal(form)})"
    return column.numbers.written(text)
