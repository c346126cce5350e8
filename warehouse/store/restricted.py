"""What of a night is not for all who read it, in two files beside the published one: who people are, and what tells that beside content.

`restricted` holds identifying columns and nothing that is said of people: linkage and the linker's role read it. `vault` holds all else
that is protected, such as a feed's rows as they were staged: names beside amounts. Nothing of the platform but its build, its gates and
its report opens it, and no person without a grant.
"""

import os
from pathlib import Path

import duckdb

from warehouse.engines.duckdb.engine import literal, load_extension
from warehouse.keys.keyed_folder import key_of
from warehouse.settings import settings

RESTRICTED, VAULT = "restricted", "vault"
PROTECTED = (RESTRICTED, VAULT)


def restricted_file(published: Path) -> Path:
    """The restricted database beside a night's published one."""
    return _file(published, RESTRICTED)


def vault_file(published: Path) -> Path:
    """The vault beside a night's published database; nights of earlier versions have none."""
    return _file(published, VAULT)


def attach_restricted(connection: duckdb.DuckDBPyConnection, published: Path, read_only: bool = False) -> None:
    """Attach the file beside `published` as `restricted`; it is made where it is not there, for its owner alone.

    Encrypted where its build has a key. Raises KeyRefused where that is not to be had, and duckdb.Error where it is another one.
    """
    _attach(connection, published, RESTRICTED, read_only)


def attach_protected(connection: duckdb.DuckDBPyConnection, published: Path, read_only: bool = False) -> None:
    """Both files, as `restricted` and `vault`; to be read, those that are there. Raises as `attach_restricted` does."""
    for name in PROTECTED:
        if not read_only or _file(published, name).exists():
            _attach(connection, published, name, read_only)


def _file(published: Path, name: str) -> Path:
    return published.with_name(f"{name}.duckdb")


def _attach(connection: duckdb.DuckDBPyConnection, published: Path, name: str, read_only: bool) -> None:
    file = _file(published, name)
    options = ["READ_ONLY"] if read_only else []
    of_build = key_of(file)
    # An earlier version encrypted with the platform's key itself.
    key = of_build.for_database if of_build else settings().key
    if key:
        # Only this extension's cipher may write.
        load_extension(connection, "httpfs")
        options.append(f"ENCRYPTION_KEY {literal(key)}")
    chosen = f" ({', '.join(options)})" if options else ""
    before = os.umask(0o077)
    try:
        connection.execute(f"ATTACH IF NOT EXISTS {literal(str(file))} AS {name}{chosen}")
    finally:
        os.umask(before)
