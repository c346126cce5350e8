"""A database is asked for the columns that an agreement covers, and for no other: what is not covered does not leave the agency."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from expectations.gate import run_gate
from nights.accept import accept_night
from nights.pulling.one_feed import land_night
from sources.arrival.manifest import ROWS, Manifest
from sources.connectors import probe
from sources.contract.model import Contract
from tests.conftest import NIGHT
from tests.postgres import Database
from warehouse.home import Home

COLUMNS = [
    "{name: id, logicalType: integer, primaryKey: true, classification: internal}",
    "{name: note, logicalType: string, classification: public}",
    '{name: uncovered, logicalType: number, physicalType: "DECIMAL(9,2)", classification: public}',
    "{name: unsaid, logicalType: string, physicalName: hidden_there, classification: public}",
]
LEFT_OUT = frozenset({"uncovered", "unsaid"})
# The login may read the covered columns alone: PostgreSQL refuses any statement that asks for another one, for no row of it too.
TABLE = """
DROP TABLE IF EXISTS thing;
CREATE TABLE thing (id int PRIMARY KEY, note text, uncovered numeric(9, 2), hidden_there text);
INSERT INTO thing VALUES (1, 'a', 7.50, 'Planted'), (2, 'b', 8.25, 'Planted');
DROP ROLE IF EXISTS narrow;
CREATE ROLE narrow LOGIN;
GRANT SELECT (id, note) ON thing TO narrow;
"""


@pytest.fixture
def things(connector: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Contract:
    database.run(TABLE)
    monkeypatch.setenv("TEST_DB_USER", "narrow")
    return database.contract(tmp_path, COLUMNS, "thing", connector)


def test_a_login_that_may_read_the_covered_columns_alone_is_enough(things: Contract, home: Home) -> None:
    probe(things.leaving_out(LEFT_OUT), NIGHT)
    manifest = land_night(things, home, NIGHT, LEFT_OUT)
    folder = home.landing / "tests" / "things" / str(NIGHT)
    assert duckdb.read_parquet(str(folder / ROWS)).order("id").fetchall() == [(1, "a"), (2, "b")]
    assert manifest.left_out == sorted(LEFT_OUT) == Manifest.read(folder).left_out
    for file in folder.rglob("*.parquet"):
        assert not {"uncovered", "hidden_there"} & set(duckdb.read_parquet(str(file)).columns)


def test_no_statement_names_what_is_not_covered(things: Contract, home: Home, database: Database) -> None:
    database.run("ALTER ROLE narrow SET log_statement = 'all'")
    log = database.folder / "log"
    before = len(log.read_bytes())
    land_night(things, home, NIGHT, LEFT_OUT)
    said = log.read_bytes()[before:].decode()
    assert "statement: " in said and "note" in said, "the server writes down what it is asked"
    assert "uncovered" not in said and "hidden_there" not in said
    asked = [line for line in said.splitlines() if "thing" in line and "SELECT *" in line.upper()]
    assert asked == []


def test_an_original_of_such_a_night_is_kept_and_lands_again(things: Contract, home: Home, database: Database) -> None:
    """Of a file, where nobody can choose, the original goes. Of a past night the original lands again, without what never came."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    first = land_night(things, home, yesterday, LEFT_OUT)
    folder = home.landing / "tests" / "things" / str(yesterday)
    (original,) = folder.rglob("original/*")
    assert set(duckdb.read_parquet(os.fspath(original)).columns) == {"id", "note"}
    covered = things.leaving_out(LEFT_OUT)
    run_gate(covered, home, yesterday)
    accept_night(covered, home, yesterday)
    database.run("DROP TABLE thing")
    again = land_night(things, home, yesterday, LEFT_OUT)
    assert (again.original_sha256, again.left_out) == (first.original_sha256, first.left_out)
