"""What staging models give under a name or a column that nobody asks for is told, with what was meant."""

from typing import Any

import pytest

from catalogue.gives_rows import givers, unasked

ASKER = {
    "name": "income", "config": {}, "original_file_path": "models/marts/income.sql",
    "raw_code": "select * from {{ rows_of('income', {'decimal(18, 2)': ['amount'], 'date': ['paid_on']}) }}",
}  # fmt: skip


def giver(gives: dict[str, Any]) -> dict[str, Any]:
    config = {"meta": {"gives": gives}}
    return {
        "name": "stg_tax__pay", "config": config, "original_file_path": "stg_tax__pay.sql", "raw_code": "select 1",
    }  # fmt: skip


@pytest.mark.parametrize(
    "gives", [{"income": {}}, {"income": None}, {"income": {"columns": {"amount": "pay"}, "where": "pay > 0"}}, {"once": {}}]
)  # fmt: skip
def test_what_is_asked_for_is_silent(gives: dict[str, Any]) -> None:
    assert unasked([ASKER, giver(gives)], {"once"}) == []
    assert givers([ASKER, giver(gives)]) == {next(iter(gives)): ["stg_tax__pay"]}


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        ({"incom": {}}, "gives: incom is asked for by no model; write income"),
        ({"income": {"columns": {"amuont": "pay"}}}, "amuont is no column that income has; write amount"),
        ({"income": {"columns": {"weight": "pay"}}}, "weight is no column that income has; it has amount, paid_on"),
        ({"income": {"colums": {"amount": "pay"}}}, "nothing reads colums; write columns"),
    ],
)
def test_what_is_misspelt_is_told(gives: dict[str, Any], said: str) -> None:
    (line,) = unasked([ASKER, giver(gives)], set())
    assert line.startswith("stg_tax__pay.sql: stg_tax__pay: gives: ")
    assert said in line
