"""A dishonest operator, who has the platform's key: what he writes anew is held against the ledger, and what he does stands in it."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from nights import overrides
from nights.decisions import LaterNights, accept_refused, refuse_accepted
from nights.integrity import vouched
from nights.overrides import Override, Refusal
from nights.refused import set_aside
from nights.rows.accepted import Acceptance
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.ledger.night import note_vouched
from sharing.ledger.platform import known_keys
from sharing.ledger.verify import verify
from tests.attacks.test_tampering import Platform, good
from tests.conftest import NEXT_NIGHT, NIGHT
from tests.orchestration.conftest import recorded
from warehouse.engines.duckdb.engine import open_database, write_parquet
from warehouse.home import Home
from warehouse.journal import Journal, actor
from warehouse.store.night_records import record_file
from warehouse.store.seal import PARQUET_SEAL, UNSEALED, place_of, seal_parquet

__all__ = ["good"]


@pytest.fixture
def platform(good: Platform, home: Home) -> Iterator[Platform]:
    shutil.copytree(good.home.root, home.root, symlinks=True)
    good.send_first()
    return Platform(home, good.contracts)


def said(platform: Platform) -> dict[Kind, list[dict[str, Any]]]:
    found: dict[Kind, list[dict[str, Any]]] = {}
    for entry in Ledger(platform.home).entries():
        found.setdefault(entry.kind, []).append(dict(entry.what))
    return found


def test_a_night_leaves_what_happened_and_a_signed_checkpoint(platform: Platform) -> None:
    found = said(platform)
    assert {one["feed"] for one in found[Kind.PULL]} == {"steady/whole", "steady/added"}
    assert all(one["agreements"] == ["steady version 1"] for one in found[Kind.PULL])
    assert {one["feed"] for one in found[Kind.ACCEPTANCE]} == {"steady/whole", "steady/added"}
    assert [one["accepted"] for one in found[Kind.GATE_VERDICT]] == [True, True]
    (publication,) = found[Kind.PUBLICATION]
    assert publication["readers_see_it"] is True
    assert found[Kind.AGREEMENT_VERSION][0]["agreement"] == "steady"
    assert platform.publish(NIGHT), "the same night again"
    again = said(platform)
    assert [len(again[kind]) for kind in (Kind.PULL, Kind.ACCEPTANCE)] == [2, 2], "what is known is not said twice"
    ledger = Ledger(platform.home)
    assert verify(ledger, known_keys(platform.home)).holds


def forge_rows(platform: Platform) -> None:
    """Other rows, sealed with the platform's own key, as of the moment at which the true ones were accepted."""
    folder = platform.accepted("whole").resolve()
    forged = folder / "forged.parquet"
    duckdb.sql(f"COPY (SELECT id, 'forged' AS note FROM read_parquet('{folder}/rows.parquet')) TO '{forged}'")
    forged.replace(folder / "rows.parquet")
    vouched.vouch(platform.home, f"accepted/steady/whole/{NIGHT}", "nobody will see", "operator")


def delete_night(platform: Platform) -> None:
    place = f"accepted/steady/added/{NIGHT}"
    shutil.rmtree(platform.accepted("added").resolve())
    platform.accepted("added").unlink()
    vouched.vouch(platform.home, place, "nobody will see", "operator")


def forge_record(platform: Platform) -> None:
    """A record of the night with another count, sealed with the platform's own key, as of the moment at which the true one was written."""
    path = record_file(platform.home, "feed_night", NIGHT)
    before = path.stat()
    forged = path.with_name("forged.parquet")
    columns = f"* REPLACE (rows_sent + 1 AS rows_sent) FROM read_parquet('{path}')"
    with open_database() as connection:
        write_parquet(connection, f"SELECT {columns}", forged, (PARQUET_SEAL, UNSEALED))
    forged.replace(path)
    seal_parquet(platform.home, path, place_of(platform.home, path))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def delete_record(platform: Platform) -> None:
    record_file(platform.home, "feed_night", NIGHT).unlink()


def insert_record(platform: Platform) -> None:
    path = record_file(platform.home, "feed_night", NIGHT)
    other = record_file(platform.home, "feed_night", date(2026, 11, 1))
    with open_database() as connection:
        write_parquet(connection, f"FROM read_parquet('{path}')", other, (PARQUET_SEAL, UNSEALED))
    seal_parquet(platform.home, other, place_of(platform.home, other))
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))


