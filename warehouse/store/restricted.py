"""The second file of a night: direct identifiers, names and exact addresses, for those who may see them."""

import os
from pathlib import Path

import duckdb

from warehouse.engines.duckdb.engine import literal, load_extension
from warehouse.keys.keyed_folder import key_of
from warehouse.settings import settings

RESTRICTED = "restricted"


def restricted_file(published: Path) -> Path:
    """The restricted database beside a night's published one."""
    return published.with_name(f"{RESTRICTED}.duckdb")


def attach_restricted(connection: duckdb.DuckDBPyConnection, published: Path, read_only: bool = False) -> None:
    """Attach the file beside `published` as `restricted`; it is made where it is not there, for its owner alone.

    Encrypted where its build has a key. Raises KeyRefused where that is not to be had, and duckdb.Error where it is another one.
    """
    file = restricted_file(published)
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
        connection.execute(f"ATTACH IF NOT EXISTS {literal(str(file))} AS {RESTRICTED}{chosen}")
    finally:
        os.umask(before)
