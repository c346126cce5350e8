"""Three nights of a country, decoded file by file by somebody without the key: nobody is named, and no join names anybody."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from simulation.systems.all_systems import CONTRACTS
from sources.contract.load import load_all
from sources.contract.model import Contract
from tests.attacks.planted import Planted
from tests.attacks.scan import texts_of
from warehouse.engines.duckdb.engine import literal, quoted
from warehouse.home import PROJECT, Home

pytestmark = pytest.mark.slow
# What the project says itself, which comes into dbt's copies of it and into code lists.
SAID_HERE = ("dbt_project", "simulation/models", "simulation/agencies", "sources/agencies")


@pytest.fixture(scope="module")
def country(country_home: Home) -> Path:
    """A country's folder: the truth, and the platform's home after three nights."""
    return country_home.root.parent


def files_of(home: Home) -> Iterator[Path]:
    yield from (path for path in sorted(home.root.rglob("*")) if path.is_file() and not path.is_symlink())


def planted_in(country: Path) -> Planted:
    everything = Planted.of(country / "truth")
    said: set[tuple[str, ...]] = set()
    for folder in SAID_HERE:
        for path in (PROJECT / folder).rglob("*"):
            if path.suffix in (".sql", ".yml", ".yaml", ".csv", ".md", ".txt") and "target" not in path.parts:
                said |= everything.found(path.read_text(encoding="utf-8"))
    return everything.without(said)


def test_nothing_that_is_kept_tells_without_the_key_who_anybody_is(country: Path) -> None:
    planted, home = planted_in(country), Home(country / "platform")
    assert len(planted.numbers) > 8000
    assert min(len(planted.names), len(planted.addresses), len(planted.days)) > 500
    leaks, count = {}, 0
    for file in files_of(home):
        count += 1
        found = {item for text in texts_of(file) for item in planted.found(text)}
        if found:
            leaks[str(file.relative_to(home.root))] = len(found)
    assert count > 1000
    assert leaks == {}


def test_the_scan_finds_the_same_people_in_what_the_agencies_sent(country: Path) -> None:
    """Otherwise it would prove nothing."""
    planted = planted_in(country)
    files = [path for path in (country / "extracts").rglob("*") if path.is_file()]
    assert sum(any(planted.found(text) for text in texts_of(path)) for path in files) > 30


def test_no_key_and_no_secret_of_a_hash_lies_in_the_home(country: Path) -> None:
    home, key = Home(country / "platform"), (country / "platform.key").read_text().strip()
    assert not any(key.encode() in path.read_bytes() for path in files_of(home))
    hexadecimal = re.compile(rb"\A[0-9a-f]{32,}\s*\Z")
    # What is nothing but a secret, as earlier versions kept those of pseudonyms and marks.
    assert [
        path for path in files_of(home) if path.stat().st_size < 1000 and hexadecimal.match(path.read_bytes())
    ] == []


def test_joining_what_is_readable_to_a_published_person_names_nobody(country: Path) -> None:
    named, people = named_people(Home(country / "platform"))
    assert people > 1900
    assert named == set()


def named_people(home: Home) -> tuple[set[str], int]:
    """The published persons that a reader without the key can put a protected value to, and how many persons there are."""
    named: set[str] = set()
    secret = home.state / "source_key.secret"
    told = secret.read_text() if secret.exists() else ""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {literal(os.path.realpath(home.published))} AS published (READ_ONLY)")
        for contract in load_all([CONTRACTS]):
            for rows in (home.accepted / contract.agency / contract.feed).glob("*/rows.parquet"):
                named |= _named(connection, contract, rows, told)
        found = connection.execute("SELECT count(DISTINCT person_id) FROM published.linkage.person_link").fetchone()
    return named, found[0] if found else 0


def _named(connection: duckdb.DuckDBPyConnection, contract: Contract, rows: Path, secret: str) -> set[str]:
    key = f"concat_ws('|', {', '.join(f'{quoted(name)}::VARCHAR' for name in contract.key)})"
    if contract.has_protected_key:
        inner = f"sha256({literal(secret[:64])} || {key})"
        key = f"left(sha256({literal(secret[64:])} || {inner}), 32)"
    try:
        found = connection.execute(
            f"""
            SELECT DISTINCT person_id
            FROM (SELECT {key} AS source_key FROM read_parquet({literal(str(rows))}))
            JOIN published.linkage.person_link USING (source_key)
            WHERE source = ?
            """,
            [contract.name],
        ).fetchall()
    except duckdb.Error:
        # It is encrypted.
        return set()
    return {person for (person,) in found}
