"""One JSON record as texts: strictly by RFC 8259, numbers exactly as they are written, columns by key or by JSON pointer."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import duckdb

from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats import BrokenRecord
from sources.formats.staged import Stage, StagedReading, known_headers, refuse_too_many
from sources.json_pointer import at_keys, keys_of
from sources.typed_value import scale_of
from sources.typing.number_format import PLAIN

_RECORD_EXCERPT = 1 << 20
# No record of an agency is nested like this, and writing such a one as text would need as many calls within each other.
MAX_DEPTH = 256
# What an exponent makes longer is no value of an exact column, and is left to be rejected.
_MOST_EXPONENT = 100
_TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"


class TooDeep(ValueError):
    """A value with more levels than can be read."""


class Number(str):
    """A number as it is written; reading it as a float would change it."""

    __slots__ = ()


@dataclass(frozen=True)
class JsonRecord:
    """A record as it was found: its text, its value, what is wrong with it ('' where nothing is), and where it begins."""

    line: int
    file: str
    text: str
    value: Any
    fault: str = ""


class StrictDecoder:
    """Reads one JSON value. What JSON forbids and Python's reader lets pass is noted as a fault of the value."""

    def __init__(self) -> None:
        self._fault = ""
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_float=Number, parse_int=Number, parse_constant=self._constant
        )

    def decode(self, text: str, start: int = 0) -> tuple[Any, int, str]:
        """The value at `start`, where it ends, and its fault. Raises ValueError where no JSON value stands there.

        Raises TooDeep where its end cannot be known, because it has too many levels.
        """
        self._fault = ""
        try:
            value, end = self._decoder.raw_decode(text, start)
        except RecursionError:
            raise TooDeep(_TOO_DEEP) from None
        if text.count("[", start, end) + text.count("{", start, end) > MAX_DEPTH and _is_too_deep(value):
            return value, end, _TOO_DEEP
        if not self._fault and text.find("\\u", start, end) >= 0 and _has_lone_surrogate(value):
            self._fault = "not JSON: half of a surrogate pair"
        return value, end, self._fault

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            self._fault = "not JSON: a key is written twice"
        return found

    def _constant(self, name: str) -> None:
        self._fault = f"not JSON: {name}"


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _has_lone_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def as_text(value: Any) -> str | None:
    """The text of a value in a column: a string without its quotes, an object or array as JSON."""
    if value is None:
        return None
    if isinstance(value, str):
        return str(value)
    return _as_json(value)


def _as_json(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_as_json(key)}:{_as_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_as_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _without_exponent(number: Number) -> Number:
    """1.5e3 as 1500, digit by digit: JSON writes the same number in both ways, and exact columns are read without exponents."""
    if "e" not in number.lower():
        return number
    try:
        exact = Decimal(number)
    except InvalidOperation:
        # An exponent of twenty digits and more.
        return number
    if abs(exact.adjusted()) > _MOST_EXPONENT:
        return number
    digits = format(exact, "f")
    return Number(digits.rstrip("0").rstrip(".") if "." in digits else digits)


class RecordShape:
    """The columns of a contract in a JSON record."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.paths = {column.header: keys_of(column.header) for column in contract.columns}
        self.keys = {path[0] for path in self.paths.values()}
        self._formats = {column.header: column.numbers for column in contract.columns if column.numbers != PLAIN}
        self._exact = {column.header for column in contract.columns if scale_of(column.sql_type) is not None}
        self.seen: set[str] = set()

    def new_keys(self, record: dict[str, Any]) -> list[str]:
        return [key for key in record if key not in self.keys]

    def row(self, record: dict[str, Any], new: Sequence[str]) -> tuple[str | None, ...]:
        """The texts of the contract's columns and then of `new` keys; notes which columns the record has."""
        values = []
        for header, path in self.paths.items():
            found, value = at_keys(record, path)
            if found:
                self.seen.add(header)
            if isinstance(value, Number) and header in self._exact:
                value = _without_exponent(value)
            if isinstance(value, Number) and header in self._formats:
                # The contract's format is one of texts, a number of JSON always has its point.
                value = self._formats[header].as_text(value)
            values.append(as_text(value))
        return (*values, *(as_text(record.get(key)) for key in new))


@dataclass(frozen=True)
class Staged:
    """Records staged: the reading (of all the contract's columns, then the new ones) and the columns that records have."""

    reading: StagedReading
    has_records: bool


def staged(
    connection: duckdb.DuckDBPyConnection,
    shape: RecordShape,
    records: Callable[[], Iterable[JsonRecord]],
    target: Path,
    new: Sequence[str] = (),
) -> Staged:
    """Stage all records; a second time where keys turn up that neither the contract nor `new` knows."""
    if "" in new:
        raise _without_name(shape.contract, 1)
    stage = Stage(target, [*shape.paths, *new])
    late: dict[str, None] = {}
    # Each record is read by itself: one that is no JSON must not cost the others.
    for record in records():
        fault = record.fault or ("" if isinstance(record.value, dict) else "not a JSON object")
        if fault:
            excerpt = record.text[:_RECORD_EXCERPT]
            stage.reject(BrokenRecord(record.line, fault, excerpt.encode(errors="replace").decode(), record.file))
            continue
        late.update((key, None) for key in shape.new_keys(record.value) if key not in new)
        if "" in late:
            raise _without_name(shape.contract, record.line)
        refuse_too_many(shape.contract, len(late))
        if not late:
            stage.add(shape.row(record.value, new), record.line, record.file)
    if late:
        stage.discard()
        return staged(connection, shape, records, target, [*new, *late])
    reading = stage.reading(connection)
    return Staged(reading, stage.count > 0)


def _without_name(contract: Contract, line: int) -> ExtractError:
    return ExtractError(f"line {line}: a key of the record is empty; ask {contract.agency_name} to name it")


def with_headers(staged_rows: Staged, shape: RecordShape) -> StagedReading:
    """The reading, without the contract's columns that no record has."""
    reading = staged_rows.reading
    missing = set(shape.paths) - set(known_headers(shape.contract, shape.seen, staged_rows.has_records))
    reading.headers = tuple(header for header in reading.headers if header not in missing)
    return reading
