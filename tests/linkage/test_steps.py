"""A step's table has the columns that are declared, or the night ends there."""

import duckdb
import pytest

from linkage.prepare.scratch import make, make_empty, scratch
from linkage.prepare.steps import ANY, Step

STEP = Step("counted", "a word, and how often it occurs", {"word": ANY, "times": "BIGINT"})


@pytest.mark.parametrize("word", ["'a'", "DATE '2026-01-01'"])
def test_a_declared_select_is_made_and_made_anew(connection: duckdb.DuckDBPyConnection, word: str) -> None:
    with scratch(connection) as work:
        for _ in range(2):
            make(work, STEP, f"SELECT {word} AS word, count(*) AS times")
        assert work.execute("SELECT times FROM counted").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "select",
    [
        "SELECT 'a' AS word",
        "SELECT 'a' AS word, 1::INTEGER AS times",
        "SELECT 1::BIGINT AS times, 'a' AS word",
        "SELECT 'a' AS word, 1::BIGINT AS times, 0 AS more",
        "SELECT 'a' AS term, 1::BIGINT AS times",
    ],
)
def test_other_columns_are_refused(connection: duckdb.DuckDBPyConnection, select: str) -> None:
    with scratch(connection) as work, pytest.raises(TypeError, match="step counted is declared as"):
        make(work, STEP, select)


def test_an_empty_step_has_its_columns(connection: duckdb.DuckDBPyConnection) -> None:
    step = Step("pair", "two profiles", {"one": "INTEGER", "other": "INTEGER"})
    with scratch(connection) as work:
        make_empty(work, step)
        make(work, step, "FROM pair")
