"""Delimited text: the usual file is read by the engine, and one that is not as usual record by record, with more care."""

import os
import shutil
from pathlib import Path

import duckdb

from sources.contract.model import Contract
from sources.formats import Mended, Reading
from sources.formats.delimited.alternatives import Alternatives
from sources.formats.delimited.careful import read_with_care
from sources.formats.delimited.detect import detected
from sources.formats.delimited.dialect import Dialect
from sources.formats.delimited.engine_reading import EngineReading
from sources.formats.delimited.headings import Table, find_table
from sources.formats.delimited.line_ends import count_lines
from sources.formats.delimited.records import Record
from sources.formats.encoding.transcoded import Utf8Text, in_utf8

# A disk of CP/M is written in blocks of 128 bytes.
_BLOCK_BYTES = 1024


def read(connection: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path], scratch: Path) -> Reading:
    """Open one plain text file. Raises ExtractError where its columns cannot be told or it is not in the declared encoding."""
    text = _without_end_mark(in_utf8(paths[0], contract.server.encoding, scratch), scratch)
    dialect = detected(connection, text.path, contract, Dialect.of(contract.server))
    table = find_table(text.path, contract, dialect)
    table = table.with_above(_records_above(connection, contract, table)).with_notes(text.notes)

    def with_care() -> Reading:
        return read_with_care(connection, contract, text.path, scratch, table)

    if not table.is_for_engine:
        return with_care()
    return EngineReading(Alternatives(connection, contract, table), text.path, table, with_care)


def _records_above(connection: duckdb.DuckDBPyConnection, contract: Contract, table: Table) -> list[Record]:
    """Those above a heading that was looked for which have its columns, most of them with a value, and the contract's types."""
    width = len(table.headers)
    whole = [item for item in table.above if len(item.fields or ()) == width]
    likely = [item for item in whole if 2 * sum(map(bool, item.fields or ())) > width]
    if not likely or width == 1:
        return []
    fit = Alternatives(connection, contract, table).fit([item.fields or [] for item in likely])
    return [item for item, is_right in zip(likely, fit, strict=True) if is_right]


def _without_end_mark(text: Utf8Text, scratch: Path) -> Utf8Text:
    """Without the 0x1A that programs of CP/M and DOS write behind the last line, also several times to fill a block."""
    size = text.path.stat().st_size
    with text.path.open("rb") as file:
        file.seek(max(0, size - _BLOCK_BYTES))
        end = file.read()
    marks = len(end) - len(end.rstrip(b"\x1a"))
    if not marks or marks == len(end):
        return text
    target = scratch / "unmarked"
    shutil.copyfile(text.path, target)
    os.truncate(target, size - marks)
    return Utf8Text(target, (*text.notes, Mended.at(count_lines(target), "the end mark of DOS, which is no text")))
