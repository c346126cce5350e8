"""What each agency is asked about a night: its own records by its own keys, nothing of others' records, and no formula."""

import csv
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from linkage.settle.cases import Disposition, decide, dispositions_file
from nights.folders import night_folder
from nights.rows.accepted import accepted_nights, state_of
from orchestration.command.main import app
from reports.figures.concerns import forget_files, listed, write_concerns, write_for_agencies
from reports.report import write_report
from sources.contract.model import Contract
from tests.conftest import NIGHT, Feed
from tests.nights.gated import gated
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.night_records import SCHEMAS, record_file
from warehouse.store.published_nights import publish, start_build

FEED = Feed(
    [
        "{name: number, logicalType: string, primaryKey: true, classification: personal}",
        "{name: paid, logicalType: integer}",
    ]
)


@pytest.fixture
def contract(home: Home, tmp_path: Path) -> Contract:
    """A feed of people with an accepted night, findings of it, and a published build with a case and a notice."""
    night = gated(tmp_path, home, "number,paid\n=39001,1\n48002,2\n", FEED)
    night.accept()
    first, second = keys_of(night.contract, home)
    findings = [
        ("own", "tests,other", f"tests/things:{first}", "=differs"),
        ("own", "tests,other", "other/things:theirs", "differs"),
        ("shared", "tests,other", "P1", "two deaths"),
        ("open", "other", "LH", "no such code"),
        ("cases", "tests,other", f"tests/things:{second}", "paid after death: late"),
    ]
    names = ("rule", "agencies", "source_key", "detail")
    rows = [
        {"extract_date": NIGHT, "severity": "warning", "subject": "s", **dict(zip(names, row, strict=True))}
        for row in findings
    ]
    target = record_file(home, "finding", NIGHT)
    target.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMAS["finding"]), target)
    database = start_build(home, NIGHT, "run")
    with open_database(database) as connection:
        connection.execute("CREATE SCHEMA marts; CREATE SCHEMA history")
        connection.execute(
            f"""CREATE TABLE marts.match_case AS
            SELECT 'c' || i AS match_case_id, 'paid after death' AS match_type, 'P1' AS person_id, 'tests/things' AS left_source,
              '{second}' AS left_source_key, 'other/things' AS right_source, 'theirs' AS right_source_key, 'late' AS detail,
              'open' AS disposition, NULL::VARCHAR AS disposition_reason, NULL::DATE AS decided_on, 1.5 AS money_at_risk_eur,
              DATE '{NIGHT}' AS extract_date
            FROM range(2) AS t(i)"""
        )
        connection.execute(
            "CREATE TABLE history.match_case AS SELECT *, extract_date AS known_from FROM marts.match_case"
        )
        connection.execute(
            f"""CREATE TABLE marts.life_event_notice AS
            SELECT 'death' AS event_type, 'tests' AS agency_to_tell, 'other' AS registered_by, '{first}' AS example_source_key,
              1 AS records, 12 AS days_outstanding"""
        )
    publish(home, database)
    return night.contract


def keys_of(contract: Contract, home: Home) -> list[str]:
    with open_database() as connection:
        state = state_of(contract, accepted_nights(contract, home, NIGHT))
        return [key for (key,) in connection.execute(f"SELECT _source_key FROM ({state}) ORDER BY paid").fetchall()]


def rows_of(file: Path) -> list[tuple[str, ...]]:
    assert file.stat().st_mode & 0o077 == 0
    return [tuple(row.values()) for row in csv.DictReader(file.open(encoding="utf-8"))]


def test_an_agency_gets_its_own_records_by_its_own_keys(contract: Contract, home: Home) -> None:
    other = replace(contract, agency="other")
    files = write_for_agencies([contract, other], home, NIGHT)
    assert {agency: file.parent.name for agency, file in files.items()} == {"other": str(NIGHT), "tests": str(NIGHT)}
    assert rows_of(files["tests"]) == [
        ("case", "tests", "things", "48002", "paid after death", "late", "other", "c0"),
        ("case", "tests", "things", "48002", "paid after death", "late", "other", "c1"),
        ("finding", "tests", "things", "'=39001", "own", "'=differs", "", "warning"),
        ("finding", "tests", "", "", "shared", "two deaths", "tests, other", "warning"),
        ("notice", "tests", "", "'=39001", "death", "not recorded in 1 of its records; one is named", "other", "12 days"),
    ]  # fmt: skip
    assert "48002" not in files["other"].read_text()
    assert [row[3] for row in rows_of(files["other"])] == ["theirs", "theirs", "", "theirs", ""]


