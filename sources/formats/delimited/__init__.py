"""Delimited text: the usual file is read by the engine, and one that is not as usual record by record, with more care."""

from pathlib import Path

import duckdb

from sources.contract import Contract
from sources.formats import Reading
from sources.formats.delimited.alternatives import Alternatives
from sources.formats.delimited.careful import read_with_care
from sources.formats.delimited.detect import detected
from sources.formats.delimited.dialect import Dialect
from sources.formats.delimited.engine_reading import EngineReading
from sources.formats.delimited.headings import find_table
from sources.formats.transcoded import in_utf8


def read(connection: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path], scratch: Path) -> Reading:
    """Open one plain text file. Raises ExtractError where its columns cannot be told or it is not in the declared encoding."""
    text = in_utf8(paths[0], contract.server.encoding, scratch)
    dialect = detected(connection, text.path, contract, Dialect.of(contract.server))
    table = find_table(text.path, contract, dialect)
    table = table.with_notes(text.notes)

    def with_care() -> Reading:
        return read_with_care(connection, contract, text.path, scratch, table)

    if not table.is_for_engine:
        return with_care()
    return EngineReading(Alternatives(connection, contract, table), text.path, table, with_care)
