"""The record of every night, also of those not published: Parquet below `quality/`, one file per table and night.

The published warehouse holds a copy in its schema `quality`, up to the night it was built for; not of what is written after
a publication (`night`, `alert`), or a night that is run twice would not be the same night.
"""

from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.engines.duckdb.engine import literal
from warehouse.files import replaced_whole
from warehouse.home import Home
from warehouse.store.seal import PARQUET_SEAL, UNSEALED, check_parquet, place_of, seal_parquet

_UTC = pa.timestamp("us", tz="UTC")
_TEXT, _COUNT, _NUMBER = pa.string(), pa.int64(), pa.float64()

SCHEMAS: dict[str, pa.Schema] = {
    "feed_night": pa.schema([
        ("extract_date", pa.date32()), ("agency", _TEXT), ("feed", _TEXT), ("status", _TEXT), ("rows_sent", _COUNT),
        ("rows_accepted", _COUNT), ("rows_rejected", _COUNT), ("original_sha256", _TEXT), ("started_at", _UTC),
        ("finished_at", _UTC), ("reason", _TEXT), ("rows_new", _COUNT), ("rows_changed", _COUNT), ("rows_gone", _COUNT),
        ("rows_again", _COUNT),
    ]),
    "gate_result": pa.schema([
        ("extract_date", pa.date32()), ("agency", _TEXT), ("feed", _TEXT), ("rule", _TEXT), ("dimension", _TEXT),
        ("severity", _TEXT), ("passed", pa.bool_()), ("unexpected_count", _COUNT), ("row_count", _COUNT),
        ("observed_value", _TEXT), ("description", _TEXT),
    ]),
    "finding": pa.schema([
        ("extract_date", pa.date32()), ("rule", _TEXT), ("severity", _TEXT), ("subject", _TEXT), ("agencies", _TEXT),
        ("source_key", _TEXT), ("detail", _TEXT),
    ]),
    "mart_night": pa.schema([("extract_date", pa.date32()), ("mart", _TEXT), ("measure", _TEXT), ("value", _NUMBER)]),
    "linkage_night": pa.schema([
        ("extract_date", pa.date32()), ("entity", _TEXT), ("records", _COUNT), ("entities", _COUNT), ("links", _COUNT),
        ("expected_precision", _NUMBER), ("expected_recall", _NUMBER), ("review_queue", _COUNT), ("merged", _COUNT), ("split", _COUNT),
    ]),
    # Why a night was not published, and who was told of what.
    "night": pa.schema([("extract_date", pa.date32()), ("failure", _TEXT)]),
    "alert": pa.schema([
        ("extract_date", pa.date32()), ("agency", _TEXT), ("feed", _TEXT), ("cause", _TEXT), ("description", _TEXT),
        ("first_night", pa.date32()), ("is_sent", pa.bool_()), ("fault", _TEXT),
        ("untold", pa.list_(_TEXT)),
    ]),
    "column_profile": pa.schema([
        ("extract_date", pa.date32()), ("agency", _TEXT), ("feed", _TEXT), ("column_name", _TEXT), ("kind", _TEXT),
        ("rows", _COUNT), ("nulls", _COUNT), ("distinct_values", _COUNT), ("quantiles", pa.list_(_NUMBER)),
        ("value_hashes", pa.list_(_TEXT)), ("value_shares", pa.list_(_NUMBER)),
    ]),
    "anomaly": pa.schema([
        ("extract_date", pa.date32()), ("agency", _TEXT), ("feed", _TEXT), ("measure", _TEXT), ("column_name", _TEXT),
        ("observed", _NUMBER), ("expected", _NUMBER), ("low", _NUMBER), ("high", _NUMBER), ("nights", _COUNT),
        ("since", pa.date32()), ("description", _TEXT),
    ]),
}  # fmt: skip

