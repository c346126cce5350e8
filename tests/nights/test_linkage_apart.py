"""While records are linked nothing is open that says more of people than who they are."""

import duckdb
import pytest

import nights.build
from nights.build import Build, begin
from sources.contract.model import Contract
from tests.conftest import NIGHT
from tests.nights.test_keyed_nights import CLEAN, contract, run
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.restricted import attach_protected

__all__ = ["contract"]
SENT_ROWS = "FROM accepted.tests__things"


def test_linkage_opens_neither_the_vault_nor_what_was_sent(
    contract: Contract, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(contract, home, sent=CLEAN)
    build = Build(home, NIGHT, "abcdefgh")
    begin(build, [contract], [])
    with open_database(build.database) as connection:
        attach_protected(connection, build.database)
        connection.execute("CREATE TABLE vault.paid AS SELECT 'Kask' AS name, 1 AS amount")
        assert connection.execute(SENT_ROWS).fetchall(), "the build itself reads them"
    looked = []

    def look(connection: duckdb.DuckDBPyConnection, *_: object) -> None:
        databases = connection.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall()
        assert sorted(databases) == [("published",), ("restricted",)]
        for sql in ("FROM vault.paid", SENT_ROWS):
            with pytest.raises(duckdb.Error):
                connection.execute(sql).fetchall()
        connection.execute("CREATE SCHEMA linkage")
        for table in nights.build.LINKED:
            connection.execute(f"CREATE TABLE linkage.{table} (x INTEGER)")
        looked.append(True)

    monkeypatch.setattr(nights.build, "link_night", look)
    monkeypatch.setattr(nights.build, "load_dispositions", lambda *_: None)
    nights.build.link(build)
    assert looked
