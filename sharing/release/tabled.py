"""A product that is a table: counts or sums with all margins, small cells protected, nothing told by its difference to an earlier one."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from sharing.agreements.product import TableSpec as Agreed
from sharing.disclosure.tables.cells import Cell, Key, TableLimits, TableSpec, Unsafe, cells, unsafe
from sharing.disclosure.tables.differences import Difference, Told, differences
from sharing.disclosure.tables.rounding import rounded
from sharing.disclosure.tables.suppression import Hidden, suppress
from sharing.masking.pseudonym import release_secret
from sharing.release.errors import NotReleased
from sharing.release.kept import releases
from sharing.release.query import Statement
from sharing.release.wanted import Wanted
from warehouse.home import Home
from warehouse.keys.keyed_folder import key_of
from warehouse.keys.sealed_file import opened_text, seal_bytes, sealed_name

_ROWS, _TABLE = "tabled_rows", "tabled_cells"
# What of a table is compared with the next one; for the platform alone.
CELLS = "cells.json"
_PERSON, _CONTRIBUTOR = "person_id", "contributor_of_row"
# As statistical offices code them (SDMX): all, and not known.
_ALL, _UNKNOWN = "_T", "_U"
_COUNT = "records"
_STATUS = "status"
# ABS: a cell needs ten contributors.
_THRESHOLD = 10
_ROUNDING = "rounding"


@dataclass(frozen=True)
class Table:
    """`sql` gives its rows; `cells` as they are, for the comparison with the next one."""

    sql: str
    risk: dict[str, Any]
    spec: TableSpec
    cells: list[Cell]
    hidden: list[Hidden]

    def keep(self, folder: Path) -> None:
        """Beside the release, sealed under the platform's key."""
        said = {
            "spec": asdict(self.spec),
            "cells": [_stored(cell) for cell in self.cells],
            "hidden": [_texts(one.key) for one in self.hidden],
        }
        path, content = folder / CELLS, json.dumps(said).encode()
        key = key_of(path)
        if key is None:
            raise NotReleased(
                "a table's cells are kept to compare the next one with, and the platform has no key; `interagency keys create`"
            )
        seal_bytes(content, sealed_name(path), key)


def tabulate(connection: duckdb.DuckDBPyConnection, home: Home, wanted: Wanted, statement: Statement) -> Table:
    """Raises NotReleased, DisclosureError."""
    agreed = wanted.product.table
    assert agreed is not None
    beside = _PERSON if _PERSON in statement.relation.columns else None
    named = (beside, _CONTRIBUTOR) if beside else None
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {_ROWS} AS {statement.sql(named)}")
    spec = TableSpec(tuple((name,) for name in agreed.by), agreed.measure, _CONTRIBUTOR if beside else None)
    limits = TableLimits(wanted.product.risk.threshold or _THRESHOLD)
    found = cells(connection, _ROWS, spec, limits)
    if agreed.protect == _ROUNDING:
        return _rounded(connection, agreed, spec, found, rounding_secret(home, wanted))
    return _suppressed(connection, wanted, _Spec(agreed, spec, limits), found, _earlier(home, wanted))


@dataclass(frozen=True)
class _Spec:
    agreed: Agreed
    spec: TableSpec
    limits: TableLimits


def rounding_secret(home: Home, wanted: Wanted) -> bytes:
    """One for all tables of a recipient: drawn anew each night, the mean of many nights would tell the count."""
    return bytes.fromhex(release_secret(home, f"counts of {wanted.recipient.id}"))


def _rounded(
    connection: duckdb.DuckDBPyConnection, agreed: Agreed, spec: TableSpec, found: list[Cell], secret: bytes
) -> Table:
    if agreed.measure is not None:
        raise NotReleased(
            f"sums of {agreed.measure} cannot be rounded to base 3, which is for counts; agree on `protect: suppression`"
        )
    told = rounded(found, spec, secret)
    _write(connection, agreed, ((cell.key, int(cell.value), "rounded") for cell in told))
    return Table(_select(agreed), {"table": {"protect": _ROUNDING, "cells": len(found), "base": 3}}, spec, found, [])


