"""From one opened reading to typed rows and rejects: every record of it lands or is rejected, with its place and reason."""

import re
import string
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from sources.connectors import ExtractError
from sources.contract import RESERVED_NAMES, Column, Contract
from sources.formats import Mended, NotSure, Reading
from sources.typing_sql import TypedValue, typed
from warehouse.engine import literal, quoted
from warehouse.files import share_file

_FAULTS = 'STRUCT("rule" VARCHAR, "column" VARCHAR, "value" VARCHAR, "reason" VARCHAR)[]'
_PLACES = 200_000
_FAULT = "a text that is not of its column's type"
# The engine takes names for the same that differ in capital letters of ASCII.
_QUOTED = re.compile(r"[\"'].*[\"']")
_FOLDED = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass(frozen=True)
class Field:
    """A column of the file: its header, the engine's type there, and the contract's column or None where it knows none.

    Within a statement its text goes by `text` and its typed value by `value`, so that neither is computed twice.
    """

    number: int
    header: str
    column: Column | None
    source_type: str = "VARCHAR"

    @property
    def name(self) -> str:
        return self.column.name if self.column else self.header

    @property
    def text(self) -> str:
        return f"t{self.number}"

    @property
    def value(self) -> str:
        return f"v{self.number}" if self.is_converted else self.text

    @cached_property
    def typed(self) -> TypedValue:
        return typed(self.column, self.text, self.source_type) if self.column else TypedValue(self.text, "true", "")

    @property
    def is_right(self) -> str:
        return self.typed.right_by(self.value)

    @property
    def is_converted(self) -> bool:
        return self.typed.value != self.text

    @property
    def is_as_sent(self) -> bool:
        """Whether a right value lands as it stands in the file, under the same name."""
        return self.name == self.header and not self.is_converted


@dataclass(frozen=True)
class Landed:
    """The counts of one landed file: sent = landed + rejected; sums are of the columns asked for, over all typed records."""

    sent: int
    landed: int
    rejected: int
    extra_columns: list[str]
    sums: dict[str, Any]
    mended: list[Mended]


