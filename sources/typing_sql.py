"""From a text column to a typed one: for each column of a contract, the SQL value, when it is right, and what to say if not.

The casts of the engine alone are too kind: they read 5.7 as 6, 1_000 as 1000 and ' 5 ' as 5. Here a text is taken when the
typed value prints as the same text (the fast path), or when it matches the type's grammar.
"""

from dataclasses import dataclass

from sources.contract import Column
from warehouse.engine import literal

_INTEGER = "[+-]?[0-9]+"
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_ZONE = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
_BOOLEANS = ("true", "false", "t", "f", "1", "0", "yes", "no", "y", "n")
# Patterns of Java's DateTimeFormatter, which the standard prescribes, in the engine's strptime.
_JAVA = {"yyyy": "%Y", "yy": "%y", "MMM": "%b", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "SSS": "%g",
         "XXX": "%z", "X": "%z", "Z": "%z"}  # fmt: skip


@dataclass(frozen=True)
class TypedValue:
    """SQL of the typed value, of the condition under which the text is right, and the reason given where it is not."""

    value: str
    is_right: str
    reason: str


def typed(column: Column, text: str) -> TypedValue:
    """How the SQL expression `text` becomes a value of `column`."""
    kind = column.sql_type
    if kind == "VARCHAR":
        return TypedValue(text, "true", "")
    if "format" in column.options and kind in ("DATE", "TIMESTAMP WITH TIME ZONE"):
        return _formatted(column, text)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return _timestamp(column, text)
    value = f"try_cast({text} AS {kind})"
    if kind == "DOUBLE":
        return _checked(text, value, f"isfinite({value}) AND regexp_full_match({text}, '{_NUMBER}')", "not a number")
    if kind == "BOOLEAN":
        words = ", ".join(map(literal, _BOOLEANS))
        return _checked(text, value, f"lower({text}) IN ({words})", "not true or false")
    grammar, reason = _grammar(kind)
    return _checked(text, value, f"CAST({value} AS VARCHAR) = {text} OR regexp_full_match({text}, '{grammar}')", reason)


def _grammar(kind: str) -> tuple[str, str]:
    if kind.startswith("DECIMAL"):
        scale = kind.removesuffix(")").rpartition(",")[2]
        return rf"[+-]?[0-9]*(\.[0-9]{{0,{scale}}}0*)?", f"not an exact number with at most {scale} decimals ({kind})"
    if kind == "DATE":
        return _DATE, "not a date (yyyy-MM-dd)"
    if kind == "TIME":
        return _CLOCK, "not a time (HH:mm:ss)"
    return _INTEGER, f"not a whole number ({kind})"


def _checked(text: str, value: str, is_right: str, reason: str) -> TypedValue:
    return TypedValue(value, f"({text} IS NULL OR ({value} IS NOT NULL AND ({is_right})))", reason)


def _timestamp(column: Column, text: str) -> TypedValue:
    """ISO 8601; a text without a zone is in the contract's defaultTimezone (UTC where it names none)."""
    zone = literal(column.options.get("defaultTimezone", "UTC"))
    local = f"timezone({zone}, try_cast({text} AS TIMESTAMP))"
    with_zone = f"regexp_matches({text}, '[T ].*{_ZONE}$')"
    value = f"CASE WHEN {with_zone} THEN try_cast({text} AS TIMESTAMP WITH TIME ZONE) ELSE {local} END"
    grammar = f"{_DATE}[T ]{_CLOCK}{_ZONE}?"
    return _checked(text, value, f"regexp_full_match({text}, '{grammar}')", "not a time stamp (ISO 8601)")


def _formatted(column: Column, text: str) -> TypedValue:
    pattern = str(column.options["format"])
    parsed = f"try_strptime({text}, {literal(_strptime(pattern))})"
    if column.sql_type == "DATE":
        value = f"CAST({parsed} AS DATE)"
    elif "%z" in _strptime(pattern):
        value = parsed
    else:
        value = f"timezone({literal(column.options.get('defaultTimezone', 'UTC'))}, {parsed})"
    return _checked(text, value, f"length({text}) >= 6", f"not in the form {pattern}")


def _strptime(pattern: str) -> str:
    translated, rest = "", pattern
    while rest:
        token = next((java for java in _JAVA if rest.startswith(java)), None)
        translated += _JAVA[token] if token else rest[0].replace("%", "%%").replace("'", "")
        rest = rest[len(token) if token else 1 :]
    return translated
