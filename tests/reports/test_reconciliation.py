"""Reconciliation: every step is the one before it less what was rejected, to the cent, and a difference is told."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalogue.lineage import Lineage
from nights.folders import accepted_folder, night_folder
from nights.record.past import open_past
from reports.figures.feed_lines import feed_lines
from reports.pages.reconciliation import Account, _account, _warehouse
from reports.report import write_report
from sources.arrival.manifest import ROWS
from sources.contract.model import Contract
from tests.conftest import NEXT_NIGHT, NIGHT, Feed
from tests.nights.gated import gated
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.published_nights import note_feeds, publish, restore, start_build

FEED = Feed([
    "{name: id, logicalType: string, primaryKey: true}",
    "{name: amount, logicalType: number, physicalType: 'DECIMAL(9,2)', logicalTypeOptions: {minimum: 0}}",
])  # fmt: skip


@pytest.fixture
def contract(home: Home, tmp_path: Path) -> Contract:
    night = gated(tmp_path, home, "id,amount\n1,10.10\n2,-7.25\n3,ten\n4,0.05\n", FEED)
    night.accept()
    return night.contract


def account(home: Home, contract: Contract) -> Account:
    with open_past(home, [contract], NIGHT) as past, _warehouse(past) as connection:
        return _account(connection, past, feed_lines(past)[0], Lineage({}))


def test_rows_and_money_of_each_step(home: Home, contract: Contract) -> None:
    found = account(home, contract)
    assert [step.rows for step in found.steps] == [4, 1, 3, 1, 2, 2, None]
    assert [step.sums.get("amount") for step in found.steps] == [
        None, None, Decimal("2.90"), Decimal("-7.25"), Decimal("10.15"), Decimal("10.15"), None
    ]  # fmt: skip
    assert found.gaps == []
    assert found.unknown == ["staged"]


def test_nothing_adds_up_where_nothing_was_compared(home: Home, contract: Contract) -> None:
    write_report([contract], home, NIGHT)
    text = (night_folder(home, NIGHT) / "reconciliation.html").read_text(encoding="utf-8")
    assert "adds up" not in text
    assert "nothing staged" in text


def test_a_cent_that_is_missing_is_told(home: Home, contract: Contract) -> None:
    file = (accepted_folder(contract, home, NIGHT) / ROWS).resolve()
    rows = pq.read_table(file)
    changed = pa.array([Decimal("10.09"), Decimal("0.05")], rows.schema.field(1).type)
    pq.write_table(rows.set_column(1, rows.schema.field(1), [changed]), file)
    assert any("a difference of 0.01" in gap for gap in account(home, contract).gaps)


def build(home: Home, run: str, rows: int) -> None:
    """A published build with so many rows of the feed in its staging model."""
    database = start_build(home, NIGHT, run)
    note_feeds(database, {"tests/things": []})
    with open_database(database) as connection:
        connection.execute("CREATE SCHEMA staging")
        connection.execute(f"CREATE TABLE staging.stg_tests__things AS SELECT i AS id FROM range({rows}) AS t(i)")
    publish(home, database)


def test_a_build_that_was_restored_or_is_older_than_what_was_accepted_is_no_gap(
    home: Home, contract: Contract, tmp_path: Path
) -> None:
    build(home, "one", 2)
    assert account(home, contract).gaps == []
    gated(tmp_path, home, "id,amount\n1,10.10\n", FEED).accept()
    held_back = account(home, contract)
    assert (held_back.gaps, held_back.unknown) == ([], ["staged"]), "accepted again, and not built"
    build(home, "two", 1)
    restore(home, NIGHT, lambda _: None, "one")
    found = account(home, contract)
    assert (found.gaps, found.steps[-1].rows) == ([], 1), "of the last build, not of the one that readers see"
    build(home, "three", 3)
    assert account(home, contract).gaps == ["1 rows in use with earlier nights are not 3 staged and 0 rejected"]


def test_a_feed_of_which_nothing_came_is_told_in_a_word(home: Home, contract: Contract) -> None:
    write_report([contract], home, NEXT_NIGHT)
    text = (night_folder(home, NEXT_NIGHT) / "reconciliation.html").read_text(encoding="utf-8")
    assert "nothing came of it this night" in text
    assert "as far as it is known" not in text
