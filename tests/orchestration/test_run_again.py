"""A night that is run again: what is told of it is of one run, and no figure of another stands beside it."""

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from expectations.data_docs import write_data_docs
from expectations.gate import run_gate
from nights.build import Build, begin
from nights.folders import accepted_folder
from nights.pulling.one_feed import land_night
from nights.record.past import open_past
from nights.record.verdict import RuleCounts, rule_counts
from nights.rows.accepted import Acceptance
from orchestration.command.operator.run import _lines
from reports.figures.cross_agency_rules import shrunk
from reports.figures.feed_lines import FeedLine, feed_lines
from reports.figures.look_at_first import Seen, matters
from reports.figures.rejected import reasons, write_back
from reports.pages.lineage import Lineage
from reports.pages.reconciliation import _account, _warehouse
from sources.contract.load import load_all
from sources.contract.model import Contract
from tests.agreements import follow
from tests.conftest import NEXT_NIGHT, NIGHT, Feed, columns
from tests.orchestration.conftest import command, recorded, run_ingest
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.feeds_in_use import read_feeds_in_use
from warehouse.store.published_nights import publish
from watch.feed_series import read_series

PROPERTIES = columns(
    id="integer, classification: internal",
    fee="number, classification: internal, physicalType: 'DECIMAL(9,2)', logicalTypeOptions: {minimum: 0}",
)
# Of four records one is rejected by the gate, which the contract allows.
GOOD = "id,fee\n1,1.00\n2,2.00\n3,3.00\n4,-4.00\n"
# Of three one is rejected at landing and one by the gate, which is more than it allows.
BAD = "id,fee\nx,1.00\n7,7.00\n8,-8.00\n"


@pytest.fixture
def extract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agreements: Path) -> Path:
    folder = tmp_path / "feeds"
    monkeypatch.setenv("INTERAGENCY_SOURCES", str(folder))
    follow(agreements, "plain/*", name="plain")
    Feed(PROPERTIES, agency="plain", threshold="40 %").write(folder)
    return folder / "plain" / "extract.csv"


def contract_of(extract: Path) -> Contract:
    return next(contract for contract in load_all() if contract.path.parent == extract.parent)


def run(extract: Path, content: str | None, night: date = NIGHT) -> None:
    """A run of the night; without content the agency has sent nothing."""
    extract.unlink(missing_ok=True)
    if content is not None:
        extract.write_text(content)
    run_ingest([contract_of(extract)], night)


def told(extract: Path, home: Home) -> dict[str, Any]:
    """Every figure that is told of the feed's night: the record, the closing table, the report, what is sent back."""
    contract = contract_of(extract)
    night = recorded(home, NIGHT)["plain/things"]
    line = _lines([contract], home, NIGHT)[0]
    with open_past(home, [contract], NIGHT) as past, _warehouse(past) as connection:
        front: FeedLine = feed_lines(past)[0]
        account = _account(connection, past, front, Lineage({}))
        rules = past.rows("SELECT rule, unexpected_count, row_count FROM gate_result WHERE agency = 'plain'")
    sent_back = write_back(contract, home, NIGHT)
    series = read_series([contract], home, NIGHT, NIGHT)
    return {
        "record": (night.status, night.rows_sent, night.rows_accepted, night.rows_rejected),
        "closing table": (line.status, line.sent, line.accepted, line.rejected, line.passed + line.failed > 0, line.failed),
        "front": (front.status, front.rows_sent, front.errors),
        "steps": [step.rows for step in account.steps[:5]], "gaps": account.gaps,
        "rules": {rule: wrong for rule, wrong, _ in rules}, "rows looked at": {rows for _, _, rows in rules},
        "reasons": {(one.step, one.records) for one in reasons(contract, home, NIGHT)},
        "sent back": [row["id"] for file in (sent_back.files if sent_back else ()) for row in csv.DictReader(file.open())],
        "data docs": [page.stem for page in write_data_docs(home, NIGHT)], "profiled rows": series.rows.tolist(),
    }  # fmt: skip


