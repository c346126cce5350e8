"""The catalogue of a published night: every table is found, and says what it means, whose it is and how good it is."""

import re
from pathlib import Path

import duckdb
import pytest

from catalogue.catalogue_pages import catalogue_folder, write_catalogue
from catalogue.keys import declare, reference
from tests.browser import WITH_BROWSER, what_keeps_people_from_reading
from tests.orchestration.test_nights import command
from warehouse.home import Home
from warehouse.store.published_nights import DATABASE, current_night

KEYS = {"marts.airline": ("airline_code",), "marts.flight": ("flight_id",), "marts.pay": ("agency", "source_key")}


@pytest.fixture(scope="module")
def pages(published_home: Home) -> Path:
    night = current_night(published_home)
    assert night is not None
    return write_catalogue(published_home, night, night.folder / DATABASE).parent


def test_every_table_of_the_night_has_a_page_and_each_column_its_meaning(pages: Path, published_home: Home) -> None:
    with duckdb.connect(published_home.published, read_only=True) as connection:
        tables = connection.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
        silent = connection.execute("""
            SELECT schema_name, table_name, column_name
            FROM duckdb_columns()
            WHERE NOT internal AND comment IS NULL AND schema_name IN ('marts', 'history', 'linkage', 'quality')""")
        assert silent.fetchall() == []
    index = (pages / "index.html").read_text(encoding="utf-8")
    for (table,) in tables:
        assert f'<a href="{table}.html">{table}</a>' in index
        assert (pages / f"{table}.html").exists()
    flight = (pages / "marts.flight.html").read_text(encoding="utf-8")
    assert '<a href="marts.airline.html">marts.airline</a>' in flight
    assert "bts/flights: tailnum" in flight
    assert 'small class="warn">▲ protected' not in flight
    assert "How fresh it is" in flight
    assert '<td class="whole" data-of="Rows are of">2026-11-20</td><td data-of="Status">accepted</td>' in flight


def test_the_query_to_begin_with_runs(pages: Path, published_home: Home) -> None:
    for page in pages.glob("marts.*.html"):
        (sample,) = re.findall(r"<pre><code>(.*?)</code></pre>", page.read_text(encoding="utf-8"), re.DOTALL)
        with duckdb.connect(published_home.published, read_only=True) as connection:
            assert connection.execute(sample).fetchone() is not None


def test_keys_are_declared_and_lead_to_their_tables(published_home: Home) -> None:
    with duckdb.connect(published_home.published, read_only=True) as connection:
        found = connection.execute("""
            SELECT table_name, constraint_column_names
            FROM duckdb_constraints()
            WHERE constraint_type = 'PRIMARY KEY' AND schema_name = 'marts'
            ORDER BY ALL""").fetchall()
    assert found[:2] == [("aircraft", ["tail_number"]), ("airline", ["airline_code"])]
    assert reference("marts.flight", "airline_code", KEYS) == "marts.airline"
    assert reference("marts.flight", "marketing_airline_code", KEYS) == "marts.airline"
    assert reference("marts.airline", "airline_code", KEYS) is None
    assert reference("marts.flight", "source_key", KEYS) is None


def test_a_key_that_does_not_hold_is_not_declared() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute("CREATE TABLE marts.airline AS SELECT unnest(['AA', 'AA']) AS airline_code")
        connection.execute("CREATE TABLE marts.flight AS SELECT unnest([1, 2]) AS flight_id")
        declare(connection, KEYS)
        found = connection.execute("SELECT table_name FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY'")
        assert found.fetchall() == [("flight",)]


@WITH_BROWSER
@pytest.mark.parametrize("name", ["index.html", "marts.flight.html"])
def test_nothing_keeps_people_from_reading_it(pages: Path, name: str, tmp_path: Path) -> None:
    page = pages / name
    # What is asked of the page is a script too.
    asked = tmp_path / "without_policy.html"
    asked.write_text(re.sub(r"<meta http-equiv[^>]*>", "", page.read_text(encoding="utf-8")), encoding="utf-8")
    assert what_keeps_people_from_reading(asked, tmp_path) == []


def test_the_command_says_where_it_begins(published_home: Home, monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    assert "nothing is published" in command("docs").output
    monkeypatch.setenv("INTERAGENCY_HOME", str(published_home.root))
    done = command("docs")
    assert done.exit_code == 0, done.output
    assert done.output.strip() == str(catalogue_folder(published_home) / "index.html")
