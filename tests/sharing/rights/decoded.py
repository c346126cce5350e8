"""All that whoever has the home and its key can read in it: Parquet and sealed files by their keys, databases table by table, the rest byte by byte."""

from collections.abc import Iterator
from pathlib import Path

from warehouse.engines.duckdb.encrypted_parquet import readable
from warehouse.engines.duckdb.engine import open_database
from warehouse.errors import KeyRefused
from warehouse.home import Home
from warehouse.keys.keyed_folder import key_of
from warehouse.keys.sealed_file import SEALED, opened
from warehouse.store.restricted import attach_protected


def decoded_texts(home: Home) -> Iterator[tuple[Path, str]]:
    """Each file below the home with what it says. What no key opens any more says nothing."""
    for path in sorted(home.root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            # A deleted row may still stand in the bytes.
            yield path, path.read_bytes().decode("utf-8", errors="replace")
            yield from ((path, text) for text in _inside(path))


def _inside(path: Path) -> Iterator[str]:
    try:
        if path.suffix == ".parquet":
            with open_database() as connection:
                yield str(connection.execute(f"FROM {readable(connection, path)}").fetchall())
        elif path.suffix == SEALED and (key := key_of(path) or key_of(path.parent.parent / SEALED)) is not None:
            yield b"".join(opened(path, key)).decode("utf-8", errors="replace")
        elif path.name == "published.duckdb":
            yield from _tables(path)
    except KeyRefused:
        return


def _tables(database: Path) -> Iterator[str]:
    with open_database(database, read_only=True) as connection:
        attach_protected(connection, database, read_only=True)
        places = connection.execute("SELECT database_name, schema_name, table_name FROM duckdb_tables()").fetchall()
        for place in places:
            yield str(connection.execute(f"FROM {'.'.join(place)}").fetchall())


def files_with(home: Home, words: tuple[str, ...]) -> dict[str, list[str]]:
    """By word, in capitals or not, the files below the home that say it."""
    found: dict[str, list[str]] = {word: [] for word in words}
    for path, text in decoded_texts(home):
        for word in words:
            if word.upper() in text.upper() and str(path) not in found[word]:
                found[word].append(str(path.relative_to(home.root)))
    return found
