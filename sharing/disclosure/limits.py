"""What an agreement allows of risk: a figure that is not limited is None and stops nothing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """At least `k` records of a class, `l` different and `l_entropy` equally frequent values of each protected column; at most `t` of
    distance (0 to 1), `unique_share` of records that are unique by the declared quasi-identifiers, and `found_share` of records that
    columns single out though nobody declared them (both 0 to 1).
    """

    k: int | None = None
    l: int | None = None  # noqa: E741 - the name that the literature gives it
    l_entropy: float | None = None
    t: float | None = None
    unique_share: float | None = None
    found_share: float | None = None
