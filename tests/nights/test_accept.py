"""Accepting: what is taken, what stays refused, what a steward may change."""

from dataclasses import replace
from pathlib import Path

import pytest

from nights import overrides
from nights.accept import accept_night
from nights.folders import accepted_folder
from nights.pulling.one_feed import land_night
from nights.rows.accepted import Acceptance, create_relations, last_accepted
from tests.conftest import NEXT_NIGHT, NIGHT, Feed
from tests.nights.gated import gated
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.night_records import records

ID = "{name: id, logicalType: integer, classification: internal, primaryKey: true}"
STRICT = Feed([ID, "{name: x, logicalType: string, classification: internal, required: true}"], threshold="0 %")
GOOD, BAD = "id,x\n1,a\n2,b\n", "id,x\n1,a\n2,\n"


def test_the_same_bytes_again_are_unchanged(tmp_path: Path, home: Home) -> None:
    first, _ = gated(tmp_path, home, GOOD, STRICT).accept()
    again, _ = gated(tmp_path, home, GOOD, STRICT).accept()
    later, rows = gated(tmp_path, home, GOOD, STRICT, NEXT_NIGHT).accept(NEXT_NIGHT)
    assert [first.status, again.status, later.status] == ["accepted", "accepted", "unchanged"]
    assert len(rows) == 2


def test_a_clean_night_shares_its_rows_with_landing(tmp_path: Path, home: Home) -> None:
    gate = gated(tmp_path, home, GOOD, STRICT)
    gate.accept()
    landed = home.landing / "tests" / "things" / NIGHT.isoformat() / "rows.parquet"
    assert landed.samefile(accepted_folder(gate.contract, home, NIGHT) / "rows.parquet")


def test_a_refused_night_leaves_the_last_good_one(tmp_path: Path, home: Home) -> None:
    gated(tmp_path, home, GOOD, STRICT).accept()
    gate = gated(tmp_path, home, BAD, STRICT, NEXT_NIGHT)
    decided, _ = gate.accept(NEXT_NIGHT)
    assert (decided.status, decided.rows_accepted, decided.rows_rejected) == ("refused", 0, 1)
    assert "1 of 2 rows rejected" in (decided.reason or "")
    last = last_accepted(gate.contract, home, NEXT_NIGHT)
    assert last is not None
    assert last.name == NIGHT.isoformat()


def override(home: Home, original_sha256: str, reason: str) -> None:
    said = (NIGHT.isoformat(), original_sha256, reason, "a steward", "2026-11-21T08:00:00+00:00")
    overrides.append(home, overrides.Override("tests", "things", *said))


def test_a_stewards_decision_holds_for_these_bytes_only(tmp_path: Path, home: Home) -> None:
    gate = gated(tmp_path, home, BAD, STRICT)
    refused, _ = gate.accept()
    assert refused.status == "refused"
    override(home, refused.original_sha256 or "", "known, mended tomorrow")
    decided, rows = gate.accept()
    assert (decided.status, decided.reason) == ("accepted_by_steward", "known, mended tomorrow")
    assert [row["id"] for row in rows] == [1]
    acceptance = Acceptance.read(accepted_folder(gate.contract, home, NIGHT))
    assert (acceptance.status, acceptance.reason) == ("accepted_by_steward", "known, mended tomorrow")

    other, _ = gated(tmp_path, home, BAD + "3,\n", STRICT).accept()
    assert other.status == "refused", "other bytes need another decision"
    next_night, _ = gated(tmp_path, home, BAD, STRICT, NEXT_NIGHT).accept(NEXT_NIGHT)
    assert next_night.status == "refused", "so does another night"


def test_the_last_decision_counts_and_none_is_lost(home: Home) -> None:
    for reason in ("first", "second — mit Umlaut ü", "third"):
        override(home, "abc", reason)
    found = overrides.find(home, "tests", "things", NIGHT.isoformat(), "abc")
    assert found is not None
    assert found.reason == "third"
    assert found.steward
    assert overrides.find(home, "tests", "things", NIGHT.isoformat(), "abd") is None
    assert len((home.state / "overrides.jsonl").read_text(encoding="utf-8").splitlines()) == 3


def test_an_extract_landed_after_its_gate_is_not_taken(tmp_path: Path, home: Home) -> None:
    gate = gated(tmp_path, home, GOOD, STRICT)
    (tmp_path / "tests" / "extract.csv").write_text(BAD)
    land_night(gate.contract, home, NIGHT)
    with pytest.raises(FileNotFoundError):
        accept_night(gate.contract, home, NIGHT)
    assert not accepted_folder(gate.contract, home, NIGHT).exists()


def test_a_night_that_never_came_is_not_taken(tmp_path: Path, home: Home) -> None:
    gate = gated(tmp_path, home, GOOD, STRICT)
    with pytest.raises(FileNotFoundError):
        accept_night(gate.contract, home, NEXT_NIGHT)


def test_an_acceptance_cut_off_by_a_crash_is_removed(tmp_path: Path, home: Home) -> None:
    gate = gated(tmp_path, home, GOOD, STRICT)
    folder = accepted_folder(gate.contract, home, NIGHT)
    (folder.parent / ".versions" / "2026-11-20-crashed").mkdir(parents=True)
    gate.accept()
    assert len(list(folder.parent.glob(".versions/*"))) == 1


def test_each_night_is_recorded_once_per_feed(tmp_path: Path, home: Home) -> None:
    for content in (BAD, GOOD):
        gated(tmp_path, home, content, STRICT).accept()
    gated(tmp_path, home, GOOD, replace(STRICT, feed="others")).accept()
    with open_database() as connection:
        found = connection.execute(f"SELECT feed, status FROM {records(home, 'feed_night')} ORDER BY feed").fetchall()
    assert found == [("others", "accepted"), ("things", "accepted")]


def test_relations_are_the_last_good_night_or_empty_and_typed(tmp_path: Path, home: Home) -> None:
    gate = gated(tmp_path, home, GOOD, STRICT)
    gate.accept()
    with open_database() as connection:
        create_relations(connection, [gate.contract], home, NEXT_NIGHT)
        rows = connection.execute("FROM accepted.tests__things").fetchall()
    assert rows == [(key, name, "tests", "things", NIGHT, str(key)) for key, name in ((1, "a"), (2, "b"))]
    with open_database() as connection:
        create_relations(connection, [gate.contract], Home(tmp_path / "elsewhere"), NEXT_NIGHT)
        assert connection.execute("FROM accepted.tests__things").fetchall() == []
        types = [str(kind) for _, kind, *_ in connection.execute("DESCRIBE accepted.tests__things").fetchall()]
    assert types == ["BIGINT", "VARCHAR", "VARCHAR", "VARCHAR", "DATE", "VARCHAR"]
