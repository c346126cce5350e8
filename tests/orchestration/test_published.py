"""What analysts find after a night: the published warehouse of the real night."""

import duckdb
import pytest

from tests.conftest import NIGHT
from warehouse.home import Home
from warehouse.store.restricted import attach_protected


@pytest.fixture(scope="module")
def warehouse(published_home: Home) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(published_home.published), read_only=True)


def one(warehouse: duckdb.DuckDBPyConnection, query: str) -> object:
    row = warehouse.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_every_flight_is_in_the_mart(warehouse: duckdb.DuckDBPyConnection) -> None:
    sent = one(warehouse, "SELECT rows_sent FROM quality.feed_night WHERE feed = 'flights'")
    assert one(warehouse, "SELECT count(*) FROM marts.flight") == sent == 336_776


def test_marts_reconcile_with_accepted_rows(warehouse: duckdb.DuckDBPyConnection) -> None:
    marts = {
        "flights": "flight", "airlines": "airline", "aircraft": "aircraft", "airports": "airport",
        "weather": "weather_observation",
    }  # fmt: skip
    for feed, mart in marts.items():
        accepted = one(warehouse, f"SELECT rows_accepted FROM quality.feed_night WHERE feed = '{feed}'")
        assert one(warehouse, f"SELECT count(*) FROM marts.{mart}") == accepted


def test_feed_nights_balance(warehouse: duckdb.DuckDBPyConnection) -> None:
    off = "SELECT count(*) FROM quality.feed_night WHERE rows_sent <> rows_accepted + rows_rejected OR status <> 'accepted'"
    assert one(warehouse, off) == 0
    assert one(warehouse, "SELECT min(extract_date) FROM quality.feed_night") == NIGHT


def test_findings_name_real_disagreements(warehouse: duckdb.DuckDBPyConnection) -> None:
    rules = {row[0] for row in warehouse.execute("SELECT DISTINCT rule FROM quality.finding").fetchall()}
    assert {"aircraft_not_registered", "destination_not_listed", "airport_coordinates_impossible"} <= rules


def test_nothing_published_reads_files_or_keeps_the_accepted_schema(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert one(warehouse, "SELECT count(*) FROM duckdb_views() WHERE sql LIKE '%read_parquet%' AND NOT internal") == 0
    query = "SELECT schema_name FROM duckdb_schemas() WHERE NOT internal AND database_name = 'published'"
    schemas = {name for (name,) in warehouse.execute(query).fetchall()}
    assert schemas - {"main", "seeds"} == {"staging", "intermediate", "marts", "quality"}


def test_of_agencies_without_people_nothing_is_protected(published_home: Home) -> None:
    with duckdb.connect() as connection:
        attach_protected(connection, published_home.published.resolve(), read_only=True)
        found = connection.execute("SELECT database_name, table_name FROM duckdb_tables()").fetchall()
    assert [table for table in found if table[1] != "review_queue"] == []


def test_every_table_and_column_is_described(warehouse: duckdb.DuckDBPyConnection) -> None:
    silent = warehouse.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
        "WHERE schema_name IN ('staging', 'intermediate', 'marts', 'quality') AND comment IS NULL"
    ).fetchall()
    assert silent == []


def test_every_relation_can_be_read_under_another_catalog_name(published_home: Home) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{published_home.published}' AS another (READ_ONLY)")
        relations = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = 'another'"
        ).fetchall()
        assert len(relations) > 15
        for schema, name in relations:
            connection.execute(f'SELECT * FROM another."{schema}"."{name}" LIMIT 1').fetchall()


def test_closing_table_says_where_everything_is(published_home: Home) -> None:
    text = (published_home.root / "closing.txt").read_text()
    assert f"Published: {published_home.published}" in text
    assert "Every feed is of this night." in text
    assert "fixed cost" in text
