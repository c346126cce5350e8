"""Contracts: the real ones hold, and each kind of mistake is told with file, line, path and remedy."""

import os
import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from sources.connectors import probe
from sources.connectors.local import locate
from sources.contract.grants import Grant
from sources.contract.load import load, load_all
from sources.contract.model import contract_files
from sources.contract.reading.odcs import ContractError, Problem
from sources.errors import ExtractError
from tests.conftest import NIGHT, Feed
from tests.sources.landed import text_columns
from warehouse.home import AGENCIES

KEY = "{name: id, logicalType: string, primaryKey: true}"


def problems(folder: Path, feed: Feed, edit: Callable[[str], str] = str) -> list[Problem]:
    """What is wrong with a contract, after a change to its text."""
    path = feed.write(folder)
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        load(path)
    for problem in caught.value.problems:
        assert problem.file == path
        assert 1 <= problem.line <= len(path.read_text(encoding="utf-8").splitlines()) + 1
        assert re.search(r"; \w|\b(write|add|name) ", problem.message), f"no remedy in: {problem.message}"
        assert str(problem).startswith(f"{path}:{problem.line}: {problem.where}: ")
        assert "\n" not in str(problem)
    return caught.value.problems


def line_of(folder: Path, text: str) -> int:
    lines = (folder / "tests" / "things.odcs.yaml").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize("path", contract_files(), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_real_contract_loads(path: Path) -> None:
    contract = load(path)
    assert contract.name == f"{path.parent.name}/{path.name.removesuffix('.odcs.yaml')}"
    assert contract.key
    assert contract.contacts
    assert contract.service_level.retention >= timedelta(days=1)
    assert all(column.description for column in contract.columns)


def test_all_real_contracts_stand_together() -> None:
    names = {contract.name for contract in load_all()}
    assert names >= {"bts/airlines", "bts/flights", "faa/aircraft", "faa/airports", "noaa/weather"}


def test_a_contract_says_what_it_was_written_to_say(tmp_path: Path) -> None:
    feed = Feed(
        [
            "{name: b, logicalType: integer, primaryKey: true, primaryKeyPosition: 2}",
            "{name: a, physicalName: A column, logicalType: string, primaryKey: true, primaryKeyPosition: 1, classification: internal}",
            "{name: n, logicalType: number, physicalType: 'decimal(12, 3)', classification: personal}",
            "{name: u, logicalType: integer, logicalTypeOptions: {format: u8}}",
        ],
        threshold="0.5 %",
    )
    contract = load(feed.write(tmp_path))
    assert contract.key == ("a", "b")
    assert contract.column("a").header == "A column"
    assert contract.column("n").sql_type == "DECIMAL(12,3)"
    assert contract.column("n").is_masked
    assert not contract.column("a").is_masked
    assert contract.column("u").sql_type == "UTINYINT"
    assert contract.reject_threshold == Decimal("0.005")
    assert contract.relation == "tests__things"


def x(rest: str) -> str:
    """A column of that name, of this type and what is said after it."""
    return f"{{name: x, logicalType: {rest}}}"


def limited(kind: str, option: str) -> str:
    return x(f"{kind}, logicalTypeOptions: {{{option}}}")


COLUMN_MISTAKES = {
    "unknown type": (x("text"), "logicalType", "write one of string"),
    "type that is not tabular": (x("array"), "logicalType", "write one of integer"),
    "unknown option": (limited("string", "minimum: 3"), "logicalTypeOptions", "take"),
    "option not checked here": (limited("string", "format: email"), "logicalTypeOptions.format", "use a pattern"),
    "integer width": (limited("integer", "format: i9"), "format", "write one of i8"),
    "look-ahead": (limited("string", "pattern: '(?=a)b'"), "pattern", "RE2"),
    "back-reference": (limited("string", r"pattern: '(a)\1'"), "pattern", "RE2"),
    "named back-reference": (limited("string", "pattern: '(?P<n>a)(?P=n)'"), "pattern", "RE2"),
    "possessive repetition": (limited("string", "pattern: 'a++'"), "pattern", "RE2"),
    "unclosed class": (limited("string", "pattern: '[a'"), "pattern", "missing ]"),
    "classification": (x("string, classification: secret"), "classification", "special-category"),
    "platform's own name": ("{name: _x, logicalType: string}", "name", "write another"),
    "engine's own name": ("{name: file_row_number, logicalType: string}", "name", "write another"),
    "date letters": (limited("date", "format: dd.LL.YYYY"), "format", "LL, YYYY"),
    "time zone": (limited("timestamp", "defaultTimezone: Mars/Olympus"), "defaultTimezone", "Mars/Olympus"),
    "no read as false": (x("string, enum: [{value: NO}]"), "enum[0]", "put it in quotes"),
    "enum of another type": (x("integer, enum: [{value: 1}, {value: x}]"), "enum[1]", "BIGINT"),
    "relationship in another form": (
        x("string, relationships: [{to: things.id}]"), "relationships[0].to", "<agency>__<feed>.<column>",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", COLUMN_MISTAKES)
def test_a_mistake_in_a_column_is_told_with_its_line(mistake: str, tmp_path: Path) -> None:
    column, where, words = COLUMN_MISTAKES[mistake]
    found = problems(tmp_path, Feed([KEY, column]))[0]
    assert found.where.startswith("schema[0].properties[1]")
    assert found.where.endswith(where)
    assert words in found.message
    assert found.line == line_of(tmp_path, column)


QUALITY_MISTAKES = {
    "severity": ("{name: q, dimension: coverage, severity: fatal, metric: rowCount, mustBe: 1}", "warning"),
    "no bound": ("{name: q, dimension: coverage, metric: rowCount}", "mustBe"),
    "no dimension": ("{name: q, metric: rowCount, mustBe: 1}", "dimension"),
    "unknown metric": ("{name: q, dimension: coverage, metric: beauty, mustBe: 1}", "beauty"),
    "metric of no column": ("{name: q, dimension: completeness, metric: nullValues, mustBe: 0}", "move it"),
    "doubles of no columns": ("{name: q, dimension: uniqueness, metric: duplicateValues, mustBe: 0}", "properties"),
    "engine that is not run": (
        "{name: q, type: custom, engine: soda, dimension: coverage, implementation: {type: x}}",
        "great-expectations",
    ),
    "name of a column's rule": ("{name: primary_key, dimension: coverage, metric: rowCount, mustBe: 1}", "primary_key"),
}


@pytest.mark.parametrize("mistake", QUALITY_MISTAKES)
def test_a_mistake_in_a_quality_rule_is_told(mistake: str, tmp_path: Path) -> None:
    rule, words = QUALITY_MISTAKES[mistake]
    found = problems(tmp_path, Feed([KEY], quality=[rule]))
    assert any(words in problem.message for problem in found), found
    assert found[0].where.startswith("schema[0]")


COLUMNS = [KEY, "{name: at, logicalType: timestamp}", "{name: version, logicalType: integer}"]
INCREMENTAL = {"extractMode": "incremental"}
# What a contract says in its customProperties, and what is said of it.
CUSTOM_MISTAKES: dict[str, tuple[dict[str, str], str]] = {
    "extract mode": ({"extractMode": "sometimes"}, "snapshot"),
    "watermark of a snapshot": ({"watermark": "id"}, "extractMode incremental"),
    "incremental without a watermark": (INCREMENTAL, "needs a watermark"),
    "watermark of text": ({**INCREMENTAL, "watermark": "id"}, "write the name of a column of type DATE"),
    "lateness without a unit": ({**INCREMENTAL, "watermark": "at", "lateness": "2"}, "'2 d'"),
    "lateness of a number": (
        {**INCREMENTAL, "watermark": "version", "lateness": "2 d"},
        "lateness is '2 d', and the watermark a number; write how many numbers back",
    ),
    "date proof by a text column": ({"extractDateFrom": "column id"}, "date"),
    "date proof without a group": ({"extractDateFrom": "'name (?:x)'"}, "group"),
    "date proof that is no pattern": ({"extractDateFrom": "'name (['"}, "group"),
}
SERVER = "servers[0].customProperties"
FEED_MISTAKES = {
    "two columns of one name": (Feed(text_columns("id", "ID")), "schema[0].properties", "write each once"),
    "no key": (Feed(["{name: id, logicalType: string}"]), "schema[0].properties", "primaryKey: true"),
    "agency's name": (Feed([KEY], agency="Bad-Agency"), "file", "lower_case"),
    "feed's name": (Feed([KEY], feed="Bad.Feed"), "file", "lower_case"),
    "double underscore": (Feed([KEY], feed="a__b"), "file", "lower_case"),
    "namespaces that are a text": (
        Feed([KEY], format="xml", options={"record": "a", "namespaces": "x"}), SERVER, "namespaces is no mapping",
    ),
    "threshold that is no number": (Feed([KEY], threshold="some"), "customProperties", "'0.5 %'"),
    "threshold that is not a number": (Feed([KEY], threshold="NaN"), "customProperties", "'0.5 %'"),
    "threshold above all rows": (Feed([KEY], threshold="101 %"), "customProperties", "'0.5 %'"),
    "null values that are no list": (Feed([KEY], options={"nullValues": "NA"}), SERVER, "such as [NA]"),
    "delimiter of many characters": (Feed([KEY], options={"delimiter": "'|||||||||'"}), SERVER, "up to 8 characters"),
    "unknown encoding": (Feed([KEY], encoding="klingon"), "servers[0].encoding", "utf-8"),
    **{
        name: (Feed(COLUMNS, custom=custom), "customProperties", words)
        for name, (custom, words) in CUSTOM_MISTAKES.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("mistake", FEED_MISTAKES)
def test_a_mistake_about_the_feed_is_told(mistake: str, tmp_path: Path) -> None:
    feed, where, words = FEED_MISTAKES[mistake]
    path = feed.write(tmp_path)
    with pytest.raises(ContractError) as caught:
        load(path)
    assert (caught.value.problems[0].where, caught.value.problems[0].file) == (where, path)
    assert words in caught.value.problems[0].message


TEXT_MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "another version": ("apiVersion: v3.2.0", "apiVersion: v3.1.0", "apiVersion", "write v3.2.0"),
    "no such version": ("apiVersion: v3.2.0", "apiVersion: v9", "apiVersion", "write one of"),
    "bad YAML": ("status: active", "status: [active", "YAML", "write valid YAML"),
    "control character": ("status: active", "status: act\x01ive", "YAML", "cannot be read"),
    "day that is not in the calendar": ("version: 1.0.0", "version: 2024-13-45", "YAML", "in quotes"),
    "key that is a day": ("status: active", "status: active\n2024-01-01: x", "YAML", "in quotes"),
    "key written twice": ("status: active", "status: active\nstatus: draft", "YAML", "keep one"),
    "unit of a span": ("value: 30, unit: d", "value: 30, unit: parsec", "slaProperties", "write a positive number"),
    "negative span": ("value: 30, unit: d", "value: -30, unit: d", "slaProperties", "write a positive number"),
    "time read as a number": ('value: "02:00"', "value: 2:00", "slaProperties", "'02:30'"),
    "promise left out": ("  - {property: retention, value: 30, unit: d}\n", "", "slaProperties", "retention"),
    "key of no standard": ("status: active", "status: active\ncolour: blue", "file", "take the extra key out"),
}


@pytest.mark.parametrize("mistake", TEXT_MISTAKES)
def test_a_mistake_in_the_text_is_told(mistake: str, tmp_path: Path) -> None:
    old, new, where, words = TEXT_MISTAKES[mistake]
    path = Feed([KEY]).write(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ContractError) as caught:
        load(path)
    assert any(problem.where == where and words in problem.message for problem in caught.value.problems), caught.value


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    wrong = ["{name: a, logicalType: string, classification: x}", "{name: a, logicalType: array}"]
    assert len(problems(tmp_path, Feed(wrong, custom={"extractMode": "never"}))) >= 5


@pytest.mark.parametrize(
    ("content", "words"),
    [*((text, "is not a mapping; start it with") for text in (b"", b"- a\n- b\n", b"just words")),
     ("name: Länder".encode("latin-1"), "write it as UTF-8 text")],
)  # fmt: skip
def test_a_file_that_is_no_contract_is_told(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "tests" / "things.odcs.yaml"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ContractError, match=words):
        load(path)


def test_a_day_without_quotes_is_read_as_it_stands(tmp_path: Path) -> None:
    column = "{name: day, logicalType: date, logicalTypeOptions: {minimum: 2024-01-01}, enum: [{value: 2024-01-01}]}"
    path = Feed([KEY, column]).write(tmp_path)
    path.write_text(path.read_text().replace("version: 1.0.0", "version: 2024-01-01"))
    contract = load(path)
    assert contract.version == "2024-01-01"
    assert contract.column("day").options["minimum"] == "2024-01-01"


def test_a_pattern_may_use_what_only_the_engine_knows(tmp_path: Path) -> None:
    contract = load(
        Feed([KEY, r"{name: x, logicalType: string, logicalTypeOptions: {pattern: '^\p{L}+$'}}"]).write(tmp_path)
    )
    assert contract.column("x").options["pattern"] == r"^\p{L}+$"


def test_a_relationship_to_nowhere_is_told(tmp_path: Path) -> None:
    target = "{name: x, logicalType: string, relationships: [{to: tests__others.%s}]}"
    Feed(text_columns("id"), feed="others").write(tmp_path)
    Feed([KEY, target % "id"]).write(tmp_path)
    assert len(load_all([tmp_path])) == 2
    Feed([KEY, target % "colour"]).write(tmp_path)
    with pytest.raises(ContractError, match=r"tests/others\.colour is not in any contract"):
        load_all([tmp_path])


def test_one_feed_described_twice_is_told(tmp_path: Path) -> None:
    Feed([KEY]).write(tmp_path / "one")
    Feed([KEY]).write(tmp_path / "two")
    with pytest.raises(ContractError, match="describes tests/things again"):
        load_all([tmp_path / "one", tmp_path / "two"])


def test_further_folders_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Feed([KEY]).write(tmp_path / "one")
    Feed([KEY], feed="others").write(tmp_path / "two")
    monkeypatch.setenv("INTERAGENCY_SOURCES", os.pathsep.join([str(tmp_path / "one"), str(tmp_path / "two")]))
    assert {contract.name for contract in load_all()} >= {"bts/flights", "tests/things", "tests/others"}


def test_a_further_folder_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERAGENCY_SOURCES", str(tmp_path / "nowhere"))
    with pytest.raises(ContractError, match=r"nowhere.*INTERAGENCY_SOURCES: is not a folder"):
        load_all()


def test_environment_variables_in_a_location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROP", str(tmp_path / "drop"))
    monkeypatch.delenv("NOWHERE", raising=False)
    contract = load(Feed([KEY], path='"${DROP}/${NOWHERE:-in}/x_{extract_date:%Y%m%d}.csv"').write(tmp_path))
    assert locate(contract, date(2026, 11, 20)) == tmp_path / "drop" / "in" / "x_20261120.csv"


def test_an_environment_variable_that_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(LookupError, match="NOWHERE is not set; set it"):
        Grant("tests").filled("${NOWHERE}/x", stays_here=True)
    contract = load(Feed([KEY], path='"${NOWHERE}/x.csv"').write(tmp_path))
    with pytest.raises(ExtractError, match="NOWHERE is not set"):
        locate(contract, NIGHT)


def test_a_folder_whose_name_has_braces_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROP", str(tmp_path / "{drop}"))
    contract = load(Feed([KEY], path='"${DROP}/x.csv"').write(tmp_path))
    assert locate(contract, NIGHT) == tmp_path / "{drop}" / "x.csv"


def test_a_relative_location_starts_beside_the_contract(tmp_path: Path) -> None:
    contract = load(Feed([KEY], path="drop/x.csv").write(tmp_path))
    assert locate(contract, NIGHT) == tmp_path / "tests" / "drop" / "x.csv"


@pytest.mark.parametrize("name", ["{nobody}.csv", "{extract_date.year}.csv", "{extract_date"])
def test_a_placeholder_that_means_nothing_stands_in_the_message(name: str, tmp_path: Path) -> None:
    contract = load(Feed([KEY], path=f'"{name}"').write(tmp_path))
    with pytest.raises(ExtractError, match=re.escape(f"{name} is not there")):
        probe(contract, NIGHT)


def test_the_extracts_of_a_package_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INTERAGENCY_INBOX", raising=False)
    contract = load(AGENCIES / "bts" / "airlines.odcs.yaml")
    assert locate(contract, NIGHT).is_file()
