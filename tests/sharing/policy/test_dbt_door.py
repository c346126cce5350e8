"""dbt asks before it builds, whoever starts it: by hand on a build of the platform too (a real run: `test_agency_of_people`)."""

from pathlib import Path

import pytest

from sharing.policy.dbt_door import why_not
from tests.agreements import agree
from tests.conftest import NIGHT, Feed
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.published_nights import note_feeds, publish, start_build


@pytest.fixture
def build(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INTERAGENCY_AGREEMENTS", str(tmp_path / "agreements"))
    contract = Feed(["{name: id, logicalType: integer, primaryKey: true}"]).write(tmp_path / "feeds")
    agree(tmp_path / "agreements", "shared", contract)
    database = start_build(home, NIGHT, "abcdefgh")
    note_feeds(database, {"tests/things": ["id"]})
    with open_database(database) as connection:
        connection.execute("CREATE TABLE x (i INTEGER)")
    return database


def test_what_is_agreed_on_is_built(build: Path, tmp_path: Path) -> None:
    assert why_not(build) is None
    assert why_not(tmp_path / "elsewhere.duckdb") is None, "no build of the platform"


def test_what_is_not_agreed_on_is_not(build: Path) -> None:
    note_feeds(build, {"tests/things": ["id", "name"]})
    assert "does not cover the columns name of tests/things" in str(why_not(build))


def test_after_its_agreement_is_taken_away_nothing_more_is_built(build: Path, tmp_path: Path) -> None:
    (tmp_path / "agreements" / "shared.yaml").unlink()
    assert "no agreement covers tests/things" in str(why_not(build))


def test_a_complete_night_is_not_written_to(build: Path, home: Home) -> None:
    assert publish(home, build)
    assert "nobody writes to it" in str(why_not(build))
