"""Running a suite: what it leaves behind."""

from pathlib import Path

import pytest

from expectations.suite import query_check
from expectations.validate import rule_of, unexpected_count, validate
from warehouse.engines.duckdb.engine import open_database

WORDS = {"dimension": "accuracy", "severity": "error", "description": "A rule for a test"}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "gate.duckdb"
    with open_database(path) as connection:
        connection.execute("CREATE TABLE rows AS SELECT range AS n FROM range(10)")
    return path


def test_the_file_is_free_afterwards(database: Path) -> None:
    result = validate(
        "suite", [query_check("small", "SELECT n FROM {batch} WHERE n > 6", WORDS)], database, "rows"
    ).result
    assert [(rule_of(found), unexpected_count(found)) for found in result.results] == [("small", 3)]
    with open_database(database) as connection:
        connection.execute("INSERT INTO rows VALUES (1)")


def test_the_file_is_free_after_a_rule_that_cannot_be_evaluated(database: Path) -> None:
    with pytest.raises(RuntimeError, match="broken cannot be evaluated"):
        validate("suite", [query_check("broken", "SELECT nothing FROM {batch}", WORDS)], database, "rows")
    with open_database(database) as connection:
        connection.execute("INSERT INTO rows VALUES (1)")