class TypedRows:
    """One file on its way from a reading to `rows` and `rejects`, two Parquet files. `scratch` is for what lies between."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, contract: Contract, reading: Reading, scratch: Path, file: str
    ) -> None:
        self.connection, self.contract, self.reading, self.scratch, self.file = (
            connection,
            contract,
            reading,
            scratch,
            file,
        )
        self.marked = scratch / "marked.parquet"
        self.fields = self._fields()

    def land(self, rows: Path, rejects: Path, summed: list[str]) -> Landed:
        """Raises ExtractError where the file is not of this contract, cannot be read, or does not balance.

        Raises NotSure where the last two of them may not be so when the file is read with more care.
        """
        has_faults = not self._write_when_all_right(rows)
        if has_faults:
            self._write_with_faults(rows)
        broken = self.reading.broken()
        self.connection.register(
            "broken",
            _arrow(
                file=[item.file or self.file for item in broken],
                line=[item.line for item in broken],
                reason=[item.reason for item in broken],
                record=[item.record for item in broken],
            ),
        )
        rejected = self._write_rejects(rejects)
        self._refuse_if_cut_off(rejects)
        landed = self._count(rows)
        sent = self.reading.records(landed + rejected)
        if sent != landed + rejected:
            raise self._unreadable(
                f"{sent} records were sent, but {landed} landed and {rejected} were rejected; nothing was taken, "
                "tell the platform's maintainers"
            )
        if self.reading.hides_columns(self._without_last(self.marked if has_faults else rows, has_faults)):
            raise NotSure
        sums = self._sums(self.marked if has_faults else rows, summed)
        # The engine adds what it rejects of the next file to what it rejected of this one.
        self.connection.execute(
            "DROP TABLE faulty; DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans"
        )
        extra = [item.header for item in self.fields if item.column is None]
        mended = [replace(item, file=item.file or self.file) for item in self.reading.mended()]
        return Landed(sent, landed, rejected, extra, sums, mended)

    def _unreadable(self, why: str) -> Exception:
        return NotSure() if self.reading.has_care else ExtractError(why)

    def _fields(self) -> list[Field]:
        headers, types = self.reading.headers, self.reading.types
        fields = [
            Field(number, header, self.contract.matching_header(header), types.get(header, "VARCHAR"))
            for number, header in enumerate(headers)
        ]
        missing = [column.header for column in self.contract.columns if column.header not in headers]
        where = f"line {self.reading.heading}"
        if missing:
            extra = ", ".join(item.header for item in fields if item.column is None) or "none"
            raise ExtractError(
                f"{where}: the header has no {', '.join(missing)} (columns the contract does not know: {extra}); "
                f"ask {self.contract.agency_name} what changed, or change {self.contract.path.name}"
            )
        names = [item.name.lower() for item in fields]
        kept = RESERVED_NAMES.intersection([*names, *(header.lower() for header in headers)])
        if kept:
            raise ExtractError(
                f"{where}: the platform keeps {', '.join(sorted(kept))} for itself; ask {self.contract.agency_name} for another name"
            )
        folded = [header.translate(_FOLDED) for header in headers]
        counts = Counter(folded)
        alike = sorted({header for header, low in zip(headers, folded, strict=True) if counts[low] > 1})
        if alike:
            raise ExtractError(
                f"{where}: {', '.join(alike)} differ in capital letters alone; ask {self.contract.agency_name} for other names"
            )
        if len(set(names)) < len(names):
            raise ExtractError(f"{where}: a new column has the name of another one; rename it in the contract")
        return fields

    def _write_when_all_right(self, rows: Path) -> bool:
        """The usual night, in one pass: the statement stops at the first fault."""
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE faulty (file VARCHAR, line BIGINT, faults {_FAULTS}, record VARCHAR)"
        )
        if self.reading.parquet and all(item.is_as_sent for item in self.fields) and not self._has_faults():
            share_file(self.reading.parquet, rows)
            return True
        first, *others = self.fields
        guard = f"CASE WHEN {self._all_right()} THEN {first.value} ELSE error({literal(_FAULT)}) END"
        selected = [f"{guard} AS {quoted(first.name)}", *(f"{item.value} AS {quoted(item.name)}" for item in others)]
        try:
            self._copy(f"SELECT {', '.join(selected)} FROM {self._values()}", rows)
        except duckdb.Error as error:
            if _FAULT not in str(error):
                raise self._unreadable(
                    f"the file cannot be read: {_first_line(error)}; ask the agency to send it again"
                ) from error
            self.connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
            return False
        return True

    def _values(self) -> str:
        """The reading with texts and typed values under their short names."""
        texts = ", ".join(f"{quoted(item.header)} AS {item.text}" for item in self.fields)
        values = "".join(f", {item.typed.value} AS {item.value}" for item in self.fields if item.is_converted)
        return f"(SELECT *{values} FROM (SELECT {texts} FROM {self.reading.relation}))"

    def _all_right(self) -> str:
        return " AND ".join([*(item.is_right for item in self.fields), *self._is_no_heading()])

    def _is_no_heading(self) -> list[str]:
        """A condition for each record, where the header is a row of the file and may be there again, as in pages put together."""
        if not self.reading.has_heading_row:
            return []
        differs = " OR ".join(f"{item.text} IS DISTINCT FROM {literal(item.header)}" for item in self.fields)
        return [f"({differs})"]

    def _has_faults(self) -> bool:
        query = f"SELECT 1 FROM {self._values()} WHERE NOT ({self._all_right()}) LIMIT 1"
        return self.connection.execute(query).fetchone() is not None

    def _write_with_faults(self, rows: Path) -> None:
        """A bad night, in two passes: every row with its faults, then the rows without any."""
        selected = ", ".join(f"{item.value} AS {quoted(item.name)}" for item in self.fields)
        again = [
            f"CASE WHEN NOT {condition} THEN {{'rule': 'structure', 'column': NULL, 'value': NULL, "
            "'reason': 'the header once more'} END"
            for condition in self._is_no_heading()
        ]
        faults = ", ".join([*again, *(_fault(item) for item in self.fields if item.typed.reason)])
        record = ", ".join(f"{literal(item.header)}: {item.text}" for item in self.fields)
        # The lists are made for the records that have faults alone, and what is read once more at once is packed lightly.
        self._copy(
            f"SELECT {selected}, CASE WHEN NOT ({self._all_right()}) THEN list_filter([{faults}], lambda fault: fault IS NOT NULL) "
            f"END AS _faults, CASE WHEN _faults IS NOT NULL THEN to_json({{{record}}}) END AS _record FROM {self._values()}",
            self.marked, "lz4",
        )  # fmt: skip
        source = f"read_parquet({literal(str(self.marked))}, file_row_number=true)"
        self._copy(f"SELECT * EXCLUDE (_faults, _record, file_row_number) FROM {source} WHERE _faults IS NULL", rows)
        wrong = self.connection.cursor().execute(
            f"SELECT file_row_number + 1 FROM {source} WHERE _faults IS NOT NULL ORDER BY 1"
        )
        # A column in another form than before makes every record a reject: their places are looked up part by part.
        while found := wrong.fetchmany(_PLACES):
            self._place([row[0] for row in found])
            self.connection.execute(
                f"INSERT INTO faulty SELECT place.file, place.line, _faults, CAST(_record AS VARCHAR) FROM {source} "
                f"JOIN place ON place.position = file_row_number + 1 WHERE file_row_number BETWEEN {found[0][0] - 1} AND {found[-1][0] - 1}"
            )

    def _place(self, positions: list[int]) -> None:
        """Make the relation `place`: where the rows at these positions of the reading begin."""
        places = self.reading.places(positions)
        self.connection.register(
            "place",
            _arrow(
                position=positions,
                line=[place.line for place in places],
                file=[place.file or self.file for place in places],
            ),
        )

    def _write_rejects(self, rejects: Path) -> int:
        """One row per rejected record: its first fault in columns, all of them in `faults`."""
        self._copy(
            "WITH rejected AS (SELECT file, line, [{'rule': 'structure', 'column': NULL, 'value': NULL, 'reason': reason}]"
            f"::{_FAULTS} AS faults, record FROM broken UNION ALL SELECT file, line, faults, record FROM faulty) "
            "SELECT file, line, unnest(faults[1]), record, faults FROM rejected ORDER BY file, line",
            rejects,
        )
        return self._count(rejects)

    def _refuse_if_cut_off(self, rejects: Path) -> None:
        """A last record without a line end that is too short, or wrong where it stops: more is missing than this one.

        How many rejects the contract allows does not matter then.
        """
        found = self.connection.execute(
            f"SELECT line FROM read_parquet({literal(str(rejects))}) WHERE line = ? AND (rule = 'structure' "
            "AND reason <> 'too many columns' OR list_contains(list_transform(faults, lambda fault: fault.\"column\"), ?))",
            [self.reading.open_line(), self.fields[-1].name],
        ).fetchone()
        if found:
            raise ExtractError(
                f"line {found[0]}: the file ends in the middle of a record, it was cut off; "
                f"ask {self.contract.agency_name} to send it again"
            )

    def _without_last(self, source: Path, has_faults: bool) -> int:
        """How many records of the reading have no value in their last column."""
        last = self.fields[-1]
        empty = f"{quoted(last.name)} IS NULL"
        if has_faults:
            # What could not be typed is no value either, but was one.
            empty = f"CASE WHEN _record IS NULL THEN {empty} ELSE _record->>{literal(last.header)} IS NULL END"
        found = self.connection.execute(
            f"SELECT count(*) FROM read_parquet({literal(str(source))}) WHERE {empty}"
        ).fetchone()
        return int(found[0]) if found else 0

    def _sums(self, source: Path, columns: list[str]) -> dict[str, Any]:
        if not columns:
            return {}
        selected = ", ".join(f"coalesce(sum({quoted(name)}), 0)" for name in columns)
        found = self.connection.execute(f"SELECT {selected} FROM read_parquet({literal(str(source))})").fetchone()
        return dict(zip(columns, found or (), strict=True))

    def _copy(self, query: str, target: Path, compression: str = "zstd") -> None:
        self.connection.execute(f"COPY ({query}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION {compression})")

    def _count(self, file: Path) -> int:
        found = self.connection.execute(f"SELECT count(*) FROM read_parquet({literal(str(file))})").fetchone()
        return int(found[0]) if found else 0


def _fault(item: Field) -> str:
    return (
        f"CASE WHEN NOT {item.is_right} THEN {{'rule': 'type', 'column': {literal(item.name)}, "
        f"'value': CAST({item.text} AS VARCHAR), 'reason': {literal(item.typed.reason)}}} END"
    )


def _arrow(**columns: list[Any]) -> pa.Table:
    types = {"line": pa.int64(), "position": pa.int64()}
    return pa.table({name: pa.array(values, types.get(name, pa.string())) for name, values in columns.items()})


def _first_line(error: Exception) -> str:
    """The engine's words without what it quotes: values of people, and paths of this machine."""
    return _QUOTED.sub("…", str(error).strip().splitlines()[0])[:300]
