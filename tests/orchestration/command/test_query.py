"""`interagency query` and `interagency cases` on a small published warehouse."""

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from linkage.settle.cases import Disposition, decide, dispositions_file, load_dispositions
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.policy.access import Grant, give
from tests.agreements import agree
from tests.catalogue.dbt_manifest import manifest, model
from tests.conftest import Feed
from tests.orchestration.conftest import command
from warehouse.home import Home
from warehouse.journal import actor
from warehouse.keys.platform_key import KEY_VARIABLE
from warehouse.store.restricted import attach_protected

CASES = [
    ("abc1", "paid after death", "P1", "identifier", 100.0),
    ("abd2", "paid after death", "P2", "identifier", 250.0),
    ("f3", "two sole residences", "P3", "other evidence", None),
]


@pytest.fixture
def published(home: Home) -> Home:
    home.published.parent.mkdir(parents=True)
    with duckdb.connect(str(home.published)) as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute(
            "CREATE TABLE marts.person AS SELECT 'P' || i AS person_id, 1950 + i AS birth_year FROM range(150) AS t(i)"
        )
        connection.execute(
            "CREATE TABLE marts.match_case (match_case_id VARCHAR, match_type VARCHAR, person_id VARCHAR, other_person_id VARCHAR, "
            "left_source VARCHAR DEFAULT 'pay/payment', left_source_key VARCHAR DEFAULT 'k1', "
            "right_source VARCHAR DEFAULT 'registry/person', right_source_key VARCHAR DEFAULT 'k2', "
            "key_strength VARCHAR, match_probability DOUBLE DEFAULT 1, money_at_risk_eur DECIMAL(14, 2), detail VARCHAR DEFAULT 'x', "
            "disposition VARCHAR DEFAULT 'open', disposition_reason VARCHAR, decided_on DATE)"
        )
        listed = "match_case_id, match_type, person_id, key_strength, money_at_risk_eur"
        connection.executemany(f"INSERT INTO marts.match_case ({listed}) VALUES (?, ?, ?, ?, ?)", CASES)
        attach_protected(connection, home.published)
        connection.execute("CREATE TABLE restricted.secret AS SELECT 'Kask' AS surname")
        connection.execute("CREATE SCHEMA vault.staging; CREATE SCHEMA staging")
        connection.execute(
            "CREATE TABLE vault.staging.stg_pay__payment AS SELECT 'k' || i AS source_key, 'Kask' AS surname, "
            "DATE '2026-03-11' AS paid_on, NULL AS note FROM range(3) AS t(i)"
        )
        connection.execute("CREATE TABLE staging.stg_registry__person AS SELECT 'k2' AS source_key, 1950 AS birth_year")
        connection.execute(
            "CREATE TABLE vault.staging.stg_registry__person AS SELECT 'k2' AS source_key, 'Kask' AS surname, "
            "DATE '2026-03-01' AS died_on"
        )
    return home


def test_an_answer_comes_as_csv_json_or_parquet(published: Home, tmp_path: Path) -> None:
    sql = "SELECT person_id, birth_year FROM marts.person ORDER BY birth_year LIMIT 2"
    rows = [{"person_id": "P0", "birth_year": 1950}, {"person_id": "P1", "birth_year": 1951}]
    assert [json.loads(line) for line in command("query", sql, "--json").stdout.splitlines()] == rows
    texts = [{name: str(value) for name, value in row.items()} for row in rows]
    assert list(csv.DictReader(io.StringIO(command("query", sql, "--csv").stdout))) == texts
    assert command("query", sql, "--out", str(tmp_path / "answer.parquet")).exit_code == 0
    assert pq.read_table(tmp_path / "answer.parquet").to_pylist() == rows


