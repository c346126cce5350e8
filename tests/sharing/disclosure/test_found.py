"""What singles people out though nobody declared it."""

import duckdb
import pytest

from sharing.disclosure import found as module
from sharing.disclosure.found import found

PEOPLE = """
    CREATE TABLE people AS
    SELECT i AS number, (i % 50)::INT AS district, (i // 50 % 50)::INT AS job, (i % 2)::INT AS sex,
        TIMESTAMP '2026-01-01' + INTERVAL (i * 97) SECOND AS seen_at, (i * 1.37)::DECIMAL(12, 2) AS paid,
        'a person of whom much is told ' || i AS note
    FROM range(2500) AS t(i)
"""


def test_keys_texts_times_amounts_and_pairs_are_found() -> None:
    with duckdb.connect() as connection:
        connection.execute(PEOPLE)
        told = found(connection, "people", 0.1)
        assert {one.columns: one.kind for one in told} == {
            ("number",): "key", ("seen_at",): "exact time", ("paid",): "exact amount", ("note",): "free text",
            ("district", "job"): "set of columns",
        }  # fmt: skip
        assert {(one.unique_rows, one.share) for one in told} == {(2500, 1.0)}
        declared = found(connection, "people", 0.1, ("district", "job", "sex"))
        assert ("district", "job") not in {one.columns for one in declared}


def test_what_is_counted_by_samples_is_told_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    with duckdb.connect() as connection:
        connection.execute(PEOPLE)
        # One more record beside each of a thousand: these are not unique by district and job.
        connection.execute(
            "INSERT INTO people SELECT * REPLACE (number + 9999 AS number) FROM people WHERE number < 1000"
        )
        whole = found(connection, "people", 0.1)
        assert {one.columns: one.unique_rows for one in whole}[("district", "job")] == 1500
        monkeypatch.setattr(module, "_SAMPLE", 300)
        monkeypatch.setattr(module, "_WHOLE", 500)
        assert found(connection, "people", 0.1) == whole
        assert connection.execute("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchone() == (0,)


def test_no_rows_single_nobody_out() -> None:
    with duckdb.connect() as connection:
        connection.execute(PEOPLE)
        connection.execute("DELETE FROM people")
        assert found(connection, "people") == []
