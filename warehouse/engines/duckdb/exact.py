"""Sums and differences of exact numbers, to the last digit: the engine's own end at 38 of them, and Python rounds to 28."""

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact
from functools import reduce

# Wide enough for any sum of the engine's numbers; what does not fit raises Inexact rather than be rounded.
_EXACT = Context(prec=1000, traps=[Inexact])
# Up to so many digits a sum of any number of rows fits the engine's 38.
_SHORT_DIGITS = 18
# Numbers of 38 digits are summed in two halves.
_HALF = 10**19


def sum_of(value: str, sql_type: str) -> str:
    """SQL of the exact sum of an expression of this exact type, 0 of no rows; `as_number` reads what comes of it."""
    if not sql_type.startswith("DECIMAL") or int(sql_type.removeprefix("DECIMAL(").partition(",")[0]) <= _SHORT_DIGITS:
        return f"coalesce(sum({value}), 0)"
    text = f"CAST({value} AS VARCHAR)"
    digits = f"CAST(replace({text}, '.', '') AS HUGEINT)"
    half = f"CAST({_HALF} AS HUGEINT)"
    parts = f"sum({digits} // {half})", f"sum({digits} % {half})", f"max(length(split_part({text}, '.', 2)))"
    return f"[{', '.join(f'CAST(coalesce({part}, 0) AS HUGEINT)' for part in parts)}]"


def as_number(found: int | float | Decimal | list[int]) -> Decimal:
    """A sum as `sum_of` asks for it: a number, or its upper half, its lower half and how many of its digits are decimals."""
    if isinstance(found, list):
        upper, lower, decimals = found
        return Decimal(f"{upper * _HALF + lower}E-{decimals}")
    return Decimal(found)


def total(numbers: Iterable[Decimal]) -> Decimal:
    """The exact sum. Raises decimal.Inexact where it has more than a thousand digits."""
    return reduce(_EXACT.add, numbers, Decimal(0))


def difference(number: Decimal, *less: Decimal | int) -> Decimal:
    """The exact difference. Raises as `total` does."""
    return reduce(_EXACT.subtract, less, number)