def forge_override(platform: Platform) -> None:
    long_ago = Override(
        "steady", "whole", "2026-11-19", "0" * 64, "as agreed", "the.minister", "2020-01-01T00:00:00+00:00"
    )
    overrides.append(platform.home, long_ago)


FORGED = {
    forge_rows: "accepted/steady/whole/2026-11-20 holds other rows than the ledger says were accepted",
    delete_night: "accepted/steady/added/2026-11-20 is gone: by the ledger 1 rows were accepted there",
    forge_record: "quality/feed_night/2026-11-20.parquet is not the record that the ledger has",
    delete_record: "quality/feed_night/2026-11-20.parquet is gone, and by the ledger it was written",
    insert_record: "quality/feed_night/2026-11-01.parquet is no record of the ledger",
    forge_override: "the override of steady/whole of 2026-11-19 is older than the last build and not in the ledger",
}


@pytest.mark.parametrize("forge", FORGED, ids=lambda forge: forge.__name__)
def test_what_was_written_anew_stops_the_build_and_is_named(
    forge: Callable[[Platform], None], platform: Platform, capfd: pytest.CaptureFixture[str]
) -> None:
    before = platform.rows("whole")
    forge(platform)
    assert not platform.publish(NEXT_NIGHT)
    assert FORGED[forge] in capfd.readouterr().err
    assert platform.rows("whole") == before


def test_a_record_that_somebody_vouches_for_is_taken_and_told(platform: Platform) -> None:
    forge_record(platform)
    place = f"quality/feed_night/{NIGHT}.parquet"
    vouched.vouch(platform.home, place, "known", "operator")
    note_vouched(platform.home, place, "operator")
    assert platform.publish(NEXT_NIGHT)
    assert place in {name for one in said(platform)[Kind.RECORD] for name in one["records"]}


def test_records_of_a_run_come_into_the_ledger_once(platform: Platform) -> None:
    before = len(said(platform)[Kind.RECORD])
    platform.ingest(NEXT_NIGHT)
    assert platform.publish(NEXT_NIGHT)
    noted = [name for one in said(platform)[Kind.RECORD][before:] for name in one["records"]]
    assert f"quality/feed_night/{NEXT_NIGHT}.parquet" in noted
    assert f"quality/feed_night/{NIGHT}.parquet" not in noted


def test_a_crash_before_the_ledger_is_made_good(platform: Platform) -> None:
    """The night was accepted, and its entry is not there: it comes with the next build."""
    platform.ingest(NEXT_NIGHT)
    assert str(NEXT_NIGHT) not in {one["night"] for one in said(platform)[Kind.ACCEPTANCE]}
    assert platform.publish(NEXT_NIGHT)
    assert str(NEXT_NIGHT) in {one["night"] for one in said(platform)[Kind.ACCEPTANCE]}
    decided = Acceptance.read(platform.accepted("whole", NEXT_NIGHT)).decided_at
    assert decided in {one["decided_at"] for one in said(platform)[Kind.ACCEPTANCE]}


def test_an_older_home_is_adopted_as_it_stands(platform: Platform) -> None:
    shutil.rmtree(platform.home.ledger)
    assert platform.publish(NIGHT)
    adopted = [one for one in said(platform)[Kind.ACCEPTANCE] if one.get("adopted")]
    assert {one["feed"] for one in adopted} == {"steady/whole", "steady/added"}


def test_a_ledger_that_lost_its_end_stops_the_night(platform: Platform) -> None:
    log = platform.home.ledger / "entries.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-2]))
    before = platform.home.published.resolve()
    assert not platform.publish(NEXT_NIGHT)
    assert platform.home.published.resolve() == before
    ledger = Ledger(platform.home)
    assert not verify(ledger, known_keys(platform.home)).holds


def test_no_name_no_reason_and_no_value_stands_in_it(platform: Platform) -> None:
    Journal(platform.home, "agreements.jsonl").check()
    text = (platform.home.ledger / "entries.jsonl").read_text()
    for line in text.splitlines():
        json.loads(line)
    for value in ('"a"', '"b"', '"x"', "as agreed"):
        assert value not in text
    assert Path(platform.home.ledger / "checkpoints").exists()


