"""The least generalisation is the one that trying all of them finds."""

from collections import Counter
from itertools import product

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharing.disclosure.causes import Cause, causes
from sharing.disclosure.generalise import least_generalisation
from sharing.disclosure.lattice import Node, Search, TooManyNodes
from sharing.disclosure.limits import Limits
from sharing.disclosure.microdata import microdata_risk
from sharing.disclosure.relation import DisclosureError
from sharing.disclosure.rolled_up import Ladder, Step
from tests.sharing.disclosure.test_microdata import table

AGE = Ladder("age", (Step("keep", "age"), Step("ten years", "age // 10"), Step("redact", "NULL")))
PLACE = Ladder("place", (Step("keep", "place"), Step("first letter", "place[:1]"), Step("redact", "NULL")))
SEX = Ladder("sex", (Step("keep", "sex"), Step("redact", "NULL")))
LADDERS = (AGE, PLACE, SEX)
people = st.lists(
    st.tuples(st.integers(20, 49), st.sampled_from(["aa", "ab", "ba", "bb"]), st.sampled_from("fm"), st.integers(0, 3)),
    min_size=1, max_size=60,
)  # fmt: skip


@settings(max_examples=8)
@given(people, st.integers(1, 6), st.integers(1, 3), st.sampled_from([None, 0.4]))
def test_no_lesser_generalisation_passes(rows: list[tuple[object, ...]], k: int, l_least: int, t: float | None) -> None:
    limits = Limits(k=k, l=l_least, t=t)
    with table(rows, "age INT, place TEXT, sex TEXT, pay INT") as connection:
        found = least_generalisation(connection, "people", LADDERS, limits, ("pay",))
        passing = {node: loss for node, loss in every_loss() if keeps(connection, node, limits)}
        left = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchone()
    assert left == (0,)
    if found is None:
        assert not passing
        return
    chosen = tuple([step.name for step in ladder.steps].index(found.steps[ladder.column]) for ladder in LADDERS)
    assert passing[chosen] == pytest.approx(min(passing.values()))
    assert found.loss == pytest.approx(passing[chosen])


def every_loss() -> list[tuple[Node, float]]:
    tops = [len(ladder.steps) - 1 for ladder in LADDERS]
    nodes = product(*(range(top + 1) for top in tops))
    return [(node, sum(level / top for level, top in zip(node, tops, strict=True)) / 3) for node in nodes]


def keeps(connection: duckdb.DuckDBPyConnection, node: Node, limits: Limits) -> bool:
    treated = ", ".join(
        f"{ladder.steps[level].sql} AS {ladder.column}" for ladder, level in zip(LADDERS, node, strict=True)
    )
    connection.execute(f"CREATE OR REPLACE VIEW treated AS SELECT {treated}, pay FROM people")
    risk = microdata_risk(connection, "treated", ("age", "place", "sex"), ("pay",))
    (one,) = risk.sensitive
    return risk.k >= limits.k and one.l >= limits.l and (limits.t is None or one.t <= limits.t)


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 4), max_size=4), st.data())
def test_search_agrees_with_trying_all_and_asks_fewer(least: list[Node], data: st.DataObject) -> None:
    """What passes is what is above one of some nodes: any question that behaves as risk does."""

    def passes(node: Node) -> bool:
        return any(all(a >= b for a, b in zip(node, one, strict=True)) for one in least)

    values = tuple(
        tuple(sorted(data.draw(st.lists(st.integers(1, 99), min_size=4, max_size=4)), reverse=True)) for _ in range(4)
    )
    search = Search((3, 3, 3, 3), values, passes)
    found = search.least()
    all_of_them = [node for node in product(range(4), repeat=4) if passes(node)]
    assert (found is None) == (not all_of_them)
    assert found is None or search.loss(found) == pytest.approx(min(map(search.loss, all_of_them)))
    assert search.asked < 256


def test_more_levels_than_can_be_searched_are_refused() -> None:
    with pytest.raises(TooManyNodes, match="1,048,576 combinations"):
        Search((3,) * 10, ((4, 3, 2, 1),) * 10, lambda _: True).least()


def test_a_step_that_parts_what_the_one_before_put_together_is_refused() -> None:
    crossed = Ladder("age", (Step("five years", "age // 5"), Step("seven years", "age // 7")))
    with table([(n,) for n in range(40)], "age INT") as connection:
        with pytest.raises(DisclosureError, match="'seven years' parts values that 'five years' puts together"):
            least_generalisation(connection, "people", (crossed,), Limits(k=2))
        assert connection.execute("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchone() == (0,)


@given(people, st.integers(2, 5))
@settings(max_examples=8)
def test_causes_are_the_smallest_sets_that_are_too_fine(rows: list[tuple[object, ...]], k: int) -> None:
    names = ("age", "place", "sex")
    with table(rows, "age INT, place TEXT, sex TEXT, pay INT") as connection:
        why = causes(connection, "people", names, k)
    too_small = {}
    for chosen in product((False, True), repeat=3):
        sizes = Counter(tuple(value for value, is_in in zip(row, chosen, strict=False) if is_in) for row in rows)
        columns = tuple(name for name, is_in in zip(names, chosen, strict=True) if is_in)
        if columns and min(sizes.values()) < k:
            too_small[columns] = Cause(columns, min(sizes.values()), sum(n for n in sizes.values() if n < k))
    smallest = {one for one in too_small if not any(set(other) < set(one) for other in too_small)}
    assert {one.columns: one for one in why.sets} == {one: too_small[one] for one in smallest}
    assert why.k_without["age"] == min(Counter(row[1:3] for row in rows).values())
