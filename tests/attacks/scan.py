"""Every text that a file holds, however it is packed: Parquet, DuckDB, SQLite, zip, gzip, workbooks, pages, logs."""

import gzip
import io
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq


def texts_of(file: Path) -> Iterator[str]:
    """The texts of a file, decoded by what its first bytes say it is, and its bytes as they are."""
    content = file.read_bytes()
    yield from _raw(content)
    if content[8:12] == b"DUCK":
        yield from _duckdb(file)
    elif content.startswith(b"SQLite format 3"):
        yield from _sqlite(file)
    else:
        yield from _packed(content)


def _raw(content: bytes) -> Iterator[str]:
    """As a person with `strings` and a text editor sees it."""
    yield content.decode("utf-8", "replace")
    yield content.decode("utf-16-le", "ignore")


def _packed(content: bytes) -> Iterator[str]:
    if content.startswith(b"PAR1"):
        yield from (str(batch.to_pydict()) for batch in pq.ParquetFile(io.BytesIO(content)).iter_batches())
        yield str(pq.ParquetFile(io.BytesIO(content)).metadata.metadata)
    elif content.startswith(b"\x1f\x8b"):
        yield from _inside(gzip.decompress(content))
    elif zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name
                yield from _inside(archive.read(name))


def _inside(content: bytes) -> Iterator[str]:
    yield from _raw(content)
    yield from _packed(content)


def _duckdb(file: Path) -> Iterator[str]:
    try:
        connection = duckdb.connect(str(file), read_only=True)
    except duckdb.Error as error:
        # Whoever has no key sees its bytes.
        if "encrypted" not in str(error):
            raise
        return
    with connection:
        for sql in (
            "SELECT sql FROM duckdb_tables()",
            "SELECT sql FROM duckdb_views()",
            "SELECT comment FROM duckdb_columns()",
        ):
            yield str(connection.execute(sql).fetchall())
        for schema, table in connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
            answer = connection.execute(f'SELECT * FROM "{schema}"."{table}"')
            while rows := answer.fetchmany(10_000):
                yield str(rows)


def _sqlite(file: Path) -> Iterator[str]:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            yield str(connection.execute(f'SELECT * FROM "{table}"').fetchall())
    finally:
        connection.close()
