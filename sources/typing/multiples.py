"""Whether a number is a multiple of a step, exactly: in decimals, as people write both, and not in the bits of floats."""

from decimal import Decimal
from math import gcd

from warehouse.engines.duckdb.engine import literal

# Up to here every whole number is a float.
_MOST_WHOLE = 1 << 53


def is_multiple(value: str, sql_type: str, step: float) -> str:
    """SQL of the condition that `value`, of the engine's type `sql_type`, is a multiple of `step`, which is above zero.

    A float stands for the shortest decimal number that is read as it: the one that was sent, which 0.07 is a multiple of 0.01 as.
    """
    units, decimals = _in_units(step)
    if sql_type == "DOUBLE":
        return _of_float(value, units, decimals)
    scale, digits = 0, 0
    if sql_type.startswith("DECIMAL"):
        digits, scale = map(int, sql_type.removeprefix("DECIMAL(").removesuffix(")").split(","))
    # The step in units of the column's last digit; a finer one that does not divide it is met by multiples of both alone.
    if decimals <= scale:
        units *= 10 ** (scale - decimals)
    else:
        units //= gcd(units, 10 ** (decimals - scale))
    if digits and units >= 10**digits:
        return f"{value} = 0"
    wanted = f"CAST({literal(_decimal(units, scale))} AS {sql_type})" if digits else str(units)
    return f"{value} % {wanted} = 0"


def _in_units(step: float) -> tuple[int, int]:
    """0.05 as 5 and 2: so many units of the second decimal."""
    _, digits, exponent = Decimal(repr(step)).normalize().as_tuple()
    number, exponent = int("".join(map(str, digits))), int(exponent)
    return (number * 10**exponent, 0) if exponent > 0 else (number, -exponent)


def _decimal(units: int, scale: int) -> str:
    return f"{Decimal((0, tuple(map(int, str(units))), -scale)):f}"


def _of_float(value: str, units: int, decimals: int) -> str:
    """Of m units of the last decimal the quotient m / 10^decimals is the float nearest to them, as long as m is a float itself.

    A larger value has at most one decimal more than the step, which the engine's exact numbers hold; what is too large for
    them too is left to the floats.
    """
    power = f"1e{decimals}::DOUBLE"
    nearest = f"round({value} * {power})"
    exact = f"DECIMAL(38,{decimals + 1})"
    text = f"try_cast(CAST({value} AS VARCHAR) AS {exact})"
    step = f"CAST({literal(_decimal(units, decimals))} AS {exact})"
    return (
        f"CASE WHEN abs({value}) * {power} < {_MOST_WHOLE} "
        f"THEN {nearest} / {power} = {value} AND CAST({nearest} AS BIGINT) % {units} = 0 "
        f"ELSE coalesce({text} % {step} = 0, {value} % {float(Decimal(units).scaleb(-decimals))!r}::DOUBLE = 0) END"
    )
