"""The gate: rejects by our SQL agree with great-expectations, and the verdict follows the contract."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from nights.folders import gate_folder
from nights.record.verdict import VALIDATION
from tests.conftest import NIGHT, Feed, csv_text
from tests.nights.gated import gated
from warehouse.home import Home
from warehouse.numbers_for_people import MASK

ID = "{name: id, logicalType: integer, classification: internal, primaryKey: true}"
EVERY_KIND = [
    ID,
    "{name: code, logicalType: string, classification: internal, required: true, logicalTypeOptions: {pattern: '^(?:AB|C:D)[{]?%?$'}}",
    "{name: kind, logicalType: string, classification: internal, enum: [{value: x}, {value: \"it's\"}, {value: 'NO'}]}",
    "{name: level, logicalType: integer, classification: internal, enum: [{value: 1}, {value: 2}]}",
    "{name: low, logicalType: integer, classification: internal, logicalTypeOptions: {minimum: 3, maximum: 7}}",
    "{name: open, logicalType: number, classification: internal, logicalTypeOptions: {exclusiveMinimum: 0.1, exclusiveMaximum: 5}}",
    "{name: price, logicalType: number, classification: internal, physicalType: 'DECIMAL(9,2)',"
    " logicalTypeOptions: {minimum: 0.1, multipleOf: 0.05}}",
    "{name: day, logicalType: date, classification: internal, logicalTypeOptions: {minimum: '2026-01-10', exclusiveMaximum: '2026-01-20'}}",
    "{name: hour, logicalType: time, classification: internal, logicalTypeOptions: {minimum: '08:00:00'}}",
    "{name: at, logicalType: timestamp, classification: internal, logicalTypeOptions: {maximum: '2026-01-15T12:00:00Z'}}",
    "{name: text, logicalType: string, classification: internal, logicalTypeOptions: {minLength: 2, maxLength: 4}}",
    "{name: flag, logicalType: boolean, classification: internal, enum: [{value: true}]}",
    "{name: own, logicalType: string, classification: internal, unique: true}",
]
NAMES = ["id", "code", "kind", "level", "low", "open", "price", "day", "hour", "at", "text", "flag", "own"]


def random_row(number: int, chance: random.Random) -> list[object]:
    pick = chance.choice
    return [
        number, pick(["AB", "C:D", "AB{", "AB%", "XX", "", "ab"]), pick(["x", "it's", "NO", "no", ""]), pick([1, 2, 3, ""]),
        pick([2, 3, 5, 7, 8, ""]), pick([0.1, 0.11, 4.99, 5, -1, ""]), pick(["0.10", "0.15", "0.09", "0.05", "9.99", ""]),
        pick(["2026-01-09", "2026-01-10", "2026-01-19", "2026-01-20", ""]), pick(["07:59:59", "08:00:00", "23:00:00", ""]),
        pick(["2026-01-15T12:00:00Z", "2026-01-15T12:00:01Z", "2026-01-15T12:30:00+01:00", ""]),
        pick(["é", "ab", "abcd", "abcde", ""]), pick(["true", "false", ""]), f"u{number}" if number % 3 else "",
    ]  # fmt: skip


def test_rejects_are_what_great_expectations_counts(tmp_path: Path, home: Home) -> None:
    chance = random.Random(2026)
    rows = [random_row(number, chance) for number in range(400)]
    gate = gated(tmp_path, home, csv_text([[*NAMES], *rows]), Feed(EVERY_KIND))
    row_rules = [result for result in gate.verdict.results if result.rule not in ("primary_key", "own_unique")]
    assert len(row_rules) >= 15
    for result in row_rules:
        assert len(gate.rows_of(result.rule)) == result.unexpected_count, result.rule
        assert result.passed == (result.unexpected_count == 0), result.rule
        assert [example.row for example in result.examples] == gate.rows_of(result.rule)[:5], result.rule
    assert not [result.rule for result in row_rules if result.passed and result.rule != "id_required"]
    assert gate.rule("primary_key").passed
    assert gate.rule("own_unique").passed, "rows without a value are no duplicates"
    decided, accepted = gate.accept()
    rejected = {reject["row"] for reject in gate.rejects}
    assert [row["id"] for row in accepted] == [number for number in range(400) if number + 1 not in rejected]
    assert (decided.rows_sent, decided.rows_rejected) == (400, len(rejected))


def test_each_kind_of_rule_against_python(tmp_path: Path, home: Home) -> None:
    rows = [
        [1, "AB", "it's", 1, 3, 0.11, "0.10", "2026-01-10", "08:00:00", "2026-01-15T12:00:00Z", "éé", "true", "a"],
        [2, "", "", "", "", "", "", "", "", "", "", "", ""],
        [3, "AB", "X", 3, 8, 0.1, "0.12", "2026-01-20", "07:59:59", "2026-01-15T12:00:01Z", "é", "false", "b"],
    ]
    gate = gated(tmp_path, home, csv_text([[*NAMES], *rows]), Feed(EVERY_KIND))
    assert [[fault["rule"] for fault in reject["faults"]] for reject in gate.rejects] == [
        ["code_required"],
        ["kind_enum", "level_enum", "low_maximum", "open_exclusiveMinimum", "price_multipleOf", "day_exclusiveMaximum",
         "hour_minimum", "at_maximum", "text_minLength", "flag_enum"],
    ]  # fmt: skip
    assert gate.rejects[0]["reason"] == "must have a value"
    assert (gate.rejects[1]["column"], gate.rejects[1]["value"]) == ("kind", "X")


def test_rows_that_share_a_key(tmp_path: Path, home: Home) -> None:
    feed = Feed([
        "{name: a, logicalType: integer, classification: internal, primaryKey: true, primaryKeyPosition: 1}",
        "{name: b, logicalType: string, classification: internal, primaryKey: true, primaryKeyPosition: 2}",
        "{name: rules, logicalType: string, classification: internal}",
        "{name: u, logicalType: string, classification: internal, unique: true}",
    ])  # fmt: skip
    rows = [
        [1, "x", "same", "p"], [1, "x", "same", "p"], [1, "x", "same", "p"],
        [2, "x", "one", "q"], [2, "x", "other", "r"],
        [3, "x", "same", "s"], [3, "x", "same", "s"], [3, "x", "not", "t"],
        [3, "y", "alone", "z"], [4, "x", "", ""], [5, "x", "", ""], [6, "x", "v", "z"], ["", "x", "", "1"], ["", "x", "", "2"],
    ]  # fmt: skip
    gate = gated(tmp_path, home, csv_text([["a", "b", "rules", "u"], *rows]), feed)
    assert gate.rows_of("primary_key") == [2, 3, 4, 5, 6, 7, 8]
    assert gate.rows_of("u_unique") == [2, 3, 7, 9, 12]
    assert gate.rows_of("a_required") == [13, 14]
    for rule in ("primary_key", "u_unique"):
        assert gate.rule(rule).unexpected_count == len(gate.rows_of(rule)), "the rows that are rejected, in each place"
    _, accepted = gate.accept()
    assert [(row["a"], row["u"]) for row in accepted] == [(1, "p"), (4, None), (5, None)]


@pytest.mark.parametrize(("threshold", "accepted"), [("50 %", True), ("49.99 %", False), ("0 %", False)])
def test_the_threshold_is_a_share_of_the_rows_sent(threshold: str, accepted: bool, tmp_path: Path, home: Home) -> None:
    """One landing reject and one gate reject of four rows sent."""
    feed = Feed([ID, "{name: x, logicalType: string, classification: internal, required: true}"], threshold=threshold)
    gate = gated(tmp_path, home, "id,x\n1,a\nno,b\n3,\n4,d\n", feed)
    assert gate.verdict.accepted is accepted
    decided, rows = gate.accept()
    assert decided.status == ("accepted" if accepted else "refused")
    assert [row["id"] for row in rows] == ([1, 4] if accepted else [])
    if not accepted:
        assert gate.verdict.reasons == [
            f"2 of 4 rows rejected, more than the {threshold.removesuffix(' %')} % that the contract allows"
        ]


def quality(name: str, rule: str, severity: str = "error") -> str:
    return f"{{name: {name}, dimension: coverage, severity: {severity}, {rule}}}"


def expectation(name: str, arguments: str = "") -> str:
    kwargs = f", kwargs: {{{arguments}}}" if arguments else ""
    return f"type: custom, engine: great-expectations, implementation: {{type: expect_{name}{kwargs}}}"


# Six rows: x is 1, 1, 2, nothing, 5, 9. With each rule, whether it holds on them.
TABLE_RULES = {
    "metric: rowCount, mustBe: 6": True,
    "metric: rowCount, mustNotBe: 6": False,
    "metric: rowCount, mustBeGreaterThan: 6": False,
    "metric: rowCount, mustBeGreaterOrEqualTo: 6": True,
    "metric: rowCount, mustBeLessThan: 6": False,
    "metric: rowCount, mustBeLessOrEqualTo: 6": True,
    "metric: rowCount, mustBeBetween: [6, 7]": True,
    "metric: rowCount, mustNotBeBetween: [1, 6]": False,
    "metric: duplicateValues, arguments: {properties: [x, y]}, mustBe: 1": True,
    "type: sql, query: 'SELECT max(x) FROM ${table}', mustBe: 9": True,
    "type: sql, query: \"SELECT count(*) FROM ${object} WHERE y IN (':p', '{q}', '100%')\", mustBe: 3": True,
    "type: sql, query: 'SELECT sum(x) FROM ${table} WHERE x > 100', mustBeGreaterThan: 0": False,
    expectation("table_row_count_to_be_between", "min_value: 6, max_value: 6"): True,
    expectation("column_mean_to_be_between", "column: x, min_value: 4"): False,
    expectation("column_values_to_be_between", "column: x, min_value: 2"): False,
}
COLUMN_RULES = {
    "metric: nullValues, mustBe: 1": True,
    "metric: nullValues, unit: percent, mustBeLessThan: 16.7": True,
    "metric: nullValues, unit: percent, mustBeLessThan: 16.6": False,
    "metric: missingValues, arguments: {missingValues: [null, '5']}, mustBe: 2": True,
    "metric: invalidValues, arguments: {validValues: [1, 2, 5]}, mustBe: 1": True,
    "metric: duplicateValues, mustBe: 2": True,
    "type: sql, query: 'SELECT min(${property}) FROM ${table}', mustBe: 1": True,
}


def test_table_rules_of_each_kind(tmp_path: Path, home: Home) -> None:
    own = ", ".join(quality(f"c{number}", rule) for number, rule in enumerate(COLUMN_RULES))
    x = f"{{name: x, logicalType: integer, classification: internal, quality: [{own}]}}"
    rules = [quality(f"t{number}", rule) for number, rule in enumerate(TABLE_RULES)]
    feed = Feed([ID, x, "{name: y, logicalType: string}"], quality=rules)
    content = csv_text(
        [["id", "x", "y"], [1, 1, ":p"], [2, 1, ":p"], [3, 2, "{q}"], [4, "", "b"], [5, 5, "c"], [6, 9, "d"]]
    )
    gate = gated(tmp_path, home, content, feed)
    for prefix, rules in (("t", TABLE_RULES), ("c", COLUMN_RULES)):
        for number, (rule, holds) in enumerate(rules.items()):
            assert gate.rule(f"{prefix}{number}").passed is holds, rule
    assert gate.rule("t9").observed_value == "9"
    assert gate.rule("c1").observed_value == "16.6667"
    measured = {name: gate.rule(f"t{number}") for number, name in enumerate(["rows", "mean", "values"], 12)}
    assert (measured["rows"].unexpected_count, measured["rows"].observed_value) == (0, "6")
    assert (measured["mean"].unexpected_count, measured["mean"].observed_value) == (1, "3.6")
    assert measured["values"].unexpected_count == 2
    assert not gate.verdict.accepted
    assert len(gate.verdict.reasons) == [*TABLE_RULES.values(), *COLUMN_RULES.values()].count(False)
    assert gate.rejects == [], "a rule of the table rejects no row"


def test_a_warning_reports_and_never_refuses(tmp_path: Path, home: Home) -> None:
    enough = quality("enough", "metric: rowCount, mustBeGreaterThan: 100", "warning")
    gate = gated(tmp_path, home, "id\n1\n2\n", Feed([ID], quality=[enough], threshold="0 %"))
    assert gate.verdict.accepted
    assert [result.rule for result in gate.verdict.failed] == ["enough"]
    decided, rows = gate.accept()
    assert (decided.status, len(rows)) == ("accepted", 2)


def test_an_extract_of_no_rows_passes_where_nothing_asks_for_rows(tmp_path: Path, home: Home) -> None:
    gate = gated(tmp_path, home, ",".join(NAMES) + "\n", Feed(EVERY_KIND, threshold="0 %"))
    assert gate.verdict.accepted
    assert gate.accept()[1] == []


def test_protected_keys_are_masked_in_examples(tmp_path: Path, home: Home) -> None:
    feed = Feed(
        [
            "{name: person, logicalType: string, primaryKey: true, classification: personal}",
            "{name: 'part \"1\"', logicalType: string, primaryKey: true, classification: public}",
            "{name: x, logicalType: string, classification: internal, required: true}",
        ]
    )
    gate = gated(tmp_path, home, csv_text([["person", 'part "1"', "x"], ["39001010000", "p1", ""]]), feed)
    (example,) = gate.rule("x_required").examples
    assert (example.row, example.key) == (1, f"{MASK}|p1")
    assert example.place == f"line 2 ({MASK}|p1)", "as the agency finds it"
    assert replace(example, line=None).place == f"row 1 ({MASK}|p1)"
    folder = gate_folder(gate.contract, home, NIGHT)
    for name in ("gate.json", VALIDATION):
        assert "39001010000" not in (folder / name).read_text(encoding="utf-8")


NO_EXPECTATION = "quality rule q of things.odcs.yaml is not an expectation"
BAD_RULES = {
    "no such column": ("type: sql, query: 'SELECT nope FROM ${table}', mustBe: 0", '"nope" not found'),
    "no such expectation": (expectation("beauty"), NO_EXPECTATION),
    "wrong arguments": (expectation("column_mean_to_be_between"), NO_EXPECTATION),
    "expectation on no column": (
        expectation("column_mean_to_be_between", "column: nope, min_value: 1"), "rule q cannot be evaluated",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_RULES)
def test_a_rule_that_cannot_be_evaluated_is_named(case: str, tmp_path: Path, home: Home) -> None:
    rule, words = BAD_RULES[case]
    with pytest.raises(RuntimeError) as caught:
        gated(tmp_path, home, "id\n1\n", Feed([ID], quality=[quality("q", rule)]))
    assert words in str(caught.value)
    assert not list(home.quality.rglob("gate.json")), "no verdict without all rules"


def test_columns_may_have_any_name(tmp_path: Path, home: Home) -> None:
    names = [
        "rules", "rows", "row", "record", "faults", "doubled", "wrong", "nth", "measured", "a b:c{d}%", "it's",
        'a"b',
    ]  # fmt: skip
    columns = [
        f"{{name: '{name.replace(chr(39), chr(39) * 2)}', logicalType: string, classification: internal, required: true, unique: true,"
        " logicalTypeOptions: {minLength: 2}}"
        for name in names
    ]
    rows = [[1, *["aa"] * len(names)], [1, *["aa"] * len(names)], [2, *["b"] * len(names)]]
    gate = gated(tmp_path, home, csv_text([["id", *names], *rows]), Feed([ID, *columns]))
    assert [reject["row"] for reject in gate.rejects] == [2, 3]
    assert all(gate.rows_of(f"{name}_minLength") == [3] for name in names)
    assert all(gate.rows_of(f"{name}_unique") == [2] for name in names)
    assert [row["id"] for row in gate.accept()[1]] == [1]
