"""The restricted file of a night: for its owner alone, encrypted where a key is set, published and pruned with its night."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.keys.platform_key import KEY_VARIABLE
from warehouse.store.published_nights import publish, start_build
from warehouse.store.restricted import attach_protected, attach_restricted, restricted_file, vault_file

NIGHT = date(2026, 11, 20)
SECRET = "37605030299-of-somebody"
KEY = "a key of a test"


@pytest.fixture(autouse=True)
def _nobody_is_kept_out() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def build(home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    return start_build(home, NIGHT, "abcdefgh")


def write_secret(database: Path) -> None:
    with open_database(database) as connection:
        attach_restricted(connection, database)
        connection.execute("CREATE TABLE restricted.person AS SELECT i AS number FROM range(2000) AS r (i)")
        # Values are packed in the file, a comment is not.
        connection.execute(f"COMMENT ON TABLE restricted.person IS '{SECRET}'")


def read_back(database: Path) -> int:
    with open_database() as connection:
        attach_restricted(connection, database, read_only=True)
        row = connection.execute("SELECT count(*) FROM restricted.person").fetchone()
    return int(row[0]) if row else 0


def others_may(path: Path) -> int:
    return path.stat().st_mode & 0o077


def test_only_its_owner_reads_it(home: Home, build: Path) -> None:
    write_secret(build)
    assert others_may(restricted_file(build)) == 0
    assert others_may(build.parent) == 0, "nor what lies beside it while it is built"
    assert publish(home, build)
    assert others_may(restricted_file(build)) == 0
    assert others_may(build.parent) == others_may(home.nights), "readers come to the published one"
    assert read_back(build) == 2000
    assert {path.name for path in build.parent.iterdir()} == {
        "published.duckdb",
        "restricted.duckdb",
        "vault.duckdb",
        "complete",
    }


def test_who_links_has_the_vault_not_open(home: Home, build: Path) -> None:
    with open_database(build) as connection:
        attach_protected(connection, build)
        connection.execute("CREATE TABLE vault.paid AS SELECT 'Kask' AS name, 1 AS amount")
    assert others_may(vault_file(build)) == 0
    with open_database(build) as connection:
        attach_restricted(connection, build)
        with pytest.raises(duckdb.Error, match="vault"):
            connection.execute("FROM vault.paid")


def test_a_night_of_an_earlier_version_has_no_vault(home: Home, build: Path) -> None:
    write_secret(build)
    with open_database(build) as connection:
        attach_protected(connection, build, read_only=True)
        assert connection.execute("SELECT count(*) FROM restricted.person").fetchone() == (2000,)
    assert not vault_file(build).exists()


def test_with_a_key_it_is_encrypted(home: Home, build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    write_secret(build)
    assert publish(home, build)
    assert SECRET.encode() not in restricted_file(build).read_bytes()
    assert read_back(build) == 2000
    for wrong in ("", "another key"):
        monkeypatch.setenv(KEY_VARIABLE, wrong)
        with pytest.raises(duckdb.Error) as told:
            read_back(build)
        assert KEY not in str(told.value)


def test_without_a_key_the_test_would_find_the_secret(home: Home, build: Path) -> None:
    write_secret(build)
    publish(home, build)
    assert SECRET.encode() in restricted_file(build).read_bytes()