ACCEPTED_ONCE = {
    "record": ("accepted", 4, 3, 1), "closing table": ("accepted", 4, 3, 1, True, 1), "front": ("accepted", 4, 1),
    "steps": [4, 0, 4, 1, 3], "gaps": [], "rules": {"id_required": 0, "fee_minimum": 1, "primary_key": 0}, "rows looked at": {4},
    "reasons": {("gate", 1)}, "sent back": ["4"], "data docs": ["plain__things"], "profiled rows": [[3.0], [3.0]],
}  # fmt: skip
REFUSED = {
    "record": ("refused", 3, 0, 2), "closing table": ("refused", 3, 0, 2, True, 1), "front": ("refused", 3, 1),
    "steps": [3, 1, 2, 1, None], "gaps": [], "rules": {"id_required": 0, "fee_minimum": 1, "primary_key": 0}, "rows looked at": {2},
    "reasons": {("landing", 1), ("gate", 1)}, "sent back": ["x", "8"], "data docs": ["plain__things"],
}  # fmt: skip
NOTHING_CAME = {
    "record": ("failed", None, None, None), "closing table": ("failed", None, None, None, False, 0), "front": ("failed", None, 0),
    "steps": [None] * 5, "gaps": [], "rules": {}, "rows looked at": set(), "reasons": set(), "sent back": [], "data docs": [],
}  # fmt: skip


def without_profile(found: dict[str, Any]) -> dict[str, Any]:
    rows = found.pop("profiled rows")
    assert all(number != number for column in rows for number in column), "none: no extract of this run was taken"
    return found


@pytest.mark.parametrize("before", [None, BAD, GOOD + "9,9.00\n"], ids=["nothing", "refused", "accepted"])
def test_a_run_that_is_accepted_counts_alone(before: str | None, extract: Path, home: Home) -> None:
    run(extract, before)
    run(extract, GOOD)
    assert told(extract, home) == ACCEPTED_ONCE


@pytest.mark.parametrize("before", [None, GOOD], ids=["nothing", "accepted"])
def test_a_run_that_is_refused_counts_alone(before: str | None, extract: Path, home: Home) -> None:
    run(extract, before)
    run(extract, BAD)
    assert without_profile(told(extract, home)) == REFUSED


@pytest.mark.parametrize("before", [BAD, GOOD], ids=["refused", "accepted"])
def test_a_run_that_brought_nothing_shows_nothing_of_the_one_before(before: str, extract: Path, home: Home) -> None:
    run(extract, before)
    told(extract, home)
    run(extract, None)
    assert without_profile(told(extract, home)) == NOTHING_CAME
    run(extract, GOOD)
    assert told(extract, home) == ACCEPTED_ONCE


def landed_only(contract: Contract, home: Home) -> None:
    land_night(contract, home, NIGHT)


def gated_only(contract: Contract, home: Home) -> None:
    land_night(contract, home, NIGHT)
    run_gate(contract, home, NIGHT)


@pytest.mark.parametrize("until", [landed_only, gated_only])
def test_a_run_that_was_cut_short_is_not_mixed_with_the_one_before(
    until: Callable[[Contract, Home], None], extract: Path, home: Home
) -> None:
    """Killed before its record: of what it left nothing is shown beside the figures of the run that was recorded."""
    run(extract, GOOD)
    extract.write_text(BAD)
    until(contract_of(extract), home)
    found = told(extract, home)
    shown = ("record", "closing table", "front", "rules", "rows looked at", "gaps", "profiled rows")
    assert {name: found[name] for name in shown} == {name: ACCEPTED_ONCE[name] for name in shown}
    assert (found["reasons"], found["sent back"]) == (set(), [])
    assert found["steps"] == [4, None, None, None, 3]


def test_a_steward_takes_the_run_that_was_refused_and_no_other(
    extract: Path, home: Home, interagency: Any, agreements: Path
) -> None:
    run(extract, GOOD)
    run(extract, BAD)
    folder = {"INTERAGENCY_AGREEMENTS": str(agreements)}
    done = interagency("accept", "plain", "things", str(NIGHT), "--reason", "late fees are known", **folder)
    assert done.returncode == 0, done.stderr
    found = told(extract, home)
    assert found["record"] == ("accepted_by_steward", 3, 1, 2)
    assert (found["steps"], found["gaps"], found["rows looked at"]) == ([3, 1, 2, 1, 1], [], {2})
    run(extract, GOOD)
    assert told(extract, home) == ACCEPTED_ONCE
    run(extract, BAD)
    assert told(extract, home)["record"] == ("accepted_by_steward", 3, 1, 2), "the same bytes again"