def _suppressed(
    connection: duckdb.DuckDBPyConnection, wanted: Wanted, said: _Spec, found: list[Cell], earlier: list[Told]
) -> Table:
    spec, limits = said.spec, said.limits
    risky = {cell.key: why for cell in found if (why := unsafe(cell, limits)) is not None}
    apart = list(_apart(found, spec, risky, earlier, limits.contributors))
    risky |= {key: why for key, why in apart if key not in risky}
    hidden = suppress(found, (1,) * len(spec.dimensions), risky, spec.measure is None)
    if found and len(hidden) == len(found):
        raise NotReleased(
            f"{wanted.product.id}: every cell would be hidden; agree on fewer columns, or on `protect: rounding`"
        )
    reasons = {one.key: "suppressed" if one.is_unsafe else "suppressed to protect others" for one in hidden}
    _write(
        connection,
        said.agreed,
        ((cell.key, None if cell.key in reasons else cell.value, reasons.get(cell.key, "")) for cell in found),
    )
    risk = {
        "protect": "suppression", "threshold": limits.contributors, "dominance": [list(pair) for pair in limits.dominance] if spec.measure else [],
        "cells": len(found), "unsafe": len(risky), "hidden": len(hidden), "for_differences": len(apart), "compared_with": len(earlier),
    }  # fmt: skip
    return Table(_select(said.agreed), {"table": risk}, spec, found, hidden)


def _apart(
    found: list[Cell], spec: TableSpec, risky: dict[Key, Unsafe], earlier: list[Told], threshold: int
) -> Iterator[tuple[Key, Unsafe]]:
    """Cells that an earlier table told, from which they differ by too few."""
    now = Told(spec, tuple(found), tuple(risky))
    by_values: dict[tuple[Any, ...], Cell] = {_texts(cell.key): cell for cell in found}
    for one in differences(_as_text(now), earlier, threshold):
        cell = by_values.get(_place(spec, one))
        if cell is not None:
            yield cell.key, Unsafe(("differs from an earlier release by too few",), 1.0, float(threshold))


def _place(spec: TableSpec, one: Difference) -> tuple[Any, ...]:
    values = dict(zip(one.columns, one.values, strict=True))
    return tuple((values[column],) if column in values else () for (column, *_) in spec.dimensions)


def _texts(key: Key) -> tuple[tuple[str | None, ...], ...]:
    """Values as texts, which are the same after JSON."""
    return tuple(tuple(None if value is None else str(value) for value in values) for values in key)


def _as_text(told: Told) -> Told:
    cells_ = tuple(Cell(_texts(cell.key), cell.value, cell.contributors) for cell in told.cells)
    return Told(told.spec, cells_, tuple(_texts(key) for key in told.hidden))


def _stored(cell: Cell) -> list[Any]:
    return [_texts(cell.key), cell.value, cell.contributors]


def _earlier(home: Home, wanted: Wanted) -> list[Told]:
    """All tables that the recipient got, by whichever agreement and product."""
    found = []
    for release in releases(home, recipient=wanted.recipient.id):
        path = sealed_name(release.folder / CELLS)
        is_this = (release.manifest.agreement, release.manifest.product, release.manifest.night, release.manifest.run) == (
            wanted.agreement.id, wanted.product.id, wanted.night.extract_date.isoformat(), wanted.night.run,
        )  # fmt: skip
        if path.exists() and not is_this:
            found.append(_read(path))
    return found


def _read(path: Path) -> Told:
    said = json.loads(opened_text(path))
    spec = said["spec"]
    read = TableSpec(tuple(map(tuple, spec["dimensions"])), spec["measure"], spec["contributor"])
    told = tuple(Cell(_key(key), value, contributors) for key, value, contributors in said["cells"])
    return Told(read, told, tuple(_key(key) for key in said["hidden"]))


def _key(listed: list[list[str | None]]) -> Key:
    return tuple(tuple(values) for values in listed)


def _write(
    connection: duckdb.DuckDBPyConnection, agreed: Agreed, rows: Iterator[tuple[Key, float | None, str]]
) -> None:
    """As a temporary table: margins under `_T`, a value that is missing under `_U`."""
    listed = list(rows)
    columns = [[_coded(key[place]) for key, _, _ in listed] for place in range(len(agreed.by))]
    measure = agreed.measure or _COUNT
    values = pa.array(
        [value for _, value, _ in listed], pa.float64() if agreed.measure else pa.int64(), from_pandas=True
    )
    table = pa.table(
        [
            *(pa.array(one, pa.string()) for one in columns),
            values,
            pa.array([state for *_, state in listed], pa.string()),
        ],
        names=[*agreed.by, measure, _STATUS],
    )
    connection.register("listed_cells", table)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {_TABLE} AS SELECT * FROM listed_cells")
    connection.unregister("listed_cells")


def _coded(values: tuple[object, ...]) -> str:
    if not values:
        return _ALL
    return _UNKNOWN if values[0] is None else str(values[0])


def _select(agreed: Agreed) -> str:
    return f"SELECT * FROM {_TABLE} ORDER BY ALL"
