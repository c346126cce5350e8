"""A contract's rules are text of a stranger: they read no file, write none, and make no message, page or record repeat a value."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from expectations.data_docs import folder, write_data_docs
from expectations.gate import run_gate
from expectations.measures import measures
from nights.accept import record_results
from nights.folders import gate_folder
from nights.pulling.one_feed import land_night
from nights.record.verdict import WITHHELD
from sources.contract.load import load
from sources.contract.model import Contract, QualityRule
from sources.contract.reading.odcs import ContractError
from sources.contract.rules_as_sql import TableRule
from sources.errors import ExtractError
from sources.landing.land_extract import land_extract
from tests.attacks.readable import readable_texts
from tests.conftest import NIGHT, Feed, columns, csv_text
from tests.orchestration.conftest import recorded, run_ingest
from warehouse.engines.duckdb.engine import literal, open_database
from warehouse.home import Home

NAME, NUMBER = "Kaljulaid Kersti", "46912310000"
COLUMNS = columns(
    id="integer, classification: public",
    height="integer, classification: public",
    name="string, classification: personal",
    number="integer, classification: personal",
)
ROWS = csv_text([["id", "height", "name", "number"], [1, 170, NAME, NUMBER], [2, 180, "Mets Mari", "47001010000"]])


def quality(rule: str) -> str:
    return f"{{name: q, dimension: accuracy, severity: error, {rule}}}"


def sql(query: str) -> str:
    return quality(f"type: sql, query: {json.dumps(query)}, mustBe: 0")


def expectation(kind: str, **arguments: object) -> str:
    implementation = json.dumps({"type": kind, "kwargs": arguments})
    return quality(f"type: custom, engine: great-expectations, implementation: {implementation}")


def written(folder: Path, *rules: str) -> Path:
    (folder / "tests").mkdir(parents=True, exist_ok=True)
    (folder / "tests" / "extract.csv").write_text(ROWS, encoding="utf-8")
    return Feed(COLUMNS, quality=list(rules)).write(folder)


def landed(folder: Path, home: Home, *rules: str) -> Contract:
    """The contract with these rules, whose night has landed."""
    contract = load(written(folder, *rules))
    land_night(contract, home, NIGHT)
    return contract


def measured(contract: Contract, home: Home) -> tuple[bool, str | None]:
    """Whether the rule `q` passed, and the number that is shown of it."""
    (rule,) = [result for result in run_gate(contract, home, NIGHT).results if result.rule == "q"]
    return rule.passed, rule.observed_value


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "secret.csv"
    path.parent.mkdir()
    path.write_text("word\ntop-secret\n", encoding="utf-8")
    return path


HOSTILE = {
    "reads a file": "SELECT count(*) FROM read_text('/etc/hostname')",
    "reads a file in a table's place": "SELECT count(*) FROM '/etc/hostname.csv'",
    "reads a file in a subquery": "SELECT (SELECT count(*) FROM read_csv('/etc/hostname')) FROM ${table}",
    "lists files": "SELECT count(*) FROM glob('/*')",
    "writes a file": "COPY (SELECT 1) TO '/tmp/never.csv'",
    "attaches": "ATTACH '/tmp/never.duckdb'",
    "two statements": "SELECT 1; SELECT 2",
    "asks the catalogue": "SELECT count(*) FROM information_schema.tables",
    "asks the settings": "SELECT count(*) FROM duckdb_settings()",
    "asks for secrets": "SELECT count(*) FROM duckdb_secrets()",
    "runs text": "SELECT * FROM query('SELECT 1')",
    "describes": "DESCRIBE ${table}",
    "gives two columns": "SELECT 1, 2",
    "sets": "SET memory_limit = '1GB'",
    "installs": "INSTALL httpfs",
    "no SQL": "SELEKT 1",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_query_that_is_not_one_select_on_its_rows_is_no_contract(case: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        load(written(tmp_path, sql(HOSTILE[case])))
    assert "quality[0].query" in str(caught.value)
    assert "write one SELECT on ${table} alone" in str(caught.value)


@pytest.mark.parametrize(
    "query", ["COPY {batch} TO '/tmp/never.csv'", "SELECT * FROM {batch}, read_text('/etc/hostname')"]
)
def test_nor_is_a_query_within_an_expectation(query: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="implementation"):
        load(written(tmp_path, expectation("unexpected_rows_expectation", unexpected_rows_query=query)))


@pytest.fixture
def gate_database(tmp_path: Path) -> tuple[Path, Path]:
    """A database with a view `rows` on a Parquet file, as a gate has it, and that file."""
    file, database = tmp_path / "rows.parquet", tmp_path / "gate.duckdb"
    with open_database(database) as connection:
        connection.execute(f"COPY (SELECT 1 AS id, {literal(NAME)} AS name) TO {literal(str(file))}")
        connection.execute(f"CREATE VIEW rows AS FROM read_parquet({literal(str(file))})")
    return database, file


@pytest.mark.parametrize("case", ["reads a file", "reads a file in a table's place", "lists files", "asks for secrets"])
def test_the_connection_itself_reads_nothing_else(case: str, gate_database: tuple[Path, Path], tmp_path: Path) -> None:
    """Whatever the parse tree told: the rule goes to the connection unread."""
    contract = load(written(tmp_path))
    rule = TableRule("q", "accuracy", "error", "", f"({HOSTILE[case].replace('${table}', '{rows}')})", "= 0")
    with pytest.raises(RuntimeError, match=r"quality rule q of things.odcs.yaml is not valid SQL: \w+Exception$"):
        measures(contract, [rule], *gate_database)


def ruled(contract: Contract, **fields: object) -> Contract:
    """The contract with one rule that nobody has read."""
    rule = QualityRule("q", "accuracy", "error", "", None, **fields)  # type: ignore[arg-type]
    return replace(contract, quality=(rule,))


def test_great_expectations_reads_and_writes_nothing_else(tmp_path: Path, home: Home, secret_file: Path) -> None:
    for query in (
        f"SELECT * FROM {{batch}}, read_csv('{secret_file}')",
        f"SELECT * FROM {{batch}}) AS q; COPY (SELECT 1) TO '{tmp_path / 'written.csv'}'; SELECT * FROM (SELECT 1",
        f"SELECT * FROM {{batch}}) AS q; ATTACH '{tmp_path / 'written.duckdb'}'; SELECT * FROM (SELECT 1",
    ):
        implementation = {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": query}}
        contract = ruled(load(written(tmp_path)), expectation=implementation)
        land_night(contract, home, NIGHT)
        with pytest.raises(RuntimeError, match="rule q cannot be evaluated") as caught:
            run_gate(contract, home, NIGHT)
        assert "top-secret" not in str(caught.value)
    assert not list(tmp_path.glob("written.*"))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT string_agg(name, ',') FROM ${table}",
        "SELECT max(name) FROM ${table}",
        "SELECT list(number) FROM ${table}",
        "SELECT {'a': 1}",
        "SELECT to_json(min(name)) FROM ${table}",
    ],
)
def test_a_rule_that_measures_no_number_is_refused(query: str, tmp_path: Path, home: Home) -> None:
    contract = landed(tmp_path, home, sql(query))
    with pytest.raises(RuntimeError, match=r"quality rule q of things\.odcs\.yaml measures a ") as caught:
        run_gate(contract, home, NIGHT)
    assert NAME not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT max(number) FROM ${table}",
        "SELECT max(n) FROM (SELECT number AS n FROM ${table})",
        "WITH t AS (SELECT * FROM ${table}) SELECT max(number) FROM t",
        "SELECT max(x) FROM (SELECT number FROM ${table}) AS t(x)",
        'SELECT max("abs(number)") FROM (SELECT abs(number) FROM ${table})',
        "SELECT sum(CASE WHEN id = 1 THEN number ELSE 0 END) FROM ${table}",
        "SELECT ascii(max(name)) FROM ${table}",
        "SELECT max(height) FROM (SELECT number AS height FROM ${table})",
        "SELECT max(COLUMNS('^number$')) FROM ${table}",
        "SELECT (SELECT max(number) FROM ${table})",
    ],
)
def test_a_number_that_may_be_a_persons_own_is_shown_to_nobody(query: str, tmp_path: Path, home: Home) -> None:
    assert measured(landed(tmp_path, home, sql(query)), home) == (False, WITHHELD)


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("SELECT count(*) FROM ${table} WHERE name LIKE 'K%'", "1"),
        ("SELECT max(height) FROM ${table}", "180"),
        ("SELECT count(DISTINCT number) - count(*) FROM ${table}", "0"),
        ("SELECT 100.0 * count(*) FILTER (WHERE number IS NULL) / count(*) FROM ${table}", "0"),
        ("SELECT max(n) FROM (SELECT name, count(*) AS n FROM ${table} GROUP BY name)", "1"),
        ("SELECT bool_and(number > 0) FROM ${table}", "True"),
        ("SELECT sum((number > 46912310000)::INT) FROM ${table}", "1"),
    ],
)
def test_counts_and_open_columns_are_shown(query: str, number: str, tmp_path: Path, home: Home) -> None:
    assert measured(landed(tmp_path, home, sql(query)), home)[1] == number


def test_a_day_is_measured_where_the_rule_says_a_day(tmp_path: Path, home: Home) -> None:
    days = "{name: day, logicalType: date, classification: public}"
    path = Feed(
        [COLUMNS[0], days], quality=[quality("type: sql, query: 'SELECT max(day) FROM ${table}', mustBe: '2026-03-05'")]
    )
    contract_file = path.write(tmp_path)
    (contract_file.parent / "extract.csv").write_text("id,day\n1,2026-03-04\n2,2026-03-05\n")
    contract = load(contract_file)
    land_night(contract, home, NIGHT)
    assert measured(contract, home) == (True, "2026-03-05")


GREAT_EXPECTATIONS = [
    ("expect_column_max_to_be_between", {"column": "number", "max_value": 1}),
    ("expect_column_max_to_be_between", {"column": "name", "max_value": "A"}),
    ("expect_column_distinct_values_to_be_in_set", {"column": "name", "value_set": ["A"]}),
    ("expect_column_most_common_value_to_be_in_set", {"column": "name", "value_set": ["A"]}),
    ("expect_column_values_to_be_in_set", {"column": "name", "value_set": ["A"]}),
    ("expect_column_sum_to_be_between", {"column": "number", "max_value": 1}),
    ("expect_column_values_to_be_unique", {"column": "name"}),
    ("expect_column_pair_values_to_be_equal", {"column_A": "name", "column_B": "number"}),
]


@pytest.mark.parametrize(("kind", "arguments"), GREAT_EXPECTATIONS)
def test_nothing_that_an_expectation_looked_at_is_kept(
    kind: str, arguments: dict[str, object], tmp_path: Path, home: Home
) -> None:
    contract = landed(tmp_path, home, expectation(kind, **arguments))
    try:
        verdict = run_gate(contract, home, NIGHT)
    except RuntimeError as error:
        assert NAME not in str(error)
        return
    record_results(home, NIGHT, contract.agency, contract.feed, verdict.results)
    write_data_docs(home, NIGHT)
    kept = [path for place in (gate_folder(contract, home, NIGHT), folder(home, NIGHT)) for path in place.iterdir()]
    assert kept
    for path in kept:
        text = path.read_bytes().decode("latin-1")
        assert NAME not in text
        assert NUMBER not in text
        assert "Mets Mari" not in text


CONVERSIONS = [
    "SELECT sum(CAST(name AS INTEGER)) FROM ${table}",
    "SELECT count(*) FROM ${table} WHERE CAST(name AS DATE) > DATE '2020-01-01'",
    "SELECT count(*) FROM ${table} WHERE error(name) IS NULL",
]


@pytest.fixture
def ingested(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    from tests.agreements import follow

    agreements, feeds = tmp_path / "agreements", tmp_path / "feeds"
    agreements.mkdir()
    monkeypatch.setenv("INTERAGENCY_AGREEMENTS", str(agreements))
    monkeypatch.setenv("INTERAGENCY_KEY", "what is personal is not pulled without one")
    monkeypatch.setenv("INTERAGENCY_SOURCES", str(feeds))
    follow(agreements, "tests/*", name="tests")
    yield feeds


@pytest.mark.parametrize(
    "rule",
    [
        *map(sql, CONVERSIONS),
        expectation(
            "unexpected_rows_expectation", unexpected_rows_query="SELECT * FROM {batch} WHERE CAST(name AS INTEGER) = 1"
        ),
    ],
)
def test_an_error_quotes_no_value(rule: str, ingested: Path, home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither in the record and the report's words, nor in Dagster's databases or a log."""
    contract = load(written(ingested, rule))
    home.dagster.mkdir(parents=True)
    with dg.DagsterInstance.local_temp(str(home.dagster)) as instance:
        run_ingest([contract], NIGHT, instance)
    night = recorded(home, NIGHT)["tests/things"]
    assert night.status == "failed"
    assert "q" in (night.reason or "")
    assert "ConversionException" in (night.reason or "") or "InvalidInputException" in (night.reason or "")
    printed = capfd.readouterr()
    for word in ("Kaljulaid", "Mets Mari"):
        assert word not in (night.reason or "")
        assert word not in printed.out + printed.err
        told = [path for path, text in readable_texts(home.root, besides=(home.landing, home.accepted)) if word in text]
        assert told == []


