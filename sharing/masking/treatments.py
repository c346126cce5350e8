"""Each treatment of a column as an SQL expression over it: the same for every format and door.

Numbers stay of their type and exact where the type is: a band begins at a multiple of its width, rounding is half up. A null stays null,
and nothing else becomes one but by `redact`.
"""

from dataclasses import dataclass

from sharing.agreements.product import DISTRICT, PARENT, SPANS, Kind, Treatment
from sharing.masking.noise import noised
from warehouse.engines.duckdb.engine import literal, quoted

_WHOLE = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
_FLOATS = frozenset({"FLOAT", "DOUBLE"})
# What recipients' formats have no type for, as what they have.
_AS_GIVEN = {"HUGEINT": "DECIMAL(38, 0)", "UHUGEINT": "DECIMAL(38, 0)", "UBIGINT": "DECIMAL(20, 0)", "UINTEGER": "BIGINT", "USMALLINT": "INTEGER", "UTINYINT": "SMALLINT", "TIME": "VARCHAR", "UUID": "VARCHAR", "INTERVAL": "VARCHAR", "BIT": "VARCHAR"}  # fmt: skip
_SHOWN, _LONG_ENOUGH = 4, 8
_LARGE = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT")
_DIGITS_OF_64_BITS = 16


class CannotTreat(ValueError):
    """A treatment that a column's type does not take: which, and what to write instead."""


@dataclass(frozen=True)
class Column:
    """A column of the relation by its name and the engine's type."""

    name: str
    type: str

    @property
    def sql(self) -> str:
        return quoted(self.name)

    @property
    def is_number(self) -> bool:
        return self.type in _WHOLE or self.type in _FLOATS or self.type.startswith("DECIMAL")

    @property
    def is_time(self) -> bool:
        return self.type == "DATE" or self.type.startswith("TIMESTAMP")

    @property
    def is_text(self) -> bool:
        return self.type == "VARCHAR"

    @property
    def given_type(self) -> str:
        """The type as a recipient gets it."""
        return _AS_GIVEN.get(self.type, "VARCHAR" if self.type.startswith("ENUM") else self.type)


def treated(column: Column, treatment: Treatment, seed: str) -> str:
    """SQL of what leaves in the place of the column; the pseudonym is made elsewhere. `seed` is SQL of a secret text of the row's own.

    Raises CannotTreat.
    """
    if treatment.kind == Kind.REDACT:
        return f"CAST(NULL AS {column.given_type})"
    if treatment.kind == Kind.LAST_FOUR:
        text = f"CAST({column.sql} AS VARCHAR)"
        return f"CASE WHEN length({text}) >= {_LONG_ENOUGH} THEN '****' || right({text}, {_SHOWN}) WHEN {text} IS NOT NULL THEN '****' END"
    if treatment.kind == Kind.GENERALISE:
        return _given(column, _generalised(column, treatment))
    if treatment.kind == Kind.ROUND:
        return _given(column, _rounded(column, float(treatment.to or 0)))
    if treatment.kind == Kind.NOISE:
        _check(column.is_number, column, treatment, "numbers")
        return _given(column, noised(column.sql, column.type, float(treatment.to or 0), seed))
    return _given(column, column.sql)


def _given(column: Column, sql: str) -> str:
    return sql if column.given_type == column.type else f"CAST({sql} AS {column.given_type})"


def _generalised(column: Column, treatment: Treatment) -> str:
    to = treatment.to
    if to in SPANS:
        return _span(column, treatment)
    if to == DISTRICT:
        _check(column.is_text, column, treatment, "texts")
        return _district(column.sql)
    if to == PARENT:
        return _parent(column, str(treatment.parents))
    width = float(to or 0)
    if column.is_text:
        _check(width.is_integer(), column, treatment, "texts, of which a whole number of letters is kept,")
        return f"left({column.sql}, {int(width)})"
    _check(column.is_number, column, treatment, "numbers and texts")
    return _multiple_below(column, width)


