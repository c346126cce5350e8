"""Doors that were found open one by one: what stalls a command, ends it with a traceback, or makes it say what it may not."""

import json
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment

from expectations.gate import run_gate
from nights.dbt_sources import write_dbt_sources
from nights.pulling.one_feed import land_night
from nights.record.verdict import WITHHELD
from sources.arrival.remote_path import compiled
from sources.contract.grants import Grant, NotGranted
from sources.contract.load import load
from sources.contract.reading.odcs import ContractError
from sources.errors import ExtractError
from sources.landing.land_extract import land_extract
from tests.attacks.test_contract_is_code import COLUMNS, NAME, expectation, landed, measured, quality, sql, written
from tests.conftest import NIGHT, Feed, ended
from warehouse.home import Home
from warehouse.yaml import YamlError, load_yaml

# One value of sixty letters keeps the engine busy for longer than there are stars, and it looks for an interruption after it.
ENDLESS_LIKE = "repeat('a', 60) || name LIKE '%a%a%a%a%a%a%a%a%a%a%a%a_b'"
ENDLESS_RULES = {
    "query": sql(f"SELECT count(*) FROM ${{table}} WHERE {ENDLESS_LIKE}"),
    "query of great-expectations": expectation(
        "unexpected_rows_expectation", unexpected_rows_query=f"SELECT * FROM {{batch}} WHERE {ENDLESS_LIKE}"
    ),
}
_GATE_ALONE = """
import sys
from datetime import date
from pathlib import Path
from expectations.gate import run_gate
from sources.contract.load import load
from warehouse.home import Home
try:
    run_gate(load(Path(sys.argv[1])), Home(Path(sys.argv[2])), date.fromisoformat(sys.argv[3]))
except RuntimeError as error:
    print(error)
"""


