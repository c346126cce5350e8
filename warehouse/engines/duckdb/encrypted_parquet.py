"""Parquet under keys: SQL names the file of a key, and a connection is given the key itself, which stands in no statement that is kept."""

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from warehouse.errors import KeyRefused
from warehouse.keys.data_key import unwrapped
from warehouse.keys.keyed_folder import key_file_of

_ENCRYPTED = b"PARE"
_NAMED = re.compile(r"footer_key\W{1,5}'((?:[^']|'')+)'")


def parquet(files: Path | Sequence[Path], options: str = "", by_name: bool = False) -> str:
    """SQL of the rows of files, to be written after FROM; `let_read` gives a connection the keys that it names.

    `options` are those of `read_parquet`; `by_name` puts files of different columns together. Raises KeyRefused where a file is
    encrypted and nobody says under which key.
    """
    paths = [files] if isinstance(files, Path) else list(files)
    by_key: dict[Path | None, list[Path]] = {}
    for path in paths:
        by_key.setdefault(_key_file(path), []).append(path)
    reads: list[str] = []
    for key, group in by_key.items():
        if key and by_name:
            # One by one: the engine's own `union_by_name` loses the key between looking at a file and reading it.
            reads += [_read([path], key, options) for path in group]
        else:
            reads.append(
                _read(group, key, ", ".join(filter(None, [options, "union_by_name = true" if by_name else ""])))
            )
    return reads[0] if len(reads) == 1 else f"({' UNION ALL BY NAME '.join(f'SELECT * FROM {read}' for read in reads)})"


def readable(
    connection: duckdb.DuckDBPyConnection, files: Path | Sequence[Path], options: str = "", by_name: bool = False
) -> str:
    """The same, with the keys given to the connection."""
    sql = parquet(files, options, by_name)
    let_read(connection, sql)
    return sql


def encryption(target: Path) -> str | None:
    """The option of COPY by which a file is written under the key of its folder; None where it has none."""
    key = key_file_of(target)
    return f"ENCRYPTION_CONFIG {{footer_key: {_text(key)}}}" if key else None


def let_read(connection: duckdb.DuckDBPyConnection, *statements: str) -> None:
    """Give the connection, and all others to its database, the keys that statements name. Raises KeyRefused."""
    for name in {name for statement in statements for name in _NAMED.findall(statement)}:
        key = unwrapped(Path(name.replace("''", "'"))).for_parquet
        connection.execute(f"PRAGMA add_parquet_key('{name}', '{key}')")


def let_read_views(connection: duckdb.DuckDBPyConnection) -> None:
    """The same for what the views of the connection's database name."""
    found = connection.execute("SELECT sql FROM duckdb_views() WHERE NOT internal AND contains(sql, 'footer_key')")
    let_read(connection, *(sql for (sql,) in found.fetchall()))


def _key_file(path: Path) -> Path | None:
    with path.open("rb") as file:
        if file.read(len(_ENCRYPTED)) != _ENCRYPTED:
            return None
    found = key_file_of(path)
    if found is None:
        raise KeyRefused(f"{path} is encrypted, and its folder does not say under which key; put it back from a backup")
    return found


def _read(paths: list[Path], key: Path | None, options: str) -> str:
    listed = _text(paths[0]) if len(paths) == 1 else f"[{', '.join(_text(path) for path in paths)}]"
    named = [f"encryption_config = {{footer_key: {_text(key)}}}"] if key else []
    return f"read_parquet({', '.join([listed, *filter(None, [options]), *named])})"


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
