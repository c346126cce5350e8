"""Of records: k-anonymity, l-diversity, t-closeness and the share of unique records over declared quasi-identifiers.

k: Sweeney, k-anonymity, Int. J. Uncertainty, Fuzziness and Knowledge-Based Systems 10(5), 2002. l, distinct and by entropy:
Machanavajjhala et al., l-diversity, ICDE 2006. t: Li, Li, Venkatasubramanian, t-closeness, ICDE 2007, with the equal distance for
categories and the ordered distance for numbers, dates and times.

A missing value of a quasi-identifier is a value of its own, since an attacker sees that it is missing. A missing protected value is
one more value for l, and stands before the smallest for t.

One pass groups the records by quasi-identifiers and protected value; all else is rolled up from these groups.
"""

from dataclasses import asdict, dataclass
from math import exp
from typing import Any

import duckdb

from sharing.disclosure.relation import (
    Column,
    DisclosureError,
    Relation,
    fetched,
    from_clause,
    known_columns,
)
from warehouse.engines.duckdb.engine import quoted

# Classes are told by size up to this many sizes.
_SMALLEST = 10
_DIGITS = 9


@dataclass(frozen=True)
class SensitiveRisk:
    """Of one protected column: in the class that is worst, `l` different values, `l_entropy` as e to the power of its entropy (as many
    equally frequent values would have it), `t` the distance from all records, 0 to 1, as `distance` (equal, ordered) measures it.
    """

    column: str
    l: int  # noqa: E741 - the name that the literature gives it
    l_entropy: float
    t: float
    distance: str


@dataclass(frozen=True)
class ClassSize:
    """So many classes of `size` records that share their quasi-identifiers."""

    size: int
    classes: int

    @property
    def rows(self) -> int:
        return self.size * self.classes


@dataclass(frozen=True)
class MicrodataRisk:
    """Figures of a relation; `k` is 0 where it has no rows. `smallest` are its ten smallest sizes of classes, the smallest first."""

    quasi_identifiers: tuple[str, ...]
    rows: int
    classes: int
    k: int
    unique_rows: int
    smallest: tuple[ClassSize, ...]
    sensitive: tuple[SensitiveRisk, ...]

    @property
    def unique_share(self) -> float:
        """0 to 1."""
        return self.unique_rows / self.rows if self.rows else 0.0

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "unique_share": self.unique_share}


def microdata_risk(
    connection: duckdb.DuckDBPyConnection,
    relation: Relation,
    quasi_identifiers: tuple[str, ...],
    sensitive: tuple[str, ...] = (),
) -> MicrodataRisk:
    """Each protected column by itself, as if the others were not known. DisclosureError for a column that there is not."""
    known_columns(connection, relation, quasi_identifiers)
    protected = known_columns(connection, relation, sensitive)
    if both := sorted({*quasi_identifiers} & {*sensitive}):
        raise DisclosureError(f"{', '.join(both)} of {relation} cannot be both known and protected: declare it as one.")
    grouped = [fetched(connection, _by_size(relation, quasi_identifiers, column), relation) for column in protected]
    # Without a protected column the sizes are all that there is.
    sizes = grouped[0] if grouped else fetched(connection, _sizes(relation, quasi_identifiers), relation)
    return told(quasi_identifiers, sizes, dict(zip(protected, grouped, strict=True)))


def told(
    quasi_identifiers: tuple[str, ...], sizes: list[tuple[Any, ...]], by_size: dict[Column, list[tuple[Any, ...]]]
) -> MicrodataRisk:
    """From rows of `sizes_of`, and of `values_by_size` for each protected column."""
    counts = tuple(ClassSize(int(size), int(classes)) for size, classes, *_ in sizes)
    return MicrodataRisk(
        quasi_identifiers, sum(one.rows for one in counts), sum(one.classes for one in counts),
        counts[0].size if counts else 0, sum(one.rows for one in counts if one.size == 1), counts[:_SMALLEST],
        tuple(_worst(column, rows) for column, rows in by_size.items()),
    )  # fmt: skip


def _worst(column: Column, rows: list[tuple[Any, ...]]) -> SensitiveRisk:
    values = min((int(row[2]) for row in rows), default=0)
    # Sums of floating numbers end a hair beside a limit that they meet.
    entropy = round(exp(min((float(row[3]) for row in rows), default=0.0)), _DIGITS)
    distance = round(max((float(row[4]) for row in rows), default=0.0), _DIGITS)
    return SensitiveRisk(column.name, values, entropy, distance, "ordered" if column.is_ordered else "equal")


def _key(names: tuple[str, ...]) -> tuple[str, str]:
    """As a list of columns to select, and the names that they have then."""
    if not names:
        return "0 AS q0", "q0"
    selected = ", ".join(f"{quoted(name)} AS q{number}" for number, name in enumerate(names))
    return selected, ", ".join(f"q{number}" for number in range(len(names)))