@pytest.mark.parametrize("rule", ENDLESS_RULES)
def test_a_statement_that_heeds_no_interruption_costs_its_own_feed(
    rule: str, tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own, which also ends."""
    monkeypatch.setenv("INTERAGENCY_FEED_TIMEOUT_SECONDS", "1")
    path = written(tmp_path, ENDLESS_RULES[rule])
    land_night(load(path), home, NIGHT)
    done = ended(sys.executable, "-c", _GATE_ALONE, path, home.root, NIGHT.isoformat(), is_good=False)
    assert "longer than a feed may" in done.stdout
    assert done.returncode == 1, done.stderr


# A busy machine included; what stalls takes minutes.
SOON_SECONDS = 5
TRICKS = {
    "a number of base sixty": "a: 1" + ":1" * 300_000,
    "a float of base sixty": "a: 1" + ":1" * 300 + ".5",
    "a key that stands twice among many": "\n".join(f"k{i}: 1" for i in range(60_000)) + "\nk59999: 2",
    **{f"{tag} without a value of its kind": f"a: {tag} ''" for tag in ("!!int", "!!float", "!!bool", "!!timestamp")},
}


@pytest.mark.parametrize("trick", TRICKS)
def test_yaml_that_stalls_its_reader_or_ends_it_is_refused(trick: str) -> None:
    began = time.perf_counter()
    with pytest.raises(YamlError):
        load_yaml(TRICKS[trick])
    assert time.perf_counter() - began < SOON_SECONDS


QUERIES = {
    "deep": "SELECT " + "NOT " * 900 + "true FROM ${table}",
    "nested types": "SELECT NULL::INT" + "[]" * 900 + " FROM ${table}",
    "long": "SELECT " + "true AND " * 50_000 + "true FROM ${table}",
}


@pytest.mark.parametrize("case", QUERIES)
def test_a_query_that_stalls_or_ends_its_reader_is_refused(case: str, tmp_path: Path) -> None:
    began = time.perf_counter()
    with pytest.raises(ContractError, match=r"quality\[0\].query"):
        load(written(tmp_path, sql(QUERIES[case])))
    assert time.perf_counter() - began < SOON_SECONDS


COUNTED = [
    "SELECT count(*) FROM range((SELECT min(number) - 46912300000 FROM ${table}))",
    "SELECT count(*) FROM range(100000) AS r, (FROM ${table}) AS s WHERE r.range < s.number - 46912300000 AND s.id = 1",
    "SELECT count(*) FROM range(100000) AS r WHERE r.range < (SELECT min(number) - 46912300000 FROM ${table})",
    "SELECT count(*) FROM (SELECT unnest(range(number - 46912300000)) FROM ${table} WHERE id = 1)",
    "SELECT count(*) FROM (SELECT 1 FROM range(20000) LIMIT (SELECT min(number) - 46912300000 FROM ${table}))",
]


@pytest.mark.parametrize("query", COUNTED)
def test_a_count_of_made_rows_is_no_mere_count(query: str, tmp_path: Path, home: Home) -> None:
    """Each would publish 10000, which is the end of a person's number."""
    assert measured(landed(tmp_path, home, sql(query)), home)[1] == WITHHELD


@pytest.mark.parametrize("name", ["NUMBER", "Number"])
def test_a_personal_column_in_other_letters_is_personal(name: str, tmp_path: Path, home: Home) -> None:
    rule = expectation("expect_column_max_to_be_between", column=name, max_value=1)
    assert measured(landed(tmp_path, home, rule), home)[1] == WITHHELD


def test_an_expression_of_great_expectations_is_not_worked_out(tmp_path: Path) -> None:
    """9^9^9 would hold up the whole process."""
    rule = expectation("expect_column_max_to_be_between", column="height", max_value={"$PARAMETER": "9^9^9"})
    with pytest.raises(ContractError, match="nothing fills in"):
        load(written(tmp_path, rule))


def test_what_breaks_great_expectations_is_told_as_the_feeds_fault(tmp_path: Path, home: Home) -> None:
    ranges = {"quantiles": [0.5], "value_ranges": [[0, 1]]}
    rule = expectation("expect_column_quantile_values_to_be_between", column="number", quantile_ranges=ranges)
    contract = landed(tmp_path, home, rule)
    with pytest.raises(RuntimeError, match="great-expectations ends with TypeError; mend"):
        run_gate(contract, home, NIGHT)


SHAPELESS = [
    "type: library, metric: duplicateValues, arguments: {properties: [1]}, mustBe: 0",
    "type: library, metric: duplicateValues, arguments: {properties: 1}, mustBe: 0",
    "type: library, metric: rowCount, mustBeBetween: [1]",
    "type: library, metric: rowCount, mustBe: [1]",
    "type: library, metric: rowCount, arguments: {validValues: 0}, mustBe: 1",
    "type: custom, engine: great-expectations, implementation: {type: expect_column_to_exist, kwargs: abc}",
]


@pytest.mark.parametrize("rule", SHAPELESS)
def test_a_rule_of_a_wrong_shape_is_told_and_not_a_traceback(rule: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"quality\[0\]"):
        load(written(tmp_path, quality(rule)))


def test_a_pattern_of_names_ends_in_linear_time() -> None:
    """Both the pattern and the names are the agency's."""
    began = time.perf_counter()
    assert not compiled("*a" * 12 + "*b").match("a" * 250)
    assert time.perf_counter() - began < SOON_SECONDS


@pytest.mark.parametrize("name", ["caf\u00e9", "a\nb.csv", "a b+c.csv", "\ud800.csv"])
def test_names_are_matched_as_before(name: str) -> None:
    assert compiled("*").match(name) == ("\ud800" not in name)
    assert "\ud800" in name or compiled(name).match(name)


def test_the_running_program_is_no_package(tmp_path: Path) -> None:
    path = Feed(COLUMNS, path='"package://__main__/x.csv"').write(tmp_path)
    script = "import sys; from pathlib import Path; from datetime import date; from sources.contract.load import load\n"
    script += "from sources.connectors import probe; from sources.errors import ExtractError\n"
    script += "try: probe(load(Path(sys.argv[1])), date(2026, 11, 20))\nexcept ExtractError as error: print(error)"
    assert "is not installed" in ended(sys.executable, "-c", script, path).stdout


PEOPLE = [
    COLUMNS[0],
    "{name: name, logicalType: string, classification: personal}",
    "{name: born, logicalType: date, classification: personal}",
    '{name: pay, logicalType: number, physicalType: "DECIMAL(9,2)", classification: personal}',
]


def _refusal(folder: Path, text: str, **said: dict[str, str]) -> str:
    path = Feed(PEOPLE, **said).write(folder)
    (path.parent / "extract.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ExtractError) as caught:
        land_extract(load(path), folder / "landed", extract_date=NIGHT)
    return str(caught.value)


def test_a_file_without_its_header_tells_nobodys_row(tmp_path: Path) -> None:
    told = _refusal(tmp_path, f"1,{NAME},1946-03-12,1234.56\n2,Mets Mari,1950-01-01,9\n")
    assert "the header has no id, name, born, pay (columns the contract does not know: 4 not shown here)" in told
    doubled = _refusal(tmp_path / "doubled", f"{NAME},{NAME},1946-03-12,1\n")
    assert NAME not in doubled
    assert "Name, 1 not shown here" in _refusal(tmp_path / "renamed", f"id,Name,{NAME},born\n")


def test_a_day_that_is_a_persons_own_is_not_told(tmp_path: Path) -> None:
    rows = f"id,name,born,pay\n1,{NAME},1946-03-12,1234.56\n"
    told = _refusal(tmp_path, rows, custom={"extractDateFrom": "column born"})
    assert "1 rows have another born than" in told


def test_a_sum_that_is_a_persons_own_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "control.txt").write_text("pay=1\n")
    told = _refusal(
        tmp_path, f"id,name,born,pay\n1,{NAME},1946-03-12,1234.56\n",
        options={"control": "{path: control.txt, sums: {pay: pay}}"},
    )  # fmt: skip
    assert "a sum of pay that is not theirs" in told
    assert "1234" not in told


def test_a_word_of_a_contract_is_no_program_to_dbt(tmp_path: Path) -> None:
    """It would read the environment, or stop the build of every agency."""
    hostile = "{{ env_var('A_SECRET') }}{% do 1 %}{# note #}"
    columns = [COLUMNS[0], f"{{name: {json.dumps(hostile)}, logicalType: string, description: {json.dumps(hostile)}}}"]
    write_dbt_sources([load(Feed(columns).write(tmp_path))], tmp_path / "_sources.yml")
    column = yaml.safe_load((tmp_path / "_sources.yml").read_text())["sources"][0]["tables"][0]["columns"][1]
    assert [Environment().from_string(column[name]).render() for name in ("name", "description")] == [hostile, hostile]


@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "64:ff9b::a9fe:a9fe", "::ffff:0:7f00:1"])
@pytest.mark.parametrize("granted", [(), ("*.registry.example",), ("db.registry.example",)])
def test_a_granted_name_leads_to_no_guarded_address(
    address: str, granted: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name's owner, and not who grants it, says where it leads."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", (address, 0))])
    grant = Grant("tests", hosts=granted)
    with pytest.raises(NotGranted):
        grant.permit_host("db.registry.example")
    with pytest.raises(NotGranted):
        grant.permit_address(address)
    replace(grant, hosts=("db.registry.example", "0.0.0.0/0", "localhost")).permit_host("db.registry.example")
