"""SQL functions of the platform: identifiers by python-stdnum, names in Latin letters, mended letters."""

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.ee import ik

from warehouse.engines.duckdb import functions
from warehouse.engines.duckdb.engine import open_database
from warehouse.engines.duckdb.functions import latin_letters, readable, register_functions


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with open_database() as found:
        register_functions(found)
        yield found


@pytest.mark.parametrize(
    ("kind", "sent", "canonical"),
    [
        ("ee.ik", "376 0503 0299", "37605030299"),
        ("ee.ik", "37605030298", None),
        ("gb.nhs", "943-476-5919", "9434765919"),
        ("gb.nhs", "9434765918", None),
        ("in_.aadhaar", "2341 2341 2346", "234123412346"),
        ("in_.aadhaar", "643343121", None),
        ("de.idnr", "36 574 261 809", "36574261809"),
        ("de.idnr", "36574261890", None),
        ("iban", "ee38 2200 2210 2014 5685", "EE382200221020145685"),
        ("iban", "EE382200221020145686", None),
        ("ee.kmkr", "EE 100 931 558", "100931558"),
        ("ee.registrikood", "12345678", "12345678"),
        ("ee.registrikood", "12345679", None),
    ],
)
def test_identifiers_come_in_one_form_or_not_at_all(
    connection: duckdb.DuckDBPyConnection, kind: str, sent: str, canonical: str | None
) -> None:
    row = connection.execute("SELECT canonical_identifier(?, ?), canonical_identifier(?, NULL)", [kind, sent, kind])
    assert row.fetchone() == (canonical, None)


def test_kinds_may_differ_by_row(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute(
        "SELECT canonical_identifier(kind, text) FROM (VALUES (1, 'iban', '37605030299'), (2, 'ee.ik', '37605030299'), "
        "(3, NULL, '37605030299'), (4, 'ee.ik', NULL)) AS sent (number, kind, text) ORDER BY number"
    ).fetchall()
    assert rows == [(None,), ("37605030299",), (None,), (None,)]


def test_an_unknown_kind_is_an_error_and_not_an_invalid_number(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match=r"stdnum.*nothing"):
        connection.execute("SELECT canonical_identifier('ee.nothing', '1')").fetchall()


def test_the_library_is_asked_once_for_each_number(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    functions._canonical.cache_clear()
    monkeypatch.setattr(functions.import_module("stdnum.ee.ik"), "validate", lambda text: asked.append(text) or text)
    connection.execute(
        "SELECT count(canonical_identifier('ee.ik', (i % 7)::VARCHAR)) FROM range(100000) AS numbers (i)"
    ).fetchall()
    functions._canonical.cache_clear()
    assert sorted(asked) == [str(number) for number in range(7)]


@given(st.text(max_size=20) | st.from_regex(r"\A[1-6][0-9]{10}\Z"))
def test_valid_is_what_the_library_says(text: str) -> None:
    assert functions._canonical("ee.ik")(text) == (ik.compact(text) if ik.is_valid(text) else None)


@given(st.text(max_size=30))
def test_latin_letters_are_capitals_with_single_blanks(text: str) -> None:
    found = latin_letters(text)
    assert set(found) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    assert found == " ".join(found.split()) == latin_letters(found)


@pytest.mark.parametrize(
    ("name", "latin"),
    [
        ("Mõisaküla", "MOISAKULA"),
        ("O’Brien-Łęcki", "OBRIENLECKI"),
        ("Γεώργιος", "GEORGIOS"),
        ("van  den Berg", "VAN DEN BERG"),
        ("Straße", "STRASSE"),
        ("12", ""),
    ],
)
def test_names_of_any_script_can_be_compared(name: str, latin: str) -> None:
    assert latin_letters(name) == latin


@pytest.mark.parametrize(
    ("sent", "mended"),
    [
        ("KÃµrge", "Kõrge"),
        ("Ko\u0303rge", "Kõrge"),
        ("Kõrge", "Kõrge"),
        ("Ærø", "Ærø"),
        ("K?rge", "K?rge"),
        ("Щербакова", "Щербакова"),
    ],
)
def test_letters_are_mended_only_where_they_were_read_wrong(sent: str, mended: str) -> None:
    assert readable(sent) == mended


def test_a_second_connection_to_the_same_database_has_them_too(connection: duckdb.DuckDBPyConnection) -> None:
    cursor = connection.cursor()
    register_functions(cursor)
    assert cursor.execute("SELECT latin('é')").fetchone() == ("E",)