def test_a_night_after_it_is_unchanged_against_what_it_is_now(extract: Path, home: Home) -> None:
    other = GOOD.replace("3.00", "3.50")
    run(extract, GOOD)
    run(extract, GOOD, NEXT_NIGHT)
    assert recorded(home, NEXT_NIGHT)["plain/things"].status == "unchanged"
    run(extract, other)
    night = recorded(home, NEXT_NIGHT)["plain/things"]
    assert (night.status, night.rows_changed) == ("accepted", 1)
    run(extract, GOOD)
    assert recorded(home, NEXT_NIGHT)["plain/things"].status == "unchanged"


def test_rules_are_counted_of_the_last_run(extract: Path, home: Home) -> None:
    run(extract, GOOD)
    assert rule_counts(home, NIGHT)["plain", "things"] == RuleCounts(2, 1)
    run(extract, None)
    assert ("plain", "things") not in rule_counts(home, NIGHT)


def test_a_second_extract_with_far_fewer_rows_is_told_and_the_same_again_changes_nothing(
    extract: Path, home: Home
) -> None:
    many, few = GOOD + "5,5.00\n6,6.00\n", "id,fee\n1,1.00\n"

    def shown() -> tuple[str | None, list[str], dict[str, Any]]:
        found = told(extract, home)
        lines = _lines([contract_of(extract)], home, NIGHT)
        with open_past(home, [contract_of(extract)], NIGHT) as past:
            feeds = feed_lines(past)
            seen = Seen(None, None, feeds, {}, [], {}, {}, {}, [], shrunk(past))
            return lines[0].warning, [f"{matter.title}: {matter.why}" for matter in matters(seen)], found

    run(extract, many)
    assert shown()[0] is None
    assert Acceptance.read(accepted_folder(contract_of(extract), home, NIGHT)).rows_replaced is None
    run(extract, few)
    warning, front, found = shown()
    assert warning
    assert "had 5 rows; this one, which took its place, has 1" in warning
    assert (found["rules"]["rows_since_last_run"], found["closing table"][-1]) == (4, 1)
    assert front[0].startswith("A feed for a test: far fewer rows than before in this night: Another extract")
    run(extract, few)
    assert shown() == (warning, front, found), "the same bytes again"
    run(extract, few.replace("1.00", "2.00"))
    assert shown()[0] == warning, "another one, as small as the one before it"
    run(extract, GOOD)
    assert shown()[0] is None
    assert told(extract, home) == ACCEPTED_ONCE


def publish_build(extract: Path, home: Home, run_id: str) -> list[tuple[Any, ...]]:
    """A published build of what is accepted; returns how fresh readers are told that it is."""
    build = Build(home, NIGHT, run_id)
    begin(build, [contract_of(extract)], [])
    with open_database(build.database) as connection:
        connection.execute("DROP SCHEMA accepted CASCADE")
    publish(home, build.database)
    with open_database(home.published, read_only=True) as connection:
        return [
            (feed.name, feed.extract_date, feed.status, feed.rows_accepted) for feed in read_feeds_in_use(connection)
        ]


def test_after_a_refused_run_readers_are_told_how_fresh_their_rows_are(extract: Path, home: Home) -> None:
    run(extract, GOOD)
    before = publish_build(extract, home, "first")
    assert before == [("plain/things", str(NIGHT), "accepted", 3)]
    run(extract, BAD)
    assert recorded(home, NIGHT)["plain/things"].status == "refused"
    assert publish_build(extract, home, "second") == before


def test_a_restore_says_how_long_it_lasts_and_what_keeps_it(extract: Path, home: Home) -> None:
    run(extract, GOOD)
    publish_build(extract, home, "first")
    run(extract, "id,fee\n1,1.00\n2,2.00\n")
    publish_build(extract, home, "second")
    same = command("warehouse", "restore", str(NIGHT), "--run", "second").stdout
    assert "lasts until the next run" in same
    assert "another extract" not in same
    said = command("warehouse", "restore", str(NIGHT), "--run", "first").stdout
    assert "lasts until the next run" in said
    assert "plain/things: another extract of this build's night was accepted after it" in said
    assert f"interagency run --extract-date {NIGHT} --agency plain --feed things" in said
