"""The sample of a new feed opened: fetched, its format, encoding and dialect guessed, its rows loaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import duckdb

from sources.arrival.limits import Meter
from sources.arrival.request import Pull
from sources.connectors import fetch
from sources.contract.grants import Grant
from sources.contract.model import Contract, Server, ServiceLevel
from sources.draft.columns.texts import with_text_rules
from sources.draft.opening.guessed_dialect import guessed_dialect
from sources.draft.opening.json_place import guessed_place
from sources.draft.opening.workbook_table import guessed_table
from sources.draft.sample import AS_READ, TABLE, Sample, place_beside, told_lines
from sources.errors import ExtractError
from sources.formats import NotSure, Reading, read
from sources.formats.encoding.text_encoding import guessed_encoding
from sources.formats.other_kinds import refuse_other_kind
from sources.formats.packing.unpack import Plain, unpacked
from warehouse.engines.duckdb.engine import ENGINE_ERRORS, literal, open_database, quoted, safe_message

_FORMATS = {".csv": "csv", ".txt": "csv", ".tsv": "csv", ".parquet": "parquet", ".json": "json", ".jsonl": "jsonl",
            ".ndjson": "jsonl", ".xlsx": "excel", ".xlsb": "excel", ".xls": "excel", ".ods": "excel"}  # fmt: skip


@contextmanager
def opened(place: str) -> Iterator[Sample]:
    """Fetch and read the file or URL. Raises ExtractError where it is not there, or in no format that can be guessed."""
    with TemporaryDirectory() as folder, open_database() as connection:
        contract = _provisional(place)
        into, scratch = Path(folder) / "original", Path(folder) / "scratch"
        into.mkdir()
        scratch.mkdir()
        pull = Pull(contract, datetime.now(UTC).date(), into)
        plain = _only_file(place, unpacked([into / fetch(pull).files[0]], scratch, contract, Meter.of(pull)))
        kind = _kind(plain)
        server, doubts = _guessed(replace(contract.server, format=kind), plain)
        sample = _loaded(connection, replace(contract, server=server), plain, scratch)
        sample = replace(sample, doubts=(*doubts, *sample.doubts))
        try:
            yield with_text_rules(sample) if kind == "csv" else sample
        except ENGINE_ERRORS as error:
            raise _no_table(place, error) from None


def _no_table(place: str, error: Exception) -> ExtractError:
    return ExtractError(
        f"{place} is no table that a draft can be made of ({safe_message(error)}); write the contract by hand"
    )


def _loaded(connection: duckdb.DuckDBPyConnection, contract: Contract, plain: Path, scratch: Path) -> Sample:
    """All rows, in a file: what is right for the first ones only would not pass its own draft."""
    place = contract.server.location
    reading = read(connection, contract, [plain], scratch)
    if _is_unsure(connection, reading):
        reading = reading.with_care()
    if not reading.headers:
        raise ExtractError(f"{place} has no record with columns; ask the agency for records with names")
    _refuse_equal(reading.headers)
    connection.execute(f"ATTACH {literal(str(scratch / 'rows.duckdb'))} AS kept")
    try:
        doubts = _kept(connection, reading, place)
    except NotSure:
        # What a first look passed over is seen when every value is read.
        reading = reading.with_care()
        doubts = _kept(connection, reading, place)
    row = place_beside(reading.headers)
    connection.execute(f"CREATE VIEW {TABLE} AS SELECT *, rowid + 1 AS {quoted(row)} FROM {AS_READ}")
    count = connection.execute(f"SELECT count(*) FROM {TABLE}").fetchone() or (0,)
    if not count[0]:
        wrong = next(iter(reading.broken()), None)
        if wrong is not None:
            raise ExtractError(
                f"{place} has no whole record (line {wrong.line}: {wrong.reason}); ask the agency for a sample that has"
            )
        raise ExtractError(f"{place} has no rows; a draft needs some")
    return Sample(
        connection, contract.server, reading.headers, dict(reading.types), int(count[0]), doubts, row,
        lambda positions: [place.line for place in reading.places(positions)],
    )  # fmt: skip


def _kept(connection: duckdb.DuckDBPyConnection, reading: Reading, place: str) -> tuple[str, ...]:
    """Keep all rows in a table; returns the doubts on the others. Raises NotSure where they need a reading with care."""
    try:
        connection.execute(f"CREATE OR REPLACE TABLE {AS_READ} AS FROM {reading.relation}")
    except ENGINE_ERRORS as error:
        raise _no_table(place, error) from None
    return _doubts_on(reading)


def _doubts_on(reading: Reading) -> tuple[str, ...]:
    """What of the file is no row, by reason."""
    lines: dict[str, set[int]] = {}
    for item in reading.broken():
        lines.setdefault(item.reason, set()).add(item.line)
    return tuple(
        f"{told_lines(sorted(found))} is no whole row ({reason}), and rejected." for reason, found in lines.items()
    )


def _is_unsure(connection: duckdb.DuckDBPyConnection, reading: Reading) -> bool:
    if not reading.has_care:
        return False
    try:
        connection.execute(f"SELECT count(COLUMNS(*)) FROM {reading.relation}").fetchall()
        reading.broken()
    except (*ENGINE_ERRORS, NotSure):
        return True
    return False


def _refuse_equal(headers: tuple[str, ...]) -> None:
    """Raises ExtractError for `ID` beside `id`: to the engine, as to most databases, they are one column."""
    seen: dict[str, str] = {}
    for header in headers:
        # The engine folds the letters of ASCII alone.
        folded = "".join(letter.lower() if letter.isascii() else letter for letter in header)
        if folded in seen:
            raise ExtractError(
                f"the columns {seen[folded]} and {header} differ in capital letters alone and cannot be told apart; "
                "ask the agency for other names"
            )
        seen[folded] = header


def _provisional(place: str) -> Contract:
    """A contract without columns, enough to fetch a file by."""
    is_url = urlsplit(place).scheme in ("http", "https")
    location = place if is_url else str(Path(place).expanduser().resolve())
    day = timedelta(days=1)
    return Contract(
        path=Path("the contract"), agency="draft", feed="draft", agency_name="the agency", id="draft", version="", title="", description="",
        server=Server("api" if is_url else "local", location, "", ",", "utf-8"), physical_name="draft", columns=(), quality=(), references=(),
        service_level=ServiceLevel(day, "02:00", day, day), contacts=(), extract_mode="snapshot", increment=None,
        reject_threshold=Decimal(0), largest_drop=Decimal(1), date_proof=None, grant=Grant("draft").with_place(place),
    )  # fmt: skip


def _only_file(place: str, found: list[Plain]) -> Path:
    if len(found) > 1:
        raise ExtractError(f"{place} holds {len(found)} files; name a sample of one of them")
    return found[0].path


def _kind(plain: Path) -> str:
    """The format by the file's name, without what packed it."""
    kind = _FORMATS.get(plain.suffix.lower())
    if kind is None:
        known = ", ".join(sorted(_FORMATS))
        raise ExtractError(
            f"{plain.name} is of no kind that a draft can be made of ({known}); write the contract by hand"
        )
    return kind


def _guessed(server: Server, plain: Path) -> tuple[Server, tuple[str, ...]]:
    """The server with encoding and options, and the doubts about them."""
    if server.format == "parquet":
        return server, ()
    if server.format == "excel":
        table = guessed_table(plain)
        return replace(server, options=table.options), _said(table.doubt)
    refuse_other_kind(plain, server.format, "the agency")
    encoding = guessed_encoding(plain)
    server = replace(server, encoding=encoding.name)
    if server.format == "csv":
        options = guessed_dialect(plain, encoding.name)
        return replace(server, delimiter=options["delimiter"], options=options), _said(encoding.doubt)
    if server.format == "jsonl":
        return server, _said(encoding.doubt)
    place = guessed_place(plain, encoding.name)
    return replace(server, format=place.format, options=place.options), _said(encoding.doubt, place.doubt)


def _said(*doubts: str) -> tuple[str, ...]:
    return tuple(filter(None, doubts))