COMMENTS: dict[str, dict[str, str]] = {
    "feed_night": {
        "": "One row per feed and night: what arrived, what was taken, and what became of it.",
        "extract_date": "The night, UTC.",
        "agency": "The agency's folder below sources/.",
        "feed": "The feed's name within its agency.",
        "status": "accepted, unchanged, accepted_by_steward, refused, failed or no_agreement.",
        "rows_sent": "Records in the original file.",
        "rows_accepted": "Rows taken into the accepted extract.",
        "rows_rejected": "Records refused at landing or at the gate; sent = accepted + rejected on an accepted night.",
        "original_sha256": "SHA-256 of the original bytes; null where nothing arrived.",
        "started_at": "When the pull began, UTC.",
        "finished_at": "When the verdict was given, UTC.",
        "reason": "Why the night was refused or failed; null otherwise.",
        "rows_new": "Keys that the last accepted night before did not have; null where nothing was taken.",
        "rows_changed": "Keys whose row has another content than before.",
        "rows_gone": "Keys that were there before: left out of a snapshot, or marked as deleted.",
        "rows_again": "Keys that an append feed sent again with another content; the first stays.",
    },
    "gate_result": {
        "": "One row per rule and night: each contract's rules, and the cross-agency rules under agency `harmonised`.",
        "extract_date": "The night, UTC.",
        "agency": "The agency, or `harmonised` for rules between agencies.",
        "feed": "The feed, or the subject of the harmonised tables.",
        "rule": "Name of the rule.",
        "dimension": "Dimension of quality: completeness, conformity, uniqueness, consistency, validity, coverage, timeliness, accuracy.",
        "severity": "error refuses, warning reports.",
        "passed": "Whether the rule held.",
        "unexpected_count": "Rows, or groups of rows, that break the rule.",
        "row_count": "Rows looked at; null for a rule that searches whole tables.",
        "observed_value": "The measured number, as text.",
        "description": "What the rule says.",
    },
    "mart_night": {
        "": "One row per night, shared table and measure: what drift is told by.",
        "extract_date": "The night, UTC.",
        "mart": "Name of the table in the schema marts.",
        "measure": "rows, or the name of a column.",
        "value": "Number of rows; of a column the share of rows that have a value.",
    },
    "linkage_night": {
        "": "One row per night and kind of thing that is linked: how many records went to how many people or bodies.",
        "extract_date": "The night, UTC.",
        "entity": "person or body.",
        "records": "Records that were linked.",
        "entities": "People or bodies that they are of.",
        "links": "Pairs of profiles that were compared and linked.",
        "expected_precision": "Mean match probability of these pairs; no measure against a known truth.",
        "expected_recall": "Their share of all that is probable among the compared pairs.",
        "review_queue": "Pairs that wait for a steward's word.",
        "merged": "Ids that went into another one in this night.",
        "split": "Ids of which a part became another one in this night.",
    },
    "finding": {
        "": "What does not fit between agencies. A finding is a question to the agencies, not an error of one of them.",
        "extract_date": "The night, UTC.",
        "rule": "Name of the cross-agency rule.",
        "severity": "error held the night back, warning is reported.",
        "subject": "Folder of the marts it is about.",
        "agencies": "The agencies concerned, separated by commas.",
        "source_key": "Key of the record, in the agency's own terms; of a protected key, its pseudonym.",
        "detail": "What does not fit.",
    },
    "column_profile": {
        "": "One row per accepted feed night and column: how its values are spread, without any value of a person.",
        "extract_date": "The night, UTC.",
        "agency": "The agency's folder below sources/.",
        "feed": "The feed's name within its agency.",
        "column_name": "Name of the column in the contract.",
        "kind": "number, date, text or boolean: what the quantiles are of.",
        "rows": "Rows of the accepted extract.",
        "nulls": "Rows without a value in this column.",
        "distinct_values": "Different values, approximately (HyperLogLog).",
        "quantiles": "21 quantiles at (i + 0.5) / 21, of a sample: numbers, dates as days since 1970-01-01, lengths of texts in characters. Of personal columns to three digits; null where there are too few values.",
        "value_hashes": "Hashes of the values that many rows share, the most frequent first; not of dates.",
        "value_shares": "The share of each of them among the values, 0 to 1.",
    },
    "anomaly": {
        "": "What of a feed's night lies outside the band of its own history. A question to the agency, not an error: it refuses nothing.",
        "extract_date": "The night, UTC.",
        "agency": "The agency's folder below sources/.",
        "feed": "The feed's name within its agency.",
        "measure": "rows (sent), null_share (0 to 1), distribution (distance from the nights before, 0 to 1), arrival (hours after the promised time), missing (1 where no extract was taken).",
        "column_name": "The column; null where the measure is of the whole feed.",
        "observed": "The measured number.",
        "expected": "What the feed's earlier nights let expect.",
        "low": "Lower end of the expected band.",
        "high": "Upper end of the expected band.",
        "nights": "Earlier nights that the band is from.",
        "since": "The first night of this run of anomalies.",
        "description": "What was observed, what was expected, and since when, for the steward.",
    },
}


