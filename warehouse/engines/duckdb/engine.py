"""One way to open DuckDB: nothing is fetched at run time, time zone UTC, memory bounded, what spills is encrypted."""

import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir
from typing import Any

import duckdb

from warehouse.engines.duckdb.encrypted_parquet import encryption, let_read, let_read_views
from warehouse.files import private_folder
from warehouse.home import Home
from warehouse.settings import settings

# Where the engine quotes bytes that are no UTF-8, its words cannot be read, and Python says that instead.
ENGINE_ERRORS = (duckdb.Error, UnicodeDecodeError)
Settings = dict[str, str | bool | int | float | list[str]]
UNSIGNED = "allow_unsigned_extensions"
MEMORY = ":memory:"
_CIPHER = "httpfs"


def engine_settings() -> Settings:
    """The engine's settings, whoever opens it."""
    limits = settings()
    chosen: Settings = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": limits.memory_limit,
        "temp_file_encryption": True,
        # What does not fit into memory is an error, until `_let_spill` has said where it may go.
        "temp_directory": "",
        # For `_let_spill` alone, which ends it.
        UNSIGNED: True,
    }
    if limits.threads:
        chosen["threads"] = limits.threads
    return chosen


def configure(connection: duckdb.DuckDBPyConnection) -> None:
    """The same for a connection that another library has opened."""
    if _is_locked(connection):
        # Another connection to the same database did it: settings are the database's.
        return
    for name, value in engine_settings().items():
        if name not in ("temp_directory", UNSIGNED):
            connection.execute(f"SET {name} = {literal(value)}")
    _let_spill(connection)
    connection.execute(f"SET {UNSIGNED} = false")
    let_read_views(connection)


@contextmanager
def open_database(
    database: Path | str = MEMORY, *, read_only: bool = False, spills: bool = True, opens_views: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that is closed at the end of the block: dbt can open a file only when nobody else holds it.

    Without `spills` it opens in a tenth of the time; for questions whose answer surely fits into memory. Without `opens_views` it is
    given no key of the encrypted files that its views read.
    """
    connection = duckdb.connect(str(database), read_only=read_only, config=engine_settings())
    try:
        connection.execute("SET TimeZone = 'UTC'")
        if spills:
            _let_spill(connection)
        connection.execute(f"SET {UNSIGNED} = false")
        if opens_views and str(database) != MEMORY:
            let_read_views(connection)
        yield connection
    finally:
        connection.close()


def lock(connection: Any, readable: Sequence[Path] = ()) -> None:
    """From here on the connection reads these files and no others, writes none, reaches no network and keeps its settings.

    For statements that the platform did not write itself. The database it has open stays as it was opened.
    """
    if _is_locked(connection):
        return
    files = ", ".join(literal(str(file)) for file in readable)
    connection.execute(f"SET allowed_paths = [{files}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _is_locked(connection: Any) -> bool:
    return bool(connection.execute("SELECT current_setting('lock_configuration')").fetchone() == (True,))


@contextmanager
def ended_after(end: Callable[[], None], seconds: float) -> Iterator[None]:
    """Calls `end` where the block still runs after so many seconds; a connection's `interrupt` ends its statement."""
    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        # What has begun to end one statement must not end the next.
        timer.join()


# What the extension below would bring beside its cipher.
_NO_NETWORK = "HTTPFileSystem,S3FileSystem,HuggingFaceFileSystem"


def _let_spill(connection: duckdb.DuckDBPyConnection) -> None:
    """Put what does not fit into memory below the home, encrypted. The engine makes the folder when it needs it, and removes it.

    Two connections of one process to one file share it: where the first has set it, it stays.
    """
    name, home = f"{os.getpid()}-{uuid.uuid4().hex[:12]}", Home.from_environment()
    try:
        # No home is begun for what might not fit into memory.
        folder = (private_folder(home.spill) if home.root.exists() else Path(gettempdir())) / name
    except OSError:
        # Who only reads another's home may write nothing there.
        folder = Path(gettempdir()) / f"interagency-{name}"
    current = connection.execute("SELECT current_setting('temp_directory')").fetchone()
    if current is not None and Path(str(current[0])).parent == folder.parent:
        return
    # Only this extension's cipher may write. Its other half, the network, is shut at once: nothing is fetched at run time.
    _check_signature(_CIPHER)
    load_extension(connection, _CIPHER)
    connection.execute(f"SET disabled_filesystems = '{_NO_NETWORK}'")
    connection.execute(f"SET temp_directory = {literal(str(folder))}")


def forget_spilled(home: Home) -> None:
    """Remove what processes that are gone have left of their spilled rows."""
    for folder in home.spill.glob("*-*"):
        process = folder.name.partition("-")[0]
        if process.isdecimal() and not _is_running(int(process)):
            with suppress(FileNotFoundError):
                rmtree(folder)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@cache
def _check_signature(name: str) -> None:
    """Load the extension once in a process as a stranger's: the engine hashes all its megabytes each time, a tenth of a second."""
    with duckdb.connect(":memory:") as connection:
        load_extension(connection, name)


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
    """The rows of the query as one Parquet file, in their order; a name and its text are kept in the file's metadata.

    It is encrypted where the folder of `target` has a key. Raises KeyRefused where one that is needed is not to be had.
    """
    kept = f"KV_METADATA {{{quoted(note[0])}: {literal(note[1])}}}" if note else None
    options = ", ".join(filter(None, [_PARQUET, kept, encryption(target)]))
    let_read(connection, query, options)
    connection.execute(f"COPY ({query}) TO {literal(str(target))} ({options})")


def loaded_extensions() -> frozenset[str]:
    """The extensions of the engine that a connection has."""
    with open_database() as connection:
        found = connection.execute("SELECT extension_name FROM duckdb_extensions() WHERE loaded").fetchall()
    return frozenset(name for (name,) in found)


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
    connection = duckdb.connect(":memory:", config=engine_settings())
    connection.execute(f"SET {UNSIGNED} = false")
    lock(connection)
    return connection


@cache
def function_names() -> frozenset[str]:
    """The functions of values that the engine has by itself, and ours; those that read files or tables are not among them."""
    from warehouse.engines.duckdb.functions import register_functions

    with open_database(spills=False) as connection:
        register_functions(connection)
        rows = connection.execute("""
            SELECT DISTINCT function_name
            FROM duckdb_functions()
            WHERE function_type IN ('scalar', 'aggregate', 'macro')
              AND function_name NOT IN ('getvariable', 'current_setting')
        """).fetchall()
    return frozenset(str(name).lower() for (name,) in rows)


def safe_message(error: Exception) -> str:
    """The engine's words about a statement; of an error about data only its kind, because its words quote values."""
    about_the_statement = (
        duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException | duckdb.SyntaxException
    )
    return str(error).splitlines()[0] if isinstance(error, about_the_statement) else type(error).__name__


def comment_on(connection: duckdb.DuckDBPyConnection, relation: str, says: str, columns: Mapping[str, str]) -> None:
    """What the relation (an SQL name) and each of its columns say of themselves."""
    connection.execute(f"COMMENT ON TABLE {relation} IS {literal(says)}")
    for name, text in columns.items():
        connection.execute(f"COMMENT ON COLUMN {relation}.{quoted(name)} IS {literal(text)}")


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
