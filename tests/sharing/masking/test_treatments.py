"""Each treatment against its plain definition, over values that nobody chose."""

import hmac
from datetime import UTC, date, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.agreements.product import Kind, Treatment
from sharing.masking.pseudonym import RecipientKey
from sharing.masking.treatments import CannotTreat, Column, treated

CONNECTION = duckdb.connect()
CONNECTION.execute("SET TimeZone = 'UTC'")


def value(type_: str, given: Any, treatment: Treatment) -> Any:
    sql = treated(Column("x", type_), treatment, "'seed'")
    return CONNECTION.cursor().execute(f"SELECT {sql} FROM (SELECT CAST(? AS {type_}) AS x)", [given]).fetchall()[0][0]


def multiple(number: Decimal, width: Decimal) -> Decimal:
    return (number / width).to_integral_value(ROUND_FLOOR) * width


@given(
    st.decimals(-10_000_000, 10_000_000, places=2),
    st.sampled_from(["0.05", "0.5", "1", "7", "100", "2500"]),
    st.sampled_from(["DECIMAL(14, 2)", "DECIMAL(30, 2)"]),
)
def test_bands_and_rounding_of_decimals_are_exact(number: Decimal, width: str, type_: str) -> None:
    type_ = type_.replace(" ", "")
    step = Decimal(width)
    assert value(type_, number, Treatment(Kind.GENERALISE, float(width))) == multiple(number, step)
    assert value(type_, number, Treatment(Kind.ROUND, float(width))) == multiple(number + step / 2, step)


@given(
    st.integers(-(2**30), 2**30), st.sampled_from([1, 3, 10, 1000]), st.sampled_from(["INTEGER", "BIGINT", "HUGEINT"])
)
def test_bands_of_whole_numbers_begin_at_or_below_them(number: int, width: int, type_: str) -> None:
    found = value(type_, number, Treatment(Kind.GENERALISE, float(width)))
    assert found == number // width * width
    assert value(type_, number, Treatment(Kind.ROUND, float(width))) == (2 * number + width) // (2 * width) * width


@given(st.dates(date(1, 1, 1), date(9999, 12, 31)))
def test_spans_of_time_begin_on_their_first_day(day: date) -> None:
    wanted = {
        "month": day.replace(day=1),
        "quarter": day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1),
        "year": day.replace(day=1, month=1),
    }
    for span, first in wanted.items():
        assert value("DATE", day, Treatment(Kind.GENERALISE, span)) == first
    if day.year >= 10:
        assert value("DATE", day, Treatment(Kind.GENERALISE, "decade")) == date(day.year // 10 * 10, 1, 1)


@given(st.text(max_size=40))
def test_a_pseudonym_is_the_standard_librarys(text: str) -> None:
    key = RecipientKey("r", 1, b"a key of tests, of any length at all")
    text = text.replace("\0", "")
    found = CONNECTION.cursor().execute(f"SELECT {key.sql('?')}", [text]).fetchall()[0][0]
    assert found == hmac.new(key.secret, text.encode(), "sha256").hexdigest()[:32] == key.of(text)


@given(st.text(max_size=20))
def test_the_last_four_are_the_only_ones(text: str) -> None:
    text = text.replace("\0", "")
    found = value("VARCHAR", text, Treatment(Kind.LAST_FOUR))
    assert found == (f"****{text[-4:]}" if len(text) >= 8 else "****")


@pytest.mark.parametrize(
    ("code", "district"),
    [
        ("SW1A 1AA", "SW1A"),
        ("SW1A1AA", "SW1A"),
        ("10115", "10"),
        ("1234 AB", "1234"),
        ("K1A 0B1", "K1A"),
        ("12", ""),
        (None, None),
    ],
)
def test_a_postcode_becomes_its_district(code: str | None, district: str | None) -> None:
    assert value("VARCHAR", code, Treatment(Kind.GENERALISE, "district")) == district


def test_noise_is_the_same_for_the_same_secret_unbiased_and_as_wide_as_was_agreed() -> None:
    drawn = f"""
        SELECT i, {treated(Column("x", "DOUBLE"), Treatment(Kind.NOISE, 5.0), "concat('secret ', i)")} AS noise
        FROM (SELECT 0.0::DOUBLE AS x, i FROM range(20000) AS rows (i))
    """
    with duckdb.connect() as connection:
        first, again = connection.execute(drawn).fetchall(), connection.execute(drawn).fetchall()
        mean, width = connection.execute(f"SELECT avg(noise), avg(abs(noise)) FROM ({drawn})").fetchall()[0]
    assert first == again
    assert abs(mean) < 0.25
    assert abs(width - 5) < 0.25


def test_a_code_becomes_its_parent_and_an_unknown_one_nothing() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE SCHEMA seeds; CREATE TABLE seeds.area AS SELECT 'A' || i AS code, 'P' || i // 2 AS parent FROM range(4) AS r (i)"
        )
        sql = treated(Column("x", "VARCHAR"), Treatment(Kind.GENERALISE, "parent", "seeds.area"), "''")
        found = connection.execute(f"SELECT {sql} FROM (SELECT unnest(['A0', 'A1', 'A3', 'Z', NULL]) AS x)").fetchall()
    assert [one for (one,) in found] == ["P0", "P0", "P1", None, None]


@pytest.mark.parametrize(
    "type_",
    ["VARCHAR", "DATE", "INTEGER", "DECIMAL(9,2)", "TIMESTAMP WITH TIME ZONE", "BOOLEAN", "DOUBLE", "VARCHAR[]"],
)
def test_nothing_stays_of_what_is_redacted_and_nothing_stays_nothing(type_: str) -> None:
    sample = {
        "VARCHAR": "x",
        "DATE": date(2000, 1, 1),
        "TIMESTAMP WITH TIME ZONE": datetime(2000, 1, 1, tzinfo=UTC),
        "VARCHAR[]": ["x"],
    }.get(type_, 1)
    assert value(type_, sample, Treatment(Kind.REDACT)) is None
    assert value(type_, None, Treatment(Kind.KEEP)) is None


@pytest.mark.parametrize(
    ("type_", "treatment"),
    [("VARCHAR", Treatment(Kind.ROUND, 10.0)), ("DATE", Treatment(Kind.NOISE, 1.0)), ("INTEGER", Treatment(Kind.GENERALISE, "month")), ("DATE", Treatment(Kind.GENERALISE, 5.0)), ("INTEGER", Treatment(Kind.ROUND, 0.5)), ("BOOLEAN", Treatment(Kind.GENERALISE, "district"))],
)  # fmt: skip
def test_a_treatment_that_a_type_does_not_take_is_told(type_: str, treatment: Treatment) -> None:
    with pytest.raises(CannotTreat, match="x is"):
        treated(Column("x", type_), treatment, "''")
