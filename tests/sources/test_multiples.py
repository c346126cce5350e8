"""Multiples of a step are those of the decimal numbers that were sent, whatever type the column has."""

from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.typing.multiples import is_multiple
from warehouse.engines.duckdb.engine import literal, open_database


def asked(text: str, sql_type: str, step: float) -> Any:
    condition = is_multiple("x", sql_type, step)
    with open_database() as connection:
        found = connection.execute(
            f"SELECT {condition} FROM (SELECT CAST({literal(text)} AS {sql_type}) AS x)"
        ).fetchone()
    assert found is not None
    return found[0]


def is_so(text: str, step: float) -> bool:
    with localcontext() as context:
        context.prec = 400
        return Decimal(text) % Decimal(repr(step)) == 0


KNOWN = [
    ("0.07", 0.01, True), ("4.35", 0.01, True), ("19.99", 0.01, True), ("1.1", 0.01, True), ("1000000.01", 0.01, True),
    ("1.005", 0.01, False), ("-0.07", 0.01, True), ("-1.005", 0.01, False), ("0", 0.01, True), ("0.3", 0.1, True),
    ("0.001", 0.001, True), ("0.0015", 0.001, False), ("123456.789", 0.001, True), ("1e15", 0.01, True), ("0.15", 0.05, True),
    ("0.12", 0.05, False), ("7", 2.5, False), ("7.5", 2.5, True), ("1e-07", 1e-7, True), ("1.5e-07", 1e-7, False),
    ("9007199254740993", 1, True), ("90071992547409.93", 0.01, True), ("123456789012345.67", 0.01, True), ("1e22", 0.01, True),
    ("0.01000000001", 0.01, False), ("12", 5, False), ("1e300", 1, True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "step", "expected"), KNOWN)
def test_floats(text: str, step: float, expected: bool) -> None:
    assert asked(text, "DOUBLE", step) is expected


@settings(max_examples=400, deadline=None)
@given(
    value=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e18, max_value=1e18),
    step=st.sampled_from([0.01, 0.05, 1e-3, 0.25, 3, 0.3, 1e-6]),
)
def test_any_float_is_taken_for_its_shortest_text(value: float, step: float) -> None:
    assert asked(repr(value), "DOUBLE", step) is is_so(repr(value), step)


@settings(max_examples=400, deadline=None)
@given(
    count=st.integers(-(10**9), 10**9), rest=st.sampled_from(["0", "0.001", "0.01", "0.004"]),
    step=st.sampled_from([0.01, 0.05, 0.25, 1e-3, 0.125, 3, 7.5, 1000]),
    kind=st.sampled_from(["DOUBLE", "DECIMAL(18,3)", "DECIMAL(38,18)", "DECIMAL(38,3)"]),
)  # fmt: skip
def test_numbers_that_are_multiples_or_nearly(count: int, rest: str, step: float, kind: str) -> None:
    text = f"{(count * Decimal(repr(step)) + Decimal(rest)).quantize(Decimal('0.001')):f}"
    assert asked(text, kind, step) is is_so(text, step)


@settings(max_examples=200, deadline=None)
@given(number=st.integers(-(2**63), 2**63 - 1), step=st.sampled_from([1, 2, 7, 0.5, 2.5, 0.75, 1000, 0.01]))
def test_whole_numbers(number: int, step: float) -> None:
    for kind in ("BIGINT", "DECIMAL(38,0)"):
        assert asked(str(number), kind, step) is is_so(str(number), step)


@pytest.mark.parametrize(("kind", "text", "step", "expected"), [
    ("DECIMAL(5,2)", "100.00", 1000, False), ("DECIMAL(5,2)", "0", 1000, True), ("TINYINT", "100", 1000, False), ("UBIGINT", str(2**64 - 1), 5, True),
    ("DECIMAL(38,2)", "999999999999999999999999999999999999.99", 0.03, True), ("DECIMAL(38,2)", "999999999999999999999999999999999999.98", 0.03, False),
    ("DECIMAL(9,2)", "0.01", 0.005, True), ("DECIMAL(9,2)", "0.01", 0.003, False), ("DECIMAL(9,2)", "0.03", 0.003, True),
])  # fmt: skip
def test_exact_numbers_at_their_ends(kind: str, text: str, step: float, expected: bool) -> None:
    assert asked(text, kind, step) is expected
