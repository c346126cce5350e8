"""Landed rows as they were sent: the originals read once more for the line and the texts of a few of them.

What landed has values in the contract's types alone, and no lines: to keep them for every row would cost each night what only
a night with rejects needs.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from sources.arrival.limits import Meter
from sources.arrival.manifest import REJECTS, ROWS, Manifest
from sources.contract.model import Contract
from sources.contract.server.known_formats import form
from sources.errors import ExtractError
from sources.formats import NotSure, Reading, read
from sources.formats.packing.unpack import unpacked
from sources.landing.faulty_records import placed
from sources.landing.matched_columns import Field, agreed, fields_of, typed_query
from sources.landing.sealed_originals import plain_original
from warehouse.engines.duckdb.encrypted_parquet import let_read, readable
from warehouse.engines.duckdb.engine import ENGINE_ERRORS, literal, open_database, quoted, write_parquet


def write_as_sent(contract: Contract, landing: Path, wanted: str, target: Path) -> bool:
    """A Parquet file of the landed rows whose numbers (from 1) the query `wanted` gives as `row`: row, file, line, record.

    `record` is JSON of the file's headings and texts, as of a landing reject. False where the originals in the folder
    `landing`, read as the contract says today, are not what landed: then nothing is known of any row.
    """
    # Beside the target: records lie nowhere but in the home.
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch, open_database() as connection:
        try:
            _Originals(connection, contract, landing, Path(scratch)).find(wanted)
        except (ExtractError, NotSure, _Unlike, OSError):
            return False
        write_parquet(connection, "SELECT row, file, line, record FROM as_sent ORDER BY row", target)
    return True


class _Unlike(Exception):
    """What was read is not what landed."""


@dataclass(frozen=True)
class _Part:
    """Files that are read together; their rows landed behind `before` others. `name` tells them from other parts."""

    files: list[Path]
    name: str
    number: int
    before: int


class _Originals:
    """The originals of one landed extract. What is found goes into the temporary table `as_sent`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, contract: Contract, landing: Path, scratch: Path) -> None:
        self._connection, self._contract, self._scratch = connection, contract, scratch
        self._landing, self._manifest = landing, Manifest.read(landing)
        self._rejects = readable(connection, landing / REJECTS)
        self._landed = readable(connection, landing / ROWS, "file_row_number = true")
        control = self._manifest.control
        names = [
            item.path
            for item in self._manifest.originals
            if control is None or Path(item.path).name != Path(control).name
        ]
        self._originals = [plain_original(landing, name, scratch) for name in names]

    def find(self, wanted: str) -> None:
        """Raises what reading raises, and _Unlike."""
        columns = self._connection.execute(f"DESCRIBE FROM {self._rejects}").fetchall()
        if "position" not in [name for name, *_ in columns]:
            # An earlier version did not keep it.
            raise _Unlike
        let_read(self._connection, wanted)
        self._connection.execute(f"CREATE TEMP TABLE wanted AS {wanted}")
        self._connection.execute("CREATE TEMP TABLE as_sent (row BIGINT, file VARCHAR, line BIGINT, record VARCHAR)")
        meter = Meter(self._contract, time.monotonic())
        plain = unpacked(self._originals, self._scratch, self._contract, meter)
        groups = [plain] if form(self._contract).reads_many else [[file] for file in plain]
        before = 0
        for number, files in enumerate(groups):
            name = files[0].file if len(groups) > 1 else ""
            before += self._find_in(_Part([file.path for file in files], name, number, before), len(groups) == 1)
        if self._count("as_sent") != self._count("wanted"):
            raise _Unlike

    def _count(self, table: str) -> int:
        found = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(found[0]) if found else 0

    def _find_in(self, part: _Part, is_only: bool) -> int:
        """How many rows of the part landed."""
        scratch = self._scratch / f"part-{part.number}"
        scratch.mkdir()
        reading = read(self._connection, self._contract, part.files, scratch)
        try:
            return self._take(part, is_only, reading, scratch / "texts.parquet")
        except (NotSure, _Unlike):
            if not reading.has_care:
                raise
            return self._take(part, is_only, reading.with_care(), scratch / "texts.parquet")

    def _count_landed(self, part: _Part, reading: Reading) -> int:
        """Every column is asked for: the engine tells records of another shape by those that it reads."""
        columns = ", ".join(f"count({quoted(header)})" for header in reading.headers)
        counted = self._connection.execute(f"SELECT count(*), {columns} FROM {reading.relation}").fetchone() or (0,)
        self._forget_read()
        faulty = self._connection.execute(
            f"SELECT count(position) FROM {self._rejects} WHERE file = ?", [part.name]
        ).fetchone() or (0,)
        return int(counted[0]) - int(faulty[0])

    def _take(self, part: _Part, is_only: bool, reading: Reading, texts: Path) -> int:
        landed = self._manifest.rows_landed if is_only else self._count_landed(part, reading)
        self._connection.execute("DELETE FROM as_sent WHERE row > ?", [part.before])
        self._connection.execute(self._positions(part, landed))
        fields = fields_of(self._contract, reading)
        try:
            write_parquet(self._connection, self._texts(fields, reading), texts)
        except ENGINE_ERRORS:
            raise _Unlike from None
        source = readable(self._connection, texts)
        self._check(fields, source)
        # The reading tells them apart by what it met on its way, and may not be sure of it.
        reading.broken()
        record = ", ".join(f"{literal(item.header)}: CAST({item.text} AS VARCHAR)" for item in agreed(fields))
        for first, last in placed(self._connection, reading, f"SELECT position FROM {source}", part.name):
            self._connection.execute(f"""
                INSERT INTO as_sent
                SELECT row, place.file, place.line, CAST(to_json({{{record}}}) AS VARCHAR)
                FROM {source} JOIN place USING (position)
                WHERE position BETWEEN {first} AND {last}""")
        self._forget_read()
        return landed

    def _positions(self, part: _Part, landed: int) -> str:
        """Which records of the reading the wanted rows are: the faulty ones among them did not land."""
        return f"""
            CREATE OR REPLACE TEMP TABLE at_position AS
            WITH faulty AS (
              SELECT position, row_number() OVER (ORDER BY position) AS nth
              FROM {self._rejects}
              WHERE position IS NOT NULL AND ({len(part.name) == 0} OR file = {literal(part.name)})
            ), gap AS (
              SELECT position - nth AS rows_before, max(nth) AS faulty_before
              FROM faulty
              GROUP BY ALL
            ), here AS (
              SELECT row, row - {part.before} AS nth_here
              FROM wanted
              WHERE row > {part.before} AND row <= {part.before + landed}
            )
            SELECT row, nth_here + coalesce(faulty_before, 0) AS position
            FROM here ASOF LEFT JOIN gap ON nth_here > rows_before"""

    def _texts(self, fields: list[Field], reading: Reading) -> str:
        texts = ", ".join(f"{quoted(item.header)} AS {item.text}" for item in fields)
        return f"""
            WITH numbered AS (
              SELECT row_number() OVER () AS position, {texts}
              FROM {reading.relation}
            )
            SELECT row, numbered.*
            FROM numbered JOIN at_position USING (position)
            ORDER BY position"""

    def _check(self, fields: list[Field], source: str) -> None:
        """Every row that was wanted here is there, and its texts make the values that landed."""
        known = agreed(fields)
        is_alike = " AND ".join(f"{item.value} IS NOT DISTINCT FROM landed.{quoted(item.name)}" for item in known)
        texts = {item.text: item.text for item in fields}
        alike = self._connection.execute(f"""
            SELECT count(*)
            FROM {typed_query(fields, texts, source, "row, ")} AS again
            JOIN {self._landed} AS landed ON landed.file_row_number + 1 = again.row
            WHERE {is_alike}""").fetchone()
        if alike != (self._count("at_position"),):
            raise _Unlike

    def _forget_read(self) -> None:
        """The engine adds what it rejects of the next file to what it rejected before."""
        self._connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
