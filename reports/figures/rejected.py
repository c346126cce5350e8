"""What was refused of an extract: counted by reason for the steward, and as files to send back in the agency's own layout."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from nights.folders import landed_folder, report_folder
from nights.record.rejects import IN_ORDER, in_record, rejects_of, shown_value
from reports.figures.no_formulas import defused
from sources.contract.model import Column, Contract, Server
from sources.contract.server.section import DETECT
from sources.typed_value import written
from warehouse.engines.duckdb.encrypted_parquet import let_read
from warehouse.engines.duckdb.engine import literal, open_database, quoted
from warehouse.files import replaced_whole
from warehouse.home import Home
from warehouse.keys.platform_key import platform_key
from warehouse.numbers_for_people import counted, several

_MOST_REASONS = 50
_DELIMITED = ("csv", "tsv")
# A spreadsheet opens so many at once; a feed whose every record is refused is sent back in parts, and not without end.
ROWS_A_FILE, MOST_FILES = 50_000, 20


@dataclass(frozen=True)
class Reason:
    """Why so many records were refused, and one value as an example; masked where the column's values are not for all eyes."""

    step: str
    column: str
    reason: str
    records: int
    example: str


@dataclass(frozen=True)
class SentBack:
    """Files for the agency, and how many of the rejects are in them; or the `command` that writes them, where they are encrypted."""

    files: tuple[Path, ...]
    written: int
    rejects: int
    command: str = ""

    @property
    def told(self) -> str:
        if self.command:
            return f"{several(self.rejects, 'reject')} (`{self.command}` writes them)"
        if self.written == self.rejects:
            return several(self.rejects, "reject")
        return f"the first {counted(self.written)} of {counted(self.rejects)} rejects; interagency rejects --csv writes all of them"


def reasons(contract: Contract, home: Home, night: date) -> list[Reason]:
    """The most frequent first; counted in the engine, so that a million of them cost no memory."""
    relation = rejects_of(contract, home, night)
    if relation is None:
        return []
    with open_database() as connection:
        let_read(connection, relation)
        found = connection.execute(f"""
            SELECT step, coalesce("column", ''), reason, count(*), min({shown_value(contract)})[:80]
            FROM {relation}
            GROUP BY ALL
            ORDER BY count(*) DESC, 1 DESC, 2, 3
            LIMIT {_MOST_REASONS}""").fetchall()
    return [Reason(*row) for row in found]


def write_back(contract: Contract, home: Home, night: date) -> SentBack | None:
    """CSV files in `sent_back/<night>/`, as `write_all` writes one, for a spreadsheet.

    What an earlier report of the night left there is replaced.
    """
    folder = home.sent_back / night.isoformat()
    for file in folder.glob(f"{contract.relation}-{night}*.csv"):
        file.unlink()
    relation = rejects_of(contract, home, night)
    if relation is None:
        return None
    with open_database() as connection:
        total = _count(connection, relation)
        if not total:
            return None
        if contract.is_protected and platform_key() is not None:
            # No copy in clear of what is encrypted: the command writes one where and when it is sent.
            return SentBack(
                (), 0, total, f"interagency rejects {contract.agency} {contract.feed} --extract-date {night} --csv FILE"
            )
        _gather(connection, contract, relation, ROWS_A_FILE * MOST_FILES)
        written = min(total, ROWS_A_FILE * MOST_FILES)
        files = []
        for part, first in enumerate(range(1, written + 1, ROWS_A_FILE), start=1):
            file = folder / f"{contract.relation}-{night}{f'-{part}' if written > ROWS_A_FILE else ''}.csv"
            _copy(connection, file, first, contract.server, ROWS_A_FILE)
            files.append(file)
    return SentBack(tuple(files), written, total)


def write_all(contract: Contract, relation: str, target: Path) -> int:
    """One CSV file of all rejects, by line: the agency's own headings, then the line, the reasons and what was no row at all.

    Returns how many.
    """
    with open_database() as connection:
        total = _count(connection, relation)
        _gather(connection, contract, relation, total)
        _copy(connection, target, 1, contract.server, total)
    return total


def forget_sent_back(contracts: Sequence[Contract], home: Home) -> None:
    """Delete the files of nights whose rejects are gone: they stay as long as the contract keeps what was sent.

    Those that an earlier version put among the pages go at once: pages are shown to others.
    """
    for folder in report_folder(home).glob("nights/*/rejects"):
        shutil.rmtree(folder)
    for contract in contracts:
        for file in home.sent_back.glob(f"*/{contract.relation}-*.csv"):
            night = date.fromisoformat(file.parent.name)
            if not landed_folder(contract, home, night).exists():
                file.unlink()


def _gather(connection: duckdb.DuckDBPyConnection, contract: Contract, relation: str, most: int) -> None:
    """The first rejects, as the agency's file has them, into the table `refused`."""
    files = connection.execute(f"SELECT count(*) FROM {relation} WHERE file <> ''").fetchone()
    connection.execute(f"""
        CREATE TABLE refused AS
        SELECT row_number() OVER (ORDER BY {IN_ORDER}) AS number, {_columns(contract, files != (0,))}
        FROM {relation}
        ORDER BY {IN_ORDER}
        LIMIT {most}""")


def _columns(contract: Contract, has_files: bool) -> str:
    """Each of the agency's columns as text, from the reject's record; what was no row of the feed stands whole in the last one."""
    is_row = "rule <> 'structure' AND json_valid(record)"
    listed = [f"{defused(_value(column, is_row))} AS {quoted(column.header)}" for column in contract.columns]
    told = (
        "array_to_string(list_transform(faults, lambda fault: concat_ws(': ', fault.\"column\", fault.reason)), '; ')"
    )
    return ", ".join([
        *listed,
        *([f"{defused('file')} AS _file"] if has_files else []),
        "line AS _line",
        f"{defused(told)} AS _reason",
        f"{defused(f'CASE WHEN {is_row} THEN NULL ELSE record END')} AS _as_sent",
    ])  # fmt: skip


def _value(column: Column, is_row: str) -> str:
    """A record that could not be read again as it was sent has typed values by the contract's names."""
    sent, typed = in_record(column.header), written(column, in_record(column.name))
    return f"CASE WHEN NOT ({is_row}) THEN NULL WHEN is_as_sent THEN {sent} ELSE {typed} END"


def _copy(connection: duckdb.DuckDBPyConnection, file: Path, first: int, server: Server, rows: int) -> None:
    """With the agency's delimiter and letters. For nobody's eyes but the steward's: it holds what people are."""
    delimiter = server.delimiter if len(server.delimiter) == 1 else ","
    with replaced_whole(file) as temporary:
        connection.execute(f"""
            COPY (
              SELECT * EXCLUDE (number)
              FROM refused
              WHERE number BETWEEN {first} AND {first + rows - 1}
              ORDER BY number
            ) TO {literal(str(temporary))} (FORMAT csv, HEADER, DELIMITER {literal(delimiter)})""")
        temporary.chmod(0o600)
        if server.format in _DELIMITED and server.encoding != DETECT:
            # What the agency's letters lack is in what we say of its record alone.
            temporary.write_bytes(temporary.read_bytes().decode().encode(server.encoding, "backslashreplace"))


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    let_read(connection, relation)
    found = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
    return int(found[0]) if found else 0
