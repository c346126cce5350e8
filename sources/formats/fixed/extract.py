"""Fixed width: values at declared places of a record, of a mainframe or not, decoded in batches and streamed to the engine."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from sources.arrival.totals import Totals
from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats import BrokenRecord, Mended, Place, Reading
from sources.formats.encoding.transcoded import Utf8Text, in_utf8, is_utf8, refuse_if_utf8
from sources.formats.fixed.fields import Slot, as_decimals
from sources.formats.fixed.layout import layout
from sources.formats.fixed.records import RecordFile, Sorter
from sources.formats.fixed.text import Units
from sources.formats.staged import refuse_if_empty_snapshot
from sources.formats.streamed import Streamed
from sources.typing.date_pattern import read_date
from sources.typing.number_format import PLAIN, NumberFormat
from warehouse.engines.duckdb.engine import literal, quoted

_STREAM = "fixed_stream"
_WHOLE = re.compile("[+-]?[0-9]+")


def read(connection: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path], scratch: Path) -> Reading:
    """Open one file. Raises ExtractError where it was cut off, or its header or trailer is missing, misplaced or doubled."""
    described, encoding = layout(contract), contract.server.encoding
    text = in_utf8(paths[0], encoding, scratch) if described.codec.in_characters else Utf8Text(paths[0])
    if described.is_text and not is_utf8(encoding) and text.path == paths[0]:
        refuse_if_utf8(paths[0], encoding)
    file = RecordFile(text.path, described, contract.agency_name, paths[0].name)
    return FixedReading(connection, contract, file, list(text.notes))


@dataclass
class _Survey:
    """What one look through the file tells: its records, which of them are broken, header and trailer, numbers that are none."""

    sorter: Sorter
    details: int = 0
    first: int = 0
    last: int = 0
    bad: set[str] = field(default_factory=set)


class FixedReading(Reading):
    """One file; see `formats.Reading`. A record's place is its line, or its number where records have no line ends."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, contract: Contract, file: RecordFile, notes: list[Mended]
    ) -> None:
        self._connection, self._contract, self._notes = connection, contract, notes
        self._file, self._layout = file, file.layout
        self._survey = _surveyed(file)
        self._check_envelopes()
        has_records = self._survey.details + len(self._survey.sorter.broken) > 0
        refuse_if_empty_snapshot(contract, has_records or bool(self._layout.types))
        self.headers = tuple(self._layout.slots)
        exact = {name: slot for name, slot in self._layout.slots.items() if self._is_exact(name)}
        self.types = {name: slot.sql_type for name, slot in exact.items()}
        connection.register(_STREAM, Streamed(self.schema, self.record_batches))
        columns = (
            f"{self._value(header, str(number))} AS {quoted(header)}" for number, header in enumerate(self.headers)
        )
        self.relation = f"(SELECT {', '.join(columns)} FROM {_STREAM})"

    def _is_exact(self, header: str) -> bool:
        """Whether the column comes as numbers; where a single one is bad they all come as texts, and that one in hexadecimal."""
        return not self._layout.slots[header].is_text and header not in self._survey.bad

    def _value(self, header: str, name: str) -> str:
        slot, column = self._layout.slots[header], self._contract.matching_header(header)
        if not slot.is_text:
            return quoted(name)
        is_text = column is None or column.sql_type == "VARCHAR"
        # COBOL fills what has no value with blanks or with low values.
        text = f"nullif({'rtrim' if is_text else 'trim'}({quoted(name)}, ' ' || chr(0)), '')"
        text = slot.with_sign_first(text)
        if not slot.decimals:
            return text
        return _with_point(text, slot.decimals, column.numbers if column else PLAIN)

    @property
    def schema(self) -> pa.Schema:
        kinds = (
            as_decimals(slot, self._layout.decoder.numbers(slot, np.zeros((0, slot.length), np.uint8))).type
            if self._is_exact(header)
            else pa.string()
            for header, slot in self._layout.slots.items()
        )
        return pa.schema([(str(number), kind) for number, kind in enumerate(kinds)])

    def record_batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """The columns by their numbers, as in `schema`."""
        schema = pa.schema([self.schema.field(number) for number in columns])
        headers = [self.headers[int(number)] for number in columns]
        for batch in self._file.batches():
            rows, _ = Sorter(self._layout).details(batch)
            yield pa.record_batch([self._column(header, rows) for header in headers], schema=schema)

    def _column(self, header: str, rows: Units) -> pa.Array:
        slot = self._layout.slots[header]
        raw = np.ascontiguousarray(rows[:, slot.start : slot.end])
        if slot.is_text:
            return self._layout.codec.texts(raw)
        numbers = self._layout.decoder.numbers(slot, raw)
        decimals = as_decimals(slot, numbers)
        if self._is_exact(header):
            return decimals
        texts = decimals.cast(pa.string()).to_numpy(zero_copy_only=False)
        for at in np.flatnonzero(numbers.is_bad):
            texts[at] = f"X'{raw[at].tobytes().hex().upper()}'"
        return pa.array(texts, pa.string())

    def mended(self) -> list[Mended]:
        return self._notes

    def broken(self) -> list[BrokenRecord]:
        return self._survey.sorter.broken

    def open_line(self) -> int | None:
        if self._layout.record_length or not self._file.size:
            return None
        with self._file.path.open("rb") as file:
            file.seek(-1, 2)
            return None if file.read(1) in (b"\n", b"\r") else self._survey.last

    def records(self, found: int) -> int:
        """The rows and broken records of the first look through the file; header and trailer are no records of the feed."""
        return self._survey.details + len(self._survey.sorter.broken)

    def places(self, positions: list[int]) -> list[Place]:
        wanted, before = np.array(positions, dtype=np.int64), 0
        lines = np.zeros(len(wanted), dtype=np.int64)
        for batch in self._file.batches():
            _, numbers = Sorter(self._layout).details(batch)
            here = (wanted > before) & (wanted <= before + len(numbers))
            lines[here] = numbers[wanted[here] - before - 1]
            before += len(numbers)
        return [Place(int(line)) for line in lines]

    def totals(self) -> Totals | None:
        if not self._layout.totals:
            return None
        count, sums = None, {}
        for total in self._layout.totals:
            stated = self._number(total.where, total.slot)
            if total.column is None:
                count = int(stated)
            else:
                sums[total.column] = stated
        where = " and ".join(sorted({total.where for total in self._layout.totals}))
        return Totals(f"the {where} of {self._file.name}", count, sums)

    def stated_date(self) -> date | None:
        if self._layout.date_slot is None:
            return None
        where, slot, pattern = self._layout.date_slot
        text = self._envelope_text(where, slot)
        found = read_date(text, pattern)
        if found is None:
            raise self._wrong(f"the {where} states no date in the form {pattern}")
        return found

    def _number(self, where: str, slot: Slot) -> Decimal:
        if slot.is_text:
            sql = slot.with_sign_first(literal(self._envelope_text(where, slot).strip()))
            (text,) = self._connection.execute(f"SELECT {sql}").fetchone() or ("",)
            if not _WHOLE.fullmatch(text):
                raise self._wrong(f"the {where} states no number where a total should be")
            # Not by arithmetic, which rounds to 28 digits.
            return Decimal(f"{text}E-{slot.decimals}")
        raw = self._envelope(where)[slot.start : slot.end]
        if len(raw) == slot.length:
            found = as_decimals(slot, self._layout.decoder.numbers(slot, raw.reshape(1, -1)))[0].as_py()
            if isinstance(found, Decimal):
                return found
        raise self._wrong(f"the {where} states no number where a total should be")

    def _envelope_text(self, where: str, slot: Slot) -> str:
        return self._layout.codec.text(self._envelope(where)[slot.start : slot.end])

    def _envelope(self, where: str) -> Units:
        found = self._survey.sorter.envelopes[where]
        if not found:
            raise ExtractError(
                f"the contract reads the {where}, but recordTypes has none; mend {self._contract.path.name}"
            )
        return found[0][1]

    def _check_envelopes(self) -> None:
        ends = {"header": self._survey.first, "trailer": self._survey.last}
        for role, found in self._survey.sorter.envelopes.items():
            if role not in self._layout.types:
                continue
            if len(found) != 1:
                raise self._wrong(f"the file has {'no' if not found else 'more than one'} {role} record")
            if found[0][0] != ends[role]:
                raise self._wrong(f"record {found[0][0]} is a {role} and stands in the middle of the file")

    def _wrong(self, what: str) -> ExtractError:
        return ExtractError(f"{what}; ask {self._contract.agency_name} to send the whole file again")


