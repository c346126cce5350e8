"""A country of 3,000 people that is made once, as tables of the engine."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from linkage import Entity, load_entity, resolve
from tests.linkage.people import make_country, person_records, truth
from warehouse.engines.duckdb.engine import open_database


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, pa.Table]:
    """Records of one night, and whose they are."""
    folder: Path = make_country(tmp_path_factory.mktemp("linked country"), 3000)
    return person_records(folder), truth(folder)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with open_database() as opened:
        yield opened


@pytest.fixture
def country(connection: duckdb.DuckDBPyConnection, people: tuple[pa.Table, pa.Table]) -> duckdb.DuckDBPyConnection:
    """Tables `record` and `truth`."""
    for name, table in zip(("record", "truth"), people, strict=True):
        connection.register("made", table)
        connection.execute(f"CREATE TABLE {name} AS FROM made")
        connection.unregister("made")
    return connection


@pytest.fixture(scope="session")
def person() -> Entity:
    """The packaged declaration, learning from fewer pairs."""
    return replace(load_entity("person"), sampled_pairs=200_000)


@pytest.fixture(scope="session")
def model(people: tuple[pa.Table, pa.Table], person: Entity, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is learnt of the country, once."""
    path = tmp_path_factory.mktemp("model") / "model.json"
    with open_database() as opened:
        opened.register("record", people[0])
        resolve(opened, {"records": "record"}, person, path)
    return path
