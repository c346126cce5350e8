"""Figures of the papers' own examples, and any small table against the definitions in plain Python."""

from collections import Counter, defaultdict
from math import exp, log

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharing.disclosure.assess import assess
from sharing.disclosure.limits import Limits
from sharing.disclosure.microdata import microdata_risk
from sharing.disclosure.relation import DisclosureError

Row = tuple[object, ...]
# Li, Li, Venkatasubramanian, table 3: 3-diverse salaries, of which the first class is all low.
LI = [
    ("476**", "2*", 3, "gastric ulcer"), ("476**", "2*", 4, "gastritis"), ("476**", "2*", 5, "stomach cancer"),
    ("4790*", ">=40", 6, "gastritis"), ("4790*", ">=40", 11, "flu"), ("4790*", ">=40", 8, "bronchitis"),
    ("476**", "3*", 7, "bronchitis"), ("476**", "3*", 9, "pneumonia"), ("476**", "3*", 10, "stomach cancer"),
]  # fmt: skip
# Sweeney, figure 2: k is 2 over race, birth, gender and ZIP.
SWEENEY = [
    ("Black", "1965", "m", "0214*", "short breath"), ("Black", "1965", "m", "0214*", "chest pain"),
    ("Black", "1965", "f", "0213*", "hypertension"), ("Black", "1965", "f", "0213*", "hypertension"),
    ("Black", "1964", "f", "0213*", "obesity"), ("Black", "1964", "f", "0213*", "chest pain"),
    ("White", "1964", "m", "0213*", "chest pain"), ("White", "1964", "m", "0213*", "obesity"), ("White", "1964", "m", "0213*", "short breath"),
    ("White", "1967", "m", "0213*", "chest pain"), ("White", "1967", "m", "0213*", "chest pain"),
]  # fmt: skip
# Machanavajjhala et al., figure 3: 3-diverse by count; the ages and places are already generalised.
MACHANAVAJJHALA = [
    ("1305*", "<=40", "heart"), ("1305*", "<=40", "viral"), ("1305*", "<=40", "cancer"), ("1305*", "<=40", "cancer"),
    ("1485*", ">40", "cancer"), ("1485*", ">40", "heart"), ("1485*", ">40", "viral"), ("1485*", ">40", "viral"),
    ("1306*", "<=40", "heart"), ("1306*", "<=40", "viral"), ("1306*", "<=40", "cancer"), ("1306*", "<=40", "cancer"),
]  # fmt: skip


