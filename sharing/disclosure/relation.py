"""A relation whose risk is looked at: a table, a view or Parquet, with the columns that it has."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from warehouse.engines.duckdb.engine import literal, quoted, safe_message

# A name as `schema.table` (each part is quoted here), or Parquet files (a path, which may hold `*`).
Relation = str | Path
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL")  # fmt: skip
_TIMES = ("DATE", "TIME", "TIMESTAMP")


class DisclosureError(Exception):
    """The risk cannot be told: what was asked, of which relation, what to do."""


@dataclass(frozen=True)
class Column:
    """`type` as the engine names it."""

    name: str
    type: str

    @property
    def is_number(self) -> bool:
        return self.type.startswith(_NUMBERS) and not self.type.endswith("]")

    @property
    def is_ordered(self) -> bool:
        """Whether one value is above another in a sense that people share: numbers, dates and times."""
        return self.is_number or (self.type.startswith(_TIMES) and not self.type.endswith("]"))


def from_clause(relation: Relation) -> str:
    """What stands after FROM."""
    if isinstance(relation, Path):
        return f"read_parquet({literal(str(relation))})"
    return ".".join(map(quoted, relation.split(".")))


def columns_of(connection: duckdb.DuckDBPyConnection, relation: Relation) -> dict[str, Column]:
    """By name, in order. DisclosureError where there is no such relation."""
    rows = fetched(connection, f"DESCRIBE SELECT * FROM {from_clause(relation)}", relation)
    return {name: Column(name, kind) for name, kind, *_ in rows}


def known_columns(
    connection: duckdb.DuckDBPyConnection, relation: Relation, names: Iterable[str]
) -> tuple[Column, ...]:
    """The columns of these names, each once. DisclosureError names those that the relation has not."""
    there, asked = columns_of(connection, relation), tuple(dict.fromkeys(names))
    if missing := [name for name in asked if name not in there]:
        raise DisclosureError(
            f"{relation} has no column {', '.join(missing)}; it has {', '.join(there)}. Declare columns of what is released."
        )
    return tuple(there[name] for name in asked)


def fetched(connection: duckdb.DuckDBPyConnection, statement: str, relation: Relation) -> list[tuple[Any, ...]]:
    """Rows of a statement over the relation; what the engine says of a fault goes on without values."""
    try:
        return connection.execute(statement).fetchall()
    except duckdb.Error as error:
        raise DisclosureError(f"The risk of {relation} could not be looked at: {safe_message(error)}") from None
