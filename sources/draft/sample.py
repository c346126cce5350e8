"""The rows of a sample: a view of the engine that is asked for many things at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from sources.contract.model import Server
from warehouse.engines.duckdb.engine import quoted

TABLE = "sample"
# The rows before any of their texts is taken for no value.
AS_READ = "kept.main.as_read"
# All rows after that, once some of them are taken for faults.
_WHOLE = "kept.main.whole"
# What one statement is asked: planning takes longer than linearly, and a round trip each would take longer still.
_ASKED_AT_ONCE = 500
_FIRST_ROWS = 50
# Of so few rows none is taken for a fault; of more two may be, and of many one in a hundred.
_FEW, _TOLERATED, _SHARE_TOLERATED = 20, 2, 100
_MOST_LINES = 5


def tolerated(values: int) -> int:
    """How many of so many values a draft takes for faults."""
    return max(_TOLERATED, values // _SHARE_TOLERATED) if values >= _FEW else 0


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
    # The column of the view with the row's number in the file, and the line at which the row of a number begins.
    place: str = "place"
    line_of: Callable[[list[int]], list[int]] = list

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

    def lines(self, condition: str) -> str:
        """Where the rows are for which the SQL condition holds, such as `line 7 and 12`; the first where they are many."""
        query = f"SELECT {quoted(self.place)} FROM {TABLE} WHERE {condition} ORDER BY 1"
        return told_lines(self.line_of([row[0] for row in self.connection.execute(query).fetchall()]))

    def without(self, condition: str) -> "Sample":
        """Without the rows for which the SQL condition holds; those of an earlier call are there again."""
        self.connection.execute(f"CREATE TABLE IF NOT EXISTS {_WHOLE} AS FROM {TABLE}")
        self.connection.execute(f"CREATE OR REPLACE VIEW {TABLE} AS FROM {_WHOLE} WHERE NOT {condition}")
        return replace(self, rows=int(self.ask(["count(*)"])[0]))

    def with_options(self, options: dict[str, Any], doubts: Sequence[str]) -> "Sample":
        """The same rows, with more known of the server."""
        server = replace(self.server, options=self.server.options | options)
        return replace(self, server=server, doubts=(*self.doubts, *doubts))


def told_lines(lines: Sequence[int]) -> str:
    """`line 7`, `line 7 and 12`, `line 1, 2, 3, 4, 5 and 6 more`."""
    first = [str(line) for line in lines[:_MOST_LINES]]
    if len(lines) > _MOST_LINES:
        first.append(f"{len(lines) - _MOST_LINES} more")
    return f"line {', '.join(first[:-1])} and {first[-1]}" if first[1:] else f"line {first[0]}"


def place_beside(headers: Sequence[str]) -> str:
    """A name for the column of places that none of the headers is."""
    name, taken = "place", {header.lower() for header in headers}
    while name in taken:
        name = f"_{name}"
    return name
