"""The rows of a sample: a view of the engine that is asked for many things at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from sources.contract.model import Server
from warehouse.engines.duckdb.engine import quoted

TABLE = "sample"
# The rows before any of their texts is taken for no value.
AS_READ = "kept.main.as_read"
# What one statement is asked: planning takes longer than linearly, and a round trip each would take longer still.
_ASKED_AT_ONCE = 500
_FIRST_ROWS = 50


@dataclass(frozen=True)
class Sample:
    """A view `sample` in `connection`: one column for each header, `types` of those that are not text.

    `doubts` are sentences on what was guessed of the file and should be looked at.
    """

    connection: duckdb.DuckDBPyConnection
    server: Server
    headers: tuple[str, ...]
    types: dict[str, str]
    rows: int
    doubts: tuple[str, ...] = ()

    def ask(self, aggregates: Sequence[str], source: str = TABLE) -> list[Any]:
        """The values of aggregates over all rows, in their order."""
        found: list[Any] = []
        for start in range(0, len(aggregates), _ASKED_AT_ONCE):
            listed = ", ".join(aggregates[start : start + _ASKED_AT_ONCE])
            found += self.connection.execute(f"SELECT {listed} FROM {source}").fetchone() or ()
        return found

    def hold(self, conditions: Sequence[str]) -> list[bool]:
        """Whether each of the SQL conditions, which may be null, is false for no row.

        Most are false for one of the first rows already, and are not asked of the others.
        """
        asked = {condition: f"bool_and(coalesce({condition}, true))" for condition in conditions}
        first = self.ask(list(asked.values()), f"(FROM {TABLE} LIMIT {_FIRST_ROWS})")
        likely = [condition for condition, answer in zip(asked, first, strict=True) if answer]
        right = dict(zip(likely, self.ask([asked[condition] for condition in likely]), strict=True))
        return [bool(right.get(condition)) for condition in conditions]

    def values(self, header: str, limit: int) -> list[str]:
        """Some distinct values of a column as text, the first in the alphabet."""
        column = quoted(header)
        query = f"""
            SELECT DISTINCT CAST({column} AS VARCHAR)
            FROM {TABLE}
            WHERE {column} IS NOT NULL
            ORDER BY 1
            LIMIT {limit}
        """
        return [row[0] for row in self.connection.execute(query).fetchall()]

    def with_options(self, options: dict[str, Any], doubts: Sequence[str]) -> "Sample":
        """The same rows, with more known of the server."""
        server = replace(self.server, options=self.server.options | options)
        return replace(self, server=server, doubts=(*self.doubts, *doubts))
