"""Identifiers at the gate: a wrong one is a reject where the column is required, and a warning where it is not."""

from pathlib import Path

import pytest

from sources.contract.load import load
from sources.contract.reading.odcs import ContractError
from tests.conftest import Feed, csv_text
from tests.nights.gated import gated
from warehouse.home import Home

COLUMNS = [
    "{name: id, logicalType: integer, primaryKey: true}",
    "{name: account, logicalType: string, required: true, customProperties: [{property: identifierKind, value: iban}]}",
    "{name: health, logicalType: string, customProperties: [{property: identifierKind, value: gb.nhs}]}",
    "{name: code, logicalType: integer, customProperties: [{property: identifierKind, value: ee.registrikood}]}",
]
# As their issuers print them; the others have one digit changed.
IBAN, WRONG_IBAN = "EE382200221020145685", "EE382200221020145686"
NHS, WRONG_NHS = "9434765919", "9434765918"
CODE, WRONG_CODE = "12345678", "12345679"


def test_a_required_identifier_is_rejected_and_another_one_told(tmp_path: Path, home: Home) -> None:
    rows = [
        [1, IBAN, NHS, CODE],
        [2, WRONG_IBAN, NHS, CODE],
        [3, IBAN, WRONG_NHS, WRONG_CODE],
        [4, IBAN, "", ""],
        [5, "EE38 2200 2210 2014 5685", "943 476 5919", CODE],
    ]
    gate = gated(tmp_path, home, csv_text([["id", "account", "health", "code"], *rows]), Feed(COLUMNS))
    assert [(reject["row"], reject["rule"]) for reject in gate.rejects] == [(2, "account_identifierKind")]
    assert gate.rejects[0]["reason"] == "must be a valid iban"
    assert not gate.rule("account_identifierKind").passed
    health, code = gate.rule("health_identifierKind"), gate.rule("code_identifierKind")
    for rule in (health, code):
        assert (rule.severity, rule.passed, rule.observed_value) == ("warning", False, "1")


def test_a_row_with_a_wrong_identifier_that_may_be_missing_stays(tmp_path: Path, home: Home) -> None:
    rows = [["id", "account", "health", "code"], [1, IBAN, WRONG_NHS, ""]]
    gate = gated(tmp_path, home, csv_text(rows), Feed(COLUMNS))
    assert gate.verdict.accepted
    assert [row["health"] for row in gate.accept()[1]] == [WRONG_NHS]


@pytest.mark.parametrize("kind", ["ee.nothing", "nowhere.ik", "ee", "..ee", "util"])
def test_a_kind_that_nothing_checks_is_told_with_the_contract(tmp_path: Path, kind: str) -> None:
    columns = [COLUMNS[0], COLUMNS[1].replace("iban", f"'{kind}'")]
    with pytest.raises(ContractError, match="python-stdnum"):
        load(Feed(columns).write(tmp_path))
