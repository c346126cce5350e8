"""What a night changed in a feed's state: keys that are new, changed or gone since the last accepted night."""

from pathlib import Path

import duckdb

from sources.accepted import state_of
from sources.contract import Contract
from warehouse.engine import literal, open_database, quoted

CHANGES = "changes.parquet"
NEW, CHANGED, GONE = "new", "changed", "gone"


def write_changes(contract: Contract, before: list[Path], folder: Path) -> dict[str, int]:
    """Write `changes.parquet` into the accepted `folder`: a column `_change`, then the contract's columns (of a key that is
    gone, as they last were). `before` are the accepted nights up to the one before. Returns how many there are of each.
    """
    with open_database() as connection:
        after = state_of(contract, [*before, folder])
        connection.execute(f"CREATE VIEW before AS {_keyed(contract, state_of(contract, before))}")
        connection.execute(f"CREATE VIEW after AS {_keyed(contract, after)}")
        target = folder / CHANGES
        connection.execute(
            f"COPY ({_difference(contract)}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
        )
        return _counts(connection, target)


def _keyed(contract: Contract, state: str) -> str:
    """The contract's columns of a state, and a hash of all of them."""
    columns = ", ".join(quoted(column.name) for column in contract.columns)
    return f"SELECT {columns}, hash({columns}) AS _wording FROM ({state})"


def _difference(contract: Contract) -> str:
    same_key = " AND ".join(f"before.{quoted(name)} = after.{quoted(name)}" for name in contract.key)
    columns = ", ".join(
        f"CASE WHEN after._wording IS NULL THEN before.{quoted(column.name)} ELSE after.{quoted(column.name)} END AS {quoted(column.name)}"
        for column in contract.columns
    )
    change = (
        f"CASE WHEN before._wording IS NULL THEN {literal(NEW)} WHEN after._wording IS NULL THEN {literal(GONE)} "
        f"ELSE {literal(CHANGED)} END"
    )
    return (
        f"SELECT {change} AS _change, {columns} FROM before FULL JOIN after ON {same_key} "
        "WHERE before._wording IS DISTINCT FROM after._wording"
    )


def _counts(connection: duckdb.DuckDBPyConnection, changes: Path) -> dict[str, int]:
    found = connection.execute(
        f"SELECT _change, count(*) FROM read_parquet({literal(str(changes))}) GROUP BY ALL"
    ).fetchall()
    return {NEW: 0, CHANGED: 0, GONE: 0} | {str(change): int(count) for change, count in found}
