"""A night of the simulated country, as published: stagings are whole, and nothing that names a person is in the open file."""

from collections.abc import Iterator

import duckdb
import pytest

from nights.rows.accepted import accepted_nights, state_of
from simulation.systems import all_systems
from sources.contract.load import load_all
from sources.contract.model import Contract
from tests.attacks.test_scan import OF_BUSINESSES
from warehouse.engines.duckdb.encrypted_parquet import let_read
from warehouse.engines.duckdb.engine import open_database, quoted
from warehouse.home import Home
from warehouse.store.published_nights import current_night
from warehouse.store.restricted import attach_protected, restricted_file, vault_file

pytestmark = pytest.mark.slow

CONTRACTS = load_all([all_systems.CONTRACTS])
# What tells who somebody is, besides the identifiers that contracts name.
_NAMING = ("name", "surname", "given", "patronymic", "birth", "born", "street", "house", "address")


@pytest.fixture(scope="module")
def night(country_home: Home, country_key: None) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_database(country_home.published, read_only=True) as connection:
        attach_protected(connection, country_home.published.resolve(), read_only=True)
        for contract in CONTRACTS:
            let_read(connection, accepted(contract, country_home))
        yield connection


def accepted(contract: Contract, home: Home) -> str:
    """SQL of the rows that the night was built from."""
    found = current_night(home)
    assert found is not None
    return state_of(contract, accepted_nights(contract, home, found.extract_date))


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.relation)
def test_every_accepted_row_is_staged_with_what_was_sent(
    contract: Contract, country_home: Home, night: duckdb.DuckDBPyConnection
) -> None:
    staged = f"vault.staging.stg_{contract.relation}"
    rows = night.execute(
        f"SELECT count(*), count(s.source_key) FROM ({accepted(contract, country_home)}) AS a "
        f"FULL JOIN {staged} AS s ON a._source_key = s.source_key"
    ).fetchone()
    assert rows is not None
    assert rows[0] == rows[1] > 0
    columns = [name for (name, *_) in night.execute(f"DESCRIBE {staged}").fetchall()]
    for name in columns:
        if f"{name}_sent" in columns:
            given = night.execute(f"SELECT count({name}), count({name}_sent) FROM {staged}").fetchone()
            assert given is not None
            assert 0.98 * given[1] <= given[0] <= given[1], f"{name}: nearly all of what is sent can be used"


def test_identifiers_are_valid_or_left_out(night: duckdb.DuckDBPyConnection) -> None:
    feeds = ("social_security__payment", "vehicle_licensing__vehicle", "business_register__role", "pensions__pension")
    numbers = " UNION ALL ".join(
        f"SELECT national_number, national_number_sent FROM vault.staging.stg_{feed}" for feed in feeds
    )
    left_out = night.execute(
        f"SELECT count(*), count(national_number) FROM ({numbers}) WHERE national_number_sent IS NOT NULL "
        "AND national_number IS DISTINCT FROM national_number_sent"
    ).fetchone()
    assert left_out is not None
    assert left_out[0] > 0, "the country has wrong check digits"
    assert left_out[1] == 0, "what is not valid is null"


def test_nobody_else_reads_the_restricted_file(country_home: Home) -> None:
    for file in (restricted_file, vault_file):
        assert file(country_home.published.resolve()).stat().st_mode & 0o077 == 0


# What tells who somebody is, by the names of columns, and what only says where a row is from or how surely it is linked.
_WHO = {
    "given_name", "surname", "given_key", "surname_key", "birth_date", "death_date", "sex", "citizenship", "street", "house_number",
    "postcode", "town", "municipality_code", "national_number", "health_number", "resident_number", "tax_number", "iban", "registry_code",
    "vat_number", "body_name", "name_key", "legal_form", "identifier", "identifier_kind", "fields",
}  # fmt: skip
_WHENCE = {
    "source", "source_key", "extract_date", "person_id", "sources", "records", "first_source", "first_source_key", "is_golden", "known_from",
    "known_to", "value_source", "value_source_key", "rule", "entity", "pair_id", "one_source", "one_source_key", "other_source",
    "other_source_key", "match_weight", "reason",
}  # fmt: skip


def test_no_relation_but_the_vaults_has_a_name_beside_an_amount(night: duckdb.DuckDBPyConnection) -> None:
    """By the names and types of columns, whatever lineage says of them. That the open file names nobody is looked at below."""
    columns = night.execute("""
        SELECT database_name, schema_name || '.' || table_name, column_name, data_type
        FROM duckdb_columns()
        WHERE NOT internal AND database_name IN ('restricted', 'vault')
    """).fetchall()
    restricted = {(table, name, kind) for database, table, name, kind in columns if database == "restricted"}
    assert {"intermediate.int_person_record", "marts.person_name"} <= {table for table, _, _ in restricted}
    assert {name for _, name, _ in restricted} <= _WHO | _WHENCE
    amounts = {
        (table, name) for table, name, kind in restricted if kind.startswith("DECIMAL") or kind in ("DOUBLE", "FLOAT")
    }
    assert amounts == {("linkage.review_queue", "match_weight")}
    in_vault = {(table, name) for database, table, name, _ in columns if database == "vault"}
    staged = {table for table, _ in in_vault if table.startswith("staging.")}
    assert len(staged) == len(CONTRACTS), "each feed's rows as they were staged"
    assert ("staging.stg_tax_authority__income", "gross_income_eur") in in_vault


def test_no_identifier_is_published(country_home: Home, night: duckdb.DuckDBPyConnection) -> None:
    secrets = " UNION ".join(
        f"SELECT CAST({quoted(column.name)} AS VARCHAR) AS value FROM ({accepted(contract, country_home)})"
        for contract in CONTRACTS
        for column in contract.columns
        if column.identifier_kind and column.identifier_kind not in OF_BUSINESSES
    )
    night.execute(f"CREATE TEMP TABLE secret AS SELECT DISTINCT value FROM ({secrets}) WHERE value IS NOT NULL")
    columns = night.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE database_name = 'published' AND NOT internal"
    ).fetchall()
    assert columns
    leaks = []
    for schema, table, column in columns:
        words = f"unnest(regexp_extract_all(CAST({quoted(column)} AS VARCHAR), '[A-Z]*[0-9]+'))"
        found = night.execute(
            f"SELECT count(*) FROM (SELECT {words} AS value FROM published.{quoted(schema)}.{quoted(table)}) "
            "SEMI JOIN secret USING (value)"
        ).fetchone()
        if found != (0,):
            leaks.append(f"{schema}.{table}.{column}")
    assert leaks == []


def test_no_name_birthday_or_street_of_a_person_is_published(night: duckdb.DuckDBPyConnection) -> None:
    """By the words of the columns; a business, a school or a municipality has a name that everybody may know."""
    protected = {column.name for contract in CONTRACTS for column in contract.columns if column.is_masked}
    naming = {name for name in protected if any(word in name for word in _NAMING)}
    columns = night.execute(
        "SELECT schema_name || '.' || table_name || '.' || column_name, column_name FROM duckdb_columns() "
        "WHERE database_name = 'published'"
    ).fetchall()
    told = {
        place for place, name in columns if name in naming | {"given_key", "surname_key", "birth_date", "death_date"}
    }
    assert told == set()