def _sizes(relation: Relation, names: tuple[str, ...]) -> str:
    selected, key = _key(names)
    return sizes_of(f"SELECT {selected}, count(*) AS n FROM {from_clause(relation)} GROUP BY {key}", key)


def _by_size(relation: Relation, names: tuple[str, ...], column: Column) -> str:
    selected, key = _key(names)
    groups = f"""
            SELECT {selected}, {quoted(column.name)} AS s, count(*) AS n
            FROM {from_clause(relation)}
            GROUP BY {key}, s
    """
    return values_by_size(groups, key, column.is_ordered)


def sizes_of(groups: str, key: str) -> str:
    """Of groups (a statement: the columns of `key`, and `n` records) that are classes: each size, and how many have it."""
    return f"""
        SELECT n AS size, count(*) AS classes
        FROM ({groups})
        GROUP BY n
        ORDER BY n
    """


def values_by_size(groups: str, key: str, is_ordered: bool) -> str:
    """Of groups (a statement: the columns of `key`, protected value `s`, `n` records): of each size of classes how many, and the
    fewest values, the least entropy (nats) and the largest distance of one of them.
    """
    return f"""
        WITH groups AS MATERIALIZED ({groups}),
        {_ordered_distance(key) if is_ordered else _equal_distance(key)}
        SELECT size, count(*) AS classes, min(l), min(entropy), max(t)
        FROM classes
        GROUP BY size
        ORDER BY size
    """


_CLASS_FIGURES = "sum(n) AS size, count(*) AS l, ln(sum(n)) - sum(n * ln(n)) / sum(n) AS entropy"


def _equal_distance(key: str) -> str:
    """The sum of p - q over the values that are more frequent in the class than among all: half the sum of |p - q|."""
    return f"""
        whole AS MATERIALIZED (
            SELECT s, sum(n) / sum(sum(n)) OVER () AS q
            FROM groups
            GROUP BY s
        ),
        listed AS (
            SELECT {_CLASS_FIGURES}, list(n) AS counts, list(q) AS shares
            FROM groups JOIN whole ON groups.s IS NOT DISTINCT FROM whole.s
            GROUP BY {key}
        ),
        classes AS (
            SELECT size, l, entropy, list_sum(list_transform(list_zip(counts, shares), lambda v: greatest(v[1] / size - v[2], 0))) AS t
            FROM listed
        )
    """


def _ordered_distance(key: str) -> str:
    """The sum over all values but the last of |P - Q|, both cumulated in the order of values, through their number less one.

    Between two values that a class has, P stands still and Q rises: the sum there is closed by `area`, the sum of Q before a place,
    and the place where Q passes P.
    """
    return f"""
        counted AS (
            SELECT s, sum(n) AS n
            FROM groups
            GROUP BY s
        ),
        whole AS MATERIALIZED (
            SELECT s, place, q, sum(q) OVER (ORDER BY place) - q AS area, max(place) OVER () + 1 AS places
            FROM (
                SELECT s, row_number() OVER by_value - 1 AS place, sum(n) OVER by_value / sum(n) OVER () AS q
                FROM counted
                WINDOW by_value AS (ORDER BY s NULLS FIRST)
            )
        ),
        steps AS (
            SELECT {key}, n, place, area, places,
                sum(n) OVER so_far / sum(n) OVER (so_far ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS p,
                lead(place) OVER so_far AS next_place,
                lead(area) OVER so_far AS next_area,
                row_number() OVER so_far AS number
            FROM groups JOIN whole ON groups.s IS NOT DISTINCT FROM whole.s
            WINDOW so_far AS (PARTITION BY {key} ORDER BY place)
        ),
        -- The last value of a class has all of P; Q comes to 1 at the last value of all.
        ends AS (
            SELECT * REPLACE (coalesce(next_place, places - 1) AS next_place, coalesce(next_area, last_area) AS next_area)
            FROM steps, (SELECT max(area) AS last_area FROM whole)
        ),
        crossed AS (
            SELECT ends.*,
                least(greatest(passed.place, ends.place), next_place) AS cross_place,
                least(greatest(passed.area, ends.area), next_area) AS cross_area
            FROM ends ASOF JOIN whole AS passed ON ends.p <= passed.q
        ),
        classes AS (
            SELECT {_CLASS_FIGURES},
                sum(
                    p * (2 * cross_place - place - next_place) + area + next_area - 2 * cross_area
                    + CASE WHEN number = 1 THEN area ELSE 0 END
                ) / greatest(any_value(places) - 1, 1) AS t
            FROM crossed
            GROUP BY {key}
        )
    """
