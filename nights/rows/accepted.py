"""Accepted extracts: which nights of a feed count on a date, what they add up to, and the relations that dbt reads them through."""

import json
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from pathlib import Path

import duckdb

from nights.folders import accepted_folder
from nights.record.feed_night import ACCEPTED, UNCHANGED
from nights.rows.stored_rows import GONE, STORED_KEY, UNFIT, StoredFile, all_fit, stored_rows
from sources.arrival.manifest import ROWS
from sources.contract.model import Contract
from warehouse.engines.duckdb.encrypted_parquet import let_read
from warehouse.engines.duckdb.engine import literal, quoted
from warehouse.files import write_text
from warehouse.home import Home
from warehouse.store.pseudonym import pseudonym

ACCEPTANCE = "accepted.json"
# The bytes of the contract that the night was accepted under. Earlier versions did not keep it.
WORDING = "contract.odcs.yaml"
SCHEMA = "accepted"


@dataclass(frozen=True)
class Acceptance:
    """Why the rows beside it may be read further, and what they changed in the feed's state of the night before.

    `watermark` is where an incremental feed ended, in its column `watermark_column`; the next night starts there.
    `mode` and `deleted_when` are the contract's of then: how this night adds to those before stays as it was.
    `rows_replaced` are those of an earlier extract of the same night in whose place this one came with far fewer.
    """

    agency: str
    feed: str
    extract_date: str
    status: str
    original_sha256: str
    rows_sent: int
    rows_accepted: int
    rows_rejected: int
    decided_at: str
    reason: str | None = None
    watermark: str | None = None
    changes: dict[str, int] | None = None
    mode: str | None = None
    deleted_when: str | None = None
    watermark_column: str | None = None
    rows_replaced: int | None = None

    def write(self, folder: Path) -> None:
        write_text(folder / ACCEPTANCE, json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n")

    @property
    def lasting(self) -> str:
        """All but what a night that comes in before it, later, makes anew: `changes`, and whether it is `unchanged`."""
        status = ACCEPTED if self.status == UNCHANGED else self.status
        lasting = asdict(replace(self, changes=None, status=status))
        if self.rows_replaced is None:
            # As it is in the nights that an earlier version sealed.
            del lasting["rows_replaced"]
        return json.dumps(lasting, sort_keys=True)

    @classmethod
    def read(cls, folder: Path) -> "Acceptance":
        data = json.loads((folder / ACCEPTANCE).read_text(encoding="utf-8"))
        return cls(**{field.name: data.get(field.name) for field in fields(cls)})


def last_accepted(contract: Contract, home: Home, until: date) -> Path | None:
    """The folder of the newest accepted night with extract_date <= `until`, or None."""
    return max(accepted_nights(contract, home, until), key=lambda path: path.name, default=None)


def accepted_nights(contract: Contract, home: Home, until: date) -> list[Path]:
    """The folders of all accepted nights with extract_date <= `until`, oldest first."""
    nights = accepted_folder(contract, home, until).parent.glob("[0-9]*")
    return sorted(path for path in nights if path.name <= until.isoformat() and (path / ACCEPTANCE).exists())


def create_relations(connection: duckdb.DuckDBPyConnection, contracts: list[Contract], home: Home, until: date) -> None:
    """Make `accepted.<agency>__<feed>` for every contract: the feed's state, or an empty typed relation.

    They are views over Parquet, for the length of a build; what is published must not read them.
    """
    connection.execute(f"CREATE SCHEMA {SCHEMA}")
    for contract in contracts:
        state = state_of(contract, accepted_nights(contract, home, until))
        let_read(connection, state)
        connection.execute(f"CREATE VIEW {SCHEMA}.{quoted(contract.relation)} AS {_with_left_out(contract, state)}")


def create_empty_relations(connection: duckdb.DuckDBPyConnection, contracts: list[Contract]) -> None:
    """The same for contracts without any night."""
    for contract in contracts:
        connection.execute(f"CREATE VIEW {SCHEMA}.{quoted(contract.relation)} AS {state_of(contract, [])}")


def _with_left_out(contract: Contract, state: str) -> str:
    """Models read every column of the feed; of one that no agreement covers there is no value."""
    if not contract.left_out:
        return state
    empty = ", ".join(f"NULL::{column.sql_type} AS {quoted(column.name)}" for column in contract.left_out)
    return f"SELECT *, {empty} FROM ({state})"


def state_of(contract: Contract, nights: list[Path], keys_of: Path | None = None) -> str:
    """SQL of what the accepted `nights` (oldest first) add up to: the contract's columns and the lineage columns.

    Each night adds as its own mode says, whatever the contract says now. A snapshot takes the place of all before it. An
    appended row is taken where its key is not there yet. An incremental row takes the place of its key's row, and ends it
    where it is marked as deleted. A row with a value that is none of today's types is held back (`held_back` tells of it).
    With `keys_of`, only the keys of that accepted file.
    """
    standing = _standing(contract, _stretch(contract, nights), keys_of)
    return f"SELECT * EXCLUDE ({UNFIT}) FROM ({standing}) WHERE len({UNFIT}) = 0"


def nights_read(contract: Contract, nights: list[Path]) -> list[Path]:
    """Those of the accepted `nights` (oldest first) that make up the state: the last snapshot, and all after it."""
    modes = [mode_of(contract, Acceptance.read(folder)) for folder in nights]
    return nights[max((number for number, mode in enumerate(modes) if mode == "snapshot"), default=0) :]


@dataclass(frozen=True)
class HeldBack:
    """Stored values of one column that are none of the contract's type; their rows, of these nights, are held back."""

    column: str
    values: int
    first_night: date
    last_night: date


def held_back(connection: duckdb.DuckDBPyConnection, contract: Contract, nights: list[Path]) -> list[HeldBack]:
    """What `state_of` leaves out of the accepted `nights` because a type of the contract changed; by column."""
    stretch = _stretch(contract, nights)
    if all_fit(contract, [night.stored for night in stretch]):
        return []
    standing = _standing(contract, stretch)
    let_read(connection, standing)
    found = connection.execute(f"""
        SELECT name, count(*), min(_extract_date), max(_extract_date)
        FROM (SELECT _extract_date, unnest(_unfit) AS name FROM ({standing}))
        GROUP BY name
        ORDER BY name
    """).fetchall()
    return [HeldBack(*row) for row in found]


@dataclass(frozen=True)
class _Night:
    """A night as it adds to those before it."""

    stored: StoredFile
    mode: str

    @property
    def extract_date(self) -> str:
        return self.stored.path.parent.name[:10]


def _stretch(contract: Contract, nights: list[Path]) -> list[_Night]:
    """The nights that make up the state: the last snapshot, if there is one, and all after it; oldest first."""
    stretch: list[_Night] = []
    for folder in reversed(nights):
        acceptance = Acceptance.read(folder)
        mode = mode_of(contract, acceptance)
        deleted_when = _deletion_mark(contract, acceptance) if mode == "incremental" else None
        stretch.insert(0, _Night(StoredFile((folder / ROWS).resolve(), deleted_when), mode))
        if mode == "snapshot":
            break
    return stretch


def mode_of(contract: Contract, acceptance: Acceptance) -> str:
    """The mode of an accepted night. Earlier versions did not write it, and read every night by the contract's mode of the day."""
    if acceptance.mode:
        return acceptance.mode
    return "incremental" if acceptance.watermark else contract.extract_mode


def _standing(contract: Contract, stretch: list[_Night], keys_of: Path | None = None) -> str:
    """SQL of the rows that stand after the nights of a stretch, those held back among them with `_unfit`."""
    rows = stored_rows(contract, [night.stored for night in stretch])
    key = ", ".join(map(quoted, contract.key))
    if keys_of is not None:
        rows = f"""
            SELECT *
            FROM ({rows})
            SEMI JOIN ({stored_rows(contract, [StoredFile(keys_of)])}) AS wanted USING ({key})
        """
    if len(stretch) > 1:
        rows = _added_up(contract, stretch, rows)
    columns = ", ".join(quoted(column.name) for column in contract.columns)
    return f"""
        SELECT {columns},
            {literal(contract.agency)} AS _agency,
            {literal(contract.feed)} AS _feed,
            _extract_date,
            {_source_key(contract, stretch)} AS _source_key,
            {UNFIT}
        FROM ({rows})
        WHERE NOT {GONE}
    """


def _source_key(contract: Contract, stretch: list[_Night]) -> str:
    """SQL of the key in the agency's own terms; of a protected key, the pseudonym that is the same every night."""
    if not stretch:
        return _plain_key(contract)
    # <home>/accepted/<agency>/<feed>/…
    feed = next(path for path in stretch[0].stored.path.parents if path.parts[-2:] == (contract.agency, contract.feed))
    return record_key(contract, Home(feed.parents[2]))


def record_key(contract: Contract, home: Home) -> str:
    """SQL of what marts call the `source_key` of a row, by the columns of the contract's key. A connection needs the keys that it
    names (`let_read`).
    """
    plain = _plain_key(contract)
    return pseudonym(home, plain) if contract.has_protected_key else plain


def _plain_key(contract: Contract) -> str:
    parts = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in contract.key)
    return f"concat_ws('|', {parts})"


