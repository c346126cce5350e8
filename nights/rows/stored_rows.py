"""Stored rows, read by the contract of today: what its columns have become since the nights that they were accepted in."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sources.contract.model import Column, Contract
from sources.typed_value import TypedValue, typed
from warehouse.engines.duckdb.encrypted_parquet import parquet, readable
from warehouse.engines.duckdb.engine import literal, open_database, quoted

# What stands beside the contract's columns: the names of those whose stored value is no value of today's type, whether
# the row is marked as deleted, and the stored key of a row whose key does not fit, so that no two of them are one.
UNFIT, GONE, STORED_KEY = "_unfit", "_gone", "_stored_key"
_EMPTY = "CAST([] AS VARCHAR[])"
_STORED = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "DOUBLE", "VARCHAR", "BOOLEAN",
     "DATE", "TIME", "TIMESTAMP WITH TIME ZONE"}
)  # fmt: skip
# Columns that the contract did not know come from Parquet as they are: lists, structures, other clocks.
_OTHER = "other"


@dataclass(frozen=True)
class StoredFile:
    """An accepted file, and the column that marked deleted rows in its night."""

    path: Path
    deleted_when: str | None = None


def stored_rows(contract: Contract, files: list[StoredFile]) -> str:
    """SQL of the rows of accepted files: the contract's columns, `_extract_date`, `_unfit`, `_gone`, `_stored_key`.

    A column that is newer than a file is null in it; one of today's key does not fit then, as nobody can say what its rows
    are told apart by. A value of another type is cast where it can be read as one of today's and nothing of it is lost; else
    it is null, and its column is named in `_unfit`. A connection needs the keys that are named (`let_read`).
    """
    if not files:
        empty = ", ".join(f"NULL::{column.sql_type} AS {quoted(column.name)}" for column in contract.columns)
        return f"""
            SELECT {empty},
                NULL::DATE AS _extract_date, {_EMPTY} AS {UNFIT}, false AS {GONE}, NULL::VARCHAR AS {STORED_KEY}
            LIMIT 0
        """
    # Files of other types are read by themselves: put together first, 9007199254740993 would be rounded by a DOUBLE.
    alike: dict[tuple[tuple[tuple[str, str], ...], str | None], list[Path]] = {}
    for file in files:
        alike.setdefault((tuple(_types(file.path).items()), file.deleted_when), []).append(file.path)
    return " UNION ALL ".join(
        _alike(contract, group, dict(types), deleted_when) for (types, deleted_when), group in alike.items()
    )


def all_fit(contract: Contract, files: list[StoredFile]) -> bool:
    """Whether the files have the contract's own types and key, so that no value needs to be looked at."""
    return all(
        column.sql_type == stored.get(column.name, "" if column.name in contract.key else column.sql_type)
        for stored in (_types(file.path) for file in files)
        for column in contract.columns
    )


def _types(file: Path) -> dict[str, str]:
    """The engine's type of each column of an accepted file."""
    return dict(_described(file, file.stat().st_mtime_ns))


@lru_cache(maxsize=10_000)
def _described(file: Path, _written: int) -> tuple[tuple[str, str], ...]:
    with open_database(spills=False) as connection:
        found = connection.execute(f"DESCRIBE FROM {readable(connection, file)}").fetchall()
    return tuple((name, kind if kind in _STORED or kind.startswith("DECIMAL(") else _OTHER) for name, kind, *_ in found)


def _alike(contract: Contract, files: list[Path], stored: dict[str, str], deleted_when: str | None) -> str:
    values = {column.name: _value(contract, column, stored.get(column.name)) for column in contract.columns}
    columns = ", ".join(f"{value.value} AS {quoted(name)}" for name, value in values.items())
    wrong = {name: f"NOT coalesce({item.is_right}, false)" for name, item in values.items() if item.is_right != "true"}
    gone = "false"
    if deleted_when is not None and stored.get(deleted_when) == "BOOLEAN":
        gone = f"coalesce({quoted(deleted_when)}, false)"
    # Accepted files lie in folders that are named by their night.
    return f"""
        SELECT {columns},
            CAST(left(parse_path(_stored_in)[-2], 10) AS DATE) AS _extract_date,
            {_unfit(wrong)} AS {UNFIT},
            {gone} AS {GONE},
            {_stored_key(contract, stored, wrong)} AS {STORED_KEY}
        FROM {parquet(files, "filename = '_stored_in', file_row_number = true")}
    """


def _unfit(wrong: dict[str, str]) -> str:
    if not wrong:
        return _EMPTY
    names = ", ".join(f"CASE WHEN {is_wrong} THEN {literal(name)} END" for name, is_wrong in wrong.items())
    return f"list_filter([{names}], lambda name: name IS NOT NULL)"


def _stored_key(contract: Contract, stored: dict[str, str], wrong: dict[str, str]) -> str:
    wrong_key = " OR ".join(wrong[name] for name in contract.key if name in wrong)
    if not wrong_key:
        return "NULL::VARCHAR"
    if not set(contract.key) <= set(stored):
        # Each row by itself.
        return "concat_ws('|', _stored_in, file_row_number)"
    texts = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in contract.key)
    return f"CASE WHEN {wrong_key} THEN concat_ws('|', {texts}) END"


def _value(contract: Contract, column: Column, stored: str | None) -> TypedValue:
    """A stored text is read as a new extract's text would be; any other value must be itself again when cast back."""
    name = quoted(column.name)
    if stored is None:
        return TypedValue(f"NULL::{column.sql_type}", "false" if column.name in contract.key else "true", "")
    if stored == column.sql_type:
        return TypedValue(name, "true", "")
    if stored in ("VARCHAR", _OTHER):
        return typed(column, f"CAST({name} AS VARCHAR)")
    cast = f"TRY_CAST({name} AS {column.sql_type})"
    return TypedValue(cast, f"({name} IS NULL OR TRY_CAST({cast} AS {stored}) = {name})", "")