def test_a_key_of_a_shared_table_is_told_where_nobody_concerned_has_protected_ones(
    contract: Contract, home: Home
) -> None:
    total, found = listed([contract], home, NIGHT, "other", 100)
    assert total == 5
    assert {(item.type, item.key) for item in found if item.kind == "finding"} == {
        ("own", "theirs"), ("shared", ""), ("open", "LH"),
    }  # fmt: skip


def test_the_list_shows_pseudonyms_and_the_file_keys(contract: Contract, home: Home, tmp_path: Path) -> None:
    first, _ = keys_of(contract, home)
    _, found = listed([contract], home, NIGHT, "tests", 100)
    assert {item.key for item in found if item.kind == "notice"} == {first}
    assert write_concerns([contract], home, NIGHT, None, tmp_path / "all.csv") == 10
    assert "39001" in (tmp_path / "all.csv").read_text()
    assert first not in (tmp_path / "all.csv").read_text()


def test_what_was_decided_is_not_asked_again(contract: Contract, home: Home) -> None:
    decide(home, Disposition("c0", "no issue", "checked", "me", "2026-03-01T10:00:00+00:00"))
    _, found = listed([contract], home, NIGHT, "tests", 100)
    assert [item.status for item in found if item.kind == "case"] == ["c1"]


def test_a_night_that_is_not_the_published_one_has_findings_alone(contract: Contract, home: Home) -> None:
    publish(home, start_build(home, NIGHT + timedelta(days=1), "run"))
    found = listed([contract], home, NIGHT, None, 100)[1]
    assert {item.kind for item in found} == {"finding"}
    assert "cases" in {item.type for item in found}, "the rule tells of them where they are not listed themselves"
    assert listed([contract], home, NIGHT + timedelta(days=1), None, 100) == (0, [])


def test_the_findings_page_links_the_files_and_they_go_with_the_retention(contract: Contract, home: Home) -> None:
    write_report([contract], home, NIGHT)
    page = (night_folder(home, NIGHT) / "findings.html").read_text()
    file = home.sent_back / str(NIGHT) / f"tests-findings-{NIGHT}.csv"
    assert f"sent_back/{NIGHT}/{file.name}" in page
    forget_files([contract], home, NIGHT + contract.service_level.retention)
    assert file.exists()
    forget_files([contract], home, NIGHT + contract.service_level.retention + timedelta(days=1))
    assert not file.exists()


def test_decisions_that_somebody_changed_cost_the_files_and_not_the_report(contract: Contract, home: Home) -> None:
    decide(home, Disposition("c0", "no issue", "checked", "me", "2026-03-01T10:00:00+00:00"))
    dispositions_file(home).write_text(dispositions_file(home).read_text().replace("c0", "c1"))
    assert write_for_agencies([contract], home, NIGHT) == {}
    assert CliRunner().invoke(app, ["findings", "list", "--extract-date", str(NIGHT)]).exit_code == 1
    assert write_report([contract], home, NIGHT).exists()


def test_the_command_lists_and_writes(
    contract: Contract, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERAGENCY_SOURCES", str(contract.path.parents[1]))
    run = CliRunner().invoke
    done = run(app, ["findings", "list", "--agency", "tests", "--extract-date", str(NIGHT), "--limit", "2"])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[1].startswith("case\ttests\tthings\t")
    assert "5 findings, cases and notices of the night of 2026-11-20; the first 2 are shown" in done.stdout
    target = tmp_path / "asked.csv"
    assert (
        run(
            app, ["findings", "list", "--agency", "tests", "--extract-date", str(NIGHT), "--csv", str(target)]
        ).exit_code
        == 0
    )
    assert len(rows_of(target)) == 5
    assert run(app, ["findings", "list", "--agency", "nobody"]).exit_code == 2
