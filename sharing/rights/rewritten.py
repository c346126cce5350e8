"""Folders written anew without somebody's rows, under new keys; the keys that the old ones had are destroyed with them.

Copies of the old folders stay closed wherever they lie. What is the person's is said by the temporary tables of
`sharing.rights.person` in the connection.
"""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse.engines.duckdb.encrypted_parquet import readable
from warehouse.engines.duckdb.engine import write_parquet
from warehouse.files import private_folder, sync_tree
from warehouse.home import Home
from warehouse.keys.data_key import is_protected
from warehouse.keys.keyed_folder import KEYED, destroy_keys, give_keys, key_of
from warehouse.keys.sealed_file import SEALED, opened, seal_bytes

# Of a file and its columns the SQL that is true of rows that go; None where none do.
Gone = Callable[[Path, dict[str, str]], str | None]


@dataclass(frozen=True)
class Lasting:
    """A folder of files that nights add to, and the name of the key that it has; `forgotten` are folders in it that are made anew."""

    folder: Path
    key: str
    forgotten: tuple[str, ...] = ()


def columns_of(connection: duckdb.DuckDBPyConnection, file: Path) -> dict[str, str]:
    found = connection.execute(f"DESCRIBE FROM {readable(connection, file)}").fetchall()
    return {str(row[0]): str(row[1]) for row in found}


def count(connection: duckdb.DuckDBPyConnection, file: Path, condition: str | None) -> int:
    """The rows of a file that go."""
    if condition is None:
        return 0
    row = connection.execute(f"SELECT count(*) FROM {readable(connection, file)} AS rows WHERE {condition}").fetchone()
    return int(row[0]) if row else 0


def write_without(connection: duckdb.DuckDBPyConnection, source: Path, target: Path, condition: str | None) -> None:
    """The rows of a file but those that go, in their order, under the key of the target's folder."""
    where = f"WHERE NOT coalesce({condition}, false)" if condition else ""
    query = f"SELECT * FROM {readable(connection, source)} AS rows {where}"
    write_parquet(connection, query, target)
    target.chmod(0o600)


def forget_rows(connection: duckdb.DuckDBPyConnection, home: Home, lasting: Lasting, gone: Gone) -> int:
    """Write a folder anew without the rows that go, where it has any; returns how many. Raises KeyRefused, OSError."""
    files = [path for path in sorted(lasting.folder.rglob("*.parquet")) if not _is_forgotten(lasting, path)]
    rows = sum(count(connection, file, gone(file, columns_of(connection, file))) for file in files)
    if not rows:
        return 0
    new = lasting.folder.with_name(f".{lasting.folder.name}.{uuid.uuid4().hex[:8]}.tmp")
    private_folder(new)
    if (lasting.folder / KEYED).exists() and is_protected(home):
        give_keys(home, new, {"": f"{lasting.key}/{uuid.uuid4().hex[:8]}"})
    for path in _kept(lasting):
        target = private_folder((new / path.relative_to(lasting.folder)).parent) / path.name
        _carry(connection, path, target, gone)
    _take_place(new, lasting.folder)
    return rows


def _carry(connection: duckdb.DuckDBPyConnection, path: Path, target: Path, gone: Gone) -> None:
    if path.suffix == ".parquet":
        write_without(connection, path, target, gone(path, columns_of(connection, path)))
        return
    key, own = (key_of(path), key_of(target)) if path.suffix == SEALED else (None, None)
    if key is None or own is None:
        shutil.copy2(path, target)
        return
    seal_bytes(b"".join(opened(path, key)), target, own)


def _kept(lasting: Lasting) -> Iterator[Path]:
    for path in sorted(lasting.folder.rglob("*")):
        if path.is_file() and path.name != KEYED and not _is_forgotten(lasting, path):
            yield path


def _is_forgotten(lasting: Lasting, path: Path) -> bool:
    return path.relative_to(lasting.folder).parts[0] in lasting.forgotten


def _take_place(new: Path, folder: Path) -> None:
    """A crash in between leaves the old folder under a name of its own, whose keys go with the next erasure."""
    sync_tree(new)
    old = folder.with_name(f".{folder.name}.old")
    if old.exists():
        destroy_keys(old)
        shutil.rmtree(old)
    folder.replace(old)
    new.replace(folder)
    destroy_keys(old)
    shutil.rmtree(old)


def keep_time(of: Path, on: Path) -> None:
    """Retention counts from the time of a folder, which stays what it was."""
    made = of.stat()
    os.utime(on, ns=(made.st_atime_ns, made.st_mtime_ns))