def _added_up(contract: Contract, stretch: list[_Night], rows: str) -> str:
    """Of each key the row that stands: the last that settles it, or the first appended after, where that one deletes it."""
    key = ", ".join([*map(quoted, contract.key), STORED_KEY])
    appended = ", ".join(f"DATE {literal(night.extract_date)}" for night in stretch if night.mode == "append")
    if not appended:
        # By night first: what a later night was told of a key is what its agency holds, whatever clock stamped the rows.
        newest = "_extract_date DESC"
        if contract.increment is not None:
            newest += f", {quoted(contract.increment.watermark)} DESC NULLS LAST"
        return f"""
            SELECT *
            FROM ({rows})
            QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {newest}) = 1
        """
    if any(night.mode != "append" for night in stretch[1:]):
        settled = f"max(_extract_date) FILTER (WHERE _extract_date NOT IN ({appended})) OVER (PARTITION BY {key})"
        rows = f"""
            SELECT *
            FROM (SELECT *, {settled} AS _settled FROM ({rows}))
            WHERE _settled IS NULL OR _extract_date >= _settled
        """
    return f"""
        SELECT *
        FROM ({rows})
        WHERE NOT {GONE}
        QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY _extract_date) = 1
    """


def _deletion_mark(contract: Contract, acceptance: Acceptance) -> str | None:
    """The column that marked deleted rows on an incremental night. Earlier versions did not write it: then the contract's."""
    if acceptance.mode is None and contract.increment is not None:
        return contract.increment.deleted_when
    return acceptance.deleted_when
