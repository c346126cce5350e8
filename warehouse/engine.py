"""One way to open DuckDB: nothing is fetched at run time, time zone UTC, memory bounded."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb

from warehouse.settings import threads

# Where the engine quotes bytes that are no UTF-8, its words cannot be read, and Python says that instead.
ENGINE_ERRORS = (duckdb.Error, UnicodeDecodeError)
Settings = dict[str, str | bool | int | float | list[str]]


def settings() -> Settings:
    """The engine's settings, from which SQLAlchemy engines are opened too."""
    chosen: Settings = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": os.environ.get("INTERAGENCY_MEMORY_LIMIT", "4GB"),
    }
    if threads():
        chosen["threads"] = threads()
    return chosen


@contextmanager
def open_database(database: Path | str = ":memory:", *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that is closed at the end of the block: dbt can open a file only when nobody else holds it."""
    connection = duckdb.connect(str(database), read_only=read_only, config=settings())
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def lock(connection: Any, readable: Sequence[Path] = ()) -> None:
    """From here on the connection reads these files and no others, writes none, reaches no network and keeps its settings.

    For statements that the platform did not write itself. The database it has open stays as it was opened.
    """
    if connection.execute("SELECT current_setting('lock_configuration')").fetchone() == (True,):
        # Another connection to the same database did it: settings are the database's.
        return
    files = ", ".join(literal(str(file)) for file in readable)
    connection.execute(f"SET allowed_paths = [{files}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


@contextmanager
def ended_after(connection: Any, seconds: float) -> Iterator[None]:
    """A statement that still runs after so many seconds ends with duckdb.InterruptException."""
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension of the engine that came as a package: nothing is fetched at run time.

    Raises ModuleNotFoundError where the package is not installed.
    """
    package = import_module(f"duckdb_extension_{name}")
    file = next(Path(str(package.__file__)).parent.rglob("*.duckdb_extension"))
    connection.execute(f"LOAD {literal(str(file))}")


# Half the time and half the size of the engine's defaults: numbers as differences, and no long search for a dictionary in vain.
_PARQUET = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 10000"


def write_parquet(
    connection: duckdb.DuckDBPyConnection, query: str, target: Path, note: tuple[str, str] | None = None
) -> None:
    """The rows of the query as one Parquet file, in their order; a name and its text are kept in the file's metadata."""
    kept = f", KV_METADATA {{{quoted(note[0])}: {literal(note[1])}}}" if note else ""
    connection.execute(f"COPY ({query}) TO {literal(str(target))} ({_PARQUET}{kept})")


def engine_fault(expression: str) -> str | None:
    """What the engine says against an SQL expression, or None where it evaluates it."""
    try:
        scratch().cursor().execute(f"SELECT {expression}").fetchall()
    except duckdb.Error as error:
        return str(error).splitlines()[0].partition(": ")[2]
    return None


@cache
def scratch() -> duckdb.DuckDBPyConnection:
    """A database of no content, for questions about the engine itself; what is asked may come from a contract."""
    connection = duckdb.connect(":memory:", config=settings())
    lock(connection)
    return connection


def safe_message(error: Exception) -> str:
    """The engine's words about a statement; of an error about data only its kind, because its words quote values."""
    about_the_statement = (
        duckdb.BinderException,
        duckdb.CatalogException,
        duckdb.ParserException,
        duckdb.SyntaxException,
    )
    return str(error).splitlines()[0] if isinstance(error, about_the_statement) else type(error).__name__


def quoted(name: str) -> str:
    """An SQL identifier, whatever characters an agency put into it."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """An SQL literal of a string, number, boolean or None."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"
