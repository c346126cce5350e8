"""The usual line of a JSON Lines file as a regular expression: what matches it, the engine reads exactly and without doubt.

The engine's own JSON reader is quick and lenient: it reads a number as a float, takes the first of two equal keys, NaN and a
comma too many. A line that matches has the keys of the first line in the same order, and only values of a form with which
none of this can happen. The other lines are read one by one, strictly (`record.py`).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sources.contract.model import Contract
from sources.formats.json.record import Number
from sources.typing.number_format import PLAIN
from warehouse.engines.duckdb.engine import literal, quoted

_BLANK = r"[ \t\r]*"
# No half surrogate pair and no U+0000 among the escapes.
_ESCAPE = r'\\(?:["\\/bfnrt]|u(?:00[1-9a-fA-F][0-9a-fA-F]|0[1-9a-fA-F][0-9a-fA-F]{2}|[1-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}))'
# RE2 takes the three bytes of half a surrogate pair for a character; UTF-8 does not.
_STRING = rf'"(?:[^"\\\x00-\x1f\x{{D800}}-\x{{DFFF}}]|{_ESCAPE})*"'
# At most 18 digits: whatever the type, no integer overflows. -0 is left to the strict reader.
_INTEGER = r"(?:0|-?[1-9][0-9]{0,17})"
# At most 15 digits: as a float and back, the same number.
_FLOAT_DIGITS = 15
_FLOAT = r"(?:0|-?[1-9][0-9]{0,14}|-?(?:0|[1-9][0-9]{0,6})\.[0-9]{1,8})"


@dataclass(frozen=True)
class _Form:
    """How the value of a key may look, and the engine's type in which it is read."""

    pattern: str
    sql_type: str


_TEXT = _Form(_STRING, "VARCHAR")


@dataclass(frozen=True)
class Template:
    """The keys of a line with the form of each."""

    forms: Mapping[str, _Form]

    @property
    def line(self) -> str:
        """The regular expression (RE2) of a line without its line end."""
        pairs = (
            rf"{_BLANK}{re.escape(json.dumps(key, ensure_ascii=False))}{_BLANK}:{_BLANK}(?:{form.pattern}|null){_BLANK}"
            for key, form in self.forms.items()
        )
        return rf"{_BLANK}\{{{','.join(pairs)}\}}{_BLANK}"

    @property
    def types(self) -> dict[str, str]:
        return {key: form.sql_type for key, form in self.forms.items()}

    def relation(self, path: str) -> str:
        """The engine's reading of a file in which every line matches."""
        columns = ", ".join(f"{literal(key)}: {literal(form.sql_type)}" for key, form in self.forms.items())
        return f"read_json({literal(path)}, format='newline_delimited', columns={{{columns}}})"

    def texts(self, path: str, headers: tuple[str, ...]) -> str:
        """The same as texts under `headers`, NULL for those that no key has."""
        values = (
            f"{f'CAST({quoted(header)} AS VARCHAR)' if header in self.forms else 'NULL'} AS {quoted(header)}"
            for header in headers
        )
        return f"SELECT {', '.join(values)} FROM {self.relation(path)}"


def template(contract: Contract, first: object) -> Template | None:
    """The template of the first record; None where it has a value that only the strict reader takes, or no keys."""
    if not isinstance(first, dict) or not first or any(key.startswith("/") or not key.isprintable() for key in first):
        return None
    # To the engine, `Name` and `name` are one column.
    if len({key.lower() for key in first}) < len(first):
        return None
    forms = {key: _form(contract, key, value) for key, value in first.items()}
    known = {key: form for key, form in forms.items() if form is not None}
    return Template(known) if len(known) == len(forms) else None


def _form(contract: Contract, key: str, value: Any) -> _Form | None:
    column = contract.matching_header(key)
    sql_type = column.sql_type if column else "VARCHAR"
    if isinstance(value, bool):
        return _Form("(?:true|false)", "BOOLEAN")
    # Where texts have a format of their own, the strict reader tells them from numbers.
    has_format = column is not None and column.numbers != PLAIN
    if isinstance(value, Number):
        return None if has_format else _number(sql_type)
    if value is None:
        return _TEXT if sql_type == "VARCHAR" or has_format else _number(sql_type)
    return _TEXT if isinstance(value, str) else None


def _number(sql_type: str) -> _Form:
    if sql_type == "DOUBLE":
        return _Form(_FLOAT, sql_type)
    if sql_type.startswith("DECIMAL"):
        return _decimal(sql_type)
    return _Form(_INTEGER, "BIGINT")


def _decimal(sql_type: str) -> _Form:
    precision, scale = map(int, sql_type.removeprefix("DECIMAL(").removesuffix(")").split(","))
    decimals = min(scale, _FLOAT_DIGITS - 1)
    whole = min(precision - scale, _FLOAT_DIGITS - decimals)
    units = rf"(?:0|[1-9][0-9]{{0,{whole - 1}}})" if whole > 0 else "0"
    fraction = rf"(?:\.[0-9]{{1,{decimals}}})?" if decimals else ""
    # A zero with a sign reads as zero; nobody has ever meant another number.
    return _Form(rf"-?{units}{fraction}", sql_type)