# A night that a steward refuses after all.


def second_night(platform: Platform) -> None:
    platform.send("whole", (1, "a"), (2, "wrong"))
    platform.send("added", (1, "x"), (2, "y"))
    platform.ingest(NEXT_NIGHT)
    assert platform.publish(NEXT_NIGHT)
    assert platform.rows("whole") == [(1, "a"), (2, "wrong")]


def refuse(platform: Platform, night: date = NEXT_NIGHT) -> None:
    refuse_accepted(platform.contract("whole"), platform.home, night, "the wrong month", actor())


def statuses(platform: Platform) -> dict[str, str]:
    return {name: night.status for name, night in recorded(platform.home, NEXT_NIGHT).items()}


def test_the_feed_of_a_refused_night_goes_on_with_its_last_good_one(platform: Platform) -> None:
    second_night(platform)
    refuse(platform)
    refused = recorded(platform.home, NEXT_NIGHT)["steady/whole"]
    assert (refused.status, refused.reason, refused.rows_accepted) == ("refused", "the wrong month", 0)
    (line,) = overrides.refusals(platform.home)
    assert (line.steward, line.reason) == (actor(), "the wrong month")
    assert platform.publish(NEXT_NIGHT)
    assert (platform.rows("whole"), platform.rows("added")) == ([(1, "a"), (2, "b")], [(1, "x"), (2, "y")])
    (entry,) = said(platform)[Kind.OVERRIDE]
    assert (entry["decision"], entry["feed"], entry["night"]) == ("refused after all", "steady/whole", f"{NEXT_NIGHT}")

    platform.ingest(NEXT_NIGHT)
    assert statuses(platform) == {"steady/whole": "refused", "steady/added": "accepted"}, "the same bytes again"
    assert platform.publish(NEXT_NIGHT)
    assert platform.rows("whole") == [(1, "a"), (2, "b")]


def test_a_refused_night_is_taken_again_and_other_bytes_are_judged_anew(platform: Platform) -> None:
    second_night(platform)
    refuse(platform)
    taken = accept_refused(
        platform.contract("whole"), platform.home, NEXT_NIGHT, "it was right", actor(), lambda contract: contract
    )
    assert (taken.status, taken.reason) == ("accepted_by_steward", "it was right")
    assert platform.publish(NEXT_NIGHT)
    assert platform.rows("whole") == [(1, "a"), (2, "wrong")]
    refuse(platform)
    platform.send("whole", (1, "a"), (2, "mended"))
    platform.ingest(NEXT_NIGHT)
    assert statuses(platform)["steady/whole"] == "accepted"
    assert platform.publish(NEXT_NIGHT)
    assert platform.rows("whole") == [(1, "a"), (2, "mended")]


def test_a_night_with_later_ones_is_not_refused(platform: Platform) -> None:
    second_night(platform)
    with pytest.raises(LaterNights, match=f"{NEXT_NIGHT}"):
        refuse(platform, NIGHT)
    assert overrides.refusals(platform.home) == []


@pytest.mark.parametrize("step", ["record_not_taken", "note_gone"])
def test_a_refusal_that_a_crash_cut_short_binds_the_next_build(
    platform: Platform, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    second_night(platform)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sys.modules[set_aside.__module__], step, crash)
        refuse(platform)
    assert platform.accepted("whole", NEXT_NIGHT).exists()
    assert platform.publish(NEXT_NIGHT)
    assert platform.rows("whole") == [(1, "a"), (2, "b")]
    assert statuses(platform)["steady/whole"] == "refused"
    assert len(said(platform)[Kind.OVERRIDE]) == 1


def test_a_refusal_that_was_taken_out_again_stops_the_build(
    platform: Platform, capfd: pytest.CaptureFixture[str]
) -> None:
    second_night(platform)
    refuse(platform)
    refused = platform.home.state / Refusal.JOURNAL
    refused.unlink()
    assert not platform.publish(NEXT_NIGHT)
    assert "state/refusals.jsonl" in capfd.readouterr().err
    assert platform.ingest(NEXT_NIGHT)["steady/whole"].status == "failed"
