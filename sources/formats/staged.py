"""Rows that a reader of ours makes record by record: kept as text in a file in scratch, with their places, until they are typed."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats import BrokenRecord, Place, Reading, refuse_if_too_many_broken
from sources.formats.habits import Habits
from warehouse.engines.duckdb.encrypted_parquet import parquet, readable
from warehouse.engines.duckdb.engine import quoted, write_parquet

_BATCH_ROWS = 20_000
# A few wide or long records fill as much memory as many usual ones.
_BATCH_CELLS, _BATCH_CHARACTERS = 2_000_000, 64 << 20
# A feed that invents column upon column is not a table.
MAX_NEW_COLUMNS = 500


class Stage:
    """Takes records in the order of the file: rows as texts in the order of `headers`, and broken records."""

    def __init__(self, target: Path, headers: Sequence[str]) -> None:
        self.headers, self.path = tuple(headers), target
        self.broken: list[BrokenRecord] = []
        self._broken_characters = 0
        self.count = 0
        self._values = np.zeros(len(self.headers), np.int64)
        # The columns go by number: whatever an agency calls a column, it cannot meet `line` or `file`.
        names = [str(number) for number in range(len(self.headers))]
        self._schema = pa.schema(
            [*((name, pa.string()) for name in names), ("line", pa.int64()), ("file", pa.string())]
        )
        self._batch_rows = max(1, min(_BATCH_ROWS, _BATCH_CELLS // max(1, len(self.headers))))
        self._characters = 0
        self._rows: list[tuple[str | None, ...]] = []
        self._places: list[tuple[int, str]] = []
        self._writer = pq.ParquetWriter(target, self._schema, compression="lz4", use_dictionary=False)

    def add(self, row: tuple[str | None, ...], line: int, file: str = "") -> None:
        self.count += 1
        self._rows.append(row)
        self._places.append((line, file))
        self._characters += sum(map(len, filter(None, row)))
        if len(self._rows) >= self._batch_rows or self._characters >= _BATCH_CHARACTERS:
            self._flush()

    def add_columns(self, columns: Sequence[pa.Array], lines: pa.Array, file: str = "") -> None:
        """Many rows at once, as one array of texts for each header."""
        self._flush()
        files = pa.array([file] * len(lines), pa.string())
        table = pa.table([*columns, lines, files], schema=self._schema)
        self._values += [len(lines) - column.null_count for column in columns]
        self._writer.write_table(table, row_group_size=_BATCH_ROWS)
        self.count += len(lines)

    def reject(self, record: BrokenRecord) -> None:
        self.broken.append(record)
        self._broken_characters += len(record.record)
        refuse_if_too_many_broken(len(self.broken), self._broken_characters, record.line)

    def habits(self) -> Habits:
        """Of the rows so far."""
        self._flush()
        return Habits.of(self.count, self._values.tolist())

    def discard(self) -> None:
        self._writer.close()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def sort(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Put rows that were added late in their places. The stage must be closed."""
        rows = f"FROM {parquet(self.path)} ORDER BY file, line"
        target = self.path.with_suffix(".sorted")
        write_parquet(connection, rows, target)
        target.replace(self.path)

    def reading(self, connection: duckdb.DuckDBPyConnection) -> "StagedReading":
        self.close()
        return StagedReading(connection, self)

    def _flush(self) -> None:
        if self._rows:
            columns = [*zip(*self._rows, strict=True), *zip(*self._places, strict=True)]
            arrays = [pa.array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
            self._values += [len(self._rows) - array.null_count for array in arrays[: len(self.headers)]]
            self._writer.write_table(pa.table(arrays, schema=self._schema))
            self._rows, self._places, self._characters = [], [], 0


class StagedReading(Reading):
    """What a Stage took; see `formats.Reading`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, stage: Stage) -> None:
        self._connection, self._stage = connection, stage
        self.headers = stage.headers
        columns = ", ".join(f"{quoted(str(number))} AS {quoted(name)}" for number, name in enumerate(stage.headers))
        self._source = readable(connection, stage.path, "file_row_number = true")
        self.relation = f"(SELECT {columns} FROM {self._source})"

    def broken(self) -> list[BrokenRecord]:
        return self._stage.broken

    def records(self, found: int) -> int:
        """As many as our own reader met."""
        return self._stage.count + len(self._stage.broken)

    def places(self, positions: list[int]) -> list[Place]:
        self._connection.register("wanted_positions", pa.table({"position": pa.array(positions, pa.int64())}))
        found = self._connection.execute(f"""
            SELECT file_row_number + 1, line, file
            FROM {self._source}
            WHERE file_row_number + 1 IN (SELECT position FROM wanted_positions)
        """).fetchall()
        places = {position: Place(line, file) for position, line, file in found}
        return [places[position] for position in positions]


def known_headers(contract: Contract, seen: Iterable[str], has_records: bool) -> list[str]:
    """The contract's columns that the extract knows, in the contract's order; all of them where it has no record at all."""
    seen = set(seen)
    return [column.header for column in contract.columns if not has_records or column.header in seen]


def refuse_too_many(contract: Contract, new: int) -> None:
    """Raises ExtractError where the records have columns that the contract does not know, and no end of them."""
    if new > MAX_NEW_COLUMNS:
        raise ExtractError(
            f"the records have more than {MAX_NEW_COLUMNS} names that the contract does not know; "
            f"mend where {contract.path.name} looks for the records, or ask {contract.agency_name} what changed"
        )


def refuse_if_empty_snapshot(contract: Contract, has_records: bool) -> None:
    """Raises ExtractError for a whole extract without any record, in a format whose file says nothing without them.

    Such a file is more likely a broken transfer than an empty agency. A workbook with headings, a well-formed document or a
    proven register says itself that there is no record, and then it is the contract's rule on the row count that judges.
    """
    if not has_records and contract.extract_mode == "snapshot":
        raise ExtractError(f"there is no record in the file; ask {contract.agency_name} to send the extract again")