def record_file(home: Home, table: str, extract_date: date) -> Path:
    return home.quality / table / f"{extract_date.isoformat()}.parquet"


def record(home: Home, table: str, extract_date: date, rows: Sequence[Any], replacing: dict[str, str]) -> None:
    """Put `rows` (data classes or dicts) into the night's record, in place of those that match all of `replacing`.

    Raises Tampered where the record is not as it was written.
    """
    schema = SCHEMAS[table]
    plain = [{**(asdict(row) if is_dataclass(row) and not isinstance(row, type) else row)} for row in rows]
    added = pa.Table.from_pylist([{"extract_date": extract_date, **replacing, **row} for row in plain], schema=schema)
    path = record_file(home, table, extract_date)
    if path.exists():
        check_parquet(home, path)
        kept = _as_of_today(pq.read_table(path), schema)
        same = pa.array([True] * kept.num_rows, pa.bool_())
        for name, value in replacing.items():
            same = pc.and_(same, pc.equal(kept[name], value))
        added = pa.concat_tables([kept.filter(pc.invert(same)), added])
    _write(home, path, added)


def seal_record(home: Home, path: Path) -> None:
    """Seal a record file as it stands."""
    _write(home, path, pq.read_table(path))


def _write(home: Home, path: Path, rows: pa.Table) -> None:
    with replaced_whole(path) as temporary:
        pq.write_table(rows.replace_schema_metadata({PARQUET_SEAL: UNSEALED}), temporary)
        seal_parquet(home, temporary, place_of(home, path))


def record_files(home: Home) -> list[Path]:
    """Every night's file of every table that is recorded."""
    return sorted(path for table in SCHEMAS for path in (home.quality / table).glob("*.parquet"))


def _as_of_today(kept: pa.Table, schema: pa.Schema) -> pa.Table:
    """A record that an earlier version wrote, with the columns that have come since."""
    empty = pa.Table.from_pylist([], schema=schema)
    return pa.concat_tables([empty, kept], promote_options="default").select(schema.names).cast(schema)


def records(home: Home, table: str, until: date | None = None) -> str:
    """SQL of the recorded rows of `table`, up to a night: to be written after FROM."""
    empty = f"SELECT {', '.join(f'NULL::{_sql_type(field.type)} AS {field.name}' for field in SCHEMAS[table])} LIMIT 0"
    if not any((home.quality / table).glob("*.parquet")):
        return f"({empty})"
    where = f" WHERE extract_date <= {literal(until.isoformat())}" if until else ""
    files = literal(str(home.quality / table / "*.parquet"))
    # By name, onto the columns of today: nights that an earlier version recorded have fewer.
    return f"((SELECT * FROM ({empty})) UNION ALL BY NAME SELECT * FROM read_parquet({files}, union_by_name = true){where})"


def copy_into(connection: duckdb.DuckDBPyConnection, home: Home, until: date) -> None:
    """Write the schema `quality` of a build, with its comments."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS quality")
    for table, comments in COMMENTS.items():
        connection.execute(
            f"CREATE OR REPLACE TABLE quality.{table} AS FROM {records(home, table, until)} ORDER BY ALL"
        )
        for column, text in comments.items():
            place = f"COLUMN quality.{table}.{column}" if column else f"TABLE quality.{table}"
            connection.execute(f"COMMENT ON {place} IS {literal(text)}")


def _sql_type(kind: pa.DataType) -> str:
    names = {
        _TEXT: "VARCHAR",
        _COUNT: "BIGINT",
        pa.bool_(): "BOOLEAN",
        pa.date32(): "DATE",
        _NUMBER: "DOUBLE",
        pa.list_(_NUMBER): "DOUBLE[]",
        pa.list_(_TEXT): "VARCHAR[]",
        _UTC: "TIMESTAMP WITH TIME ZONE",
    }
    return names[kind]