def _with_point(text: str, decimals: int, numbers: NumberFormat) -> str:
    """SQL of a text with the point that is implied before its last digits; a text with a point of its own stays as it is."""
    implied, sign = f"regexp_full_match({text}, '[+-]?[0-9]+')", f"regexp_extract({text}, '^[+-]?')"
    digits, behind = f"ltrim({text}, '+-')", ""
    if numbers != PLAIN:
        # What may stand before and after the digits is the format's.
        implied, sign = f"regexp_full_match({text}, '[^0-9]*[0-9]+[^0-9]*')", f"regexp_extract({text}, '^[^0-9]*')"
        digits, behind = f"regexp_extract({text}, '[0-9]+')", f" || regexp_extract({text}, '[^0-9]*$')"
    # A field may leave out its leading zeros: 5 with two decimals is 0.05.
    whole = f"lpad({digits}, CAST(greatest(length({digits}), {decimals + 1}) AS INTEGER), '0')"
    point = literal(numbers.decimal)
    return (
        f"CASE WHEN {implied} THEN {sign} || {whole}[:-{decimals + 1}] || {point} || right({whole}, {decimals}){behind} "
        f"ELSE {text} END"
    )


def _surveyed(file: RecordFile) -> _Survey:
    survey = _Survey(Sorter(file.layout))
    slots = {header: slot for header, slot in file.layout.slots.items() if not slot.is_text}
    for batch in file.batches():
        rows, lines = survey.sorter.details(batch)
        survey.details += len(lines)
        numbers = [*batch.lines[:1], *batch.lines[-1:], *(number for number, _ in batch.odd)]
        survey.first = survey.first or int(min(numbers, default=0))
        survey.last = int(max(numbers, default=survey.last))
        for header, slot in slots.items():
            if (
                header not in survey.bad
                and file.layout.decoder.numbers(slot, rows[:, slot.start : slot.end]).is_bad.any()
            ):
                survey.bad.add(header)
    return survey