def test_a_long_table_is_cut_and_says_so(published: Home) -> None:
    found = command("query", "SELECT person_id FROM marts.person", "--limit", "3")
    assert (found.exit_code, len(found.stdout.splitlines())) == (0, 4)
    assert "first 3 rows" in found.stderr


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT * FROM marts.persons", "person"), ("SELEC 1", "syntax error"), ("DROP TABLE marts.person", "read-only"),
        ("SELECT * FROM read_csv('/etc/passwd')", "disabled"), ("ATTACH '/tmp/other.duckdb'", "disabled"),
        ("SET enable_external_access = true", "locked"), ("SELECT * FROM restricted.secret", "restricted"),
    ],
)  # fmt: skip
def test_a_mistake_or_a_forbidden_statement_is_one_message(published: Home, sql: str, says: str) -> None:
    found = command("query", sql)
    assert (found.exit_code, found.stdout) == (2, "")
    assert says in found.stderr and "Traceback" not in found.stderr


def test_two_forms_at_once_or_nothing_published_is_told(home: Home) -> None:
    assert command("query", "SELECT 1", "--csv", "--json").exit_code == 2
    found = command("query", "SELECT 1")
    assert (found.exit_code, "interagency run" in found.stderr) == (1, True)


def test_a_protected_relation_is_told_where_it_lies_and_how_it_is_asked(published: Home) -> None:
    manifest = published.dbt / "marts" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    node = {"name": "permit", "schema": "marts", "database": "vault", "resource_type": "model"}
    manifest.write_text(json.dumps({"nodes": {"model.p.permit": node}, "sources": {}}))
    done = command("query", "SELECT * FROM marts.permit")
    assert done.exit_code == 2
    assert "marts.permit is protected and lies in vault.duckdb" in done.stderr
    assert 'interagency query --restricted "SELECT … FROM vault.marts.permit"' in done.stderr
    assert "protected" not in command("query", "SELECT * FROM marts.persons").stderr
    with duckdb.connect(str(published.published)) as connection:
        connection.execute("DROP SCHEMA marts CASCADE")
    assert "marts.permit is protected" in command("query", "SELECT * FROM marts.permit").stderr, "nothing there is open"


def granted(home: Home, until: str = "2099-01-01") -> None:
    """By somebody else, as far as this home knows."""
    give(home, Grant(actor(), date.fromisoformat(until), "A test", "somebody else"))


