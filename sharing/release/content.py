"""The rows of a release as a file of its recipient's format: Parquet, CSV (RFC 4180, UTF-8) or a DuckDB database."""

import hashlib
from pathlib import Path

import duckdb

from sharing.release.manifest import Content
from warehouse.engines.duckdb.engine import literal, quoted

PARQUET = "parquet"
# What every reader of the trade takes, and makes the same bytes of the same rows.
_COPIES = {
    "parquet": "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880",
    "csv": "FORMAT csv, HEADER, DELIMITER ','",
}
_READ_BY = {"delta-sharing": PARQUET}
_TABLE = "product"


def suffix(format_: str) -> str:
    return _READ_BY.get(format_, format_)


def write_content(connection: duckdb.DuckDBPyConnection, sql: str, format_: str, target: Path) -> Content:
    """Write the rows of a query; nothing of it is encrypted yet."""
    made = suffix(format_)
    write = _write_database if made == "duckdb" else _write_copy
    rows = write(connection, sql, target)
    with target.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Content(target.name, made, rows, target.stat().st_size, sha256)


def _write_copy(connection: duckdb.DuckDBPyConnection, sql: str, target: Path) -> int:
    options = _COPIES[target.suffix.removeprefix(".")]
    row = connection.execute(f"COPY ({sql}) TO {literal(str(target))} ({options})").fetchone()
    return int(row[0]) if row else 0


def _write_database(connection: duckdb.DuckDBPyConnection, sql: str, target: Path) -> int:
    # By one thread: several of them write the same rows in blocks that lie otherwise each time.
    threads = connection.execute("SELECT current_setting('threads')").fetchone()
    connection.execute(f"ATTACH {literal(str(target))} AS {_TABLE} (READ_WRITE); SET threads = 1")
    try:
        connection.execute(f"CREATE TABLE {_TABLE}.{quoted(_TABLE)} AS {sql}")
        row = connection.execute(f"SELECT count(*) FROM {_TABLE}.{quoted(_TABLE)}").fetchone()
    finally:
        connection.execute(f"DETACH {_TABLE}; SET threads = {threads[0] if threads else 1}")
    return int(row[0]) if row else 0
