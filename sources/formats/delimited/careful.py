"""Delimited text read record by record: what the engine cannot read, or cannot read without losing a broken record's neighbours."""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats import BrokenRecord, Mended, Reading
from sources.formats.delimited.alternatives import Alternatives, Mendings
from sources.formats.delimited.fields import FieldParser
from sources.formats.delimited.headings import Table
from sources.formats.delimited.line_ends import count_lines
from sources.formats.delimited.records import (
    ABOVE,
    MISQUOTED,
    TOO_FEW,
    TOO_MANY,
    Record,
    Records,
    lines_of,
    open_text,
    told_of_end,
)
from sources.formats.staged import Stage, StagedReading


def read_with_care(
    connection: duckdb.DuckDBPyConnection, contract: Contract, path: Path, scratch: Path, table: Table
) -> Reading:
    """Raises ExtractError where a line has no end, or the lines of the file are not all accounted for."""
    stage = Stage(scratch / "careful.parquet", table.headers)
    alternatives = Alternatives(connection, contract, table)
    reader = _Reader(path, table, stage, alternatives)
    reader.run()
    is_in_order = not alternatives.settle(stage, reader.mended)
    stage.broken = told_of_end(sorted(stage.broken, key=lambda record: record.line), path)
    stage.close()
    if not is_in_order:
        stage.sort(connection)
    return CarefulReading(connection, stage, reader)


class _Reader:
    """One file on its way to a stage. `mended` are the records and headings that were read otherwise than they are written."""

    def __init__(self, path: Path, table: Table, stage: Stage, alternatives: Alternatives) -> None:
        self.path, self.table, self._stage, self._alternatives = path, table, stage, alternatives
        self._width, self._nulls = len(table.headers), frozenset(table.dialect.nulls)
        self.mended = Mendings()

    def run(self) -> None:
        above = self.table.lines_above
        for record in self.table.above:
            self._stage.reject(BrokenRecord(record.line, ABOVE, record.raw))
        with open_text(self.path) as file:
            lines = lines_of(file)
            for _ in range(above):
                next(lines, None)
            parser = FieldParser(self.table.dialect)
            records = Records(lines, parser, above + 1, self._width, self._alternatives.are_rows)
            taken = sum(record.lines for record in self._sorted(records))
        missed = count_lines(self.path) - above - records.blank - taken
        if missed > 0 or records.lines != records.blank + taken:
            raise ExtractError(
                f"{missed} lines of the file were not read; nothing was taken, tell the platform's maintainers"
            )

    def _sorted(self, records: Records) -> Iterator[Record]:
        """Row by row: the file is one that SQL cannot read."""
        footer, width = self.table.dialect.footer, self._width
        for record in records:
            fields = record.fields
            if footer and footer.search((fields or [record.text])[0]):
                self.mended.add(record.line, "a footer, which is no record")
            elif fields is None:
                self._broken(record, record.fault)
            elif len(fields) == width:
                self._stage.add(self._row(fields), record.line)
            elif len(fields) < width:
                self._broken(record, TOO_FEW)
            elif len(fields) == width + self.table.unnamed and not any(fields[width:]):
                self._stage.add(self._row(fields[:width]), record.line)
            else:
                self._broken(record, TOO_MANY)
            yield record

    def _broken(self, record: Record, reason: str) -> None:
        broken = BrokenRecord(record.line, reason, record.raw)
        if record.lines > 1 or reason not in (MISQUOTED, TOO_MANY) or not self._alternatives.take(broken):
            self._stage.reject(broken)

    def _row(self, fields: list[str]) -> tuple[str | None, ...]:
        nulls = self._nulls
        return tuple([None if field in nulls else field for field in fields])


class CarefulReading(StagedReading):
    """See `formats.Reading`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, stage: Stage, reader: _Reader) -> None:
        super().__init__(connection, stage)
        self._reader = reader
        self.heading, self.has_heading_row = reader.table.heading, reader.table.dialect.heading_rows == 1
        self.heading_rows = reader.table.rows

    def mended(self) -> list[Mended]:
        return [*self._reader.table.notes, *self._reader.mended.found()]
