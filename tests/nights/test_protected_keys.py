"""Protected by default: what nobody classified, what identifies somebody, and the keys that stand for numbers."""

import hashlib
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml

from nights.dbt_sources import write_dbt_sources
from nights.folders import accepted_folder
from nights.rows.accepted import create_relations, state_of
from sources.contract.load import load
from sources.contract.model import Contract
from tests.conftest import Feed
from warehouse.home import Home
from warehouse.store.pseudonym import secret_file

NIGHTS = (date(2026, 11, 20), date(2026, 11, 21))
NUMBER = "38001085718"
KEYED = [
    "{name: number, logicalType: string, primaryKey: true, classification: public, customProperties: [{property: identifierKind, value: ee.ik}]}",
    "{name: year, logicalType: integer, primaryKey: true, classification: public}",
    "{name: amount, logicalType: integer, classification: internal}",
]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", "personal"), ("classification: public", "public"), ("classification: internal", "internal"),
        ("classification: special-category", "special-category"),
        ("customProperties: [{property: identifierKind, value: ee.ik}]", "personal"),
        ("classification: public, customProperties: [{property: identifierKind, value: ee.ik}]", "personal"),
        ("classification: internal, customProperties: [{property: identifierKind, value: iban}]", "personal"),
        ("classification: special-category, customProperties: [{property: identifierKind, value: gb.nhs}]", "special-category"),
    ],
)  # fmt: skip
def test_what_nobody_classified_is_personal_and_so_is_what_identifies(said: str, expected: str, tmp_path: Path) -> None:
    properties = [
        "{name: id, logicalType: integer, primaryKey: true, classification: internal}",
        f"{{name: x, logicalType: string, {said}}}",
    ]
    assert load(Feed(properties).write(tmp_path)).column("x").classification == expected


def test_dbt_is_told_the_classification_of_every_column(tmp_path: Path) -> None:
    contract = load(Feed([*KEYED, "{name: diagnosis, logicalType: string}"]).write(tmp_path))
    write_dbt_sources([contract], tmp_path / "_sources.yml")
    (source,) = yaml.safe_load((tmp_path / "_sources.yml").read_text())["sources"]
    told = {column["name"]: column["config"]["meta"]["classification"] for column in source["tables"][0]["columns"]}
    assert told == {
        "number": "personal", "year": "public", "amount": "internal", "diagnosis": "personal",
        "_agency": "public", "_feed": "public", "_extract_date": "public", "_source_key": "public",
    }  # fmt: skip


def accepted(contract: Contract, home: Home) -> list[str]:
    """The source keys of each of two nights, as a build would read them."""
    keys = []
    with duckdb.connect() as connection:
        for night in NIGHTS:
            folder = accepted_folder(contract, home, night)
            if not folder.exists():
                folder.mkdir(parents=True)
                connection.execute(
                    f"COPY (SELECT '{NUMBER}' AS number, 2026::BIGINT AS year, 5::BIGINT AS amount) TO '{folder / 'rows.parquet'}' (FORMAT parquet)"
                )
                (folder / "accepted.json").write_text('{"agency": "tests", "feed": "things", "mode": "snapshot"}')
            (row,) = connection.execute(f"SELECT _source_key FROM ({state_of(contract, [folder])})").fetchall()
            keys.append(str(row[0]))
    return keys


def test_a_protected_key_has_a_pseudonym_that_stays_and_tells_nothing(tmp_path: Path) -> None:
    contract, home = load(Feed(KEYED).write(tmp_path)), Home(tmp_path / "home")
    one, next_night = accepted(contract, home)
    assert one == next_night
    secret = secret_file(home).read_text()
    assert len(secret) == 128
    assert secret_file(home).stat().st_mode & 0o777 == 0o600
    inner = hashlib.sha256(f"{secret[:64]}{NUMBER}|2026".encode()).hexdigest()
    assert one == hashlib.sha256(f"{secret[64:]}{inner}".encode()).hexdigest()[:32]
    # Another home, another secret: nobody compares them.
    assert accepted(contract, Home(tmp_path / "other"))[0] != one


def test_an_open_key_stays_in_the_agencys_own_terms(tmp_path: Path) -> None:
    plain = [KEYED[0].replace(", customProperties: [{property: identifierKind, value: ee.ik}]", ""), *KEYED[1:]]
    assert accepted(load(Feed(plain).write(tmp_path)), Home(tmp_path / "home")) == [f"{NUMBER}|2026"] * 2


def test_the_secret_is_not_in_the_file_of_a_build(tmp_path: Path) -> None:
    contract, home = load(Feed(KEYED).write(tmp_path)), Home(tmp_path / "home")
    accepted(contract, home)
    with duckdb.connect(str(tmp_path / "build.duckdb")) as connection:
        create_relations(connection, [contract], home, NIGHTS[1])
        assert connection.execute("SELECT count(*) FROM accepted.tests__things").fetchone() == (1,)
    content = (tmp_path / "build.duckdb").read_bytes()
    assert secret_file(home).read_bytes()[:64] not in content
    assert NUMBER.encode() not in content
