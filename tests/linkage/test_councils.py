"""Which council each agency of the United Kingdom means, by name alone."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from linkage import load_entity, resolve
from tests.linkage.councils import crosswalk, folder, named, registered

LISTS = [
    ("food-authority", "food_standards/local-authorities.tsv", "food-authority"),
    ("edubase", "edubase/local-authorities.tsv", "code"),
]


@pytest.mark.skipif(folder() is None, reason="INTERAGENCY_SHARED_DATA names no folder with uk_local_authorities")
@pytest.mark.parametrize(("agency", "file", "code"), LISTS)
def test_councils_are_known_by_name(connection: duckdb.DuckDBPyConnection, agency: str, file: str, code: str) -> None:
    place = folder() or Path()
    found = councils(connection, place, file, code)
    true = crosswalk(place, agency)
    assert {key: value for key, value in found.items() if true.get(key) != value} == {}
    assert sum(true.get(key) == value for key, value in found.items()) >= 0.98 * len(true)


def councils(connection: duckdb.DuckDBPyConnection, place: Path, file: str, code: str) -> dict[str, str]:
    """By the agency's code the register's code. Every name that a register has for a council is one record of it."""
    connection.register("register", registered(place))
    connection.register("agency", named(place, file, code))
    # All names of a register's entry are right; names alone have nothing to learn shares from.
    config = replace(load_entity("body"), corroborated_by=("true",), training=(), likely_match=(("name_core",),))
    result = resolve(connection, {"register": "register", "agency": "agency"}, config)
    rows = connection.execute(f"""
        SELECT DISTINCT a.source_key, registry_code FROM {result} AS a JOIN {result} AS r USING (entity_id) JOIN register ON register.source_key = r.source_key
        WHERE a.source = 'agency' AND r.source = 'register'""").fetchall()
    return dict(rows)
