"""The records that are rows of a feed in shape but not in content: which they are, where they stand, and all their faults."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from sources.formats import Reading
from sources.landing.matched_columns import Field, agreed, differs_from, selected_values, typed_query
from warehouse.engines.duckdb.encrypted_parquet import parquet, readable
from warehouse.engines.duckdb.engine import literal, quoted, write_parquet

FAULTS = 'STRUCT("rule" VARCHAR, "column" VARCHAR, "value" VARCHAR, "reason" VARCHAR)[]'
_PLACES = 200_000


@dataclass(frozen=True)
class Check:
    """A condition on each record, and the fault of one that does not meet it, as SQL."""

    is_right: str
    fault: str
    sequence: str

    @property
    def counted(self) -> str:
        """The condition; as a side effect the engine counts in the sequence how often it was not met.

        It keeps the engine from computing the typed values twice too, once to filter and once to write: an expression with
        side effects is not moved to where the values are not there yet.
        """
        return f"CASE WHEN {self.is_right} THEN true ELSE nextval({literal(self.sequence)}) < 0 END"


class FaultyRecords:
    """Of one reading; `scratch` is for what lies between. They go into the temporary table `faulty` with their places."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, reading: Reading, fields: list[Field], scratch: Path
    ) -> None:
        self._connection, self._reading, self._fields = connection, reading, fields
        self._marked, self._file = scratch / "marked.parquet", scratch / "faulty.parquet"
        self._has_any = False
        self.checks = [_type_check(item) for item in fields if item.typed.reason]
        headings = [[item.header for item in fields]] if reading.has_heading_row else reading.heading_rows
        self.checks += [_heading_check(fields, texts, number) for number, texts in enumerate(headings)]
        columns = f"file VARCHAR, line BIGINT, position BIGINT, faults {FAULTS}, record VARCHAR"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE faulty ({columns})")
        for check in self.checks:
            connection.execute(f"CREATE OR REPLACE TEMP SEQUENCE {check.sequence}")

    def unmet(self) -> list[Check]:
        """The checks that some record did not meet, once all have been asked: each faulty record is in the count of one."""
        found = self._connection.execute(
            "SELECT sequence_name FROM duckdb_sequences() WHERE last_value IS NOT NULL"
        ).fetchall()
        names = {name for (name,) in found}
        return [check for check in self.checks if check.sequence in names]

    def find(self, unmet: list[Check], file: str) -> None:
        """Read once more, with the checks alone that some record did not meet; what is right was written before."""
        texts = {item.text: quoted(item.header) for item in self._fields}
        # One list of texts: a struct is twice as dear to write, though nearly all of them are null.
        raw = ", ".join(item.text if _is_text(item) else f"CAST({item.text} AS VARCHAR)" for item in self._fields)
        is_right = " AND ".join(check.is_right for check in unmet)
        # A file that holds a record for each one read: the engine numbers its rows, and those of a text file it does not.
        marked = f"""
            SELECT CASE WHEN {is_right} THEN NULL ELSE [{raw}] END AS raw
            FROM {typed_query(self._fields, texts, self._reading.relation)}
        """
        write_parquet(self._connection, marked, self._marked)
        self._write_file()
        self._insert(file)
        self._has_any = True

    def _write_file(self) -> None:
        texts = {
            item.text: raw if _is_text(item) else f"CAST({raw} AS {item.source_type})"
            for item in self._fields
            for raw in [f"raw[{item.number + 1}]"]
        }
        source = f"{parquet(self._marked, 'file_row_number = true')} WHERE raw IS NOT NULL"
        faults = ", ".join(f"CASE WHEN {check.is_right} THEN NULL ELSE {check.fault} END" for check in self.checks)
        record = ", ".join(f"{literal(item.header)}: {item.text}" for item in agreed(self._fields))
        faulty = f"""
            SELECT {selected_values(agreed(self._fields))},
                _position,
                CAST(to_json({{{record}}}) AS VARCHAR) AS _record,
                {self._no_text(1)} AS _is_without_1,
                {self._no_text(2)} AS _is_without_2,
                list_filter([{faults}], lambda fault: fault IS NOT NULL) AS _faults
            FROM {typed_query(self._fields, texts, source, "file_row_number + 1 AS _position, ")}
        """
        write_parquet(self._connection, faulty, self._file)

    def _insert(self, file: str) -> None:
        """A column in another form than before makes every record a reject: their places are looked up part by part."""
        source = readable(self._connection, self._file)
        for first, last in placed(self._connection, self._reading, f"SELECT _position FROM {source}", file):
            self._connection.execute(f"""
                INSERT INTO faulty
                SELECT place.file, place.line, _position, _faults, _record
                FROM {source}
                JOIN place ON place.position = _position
                WHERE _position BETWEEN {first} AND {last}
            """)

    def with_rows(self, rows: Path) -> str:
        """All typed records as a relation: the right ones in `rows`, and of the faulty ones what could be typed."""
        names = ", ".join(quoted(item.name) for item in agreed(self._fields))
        files = [rows, self._file] if self._has_any else [rows]
        typed = [f"SELECT {names} FROM {readable(self._connection, path)}" for path in files]
        return f"({' UNION ALL '.join(typed)})"

    def _no_text(self, columns: int) -> str:
        return " AND ".join(f"{item.text} IS NULL" for item in self._fields[-columns:])

    def without_last(self, columns: int) -> int:
        """How many have no text in their last column, or in the last two; a text that could not be typed is one."""
        if not self._has_any:
            return 0
        found = self._connection.execute(
            f"SELECT count(*) FROM {readable(self._connection, self._file)} WHERE _is_without_{columns}"
        ).fetchone()
        return int(found[0]) if found else 0


def _is_text(item: Field) -> bool:
    return item.source_type == "VARCHAR"


def _type_check(item: Field) -> Check:
    fault = (
        f"{{'rule': 'type', 'column': {literal(item.name)}, 'value': CAST({item.text} AS VARCHAR), "
        f"'reason': {item.typed.why}}}"
    )
    return Check(item.is_right, fault, f"fault_{item.number}")


def _heading_check(fields: list[Field], texts: Sequence[str | None], number: int) -> Check:
    """Where the header is a row of the file, or several, it may be there again, as in pages put together."""
    fault = "{'rule': 'structure', 'column': NULL, 'value': NULL, 'reason': 'the header once more'}"
    return Check(differs_from(fields, texts), fault, f"fault_heading_{number}")


def placed(
    connection: duckdb.DuckDBPyConnection, reading: Reading, positions: str, file: str
) -> Iterator[tuple[int, int]]:
    """Look up where the records at these positions begin, part by part: first and last position of each.

    `positions` is a query for them. While a part is had, the relation `place` has position, line and file of its records.
    """
    found = connection.cursor().execute(f"{positions} ORDER BY 1")
    while rows := found.fetchmany(_PLACES):
        part = [position for (position,) in rows]
        places = reading.places(part)
        files, lines = [place.file or file for place in places], [place.line for place in places]
        connection.register("place", arrow(position=part, line=lines, file=files))
        yield part[0], part[-1]


def arrow(**columns: list[Any]) -> pa.Table:
    types = {"line": pa.int64(), "position": pa.int64()}
    return pa.table({name: pa.array(values, types.get(name, pa.string())) for name, values in columns.items()})
