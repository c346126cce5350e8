"""What a night must not keep: the values of columns that no agreement covers, and the originals that they stand in."""

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb

from sources.arrival.manifest import REJECTS, ROWS, Manifest
from sources.contract.model import Contract
from sources.landing.land_extract import ORIGINAL
from warehouse.engines.duckdb.encrypted_parquet import readable
from warehouse.engines.duckdb.engine import literal, open_database, quoted, write_parquet


def note_left_out(folder: Path, names: frozenset[str]) -> Manifest:
    """Say in the manifest of a landed folder which columns no agreement covers; returns it."""
    manifest = replace(Manifest.read(folder), left_out=sorted(names))
    manifest.write(folder)
    return manifest


def leave_out(contract: Contract, folder: Path, names: frozenset[str]) -> None:
    """Take these columns of `contract` out of a landed folder, before anybody reads it.

    The hashes of the originals stay, as evidence of what came; their bytes go, and with them what a record of another shape said.
    """
    headers = [column.header for column in contract.columns if column.name in names]
    with open_database() as connection:
        kept = ", ".join(quoted(column.name) for column in contract.columns if column.name not in names)
        _rewrite(connection, folder / ROWS, f"SELECT {kept} FROM {{file}}")
        without = ", ".join(f"{literal(header)}: NULL" for header in headers)
        _rewrite(
            connection,
            folder / REJECTS,
            f"""
            SELECT * REPLACE (
                CASE
                    WHEN "column" IS NOT NULL AND json_valid(record)
                        THEN CAST(json_merge_patch(CAST(record AS JSON), to_json({{{{{without}}}}})) AS VARCHAR)
                END AS record
            )
            FROM {{file}}
            """,
        )
    shutil.rmtree(folder / ORIGINAL)


def _rewrite(connection: duckdb.DuckDBPyConnection, path: Path, query: str) -> None:
    """In place: under another name it would be written under another key."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE kept AS {query.format(file=readable(connection, path))}")
    write_parquet(connection, "FROM kept", path)
