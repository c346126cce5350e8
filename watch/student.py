"""Quantiles of Student's t, by Hill, Algorithm 396, Communications of the ACM 13(10), 1970: right to about six digits."""

from functools import cache
from math import cos, exp, pi, sin, sqrt
from statistics import NormalDist


@cache
def student_quantile(degrees: int, outside: float) -> float:
    """The t that `outside` (a probability, both tails together) lies beyond, with so many degrees of freedom from 1 on."""
    if degrees == 1:
        return cos(outside * pi / 2) / sin(outside * pi / 2)
    if degrees == 2:
        return sqrt(2 / (outside * (2 - outside)) - 2)
    n = float(degrees)
    a = 1 / (n - 0.5)
    b = 48 / a**2
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * sqrt(a * pi / 2) * n
    y = (d * outside) ** (2 / n)
    if y > a + 0.05:
        y = _near_normal(n, a, b, c, d, outside)
    else:
        y = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * (n + 1) / (
            n + 2
        ) + 1 / y
    return sqrt(n * y)


def _near_normal(n: float, a: float, b: float, c: float, d: float, outside: float) -> float:
    """Hill's expansion about the normal deviate."""
    x = NormalDist().inv_cdf(outside / 2)
    y = x * x
    if n < 5:
        c += 0.3 * (n - 4.5) * (x + 0.6)
    c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c
    y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
    y = a * y * y
    return exp(y) - 1 if y > 0.002 else 0.5 * y * y + y