def table(rows: list[Row], types: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE people ({types})")
    if rows:
        connection.executemany(f"INSERT INTO people VALUES ({', '.join('?' * len(rows[0]))})", rows)
    return connection


def test_salaries_of_li_are_0_375_away() -> None:
    with table(LI, "zip TEXT, age TEXT, salary INT, disease TEXT") as connection:
        risk = microdata_risk(connection, "people", ("zip", "age"), ("salary", "disease"))
        assert [(one.column, one.l, one.l_entropy, one.t, one.distance) for one in risk.sensitive] == [
            ("salary", 3, 3.0, 0.375, "ordered"),
            ("disease", 3, 3.0, pytest.approx(4 / 9), "equal"),
        ]
        assert (risk.k, risk.classes, risk.unique_share) == (3, 3, 0)


def test_table_of_sweeney_has_k_of_2_and_a_class_of_one_value() -> None:
    with table(SWEENEY, "race TEXT, birth TEXT, gender TEXT, zip TEXT, problem TEXT") as connection:
        risk = microdata_risk(connection, "people", ("race", "birth", "gender", "zip"), ("problem",))
        assert (risk.k, risk.rows, risk.sensitive[0].l, risk.sensitive[0].l_entropy) == (2, 11, 1, 1.0)
        assert [(one.size, one.classes) for one in risk.smallest] == [(2, 4), (3, 1)]


def test_table_of_machanavajjhala_is_3_diverse_and_2_8_by_entropy() -> None:
    with table(MACHANAVAJJHALA, "zip TEXT, age TEXT, condition TEXT") as connection:
        (one,) = microdata_risk(connection, "people", ("zip", "age"), ("condition",)).sensitive
        assert (one.l, round(one.l_entropy, 3)) == (3, 2.828)


def test_missing_values_are_values_of_their_own() -> None:
    rows = [(None, 1), (None, None), ("a", 1), ("a", 2), ("a", None)]
    with table(rows, "place TEXT, pay INT") as connection:
        risk = microdata_risk(connection, "people", ("place",), ("pay",))
        assert (risk.k, risk.classes, risk.sensitive[0].l) == (2, 2, 2)


def test_nobody_is_told_of_by_no_rows() -> None:
    with table([], "place TEXT, pay INT") as connection:
        assessment = assess(connection, "people", Limits(k=5, l=2, t=0.1, unique_share=0.0), ("place",), ("pay",))
        assert (assessment.passes, assessment.risk.k, assessment.risk.unique_share) == (True, 0, 0)


def test_columns_that_there_are_not_are_told() -> None:
    with table([], "place TEXT, pay INT") as connection:
        with pytest.raises(DisclosureError, match="people has no column plac; it has place, pay"):
            microdata_risk(connection, "people", ("plac",))
        with pytest.raises(DisclosureError, match="pay of people cannot be both"):
            microdata_risk(connection, "people", ("pay",), ("pay",))
        with pytest.raises(DisclosureError, match="nowhere"):
            microdata_risk(connection, "nowhere", ("pay",))


values = st.one_of(st.none(), st.integers(0, 4))
rows_of = st.lists(
    st.tuples(values, st.sampled_from(["a", "b", None]), values, st.sampled_from(["x", "y", "z", None])),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60)
@given(rows_of)
def test_figures_are_those_of_the_definitions(rows: list[Row]) -> None:
    with table(rows, "a INT, b TEXT, pay INT, illness TEXT") as connection:
        risk = microdata_risk(connection, "people", ("a", "b"), ("pay", "illness"))
    classes = defaultdict(list)
    for row in rows:
        classes[row[:2]].append(row)
    assert (risk.k, risk.classes, risk.rows) == (min(map(len, classes.values())), len(classes), len(rows))
    assert risk.unique_rows == sum(len(one) == 1 for one in classes.values())
    for place, figures in zip((2, 3), risk.sensitive, strict=True):
        everybody = [row[place] for row in rows]
        each = [[row[place] for row in one] for one in classes.values()]
        distance = ordered_distance if place == 2 else equal_distance
        assert figures.l == min(len(set(one)) for one in each)
        assert figures.l_entropy == pytest.approx(min(exp(entropy(one)) for one in each))
        assert figures.t == pytest.approx(max(distance(one, everybody) for one in each), abs=1e-8)


def entropy(one: list[object]) -> float:
    return -sum(n / len(one) * log(n / len(one)) for n in Counter(one).values())


def equal_distance(one: list[object], everybody: list[object]) -> float:
    return sum(abs(one.count(v) / len(one) - everybody.count(v) / len(everybody)) for v in set(everybody)) / 2


def ordered_distance(one: list[object], everybody: list[object]) -> float:
    order = sorted(set(everybody), key=lambda v: (v is not None, v))
    so_far, total = 0.0, 0.0
    for value in order:
        so_far += one.count(value) / len(one) - everybody.count(value) / len(everybody)
        total += abs(so_far)
    return total / max(1, len(order) - 1)


def test_a_refusal_names_the_columns_that_cause_it() -> None:
    rows = [("north" if n % 2 else "south", n % 4, n) for n in range(40)]
    with table(rows, "region TEXT, band INT, number INT") as connection:
        assessment = assess(connection, "people", Limits(k=5), ("region", "band", "number"))
        undeclared = assess(connection, "people", Limits(k=5, found_share=0.1), ("region", "band"))
    assert assessment.causes is not None
    assert (assessment.causes.columns, assessment.causes.k_without["number"]) == (("number",), 10)
    (reason,) = assessment.reasons
    assert (reason.rule, reason.columns, reason.figure, reason.limit) == ("k", ("number",), 1, 5)
    assert reason.text.endswith("number: 40 records in classes that are too small; without number k were 10")
    assert [(one.rule, one.columns) for one in undeclared.reasons] == [("found_share", ("number",))]
    assert (undeclared.passes, undeclared.as_json()["found"][0]["kind"]) == (False, "key")
