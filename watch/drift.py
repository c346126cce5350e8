"""Drift of the shared tables: their rows, and the share of values in each column, against the nights before. It refuses nothing."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from nights.record.verdict import RuleResult
from warehouse.engines.duckdb.engine import literal, open_database, quoted
from warehouse.home import Home
from warehouse.numbers_for_people import percent
from warehouse.store.night_records import record, records

_ROWS = "rows"
# With fewer nights before nothing is said; more than these are long ago.
_FEWEST, _MOST = 5, 14
# A change is told beyond five times the usual one, and what is worth a look: a tenth of the rows, five values in a hundred.
_USUAL, _ROWS_SHARE, _VALUES_SHARE = 5, 0.1, 0.05
_TOLD = 3


def drifted(home: Home, database: Path, extract_date: date) -> list[RuleResult]:
    """Record the marts of a build, and one warning or good result for each that has nights enough before it."""
    with open_database(database, read_only=True) as connection:
        measured = _measured(connection)
    record(home, "mart_night", extract_date, measured, {})
    return _results(home, extract_date)


def _measured(connection: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    """Of each mart the rows, and by column the share of rows that have a value."""
    columns = connection.execute("""
        SELECT table_name, list(column_name ORDER BY column_index)
        FROM duckdb_columns()
        WHERE schema_name = 'marts'
          AND table_name IN (SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts')
        GROUP BY ALL
        ORDER BY ALL""").fetchall()
    found: list[dict[str, object]] = []
    for mart, names in columns:
        shares = ", ".join(f"count({quoted(name)}) / count(*)" for name in names)
        counts = connection.execute(f"SELECT count(*), {shares} FROM marts.{quoted(mart)}").fetchone() or ()
        found += [
            {"mart": mart, "measure": measure, "value": value}
            for measure, value in zip([_ROWS, *names], counts, strict=True)
            if value is not None
        ]
    return found


def _results(home: Home, extract_date: date) -> list[RuleResult]:
    with open_database(spills=False) as connection:
        rows = connection.execute(_moved_sql(home, extract_date), {"night": extract_date}).fetchall()
    return [_result(mart, moved or []) for mart, moved in rows]


def _moved_sql(home: Home, extract_date: date) -> str:
    return f"""
        WITH measured AS (
          SELECT mart, measure, extract_date, value,
            lag(value) OVER series AS was, count(*) OVER series - 1 AS nights
          FROM {records(home, "mart_night", extract_date)}
          WINDOW series AS (PARTITION BY mart, measure ORDER BY extract_date)
        ),
        last_nights AS (
          SELECT DISTINCT extract_date
          FROM measured
          ORDER BY 1 DESC
          LIMIT {_MOST}
        ),
        usual AS (
          SELECT mart, measure, median(abs(value - was)) AS change
          FROM measured
          WHERE extract_date < $night AND extract_date >= (SELECT min(extract_date) FROM last_nights)
          GROUP BY ALL
        ),
        judged AS (
          SELECT mart, measure, was, value, measure = {literal(_ROWS)} AS is_rows,
            abs(value - was) > greatest({_USUAL} * coalesce(change, 0),
              CASE WHEN is_rows THEN greatest({_ROWS_SHARE} * was, 4 * sqrt(was)) ELSE {_VALUES_SHARE} END) AS is_moved
          FROM measured LEFT JOIN usual USING (mart, measure)
          WHERE extract_date = $night AND nights >= {_FEWEST}
        )
        SELECT mart, list({{'measure': measure, 'was': was, 'value': value}} ORDER BY NOT is_rows, measure)
          FILTER (WHERE is_moved)
        FROM judged
        GROUP BY mart
        ORDER BY mart"""


def _result(mart: str, moved: list[dict[str, Any]]) -> RuleResult:
    told = [
        f"{item['measure']}: {item['was']:,.0f} before, {item['value']:,.0f} now" if item["measure"] == _ROWS
        else f"{item['measure']} has a value in {percent(item['value'])} of the rows, {percent(item['was'])} before"
        for item in moved[:_TOLD]
    ]  # fmt: skip
    return RuleResult(
        rule=f"drift_of_{mart}", dimension="accuracy", severity="warning", passed=not moved, unexpected_count=len(moved), row_count=None,
        description=f"marts.{mart} has about the rows, and values in each column, that it had in the nights before",
        observed_value="; ".join(told) or "as before",
    )  # fmt: skip
