"""Sums of exact numbers: to the last digit, whatever the width, against Python's whole numbers of any size."""

from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.engines.duckdb.exact import as_number, difference, sum_of, total

WIDTHS = [(9, 2), (18, 0), (19, 4), (38, 0), (38, 18), (38, 38)]


def numbers(width: tuple[int, int]) -> st.SearchStrategy[list[Decimal]]:
    most = 10 ** width[0] - 1
    return st.lists(st.integers(-most, most).map(lambda value: Decimal(f"{value}E-{width[1]}")), max_size=8)


@pytest.mark.parametrize("width", WIDTHS)
@given(data=st.data())
def test_a_sum_is_exact(width: tuple[int, int], data: st.DataObject) -> None:
    values = data.draw(numbers(width))
    kind = f"DECIMAL({width[0]},{width[1]})"
    rows = "".join(f" UNION ALL SELECT CAST('{value:f}' AS {kind})" for value in values)
    found = duckdb.sql(f"SELECT {sum_of('x', kind)} FROM (SELECT NULL::{kind} AS x{rows})").fetchone()
    assert found is not None
    scaled = sum(int(f"{value:f}".replace(".", "")) for value in values)
    assert as_number(found[0]) == Decimal(f"{scaled}E-{width[1]}")
    assert total(values) == Decimal(f"{scaled}E-{width[1]}")


def test_a_difference_keeps_what_python_rounds_away() -> None:
    large, small = Decimal("99999999999999999999.000000000000000001"), Decimal("0.000000000000000001")
    assert difference(large, Decimal("99999999999999999999"), 0) == small
    assert large - Decimal("99999999999999999999") - 0 == small
    assert difference(Decimal(10) ** 37, -small) == Decimal("10000000000000000000000000000000000000.000000000000000001")


def test_whole_numbers_and_no_rows() -> None:
    found = duckdb.sql(f"SELECT {sum_of('x', 'UBIGINT')} FROM (SELECT 18446744073709551615::UBIGINT AS x)").fetchone()
    assert found is not None
    assert as_number(found[0]) == 18446744073709551615
    none = duckdb.sql(
        f"SELECT {sum_of('x', 'DECIMAL(38,2)')} FROM (SELECT 1::DECIMAL(38,2) AS x) WHERE x > 1"
    ).fetchone()
    assert none is not None
    assert as_number(none[0]) == 0