def test_a_rule_without_an_end_costs_its_own_feed(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERAGENCY_FEED_TIMEOUT_SECONDS", "1")
    endless = "SELECT count(*) FROM range(1000000) AS a, range(1000000) AS b, ${table} WHERE hash(a.range, b.range) = 7"
    contract = landed(tmp_path, home, sql(endless))
    with pytest.raises(RuntimeError, match="takes longer than a feed may"):
        run_gate(contract, home, NIGHT)


def test_an_expression_of_a_contract_is_asked_of_a_locked_engine() -> None:
    from warehouse.engines.duckdb.engine import scratch

    with pytest.raises(duckdb.PermissionException):
        scratch().cursor().execute("SELECT * FROM read_text('/etc/hostname')")


def test_an_expression_that_would_never_end_ends(tmp_path: Path) -> None:
    """Python's own would need longer than the universe for this name, and hold up every other feed meanwhile."""
    name = f"{'a' * 60}!.csv"
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / name).write_text("id\n1\n")
    path = Feed([COLUMNS[0]], path=f'"{name}"', custom={"extractDateFrom": '"name ((a+)+)+$"'}).write(tmp_path)
    with pytest.raises(ExtractError, match="states no date"):
        land_extract(load(path), tmp_path / "landed", extract_date=NIGHT)
