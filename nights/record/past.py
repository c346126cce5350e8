"""What the record says of the nights up to one: the tables of `quality/` in a database of their own, asked by every page."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb

from nights.record.feed_night import HAS_ARRIVED, IS_TAKEN
from sources.contract.model import Contract
from warehouse.engines.duckdb.engine import literal, open_database
from warehouse.home import Home
from warehouse.store.night_records import SCHEMAS, records

# As far back as a page looks, and as far as the year's record is read.
SHOWN_NIGHTS = 90
_READ_NIGHTS = 365
# Of ISO/IEC 25012, as stewards call them; the contract standard's own names on the right.
DIMENSIONS = {
    "completeness": ("completeness", "coverage"),
    "validity": ("validity", "conformity"),
    "uniqueness": ("uniqueness",),
    "consistency": ("consistency",),
    "timeliness": ("timeliness",),
    "accuracy": ("accuracy",),
}
# SQL of the share of right rows of a `gate_result`; a rule on the whole table is right or wrong.
SHARE = "CASE WHEN row_count > 0 AND unexpected_count <= row_count THEN 1 - unexpected_count / row_count ELSE passed::INTEGER END"

_NIGHTS = f"""
    SELECT DISTINCT extract_date
    FROM (SELECT extract_date FROM feed_night UNION SELECT ?::DATE)
    ORDER BY 1 DESC
    LIMIT {SHOWN_NIGHTS}"""


@dataclass(frozen=True)
class Past:
    """The nights up to `night`. `nights` are those of the record, oldest first, at most `SHOWN_NIGHTS`; `before` is what this one
    is compared with.
    """

    connection: duckdb.DuckDBPyConnection
    home: Home
    contracts: Sequence[Contract]
    night: date
    nights: tuple[date, ...]
    before: date | None

    @property
    def first(self) -> date:
        return self.nights[0]

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, list(values)).fetchall()

    def of_feed(self, contract: Contract) -> list[Any]:
        return [contract.agency, contract.feed]


@contextmanager
def open_past(home: Home, contracts: Sequence[Contract], night: date) -> Iterator[Past]:
    """Tables `feed_night`, `gate_result`, `finding`, `anomaly` of a year, and `score` of each feed, night and dimension."""
    with open_database() as connection:
        since = night - timedelta(days=_READ_NIGHTS)
        for table in SCHEMAS:
            connection.execute(
                f"CREATE TABLE {table} AS FROM {records(home, table, night)} WHERE extract_date > ?", [since]
            )
        _make_scores(connection)
        found = connection.execute(_NIGHTS, [night]).fetchall()
        nights = tuple(sorted(row[0] for row in found))
        yield Past(connection, home, contracts, night, nights, _before(connection, nights))


def _before(connection: duckdb.DuckDBPyConnection, nights: tuple[date, ...]) -> date | None:
    """The last night before that was published: what was only filled in, or not published, nobody read. Where no night says
    whether it was, the last one on record.
    """
    earlier, published = (
        nights[:-1],
        """
        SELECT extract_date
        FROM night
        WHERE list_contains(?, extract_date) AND failure IS NULL
        ORDER BY extract_date DESC""",
    )
    ended = connection.execute("SELECT count(*) FROM night WHERE list_contains(?, extract_date)", [earlier]).fetchone()
    if not ended or not ended[0]:
        return max(earlier, default=None)
    found = connection.execute(published, [earlier]).fetchone()
    return found[0] if found else None


def _make_scores(connection: duckdb.DuckDBPyConnection) -> None:
    """`score`: the share of right rows over a feed's rules of one dimension, the lowest share of a rule of severity error that
    failed, and how many failed.

    A rule on the whole table counts as 1 or 0. Of validity what could not be read at landing is a rule itself, of timeliness
    the arrival; of accuracy what does not fit with other agencies is shown beside, and counts for no single one of them.
    """
    names = ", ".join(
        f"({literal(name)}, {literal(dimension)})" for dimension, names in DIMENSIONS.items() for name in names
    )
    connection.execute(f"""
        CREATE TABLE score AS
        WITH named(name, dimension) AS (VALUES {names}),
        gated AS (
          SELECT extract_date, agency, feed, max(row_count) AS landed
          FROM gate_result
          GROUP BY ALL
        ),
        rule AS (
          SELECT extract_date, agency, feed, named.dimension, severity, passed, {SHARE} AS share
          FROM gate_result JOIN named ON named.name = gate_result.dimension
          WHERE agency <> 'harmonised'
          UNION ALL
          SELECT extract_date, agency, feed, 'timeliness', 'error', {HAS_ARRIVED}, ({HAS_ARRIVED})::INTEGER
          FROM feed_night
          UNION ALL
          SELECT extract_date, agency, feed, 'validity', 'error', landed = rows_sent, landed / rows_sent
          FROM feed_night JOIN gated USING (extract_date, agency, feed)
          WHERE rows_sent > 0 AND landed <= rows_sent
        )
        SELECT extract_date, agency, feed, dimension, avg(share) AS share,
          min(share) FILTER (WHERE NOT passed AND severity = 'error') AS lowest,
          count(*) FILTER (WHERE NOT passed) AS failed,
          coalesce(any_value({IS_TAKEN}), true) AS is_taken
        FROM rule LEFT JOIN feed_night USING (extract_date, agency, feed)
        GROUP BY extract_date, agency, feed, dimension""")
