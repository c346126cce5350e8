"""The profile of an accepted extract: of each column how its values are spread, and no value of a person."""

import logging
from pathlib import Path

from nights.folders import accepted_folder
from nights.record.feed_night import FeedNight
from sources.arrival.manifest import ROWS
from sources.contract.model import Column, Contract
from warehouse.engines.duckdb.encrypted_parquet import let_read, parquet
from warehouse.engines.duckdb.engine import literal, open_database, quoted
from warehouse.home import Home
from warehouse.store.night_records import SCHEMAS, record

# Shapes are taken from about so many rows. The counting noise of a share is then below 0.2 percentage points.
SAMPLE = 100_000
LEVELS = 21
# A share is kept of values that so many rows, and this share of them, have in common: nobody is told from it.
LEAST_ROWS, LEAST_SHARE = 10, 0.01
_MOST_VALUES = 50
# Below it a quantile of a column about people would be the value of one of them.
_LEAST_VALUES, _LEAST_PERSONAL_VALUES = 20, 100
_MASKED_DIGITS = 3
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
            "FLOAT", "DOUBLE", "DECIMAL")  # fmt: skip


def record_profile(contract: Contract, home: Home, night: FeedNight) -> None:
    """Record the profile of a taken night. A profile that fails is missed by nobody but the anomalies: the night goes on."""
    try:
        accepted = accepted_folder(contract, home, night.extract_date) / ROWS
        rows = profile_of(contract, accepted, night.rows_accepted or 0)
        record(home, "column_profile", night.extract_date, rows, {"agency": night.agency, "feed": night.feed})
    except Exception as error:
        # The words of an error may quote a value.
        logging.getLogger(__name__).warning("%s: no profile of the night: %s", contract.name, type(error).__name__)


def profile_of(contract: Contract, rows: Path, count: int) -> list[dict[str, object]]:
    """Rows of `column_profile` of the `count` rows in a Parquet file, in the order of the contract's columns."""
    names = SCHEMAS["column_profile"].names[3:]
    with open_database() as connection:
        sql = profile_sql(contract, rows, count)
        let_read(connection, sql)
        found = connection.execute(sql).fetchall()
        return [dict(zip(names, row, strict=True)) for row in found]


def profile_sql(contract: Contract, rows: Path, count: int) -> str:
    """One statement, which reads the file once: all aggregates side by side, then turned to a row for each column.

    Which rows are in the sample follows from their number, so the same extract has the same profile.
    """
    every = max(count // SAMPLE, 1)
    columns = list(enumerate(contract.columns))
    return f"""
        WITH told AS (
            SELECT *, hash(file_row_number) % {every} = 0 AS _sampled
            FROM {parquet(rows, "file_row_number = true")}
        ),
        taken AS (SELECT count(*) AS _rows, {", ".join(_aggregates(n, c) for n, c in columns)} FROM told),
        lined AS (SELECT unnest([{", ".join(_line(contract, n, c) for n, c in columns)}]) AS line FROM taken)
        SELECT line.column_name, line.kind, line.rows, line.nulls, line.distinct_values, line.quantiles,
            [entry.hash FOR entry IN line.shared], [entry.share FOR entry IN line.shared]
        FROM lined
    """


def kind_of(column: Column) -> str:
    """What is told of a column's values."""
    if column.sql_type.startswith(("DATE", "TIMESTAMP")):
        return "date"
    if column.sql_type.startswith(_NUMBERS):
        return "number"
    return "boolean" if column.sql_type == "BOOLEAN" else "text"


def _aggregates(number: int, column: Column) -> str:
    name, kind = quoted(column.name), kind_of(column)
    parts = [f"count({name}) AS _n{number}", f"approx_count_distinct({name}) AS _d{number}"]
    if kind != "boolean":
        parts.append(
            f"quantile_cont(CASE WHEN _sampled THEN {_measured(column)} END, {_levels()}) FILTER (_sampled) AS _q{number}"
        )
    if kind != "date":
        # What is computed under CASE is computed of the sample alone, what is under FILTER of every row.
        text = f"CASE WHEN _sampled THEN {name}::VARCHAR END"
        parts.append(f"histogram({text}) FILTER (_sampled AND {name} IS NOT NULL) AS _h{number}")
        parts.append(f"count({name}) FILTER (_sampled) AS _s{number}")
    return ", ".join(parts)


def _levels() -> str:
    """The middles of 21 equal parts: neither the least nor the greatest value, which are somebody's."""
    return str([round((level + 0.5) / LEVELS, 6) for level in range(LEVELS)])


def _measured(column: Column) -> str:
    """The number that stands for a value; what is not finite (a date at infinity) is none."""
    name = quoted(column.name)
    number = {
        "date": f"CASE WHEN isfinite({name}) THEN epoch({name}::TIMESTAMP) / 86400 END",
        "number": f"CASE WHEN isfinite({name}::DOUBLE) THEN {name}::DOUBLE END",
        "text": f"length({name}::VARCHAR)::DOUBLE",
    }
    return number[kind_of(column)]


def _line(contract: Contract, number: int, column: Column) -> str:
    kind = kind_of(column)
    least = _LEAST_PERSONAL_VALUES if column.is_masked else _LEAST_VALUES
    quantiles = "NULL::DOUBLE[]"
    if kind != "boolean":
        told = f"[{_rounded('q')} FOR q IN _q{number}]" if column.is_masked and kind != "text" else f"_q{number}"
        quantiles = f"CASE WHEN _n{number} >= {least} THEN {told} END"
    shared = _shared(contract, number, column) if kind != "date" else "[]::STRUCT(hash VARCHAR, share DOUBLE)[]"
    return (
        f"{{column_name: {literal(column.name)}, kind: {literal(kind)}, rows: _rows, nulls: _rows - _n{number}, "
        f"distinct_values: least(_d{number}, _n{number}), quantiles: {quantiles}, shared: {shared}}}"
    )


def _rounded(value: str) -> str:
    """To three significant digits; a zero stays."""
    scale = f"({_MASKED_DIGITS - 1} - floor(log10(abs({value}))))"
    return f"CASE WHEN {value} = 0 THEN 0.0 ELSE round({value} * pow(10, {scale})) / pow(10, {scale}) END"


def _shared(contract: Contract, number: int, column: Column) -> str:
    """The frequent values under a hash that is the column's own, so that nothing is joined by it."""
    salt = literal(f"{contract.name}/{column.name}/")
    entries = f"map_entries(coalesce(_h{number}, MAP {{}}::MAP(VARCHAR, UBIGINT)))"
    frequent = f"[e FOR e IN {entries} IF e.value >= {LEAST_ROWS} AND e.value >= {LEAST_SHARE} * _s{number}]"
    hashed = f"[{{share: e.value / _s{number}, hash: left(md5({salt} || e.key), 12)}} FOR e IN {frequent}]"
    return f"[{{hash: s.hash, share: s.share}} FOR s IN list_reverse_sort({hashed})[:{_MOST_VALUES}]]"
