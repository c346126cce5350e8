"""The sample of a new feed: fetched, its format and dialect guessed, its rows in a table of the engine."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import duckdb
from charset_normalizer import from_bytes

from sources.connectors import ExtractError, Pull, fetch
from sources.contract import Contract, Server, ServiceLevel
from sources.formats import read
from sources.formats.packed import unpacked
from warehouse.engine import literal, open_database, quoted, safe_message

MAX_ROWS = 200_000
TABLE = "sample"
_HEAD_BYTES = 1 << 20
_FORMATS = {".csv": "csv", ".txt": "csv", ".tsv": "tsv", ".parquet": "parquet", ".json": "json", ".jsonl": "jsonl",
            ".ndjson": "jsonl", ".xlsx": "excel", ".xls": "excel", ".ods": "excel"}  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """A table `sample` in `connection`: one column for each header, `types` of those that are not text."""

    connection: duckdb.DuckDBPyConnection
    server: Server
    headers: tuple[str, ...]
    types: dict[str, str]
    rows: int

    def holds(self, condition: str) -> bool:
        """Whether an SQL condition, which may be null, is false for no row."""
        found = self.connection.execute(
            f"SELECT 1 FROM {TABLE} WHERE NOT coalesce({condition}, true) LIMIT 1"
        ).fetchone()
        return found is None

    def one(self, expression: str) -> Any:
        """The value of an aggregate over all rows."""
        return (self.connection.execute(f"SELECT {expression} FROM {TABLE}").fetchone() or (None,))[0]

    def values(self, header: str, limit: int) -> list[str]:
        """Some distinct values of a column as text."""
        column = quoted(header)
        query = f"SELECT DISTINCT CAST({column} AS VARCHAR) FROM {TABLE} WHERE {column} IS NOT NULL ORDER BY 1 LIMIT {limit}"
        return [row[0] for row in self.connection.execute(query).fetchall()]


@contextmanager
def opened(place: str) -> Iterator[Sample]:
    """Fetch and read the file or URL. Raises ExtractError where it is not there, or in no format that can be guessed."""
    with TemporaryDirectory() as folder, open_database() as connection:
        contract = _provisional(place)
        into, scratch = Path(folder) / "original", Path(folder) / "scratch"
        into.mkdir()
        scratch.mkdir()
        name = fetch(Pull(contract, datetime.now(UTC).date(), into)).files[0]
        plain = unpacked(into / name, scratch)
        server = _guessed(contract.server, Path(name.removesuffix(".gz").removesuffix(".zip")), plain, connection)
        reading = read(connection, replace(contract, server=server), [plain], scratch)
        try:
            connection.execute(f"CREATE TABLE {TABLE} AS FROM {reading.relation} LIMIT {MAX_ROWS}")
        except duckdb.Error as error:
            raise ExtractError(
                f"{place} is no table that a draft can be made of ({safe_message(error)}); write the contract by hand"
            ) from None
        rows = connection.execute(f"SELECT count(*) FROM {TABLE}").fetchone() or (0,)
        if not rows[0]:
            raise ExtractError(f"{place} has no rows; a draft needs some")
        yield Sample(connection, server, reading.headers, dict(reading.types), int(rows[0]))


def _provisional(place: str) -> Contract:
    """A contract without columns, enough to fetch a file by."""
    is_url = urlsplit(place).scheme in ("http", "https")
    location = place if is_url else str(Path(place).expanduser().resolve())
    day = timedelta(days=1)
    return Contract(
        path=Path("draft"), agency="draft", feed="draft", agency_name="the agency", id="draft", version="", title="", description="",
        server=Server("api" if is_url else "local", location, "", ",", "utf-8"), physical_name="draft", columns=(), quality=(), references=(),
        service_level=ServiceLevel(day, "02:00", day, day), contacts=(), extract_mode="snapshot", increment=None,
        reject_threshold=Decimal(0), largest_drop=Decimal(1), date_proof=None,
    )  # fmt: skip


def _guessed(server: Server, name: Path, plain: Path, connection: duckdb.DuckDBPyConnection) -> Server:
    """The format by the file's name, the encoding by its bytes, the dialect by the engine's sniffer."""
    kind = _FORMATS.get(name.suffix.lower())
    if kind is None:
        known = ", ".join(sorted(_FORMATS))
        raise ExtractError(
            f"{name.name} is of no kind that a draft can be made of ({known}); write the contract by hand"
        )
    if kind not in ("csv", "tsv"):
        return replace(server, format=kind)
    encoding = _encoding(plain)
    return _with_dialect(replace(server, format="csv", encoding=encoding), plain, connection)


def _encoding(plain: Path) -> str:
    with plain.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    try:
        head[: head.rfind(b"\n") + 1].decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        best = from_bytes(head).best()
        # Of the western code pages that fit, the one that Windows writes is the likeliest.
        return "cp1252" if best is None or _fits(head, "cp1252") else best.encoding


def _fits(head: bytes, encoding: str) -> bool:
    try:
        head.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _with_dialect(server: Server, plain: Path, connection: duckdb.DuckDBPyConnection) -> Server:
    head = plain.with_name("head.csv")
    with plain.open("rb") as file:
        text = file.read(_HEAD_BYTES).decode(server.encoding, errors="replace")
    head.write_text(text, encoding="utf-8")
    try:
        row = connection.execute(
            f"SELECT Delimiter, Quote FROM sniff_csv({literal(str(head))}, header = true, all_varchar = true, ignore_errors = true)"
        ).fetchone()
    except duckdb.Error:
        raise ExtractError(f"{server.location} does not look like delimited text; write the contract by hand") from None
    delimiter, quote = row or (",", '"')
    quote = quote if quote and len(quote) == 1 and quote.isprintable() else '"'
    options: dict[str, Any] = {"delimiter": delimiter, **({} if quote == '"' else {"quote": quote})}
    nulls = sorted(
        {token for token in ("NA", "N/A", "NULL", "null", "n/a", "NaN") if _stands_alone(text, token, delimiter)}
    )
    if nulls:
        options["nullValues"] = nulls
    return replace(server, delimiter=delimiter, options=options | _separators(text, delimiter))


def _separators(text: str, delimiter: str) -> dict[str, str]:
    """Decimal commas, and points between thousands, where a whole field is such a number."""
    edge = re.escape(delimiter)
    if delimiter == "," or not re.search(rf"{edge}-?\d+(?:\.\d{{3}})*,\d+(?:{edge}|\r?\n)", text):
        return {}
    has_groups = re.search(rf"{edge}-?\d{{1,3}}(?:\.\d{{3}})+,\d+(?:{edge}|\r?\n)", text)
    return {"decimalSeparator": ",", **({"thousandsSeparator": "."} if has_groups else {})}


def _stands_alone(text: str, token: str, delimiter: str) -> bool:
    edge = re.escape(delimiter)
    return re.search(rf"(?:^|{edge}){re.escape(token)}(?:{edge}|\r?$)", text, re.MULTILINE) is not None
