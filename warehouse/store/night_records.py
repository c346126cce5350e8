"""The record of every night, also of those not published: Parquet below `quality/`, one file per table and night.

The published warehouse holds a copy in its schema `quality`, up to the night it was built for; not of what is written after
a publication, or a night that is run twice would not be the same night.
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

from warehouse.engines.duckdb.engine import comment_on, literal
from warehouse.files import replaced_whole
from warehouse.home import Home
from warehouse.store.seal import PARQUET_SEAL, UNSEALED, check_parquet, place_of, seal_parquet

_DAY, _UTC, _FLAG = pa.date32(), pa.timestamp("us", tz="UTC"), pa.bool_()
_TEXT, _COUNT, _NUMBER = pa.string(), pa.int64(), pa.float64()
_TEXTS, _NUMBERS = pa.list_(_TEXT), pa.list_(_NUMBER)
_SQL_TYPES = {
    _DAY: "DATE", _UTC: "TIMESTAMP WITH TIME ZONE", _FLAG: "BOOLEAN", _TEXT: "VARCHAR", _COUNT: "BIGINT", _NUMBER: "DOUBLE",
    _TEXTS: "VARCHAR[]", _NUMBERS: "DOUBLE[]",
}  # fmt: skip

_NIGHT = ("extract_date", _DAY, "The night, UTC.")
_FEED = (
    ("agency", _TEXT, "The agency's folder below sources/."),
    ("feed", _TEXT, "The feed's name within its agency."),
)
# Every table with what it is, and its columns: name, type, what it says. A test holds the data classes against it.
_TABLES: dict[str, tuple[str, tuple[tuple[str, pa.DataType, str], ...]]] = {
    "feed_night": ("One row per feed and night: what arrived, what was taken, and what became of it.", (
        _NIGHT, *_FEED,
        ("status", _TEXT, "accepted, unchanged, accepted_by_steward, refused, failed or no_agreement."),
        ("rows_sent", _COUNT, "Records in the original file."),
        ("rows_accepted", _COUNT, "Rows taken into the accepted extract."),
        ("rows_rejected", _COUNT, "Records refused at landing or at the gate; sent = accepted + rejected on an accepted night."),
        ("original_sha256", _TEXT, "SHA-256 of the original bytes; null where nothing arrived."),
        ("started_at", _UTC, "When the pull began, UTC."),
        ("finished_at", _UTC, "When the verdict was given, UTC."),
        ("reason", _TEXT, "Why the night was refused or failed; null otherwise."),
        ("rows_new", _COUNT, "Keys that the last accepted night before did not have; null where nothing was taken."),
        ("rows_changed", _COUNT, "Keys whose row has another content than before."),
        ("rows_gone", _COUNT, "Keys that were there before: left out of a snapshot, or marked as deleted."),
        ("rows_again", _COUNT, "Keys that an append feed sent again with another content; the first stays."),
    )),
    "gate_result": ("One row per rule and night: each contract's rules, and the cross-agency rules under agency `harmonised`.", (
        _NIGHT,
        ("agency", _TEXT, "The agency, or `harmonised` for rules between agencies."),
        ("feed", _TEXT, "The feed, or the subject of the harmonised tables."),
        ("rule", _TEXT, "Name of the rule."),
        ("dimension", _TEXT, "Dimension of quality: completeness, conformity, uniqueness, consistency, validity, coverage, timeliness, accuracy."),
        ("severity", _TEXT, "error refuses, warning reports."),
        ("passed", _FLAG, "Whether the rule held."),
        ("unexpected_count", _COUNT, "Rows, or groups of rows, that break the rule."),
        ("row_count", _COUNT, "Rows looked at; null for a rule that searches whole tables."),
        ("observed_value", _TEXT, "The measured number, as text."),
        ("description", _TEXT, "What the rule says."),
    )),
    "finding": ("What does not fit between agencies. A finding is a question to the agencies, not an error of one of them.", (
        _NIGHT,
        ("rule", _TEXT, "Name of the cross-agency rule."),
        ("severity", _TEXT, "error held the night back, warning is reported."),
        ("subject", _TEXT, "Folder of the marts it is about."),
        ("agencies", _TEXT, "The agencies concerned, separated by commas."),
        ("source_key", _TEXT, "Key of the record, in the agency's own terms; of a protected key, its pseudonym."),
        ("detail", _TEXT, "What does not fit."),
    )),
    "mart_night": ("One row per night, shared table and measure: what drift is told by.", (
        _NIGHT,
        ("mart", _TEXT, "Name of the table in the schema marts."),
        ("measure", _TEXT, "rows, or the name of a column."),
        ("value", _NUMBER, "Number of rows; of a column the share of rows that have a value."),
    )),
    "linkage_night": ("One row per night and kind of thing that is linked: how many records went to how many people or bodies.", (
        _NIGHT,
        ("entity", _TEXT, "person or body."),
        ("records", _COUNT, "Records that were linked."),
        ("entities", _COUNT, "People or bodies that they are of."),
        ("links", _COUNT, "Pairs of profiles that were compared and linked."),
        ("expected_precision", _NUMBER, "Mean match probability of these pairs; no measure against a known truth."),
        ("expected_recall", _NUMBER, "Their share of all that is probable among the compared pairs."),
        ("review_queue", _COUNT, "Pairs that wait for a steward's word."),
        ("merged", _COUNT, "Ids that went into another one in this night."),
        ("split", _COUNT, "Ids of which a part became another one in this night."),
    )),
    "night": ("One row per night that came to an end: why it was not published.", (
        _NIGHT,
        ("failure", _TEXT, "What went wrong; null where it was published."),
    )),
    "release": ("One row per product and recipient: whether it left after the night was published.", (
        _NIGHT,
        ("agreement", _TEXT, "The agreement's id."),
        ("product", _TEXT, "The product's id."),
        ("recipient", _TEXT, "The party that receives it; * where it did not come so far."),
        ("state", _TEXT, "delivered, waits for approval, or not released."),
        ("rows", _COUNT, "Rows that left."),
        ("reason", _TEXT, "Why it did not leave; null otherwise."),
    )),
    "alert": ("One row per open cause on one feed: who was told of what.", (
        _NIGHT, *_FEED,
        ("cause", _TEXT, "failed, refused, or anomaly with its measure and column."),
        ("description", _TEXT, "What is said of it."),
        ("first_night", _DAY, "Since when it lasts."),
        ("is_sent", _FLAG, "Whether everybody was told."),
        ("fault", _TEXT, "Why a channel could not be told; null otherwise."),
        ("untold", _TEXTS, "The channels that were tried in vain."),
    )),
    "column_profile": ("One row per accepted feed night and column: how its values are spread, without any value of a person.", (
        _NIGHT, *_FEED,
        ("column_name", _TEXT, "Name of the column in the contract."),
        ("kind", _TEXT, "number, date, text or boolean: what the quantiles are of."),
        ("rows", _COUNT, "Rows of the accepted extract."),
        ("nulls", _COUNT, "Rows without a value in this column."),
        ("distinct_values", _COUNT, "Different values, approximately (HyperLogLog)."),
        ("quantiles", _NUMBERS, "21 quantiles at (i + 0.5) / 21, of a sample: numbers, dates as days since 1970-01-01, lengths of texts in characters. Of personal columns to three digits; null where there are too few values."),
        ("value_hashes", _TEXTS, "Hashes of the values that many rows share, the most frequent first; not of dates."),
        ("value_shares", _NUMBERS, "The share of each of them among the values, 0 to 1."),
    )),
    "anomaly": ("What of a feed's night lies outside the band of its own history. A question to the agency, not an error: it refuses nothing.", (
        _NIGHT, *_FEED,
        ("measure", _TEXT, "rows (sent), null_share (0 to 1), distribution (distance from the nights before, 0 to 1), arrival (hours after the promised time), missing (1 where no extract was taken)."),
        ("column_name", _TEXT, "The column; null where the measure is of the whole feed."),
        ("observed", _NUMBER, "The measured number."),
        ("expected", _NUMBER, "What the feed's earlier nights let expect."),
        ("low", _NUMBER, "Lower end of the expected band."),
        ("high", _NUMBER, "Upper end of the expected band."),
        ("nights", _COUNT, "Earlier nights that the band is from."),
        ("since", _DAY, "The first night of this run of anomalies."),
        ("description", _TEXT, "What was observed, what was expected, and since when, for the steward."),
    )),
}  # fmt: skip
# Written after a publication, so that no build has a copy.
_OF_NO_BUILD = ("night", "alert", "release")
SCHEMAS = {table: pa.schema([column[:2] for column in columns]) for table, (_, columns) in _TABLES.items()}
# Of the table itself under "".
COMMENTS = {
    table: {"": said, **{name: text for name, _, text in columns}}
    for table, (said, columns) in _TABLES.items()
    if table not in _OF_NO_BUILD
}


def record_file(home: Home, table: str, extract_date: date) -> Path:
    return home.quality / table / f"{extract_date.isoformat()}.parquet"


def nights_on_record(home: Home) -> list[date]:
    """The nights in which any feed has a record, the earliest first."""
    return sorted(date.fromisoformat(path.stem) for path in (home.quality / "feed_night").glob("*.parquet"))


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
    if not any((home.quality / table).glob("*.parquet")):
        return no_records(table)
    where = f" WHERE extract_date <= {literal(until.isoformat())}" if until else ""
    files = literal(str(home.quality / table / "*.parquet"))
    # By name, onto the columns of today: nights that an earlier version recorded have fewer.
    return f"((SELECT * FROM {no_records(table)}) UNION ALL BY NAME SELECT * FROM read_parquet({files}, union_by_name = true){where})"


def no_records(table: str) -> str:
    """SQL of the table's columns without a row: to be written after FROM."""
    columns = [f"NULL::{_SQL_TYPES[field.type]} AS {field.name}" for field in SCHEMAS[table]]
    return f"(SELECT {', '.join(columns)} LIMIT 0)"


def copy_into(connection: duckdb.DuckDBPyConnection, home: Home, until: date) -> None:
    """Write the schema `quality` of a build, with its comments."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS quality")
    for table, comments in COMMENTS.items():
        connection.execute(
            f"CREATE OR REPLACE TABLE quality.{table} AS FROM {records(home, table, until)} ORDER BY ALL"
        )
        columns = {name: text for name, text in comments.items() if name}
        comment_on(connection, f"quality.{table}", comments[""], columns)
