"""Tables: unsafe cells by the rules' own figures, hidden cells against another solver, rounding, and differences."""

from collections import Counter
from dataclasses import replace
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from sharing.disclosure.relation import DisclosureError
from sharing.disclosure.tables.cells import Cell, TableLimits, TableSpec, cells, unsafe
from sharing.disclosure.tables.differences import Told, differences
from sharing.disclosure.tables.rounding import rounded
from sharing.disclosure.tables.suppression import suppress
from tests.sharing.disclosure.test_microdata import table

SPEC = TableSpec((("region", "district"), ("sex",)))
COUNTS = TableLimits(contributors=4)


def test_every_margin_is_the_sum_of_its_parts_and_a_contributor_counts_once() -> None:
    rows = [
        ("north", "a", "f", 10, 1),
        ("north", "a", "f", 20, 1),
        ("north", "b", "m", 5, 2),
        ("south", "c", "m", None, 3),
    ]
    with table(rows, "region TEXT, district TEXT, sex TEXT, pay INT, firm INT") as connection:
        told = {
            cell.key: cell for cell in cells(connection, "people", replace(SPEC, measure="pay", contributor="firm"))
        }
        counted = {cell.key: cell.value for cell in cells(connection, "people", SPEC)}
    assert told[(), ()] == Cell(((), ()), 35.0, 2, (30.0, 5.0), 35.0)
    assert told[("north",), ("f",)] == Cell((("north",), ("f",)), 30.0, 1, (30.0,), 30.0)
    assert (("south",), ()) not in told
    assert (counted[(), ()], counted[("south", "c"), ("m",)], counted[("north",), ()]) == (4, 1, 3)


@pytest.mark.parametrize(
    ("largest", "rest", "limits", "reasons"),
    [
        ((60.0, 10.0), [10.0] * 3, TableLimits(5, ()), 0),
        ((60.0, 10.0), [10.0] * 2, TableLimits(5, ()), 1),
        ((50.0, 10.0), [10.0] * 4, TableLimits(3, ((1, 0.5),)), 0),
        ((51.0, 10.0), [10.0] * 4, TableLimits(3, ((1, 0.5),)), 1),
        ((40.0, 27.0), [11.0] * 3, TableLimits(3, ((2, 0.67),)), 0),
        ((40.0, 28.0), [11.0] * 3, TableLimits(3, ((2, 0.67),)), 1),
        ((100.0, 50.0), [5.0] * 2, TableLimits(3, (), 0.1), 0),
        ((100.0, 50.0), [4.5] * 2, TableLimits(3, (), 0.1), 1),
    ],
)  # fmt: skip
def test_rules_stop_just_beyond_their_limit(
    largest: tuple[float, ...], rest: list[float], limits: TableLimits, reasons: int
) -> None:
    total = sum(largest) + sum(rest)
    found = unsafe(Cell(((),), total, len(largest) + len(rest), largest, total), limits)
    assert len(found.reasons if found else ()) == reasons
    assert found is None or found.above > 0


people = st.lists(
    st.tuples(st.sampled_from(["a1", "a2", "b1", "b2", "b3"]), st.sampled_from("xyz"), st.integers(0, 30)),
    min_size=1,
    max_size=50,
)


def hidden_of(rows: list[tuple[str, str, int]], measure: str | None, limits: TableLimits) -> Any:
    spec = replace(SPEC, measure=measure)
    with table(
        [(place[:1], *row) for row in rows for place in [row[0]]], "region TEXT, district TEXT, sex TEXT, pay INT"
    ) as connection:
        told = cells(connection, "people", spec, limits)
    bad = {cell.key: found for cell in told if (found := unsafe(cell, limits))}
    return told, bad, suppress(told, (2, 1), bad, is_count=measure is None)


def solver_of_margins(told: list[Cell], hidden: set[object], is_count: bool, key: object) -> tuple[float, float]:
    """The least and the most that a cell may be: leaves are unknown, each told cell is an equation. Not the equations of the product."""
    leaves = [cell for cell in told if len(cell.key[0]) == 2 and cell.key[1]]

    def within(cell: Cell) -> list[float]:
        return [float(all(leaf.key[d][: len(cell.key[d])] == cell.key[d] for d in (0, 1))) for leaf in leaves]

    known = [cell for cell in told if cell.key not in hidden]
    equations = (
        [
            LinearConstraint(
                np.array([within(cell) for cell in known]),
                [cell.value for cell in known],
                [cell.value for cell in known],
            )
        ]
        if known
        else []
    )
    wanted = np.array(within(next(cell for cell in told if cell.key == key)))
    ends = []
    for sign in (1, -1):
        found = milp(
            sign * wanted, integrality=np.full(len(leaves), int(is_count)), bounds=Bounds(0, 1e6), constraints=equations
        )
        assert found.status == 0, found.message
        ends.append(sign * found.fun)
    return ends[0], ends[1]