def _span(column: Column, treatment: Treatment) -> str:
    if treatment.to == "decade" and column.type in _WHOLE:
        return _multiple_below(column, 10)
    _check(column.is_time, column, treatment, "dates (decade also of years)")
    moment = f"timezone('UTC', {column.sql})" if column.type == "TIMESTAMP WITH TIME ZONE" else column.sql
    day = f"CAST(date_trunc('{treatment.to}', {moment}) AS DATE)"
    return f"CAST({day} AS {column.type})" if column.type != "DATE" else day


def _district(sql: str) -> str:
    """The part before a blank (`SW1A 1AA`, `1234 AB`, `K1A 0B1`), else all but the last three letters (`SW1A1AA`, `10115`)."""
    text = f"trim({sql})"
    return f"""
        CASE
            WHEN contains({text}, ' ') THEN split_part({text}, ' ', 1)
            WHEN length({text}) > 3 THEN left({text}, length({text}) - 3)
            WHEN {sql} IS NOT NULL THEN ''
        END"""


def _parent(column: Column, relation: str) -> str:
    """A code that the list does not have becomes null: kept as it is, it would tell more than was agreed."""
    schema, _, table = relation.partition(".")
    return f"""(
            SELECT min(CAST(parents.parent AS VARCHAR))
            FROM {quoted(schema)}.{quoted(table)} AS parents
            WHERE CAST(parents.code AS VARCHAR) = CAST({column.sql} AS VARCHAR)
        )"""


def _rounded(column: Column, step: float) -> str:
    _check(column.is_number, column, Treatment(Kind.ROUND, step), "numbers")
    if column.type in _FLOATS:
        return f"CAST(floor({column.sql} / {step!r} + 0.5) * {step!r} AS {column.type})"
    rest, whole = _rest(column, step)
    return f"CAST({column.sql} - {rest} + CASE WHEN 2 * {rest} >= {whole} THEN {whole} ELSE 0 END AS {column.type})"


def _multiple_below(column: Column, width: float) -> str:
    if column.type in _FLOATS:
        return f"CAST(floor({column.sql} / {width!r}) * {width!r} AS {column.type})"
    return f"CAST({column.sql} - {_rest(column, width)[0]} AS {column.type})"


def _rest(column: Column, width: float) -> tuple[str, str]:
    """What is above the last multiple (never negative, as the engine's own remainder may be), and the width, exact as the column is."""
    text = f"{width:f}".rstrip("0").rstrip(".")
    if column.type in _WHOLE and "." in text:
        raise CannotTreat(f"{column.name} is of whole numbers, and {text} is none; write a whole number")
    digits = text.partition(".")[2]
    if len(digits) > _scale(column.type):
        raise CannotTreat(f"{column.name} is {column.type}, and {text} has more decimals; write a coarser step")
    whole, value = f"{text}::{_wide(column.type)}", f"CAST({column.sql} AS {_wide(column.type)})"
    return f"((({value} % {whole}) + {whole}) % {whole})", whole


def _wide(type_: str) -> str:
    """A type in which twice the value has room: of 64 bits where they are enough, since those of 128 take ten times as long."""
    if type_ in _WHOLE:
        return "HUGEINT" if type_ in _LARGE else "BIGINT"
    digits = int(type_.removeprefix("DECIMAL(").partition(",")[0]) if type_.startswith("DECIMAL") else 0
    return f"DECIMAL({18 if digits <= _DIGITS_OF_64_BITS else 38}, {_scale(type_)})"


def _scale(type_: str) -> int:
    return int(type_.removeprefix("DECIMAL(").removesuffix(")").partition(",")[2]) if type_.startswith("DECIMAL") else 0


def _check(fits: bool, column: Column, treatment: Treatment, kinds: str) -> None:
    if not fits:
        raise CannotTreat(f"{column.name} is {column.type}; {treatment.words} is for {kinds}")


def text_of(column: Column) -> str:
    """The text that a pseudonym is made of: as other systems write the value."""
    return f"CAST({column.sql} AS VARCHAR)"


def secret_literal(secret: bytes) -> str:
    return f"{literal(secret.hex())}"
