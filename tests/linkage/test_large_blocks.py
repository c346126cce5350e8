"""Keys that too many records share are found before they are compared, told without their values, and do not cost."""

import time
from dataclasses import replace

import duckdb
import pytest

from linkage import Entity, resolve
from linkage.memory import Memory
from linkage.prepare.profiles import read_inputs
from linkage.prepare.scratch import scratch
from linkage.resolve import link

COUNT = 100_000
SECONDS = 60


def large_blocks(connection: duckdb.DuckDBPyConnection, entity: Entity, table: str) -> list[tuple[object, ...]]:
    with scratch(connection) as work:
        read_inputs(connection, {"records": table}, entity)
        link(work, entity, Memory())
        return work.execute("SELECT rule, value_count, pairs, handled FROM large_block ORDER BY ALL").fetchall()


@pytest.fixture(scope="module")
def quick(person: Entity) -> Entity:
    return replace(person, sampled_pairs=20_000)


@pytest.mark.slow
def test_a_block_of_100_000_equal_keys(connection: duckdb.DuckDBPyConnection, quick: Entity) -> None:
    """Everybody has one name and one birthday, and lives somewhere else."""
    connection.execute(
        f"CREATE TABLE equal AS SELECT i::VARCHAR AS source_key, 'MARIA' AS given_key, 'GARCIA' AS surname_key, DATE '1990-01-01' AS birth_date, "
        f"'Calle ' || i AS street, (10000 + i % 50000)::VARCHAR AS postcode FROM range({COUNT}) AS t(i)"
    )
    began = time.monotonic()
    found = large_blocks(connection, quick, "equal")
    assert time.monotonic() - began < SECONDS
    assert {row[3] for row in found} == {"narrowed", "left out"}
    assert ("name_key + birth_days", COUNT, COUNT * (COUNT - 1) // 2, "narrowed") in found
    assert not any("GARCIA" in str(row) for row in found)


def test_one_surname_for_everyone(country: duckdb.DuckDBPyConnection, quick: Entity) -> None:
    country.execute("CREATE TABLE same AS SELECT * REPLACE ('SVENSSON' AS surname_key) FROM record")
    result = resolve(country, {"records": "same"}, replace(quick, largest_block=500))
    people = country.execute(f"SELECT count(DISTINCT entity_id) FROM {result}").fetchone()
    assert people and people[0] > 2900


def test_one_number_for_everyone_is_nobodys(country: duckdb.DuckDBPyConnection, quick: Entity) -> None:
    country.execute(
        "CREATE TABLE same AS SELECT * REPLACE ('38001010002' AS national_number) FROM record WHERE source = 'civil_registry/person'"
    )
    found = large_blocks(country, quick, "same")
    assert [(row[0], row[3]) for row in found if str(row[0]).startswith("identifier")] == [
        ("identifier national_number", "left out")
    ]
    people = country.execute(
        f"SELECT count(DISTINCT entity_id) FROM {resolve(country, {'x': 'same'}, quick)}"
    ).fetchone()
    assert people and people[0] > 3000


def test_all_null_keys_join_nobody(connection: duckdb.DuckDBPyConnection, quick: Entity) -> None:
    connection.execute(
        "CREATE TABLE nothing AS SELECT i::VARCHAR AS source_key, NULL::VARCHAR AS given_key FROM range(5000) AS t(i)"
    )
    result = resolve(connection, {"nothing": "nothing"}, quick)
    assert connection.execute(
        f"SELECT count(*), count(DISTINCT entity_id), min(match_basis), max(match_basis) FROM {result}"
    ).fetchone() == (5000, 5000, "alone", "alone")


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_empty_and_tiny_sources(connection: duckdb.DuckDBPyConnection, quick: Entity, rows: int) -> None:
    connection.execute("CREATE TABLE empty (source_key VARCHAR, given_key VARCHAR)")
    connection.execute(
        f"CREATE TABLE tiny AS SELECT i::VARCHAR AS source_key, 'ANNA' AS given_key FROM range({rows}) AS t(i)"
    )
    result = resolve(connection, {"empty": "empty", "tiny": "tiny"}, quick)
    assert connection.execute(f"SELECT count(DISTINCT entity_id) FROM {result}").fetchone() == (rows,)
