"""What was published of a mart, night by night: an append-only record that no later correction changes.

`state/history/<mart>/<night>.parquet` holds the rows of a night that differ from what the nights before add up to, and the keys
that are gone. In a build, `history.<mart>` shows every version with the nights on which it was what one knew, and
`marts.<mart>_as_of(known_on)` the mart as it was published then.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from warehouse.engines.duckdb.encrypted_parquet import readable
from warehouse.engines.duckdb.engine import comment_on, literal, quoted, write_parquet
from warehouse.files import private_folder, remove_temporary, sync_folder
from warehouse.home import Home
from warehouse.keys.keyed_folder import protect
from warehouse.store.restricted import PROTECTED

CHANGE = "_change"
# A mart's own column of the night: it differs every night, and is no change.
_NIGHT_COLUMN = "extract_date"
_TEMPORARY = ".new"
_KNOWN = {
    "known_from": "The first night on which this was published.",
    "known_to": "The first night on which it was not any more; null where it still is.",
}


@dataclass(frozen=True)
class Versioned:
    """A mart of a build whose versions are kept: the catalog it lies in, its name, and the columns that tell its rows apart."""

    catalog: str
    mart: str
    key: tuple[str, ...]

    @property
    def relation(self) -> str:
        return f"{quoted(self.catalog)}.marts.{quoted(self.mart)}"


def in_build(connection: duckdb.DuckDBPyConnection, marts: Iterable[Versioned]) -> list[Versioned]:
    """Those of the marts that this build has: the others are of agencies that are not pulled here."""
    found = connection.execute(
        "SELECT database_name, table_name FROM duckdb_tables() WHERE schema_name = 'marts'"
    ).fetchall()
    return [versioned for versioned in marts if (versioned.catalog, versioned.mart) in found]


def history_folder(home: Home, mart: str) -> Path:
    return home.state / "history" / mart


def add_history(connection: duckdb.DuckDBPyConnection, home: Home, night: date, marts: Iterable[Versioned]) -> None:
    """Write the changes of `night` under temporary names, and make `history` and the macros in the build.

    The night's own file of an earlier run counts as not there.
    """
    for versioned in marts:
        columns = [str(row[0]) for row in connection.execute(f"DESCRIBE {versioned.relation}").fetchall()]
        _write_changes(connection, home, night, versioned, columns)
        _make_versions(connection, home, night, versioned, columns)


def keep_history(home: Home, night: date, marts: Iterable[Versioned]) -> None:
    """Put the files of `add_history` in place: just before the night is published, and only then."""
    for versioned in marts:
        folder = history_folder(home, versioned.mart)
        temporary = folder / f"{night}.parquet{_TEMPORARY}"
        if temporary.exists():
            temporary.replace(folder / f"{night}.parquet")
            sync_folder(folder)


def _nights(folder: Path, before: date) -> list[Path]:
    return sorted(path for path in folder.glob("*.parquet") if path.stem < before.isoformat())


def _stored(connection: duckdb.DuckDBPyConnection, files: list[Path], versioned: Versioned, columns: list[str]) -> str:
    """SQL of what the files hold, in the mart's columns and types of today; with `night` and whether the key is gone."""
    if not files:
        return f"(SELECT *, NULL::DATE AS night, false AS is_gone FROM {versioned.relation} WHERE false)"
    source = readable(connection, files, "filename = true", by_name=True)
    types = {str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE {versioned.relation}").fetchall()}
    there = {str(row[0]) for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    # A column that came later is null before, one whose type changed is cast where that can be.
    picked = ", ".join(
        f"TRY_CAST({quoted(name) if name in there else 'NULL'} AS {types[name]}) AS {quoted(name)}" for name in columns
    )
    return f"""(
        SELECT {picked}, CAST(parse_filename(filename, true) AS DATE) AS night, {CHANGE} = 'gone' AS is_gone
        FROM {source}
    )"""


def _write_changes(
    connection: duckdb.DuckDBPyConnection, home: Home, night: date, versioned: Versioned, columns: list[str]
) -> None:
    folder = history_folder(home, versioned.mart)
    private_folder(folder)
    if versioned.catalog in PROTECTED:
        protect(home, folder, f"history/{versioned.mart}")
    remove_temporary(folder, f"*{_TEMPORARY}")
    key = ", ".join(map(quoted, versioned.key))
    compared = ", ".join(quoted(name) for name in columns if name not in (*versioned.key, _NIGHT_COLUMN)) or "NULL"
    equal = " AND ".join(f"was.{quoted(name)} IS NOT DISTINCT FROM now.{quoted(name)}" for name in versioned.key)
    before = _stored(connection, _nights(folder, night), versioned, columns)
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE was AS
        SELECT * EXCLUDE (place)
        FROM (SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY night DESC) AS place FROM {before})
        WHERE place = 1 AND NOT is_gone
    """)
    changes = f"""
        SELECT now.* EXCLUDE (content), CASE WHEN was.night IS NULL THEN 'new' ELSE 'changed' END AS {CHANGE}
        FROM (SELECT *, hash({compared}) AS content FROM {versioned.relation}) AS now
        LEFT JOIN (SELECT *, hash({compared}) AS content FROM was) AS was ON {equal}
        WHERE was.night IS NULL OR was.content <> now.content
        UNION ALL BY NAME
        SELECT was.* EXCLUDE (night, is_gone), 'gone' AS {CHANGE}
        FROM was
        WHERE NOT EXISTS (FROM {versioned.relation} AS now WHERE {equal})
        ORDER BY {key}
    """
    target = folder / f"{night}.parquet{_TEMPORARY}"
    write_parquet(connection, changes, target)
    target.chmod(0o600)


def _comments(connection: duckdb.DuckDBPyConnection, versioned: Versioned) -> dict[str, str]:
    """What the mart's columns say of themselves; those that say nothing are left out."""
    said = """
        SELECT column_name, comment
        FROM duckdb_columns()
        WHERE database_name = ? AND schema_name = 'marts' AND table_name = ? AND comment IS NOT NULL"""
    return dict(connection.execute(said, [versioned.catalog, versioned.mart]).fetchall())


def _make_versions(
    connection: duckdb.DuckDBPyConnection, home: Home, night: date, versioned: Versioned, columns: list[str]
) -> None:
    folder = history_folder(home, versioned.mart)
    tonight = folder / f"{night}.parquet{_TEMPORARY}"
    key = ", ".join(map(quoted, versioned.key))
    shown = ", ".join(map(quoted, columns))
    before = _stored(connection, _nights(folder, night), versioned, columns)
    target = f"{quoted(versioned.catalog)}.history.{quoted(versioned.mart)}"
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(versioned.catalog)}.history")
    connection.execute(f"""
        CREATE OR REPLACE TABLE {target} AS
        WITH stored AS (
            SELECT * FROM {before}
            UNION ALL BY NAME
            SELECT * EXCLUDE ({CHANGE}), DATE {literal(night.isoformat())} AS night, {CHANGE} = 'gone' AS is_gone
            FROM {readable(connection, tonight)}
        ),
        followed AS (SELECT *, lead(night) OVER (PARTITION BY {key} ORDER BY night) AS known_to FROM stored)
        SELECT {shown}, night AS known_from, known_to
        FROM followed
        WHERE NOT is_gone
        ORDER BY {key}, known_from
    """)
    says = {**_comments(connection, versioned), **_KNOWN}
    comment_on(connection, target, f"Every version of marts.{versioned.mart} that was published, and when.", says)
    # Protected files are always attached under these names; the published one may be opened under any.
    versions = target if versioned.catalog in PROTECTED else f"history.{quoted(versioned.mart)}"
    connection.execute(f"""
        CREATE OR REPLACE MACRO {quoted(versioned.catalog)}.marts.{quoted(versioned.mart + "_as_of")}(known_on) AS TABLE
        SELECT {shown}
        FROM {versions}
        WHERE known_from <= known_on AND (known_to IS NULL OR known_to > known_on)
    """)
