"""What a night changed in a feed's state: keys that are new, changed or gone since the last accepted night, or sent again in vain."""

from dataclasses import replace
from pathlib import Path

import duckdb

from nights.rows.accepted import Acceptance, mode_of, state_of
from nights.rows.stored_rows import StoredFile, stored_rows
from sources.arrival.manifest import ROWS
from sources.contract.model import Contract
from warehouse.engines.duckdb.encrypted_parquet import let_read, readable
from warehouse.engines.duckdb.engine import literal, open_database, quoted, write_parquet
from warehouse.files import replaced_whole

CHANGES = "changes.parquet"
NEW, CHANGED, GONE, AGAIN = "new", "changed", "gone", "again"


def write_changes(contract: Contract, before: list[Path], folder: Path) -> dict[str, int]:
    """Write `changes.parquet` into the accepted `folder`: a column `_change`, then the contract's columns (of a key that is
    gone, as they last were; of one that an append feed sent again with another content, as they were sent, which is not
    taken). The counts of each go into its `accepted.json` and are returned. `before` are the accepted nights before it.
    """
    acceptance = Acceptance.read(folder)
    mode = mode_of(contract, acceptance)
    # Whatever is not a snapshot can only change the keys that it names: of no other is the state made.
    named = None if mode == "snapshot" else (folder / ROWS).resolve()
    with open_database() as connection, replaced_whole(folder / CHANGES) as target:
        was, now = state_of(contract, before, named), state_of(contract, [*before, folder], named)
        let_read(connection, was, now)
        connection.execute(f"CREATE VIEW before AS {_keyed(contract, was)}")
        connection.execute(f"CREATE VIEW after AS {_keyed(contract, now)}")
        difference = _difference(contract)
        if mode == "append":
            difference += f" UNION ALL {_sent_again(contract, folder / ROWS)}"
        write_parquet(connection, difference, target)
        counts = _counts(connection, target)
    replace(acceptance, changes=counts).write(folder)
    return counts


def following(contract: Contract, later: list[Path]) -> list[Path]:
    """Those of the accepted nights after one whose changes depend on it: up to the next snapshot, which ends its part."""
    modes = [mode_of(contract, Acceptance.read(folder)) for folder in later]
    return later[: modes.index("snapshot") + 1] if "snapshot" in modes else later


def same_rows(one: Path, other: Path) -> bool:
    """Whether two files of rows have the same columns and content, in any order."""
    with open_database() as connection:
        found = [
            [
                connection.execute(f"DESCRIBE FROM {file}").fetchall(),
                connection.execute(f"SELECT count(*), sum(hash(rows)::HUGEINT) FROM {file} AS rows").fetchall(),
            ]
            for file in (readable(connection, path) for path in (one, other))
        ]
    return found[0] == found[1]


def _keyed(contract: Contract, state: str) -> str:
    """The contract's columns of a state, and a hash of all of them."""
    columns = _columns(contract)
    return f"SELECT {columns}, hash({columns}) AS _wording FROM ({state})"


def _columns(contract: Contract) -> str:
    return ", ".join(quoted(column.name) for column in contract.columns)


def _same_key(contract: Contract, one: str, other: str) -> str:
    return " AND ".join(f"{one}.{quoted(name)} = {other}.{quoted(name)}" for name in contract.key)


def _difference(contract: Contract) -> str:
    names = [quoted(column.name) for column in contract.columns]
    columns = ", ".join(
        f"CASE WHEN after._wording IS NULL THEN before.{name} ELSE after.{name} END AS {name}" for name in names
    )
    return f"""
        SELECT
            CASE
                WHEN before._wording IS NULL THEN {literal(NEW)}
                WHEN after._wording IS NULL THEN {literal(GONE)}
                ELSE {literal(CHANGED)}
            END AS _change,
            {columns}
        FROM before
        FULL JOIN after ON {_same_key(contract, "before", "after")}
        WHERE before._wording IS DISTINCT FROM after._wording
    """


def _sent_again(contract: Contract, rows: Path) -> str:
    """Rows that an append feed sent for a key that was there, with another content: the first stays, and these are told."""
    sent = _keyed(contract, stored_rows(contract, [StoredFile(rows)]))
    columns = ", ".join(f"sent.{quoted(column.name)}" for column in contract.columns)
    return f"""
        SELECT {literal(AGAIN)} AS _change, {columns}
        FROM ({sent}) AS sent
        JOIN after ON {_same_key(contract, "sent", "after")}
        WHERE sent._wording <> after._wording
    """


def _counts(connection: duckdb.DuckDBPyConnection, changes: Path) -> dict[str, int]:
    found = connection.execute(f"SELECT _change, count(*) FROM {readable(connection, changes)} GROUP BY ALL").fetchall()
    return {NEW: 0, CHANGED: 0, GONE: 0, AGAIN: 0} | {str(change): int(count) for change, count in found}