@settings(max_examples=10)
@given(people)
def test_no_hidden_count_is_known_to_a_solver_of_the_margins(rows: list[tuple[str, str, int]]) -> None:
    told, bad, hidden = hidden_of(rows, None, COUNTS)
    keys = {one.key for one in hidden}
    assert set(bad) <= keys
    values = {cell.key: cell.value for cell in told}
    for one in hidden:
        low, high = solver_of_margins(told, keys, True, one.key)
        assert low <= one.low + 1e-6
        assert high >= one.high - 1e-6
        assert high - low >= 1 - 1e-6
        if one.is_unsafe:
            assert low <= values[one.key] - bad[one.key].below + 1e-6
            assert high >= COUNTS.contributors - 1e-6


@settings(max_examples=8)
@given(people)
def test_no_hidden_sum_is_known_better_than_its_protection(rows: list[tuple[str, str, int]]) -> None:
    limits = TableLimits(3, ((1, 0.6),), 0.1)
    told, bad, hidden = hidden_of(rows, "pay", limits)
    keys, values = {one.key for one in hidden}, {cell.key: cell.value for cell in told}
    for key, one in bad.items():
        low, high = solver_of_margins(told, keys, False, key)
        assert low <= values[key] - one.below + 1e-4
        assert high >= values[key] + one.above - 1e-4


def test_a_table_whose_unsafe_cell_alone_is_hidden_gives_it_back() -> None:
    """What secondary suppression is for: without it the solver knows the cell."""
    rows = [("a1", "x", 1)] * 9 + [("a1", "y", 1)] * 2 + [("a2", "x", 1)] * 8 + [("a2", "y", 1)] * 7
    told, bad, hidden = hidden_of(rows, None, COUNTS)
    (key,) = bad
    assert solver_of_margins(told, {key}, True, key) == (2, 2)
    low, high = solver_of_margins(told, {one.key for one in hidden}, True, key)
    assert (low <= 1, high >= 4, len(hidden)) == (True, True, 4)


def test_rounding_is_unbiased_repeats_itself_and_keeps_multiples_of_three() -> None:
    spec = TableSpec((("place",),))
    for count in range(7):
        told = rounded([Cell(((f"p{n}",),), float(count), count) for n in range(9000)], spec, b"secret")
        shares = Counter(cell.value - count for cell in told)
        assert all(cell.value % 3 == 0 for cell in told)
        assert max(map(abs, shares)) <= 2
        # 9,000 draws with a variance of 2: four standard errors.
        assert abs(sum(cell.value for cell in told) / len(told) - count) < 4 * (2 / 9000) ** 0.5
        assert count % 3 or set(shares) == {0.0}
    assert told == rounded([Cell(((f"p{n}",),), 6.0, 6) for n in range(9000)], spec, b"secret")
    ones = [Cell(((f"p{n}",),), 1.0, 1) for n in range(100)]
    assert rounded(ones, spec, b"secret") == rounded(ones, spec, b"secret") != rounded(ones, spec, b"other")


def test_tables_of_differing_conditions_that_part_few_people_are_told() -> None:
    rows = [("north", "a", "f", n) for n in range(60)] + [("south", "c", "m", n) for n in range(30)]
    with table(rows, "region TEXT, district TEXT, sex TEXT, age INT") as connection:
        connection.execute("CREATE VIEW working AS FROM people WHERE age < 57")
        connection.execute("CREATE VIEW young AS FROM people WHERE age < 40")
        by_sex = TableSpec((("sex",),))
        all_of_them = Told(SPEC, tuple(cells(connection, "people", SPEC)))
        working = Told(by_sex, tuple(cells(connection, "working", by_sex)))
        young = Told(by_sex, tuple(cells(connection, "young", by_sex)))
    assert [(one.columns, one.values, one.contributors) for one in differences(all_of_them, [working, young], 10)] == [
        ((), (), 3), (("sex",), ("f",), 3),
    ]  # fmt: skip
    assert differences(all_of_them, [young], 10) == []
    hidden = replace(working, hidden=frozenset({((),), (("f",),)}))
    assert differences(all_of_them, [hidden], 10) == []


def test_a_cell_that_only_one_table_has_differs_by_all_of_it() -> None:
    with table([("north", "f")] * 20 + [("south", "f")] * 3, "region TEXT, sex TEXT") as connection:
        connection.execute("CREATE VIEW before AS FROM people WHERE region = 'north'")
        spec = TableSpec((("region",),))
        now, before = (Told(spec, tuple(cells(connection, name, spec))) for name in ("people", "before"))
    assert [(one.columns, one.contributors) for one in differences(now, [before], 10)] == [((), 3), (("region",), 3)]


def test_a_column_that_there_is_not_is_told() -> None:
    with duckdb.connect() as connection, pytest.raises(DisclosureError, match="people"):
        cells(connection, "people", SPEC)
