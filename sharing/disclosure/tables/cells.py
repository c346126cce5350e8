"""A table of counts or sums with all its margins, and the cells that few contribute to or one dominates.

Rules: Hundepool et al., Statistical Disclosure Control, Wiley 2012, chapter 4: the threshold of contributors, the (n, k) dominance rule,
the p-percent rule (the second largest contributor must not come to know the largest better than within p percent).
"""

from dataclasses import dataclass
from itertools import product

import duckdb

from sharing.disclosure.relation import Relation, fetched, from_clause, known_columns
from warehouse.engines.duckdb.engine import quoted

# A value of each level that a cell is told by, level by level, for each dimension; shorter for a margin, empty for the total of all.
Key = tuple[tuple[object, ...], ...]


@dataclass(frozen=True)
class TableSpec:
    """`dimensions` are columns each, from the coarsest to the finest where one lies within the other (region, district). `measure` is what
    is summed, None for a count of records. `contributor` names who contributes, None where each record is one.
    """

    dimensions: tuple[tuple[str, ...], ...]
    measure: str | None = None
    contributor: str | None = None


@dataclass(frozen=True)
class Cell:
    """`value` is what the table tells, `largest` the largest contributions, in size, the largest first (empty in a table of counts), and
    `absolute` the sum of all in size.
    """

    key: Key
    value: float
    contributors: int
    largest: tuple[float, ...] = ()
    absolute: float = 0.0


@dataclass(frozen=True)
class TableLimits:
    """At least `contributors` to a cell; its `dominance` largest n must not hold more than the share k of it (pairs of n and k); `p`, 0 to
    1: how near an estimate of the largest contribution may come. None or nothing stops nothing.
    """

    contributors: int = 10
    dominance: tuple[tuple[int, float], ...] = ((1, 0.5), (2, 0.67))
    p: float | None = None

    @property
    def most_looked_at(self) -> int:
        return max([2, *(n for n, _ in self.dominance)])


@dataclass(frozen=True)
class Unsafe:
    """Why a cell may not be told, and how far around its value nobody may come to know it: `below` and `above`."""

    reasons: tuple[str, ...]
    below: float
    above: float


def cells(
    connection: duckdb.DuckDBPyConnection, relation: Relation, spec: TableSpec, limits: TableLimits | None = None
) -> list[Cell]:
    """All cells that somebody contributes to, with every margin. A missing measure contributes nothing; a missing value of a dimension is
    a value of its own. DisclosureError for a column that there is not.
    """
    columns = [column for dimension in spec.dimensions for column in dimension]
    known_columns(connection, relation, [*columns, *filter(None, (spec.measure, spec.contributor))])
    sets = list(product(*(range(len(dimension) + 1) for dimension in spec.dimensions)))
    rows = fetched(connection, _statement(relation, spec, sets, (limits or TableLimits()).most_looked_at), relation)
    return [_cell(spec, sets[number], values) for number, *values in rows]


def unsafe(cell: Cell, limits: TableLimits) -> Unsafe | None:
    """None where the cell may be told. A cell that nobody contributes to tells of nobody."""
    if not cell.contributors:
        return None
    reasons, above = [], 0.0
    if cell.contributors < limits.contributors:
        reasons.append(f"fewer than {limits.contributors} contributors")
        # A count may be as large as the threshold, for all that anybody can tell.
        above = limits.contributors - cell.contributors if not cell.largest else max(cell.largest[0], above)
    for n, share in limits.dominance if cell.largest else ():
        if sum(cell.largest[:n]) > share * cell.absolute:
            reasons.append(f"the largest {n} hold more than {share:.0%}")
            above = max(above, sum(cell.largest[:n]) / share - cell.absolute)
    if limits.p is not None and cell.largest:
        rest = cell.absolute - sum(cell.largest[:2])
        if rest < limits.p * cell.largest[0]:
            reasons.append(f"the largest can be estimated within {limits.p:.0%}")
            above = max(above, limits.p * cell.largest[0] - rest)
    if not reasons:
        return None
    below = min(1.0, cell.value) if not cell.largest else min(above, cell.absolute)
    return Unsafe(tuple(reasons), below, above)


def _statement(relation: Relation, spec: TableSpec, sets: list[tuple[int, ...]], most: int) -> str:
    """Contributors are put together within each cell first: one with many records is one."""
    columns = [column for dimension in spec.dimensions for column in dimension]
    named = [f"c{number}" for number in range(len(columns))]
    grouping = ", ".join(f"({', '.join([*_grouped(spec, one), 'contributor'])})" for one in sets)
    grouped = f"grouping_id({', '.join(named)})" if named else "0"
    who = quoted(spec.contributor) if spec.contributor else "row_number() OVER ()"
    value = quoted(spec.measure) if spec.measure else "1"
    numbers = " ".join(f"WHEN {_bits(spec, one)} THEN {number}" for number, one in enumerate(sets))
    largest = f"max(abs(v), {most})" if spec.measure else "NULL"
    return f"""
        WITH records AS (
            SELECT {", ".join([*(f"{quoted(column)} AS {name}" for column, name in zip(columns, named, strict=True)), f"{who} AS contributor, {value} AS v"])}
            FROM {from_clause(relation)}
            WHERE {value} IS NOT NULL
        ),
        contributions AS (
            SELECT {", ".join([*named, "contributor"])}, {grouped} AS margin, sum(v) AS v
            FROM records
            GROUP BY GROUPING SETS ({grouping})
        )
        SELECT CASE margin {numbers} END AS number, {", ".join([*named, "sum(v)"])}, count(*), {largest}, sum(abs(v))
        FROM contributions
        GROUP BY {", ".join([*named, "margin"])}
        ORDER BY ALL
    """


def _grouped(spec: TableSpec, levels: tuple[int, ...]) -> list[str]:
    names, first = [], 0
    for dimension, level in zip(spec.dimensions, levels, strict=True):
        names += [f"c{first + number}" for number in range(level)]
        first += len(dimension)
    return names


def _bits(spec: TableSpec, levels: tuple[int, ...]) -> int:
    """What GROUPING_ID says of a margin: a bit for each column that was summed over, the first column's the highest."""
    bits = [
        "0" if number < level else "1"
        for dimension, level in zip(spec.dimensions, levels, strict=True)
        for number in range(len(dimension))
    ]
    return int("".join(bits) or "0", 2)


def _cell(spec: TableSpec, levels: tuple[int, ...], values: list[object]) -> Cell:
    key, first = [], 0
    for dimension, level in zip(spec.dimensions, levels, strict=True):
        key.append(tuple(values[first : first + level]))
        first += len(dimension)
    value, contributors, largest, absolute = values[first:]
    sizes = tuple(float(one) for one in largest) if isinstance(largest, list) else ()
    return Cell(tuple(key), float(str(value)), int(str(contributors)), sizes, float(str(absolute)) if sizes else 0.0)