def test_restricted_is_there_for_those_who_ask_and_may(published: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = "SELECT surname FROM restricted.secret"
    refused = command("query", sql, "--restricted", "--csv")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"interagency access grant {actor()} gives one" in refused.stderr.replace("`", "")
    granted(published)
    assert command("query", sql, "--restricted", "--csv").stdout.split() == ["surname", "Kask"]
    both = "SELECT surname, paid_on FROM vault.staging.stg_pay__payment LIMIT 1"
    assert command("query", both, "--restricted", "--csv").stdout.split() == ["surname,paid_on", "Kask,2026-03-11"]
    monkeypatch.setenv(KEY_VARIABLE, "another key")
    found = command("query", sql, "--restricted")
    assert (found.exit_code, "another key" in found.stderr) == (1, False)


def test_a_grant_ends_and_every_question_stands_in_the_ledger(published: Home) -> None:
    yesterday = str(datetime.now(UTC).date() - timedelta(days=1))
    granted(published, until=yesterday)
    assert "the grant of" in command("query", "SELECT 1", "--restricted").stderr
    assert command("access", "grant", actor(), "--reason", " ").exit_code == 1
    assert command("query", "SELECT 1 AS one", "--csv").exit_code == 0
    assert command("access", "grant", "kask", "--reason", "A test").exit_code == 0
    entries = list(Ledger(published).entries())
    assert [entry.kind for entry in entries] == [Kind.QUERY, Kind.DECISION]
    assert entries[0].what["role"] == "analyst"
    assert entries[1].what["person"] == "kask"
    assert "SELECT" not in (published.ledger / "entries.jsonl").read_text()


@pytest.mark.parametrize(
    ("role", "sql", "is_theirs"),
    [
        ("linker", "SELECT count(*) FROM linkage.person_link", True), ("linker", "SELECT count(*) FROM marts.person", False),
        ("linker", "SELECT (SELECT count(*) FROM marts.person) FROM linkage.person_link", False),
        ("linker", "SELECT 1 FROM linkage.person_link UNION SELECT 1 FROM marts.person", False),
        ("linker", "WITH x AS (FROM marts.person) FROM x", False), ("linker", "FROM query('FROM marts.person')", False),
        ("linker", "FROM query_table('marts.person')", False), ("linker", "SELECT surname FROM restricted.main.secret", True),
        ("linker", "SELECT surname FROM vault.staging.stg_pay__payment", False), ("analyst", "FROM restricted.main.secret", False),
        ("tests-council", "SELECT person_id FROM born", True), ("tests-council", "SELECT birth_year FROM born", False),
        ("tests-council", "FROM marts.person", False), ("nobody", "SELECT 1", False),
    ],
)  # fmt: skip
def test_a_role_sees_its_relations_alone(
    role: str, sql: str, is_theirs: bool, published: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with duckdb.connect(str(published.published)) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS marts; CREATE SCHEMA IF NOT EXISTS linkage")
        connection.execute("CREATE OR REPLACE TABLE marts.person AS SELECT 'p1' AS person_id, 1980 AS birth_year")
        connection.execute("CREATE OR REPLACE TABLE linkage.person_link AS SELECT 'p1' AS person_id")
    contract = Feed(["{name: id, logicalType: integer, primaryKey: true}"]).write(tmp_path / "feeds")
    treated = {"person_id": {"treatment": "keep"}, "birth_year": {"treatment": "generalise", "to": "decade"}}
    product = {
        "id": "born", "relation": "marts.person", "columns": treated, "recipients": ["tests-council"], "format": "csv", "delivery": "folder",
    }  # fmt: skip
    agree(tmp_path / "agreements", "born", contract, products=[product])
    monkeypatch.setenv("INTERAGENCY_AGREEMENTS", str(tmp_path / "agreements"))
    assert (command("query", sql, "--role", role).exit_code == 0) is is_theirs


@pytest.mark.parametrize(
    ("sql", "purpose", "code", "told"),
    [
        ("SELECT count(*) FROM marts.person", "dpv:ProvideOfficialStatistics", 0, ""), ("SELECT 1", "dpv:Marketing", 0, ""),
        ("SELECT count(*) FROM marts.person", "dpv:FraudPreventionAndDetection", 1, "marts.person may not serve dpv:FraudPreventionAndDetection; it may serve"),
        ("WITH x AS (FROM marts.person) SELECT count(*) FROM x", "dpv:FraudPreventionAndDetection", 1, "marts.person may not serve"),
        ("SELECT (SELECT count(*) FROM marts.person) FROM marts.match_case", "dpv:Marketing", 1, "marts.person may not serve"),
        ("SELECT count(*) FROM marts.person", "statistics", 2, "no purpose of the Data Privacy Vocabulary"),
    ],
)  # fmt: skip
def test_a_question_serves_a_purpose_that_its_marts_may(
    sql: str, purpose: str, code: int, told: str, published: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = ["{name: town, logicalType: string, primaryKey: true}", "{name: kind, logicalType: string}"]
    contract = Feed(columns, agency="hospital", feed="patient").write(tmp_path / "feeds")
    agree(tmp_path / "agreements", "towns", contract)
    monkeypatch.setenv("INTERAGENCY_AGREEMENTS", str(tmp_path / "agreements"))
    file = published.dbt / "marts" / "manifest.json"
    file.parent.mkdir(parents=True)
    mart = "select town as person_id, kind as birth_year from accepted.hospital__patient"
    file.write_text(json.dumps(manifest(model("person", mart) | {"unique_id": "model.p.person"})))
    done = command("query", sql, "--purpose", purpose, "--csv")
    assert (done.exit_code, told in done.stderr) == (code, True), done.stderr
    asked = [entry.what["purpose"] for entry in Ledger(published).entries() if entry.kind == Kind.QUERY]
    assert asked == ([purpose] if code == 0 else []), "what is refused is not asked"


def test_cases_are_listed_with_most_money_first(published: Home) -> None:
    found = command("cases", "list", "--type", "paid after death")
    lines = found.stdout.splitlines()
    assert [line.split("\t")[0] for line in lines[1:3]] == ["abd2", "abc1"]
    assert lines[-1] == "2 cases, 350.00 euro at risk"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ab", "--disposition", "error", "--reason", "x"], "several: abc1, abd2"), (["zz", "--disposition", "error", "--reason", "x"], "no case"),
        (["f3", "--disposition", "guilty", "--reason", "x"], "false positive"), (["f3", "--disposition", "error", "--reason", " "], "reason"),
    ],
)  # fmt: skip
def test_a_decision_that_cannot_be_taken_is_told(published: Home, arguments: list[str], says: str) -> None:
    found = command("cases", "decide", *arguments)
    assert (found.exit_code, says in found.stderr) == (2, True)
    assert not dispositions_file(published).exists()


def test_a_decision_is_listed_at_once(published: Home) -> None:
    assert command("cases", "decide", "abd", "--disposition", "error", "--reason", "the year").exit_code == 0
    assert command("cases", "list").stdout.splitlines()[-1] == "2 cases, 100.00 euro at risk"
    (line,) = command("cases", "list", "--disposition", "error").stdout.splitlines()[1:-1]
    assert line.startswith("abd2\t") and line.endswith("\terror")


def test_a_case_is_shown_with_both_its_records_side_by_side(published: Home) -> None:
    refused = command("cases", "show", "abc1")
    assert (refused.exit_code, refused.stdout, "no grant" in refused.stderr) == (1, "", True)
    granted(published)
    assert command("cases", "decide", "abc", "--disposition", "error", "--reason", "the year").exit_code == 0
    assert command("cases", "show", "abc").stdout.splitlines() == [
        "field\tpay/payment:k1\tregistry/person:k2",
        "surname\tKask\tKask",
        "paid_on\t2026-03-11\t",
        "died_on\t\t2026-03-01",
        "paid after death: x, 100.00 euro at risk; P1, linked by identifier with probability 1; error: the year",
    ]
    several = command("cases", "show", "ab")
    assert (several.exit_code, "abc1, abd2" in several.stderr) == (2, True)
    assert "no case" in command("cases", "show", "z").stderr


def test_nobody_sees_a_record_without_the_key(published: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "another key")
    granted(published)
    closed = command("cases", "show", "abc1")
    assert (closed.exit_code, closed.stdout, KEY_VARIABLE in closed.stderr) == (1, "", True)


def test_a_record_that_is_gone_leaves_the_other(published: Home) -> None:
    granted(published)
    with duckdb.connect(str(published.published)) as connection:
        connection.execute("UPDATE marts.match_case SET right_source_key = NULL, left_source_key = 'k0'")
    shown = command("cases", "show", "f3").stdout.splitlines()
    assert shown[:2] == ["field\tpay/payment:k0\tgone", "surname\tKask\t"]


def decided(home: Home, night: date) -> list[tuple[str, str]]:
    with duckdb.connect() as connection:
        load_dispositions(connection, home, night)
        return connection.execute(
            "SELECT match_case_id, disposition FROM linkage.case_disposition ORDER BY ALL"
        ).fetchall()


def test_the_last_decision_counts_as_of_its_night(published: Home) -> None:
    assert command("cases", "decide", "f3", "--disposition", "no-issue", "--reason", "both are true").exit_code == 0
    decide(published, Disposition("abc1", "error", "late", "me", "2026-03-01T10:00:00+00:00"))
    decide(published, Disposition("abc1", "open", "look again", "me", "2026-03-03T10:00:00+00:00"))
    assert decided(published, date(2026, 2, 28)) == []
    assert decided(published, date(2026, 3, 2)) == [("abc1", "error")]
    assert decided(published, date.max) == [("abc1", "open"), ("f3", "no issue")]


def test_a_line_that_a_crash_cut_off_costs_itself_alone(home: Home) -> None:
    one, other = (Disposition(case, "error", "late", "me", "2026-03-01T10:00:00+00:00") for case in ("a", "b"))
    decide(home, one)
    with dispositions_file(home).open("ab") as file:
        file.write(b'{"match_case_id": "c", "dispo')
    decide(home, other)
    assert decided(home, date.max) == [("a", "error"), ("b", "error")]


def test_decisions_at_once_are_all_kept(home: Home) -> None:
    decisions = [Disposition(f"case {n:03}", "error", "x" * 500, "me", "2026-03-01T10:00:00+00:00") for n in range(200)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda decision: decide(home, decision), decisions))
    assert len(decided(home, date.max)) == 200
