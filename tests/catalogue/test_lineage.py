"""Lineage of columns: exact where it can be, never less than what the engine really puts into a column."""

import json
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.dbt_manifest import read_manifests, resources_of
from catalogue.lineage import Lineage
from orchestration.dbt import modelled_contracts, prepare
from tests.catalogue.dbt_manifest import PEOPLE, lineage, model
from warehouse.engines.duckdb.functions import register_functions
from warehouse.home import Home

T = "accepted.hospital__patient"

# A query, and what each of its columns is made of; of a constant or a count nothing.
EXACT: list[tuple[str, dict[str, str]]] = [
    (f"select number as n, town from {T}", {"n": "number", "town": "town"}),
    (f"select * exclude (name, born, diagnosis, tags, unsaid, _source_key, kind) from {T}", {"number": "number", "town": "town"}),
    (f"select * exclude (name, born, diagnosis, tags, unsaid, _source_key, kind) replace (upper(town) as number) from {T}", {"number": "town", "town": "town"}),
    (f"select p.town, 'x' as constant, count(*) as people from {T} as p where number = '1' group by p.town", {"town": "town", "constant": "", "people": ""}),
    (f"with a as (select number as x, town as y from {T}), b as (select y, x from a) select y as first, x as last from b", {"first": "town", "last": "number"}),
    (f"select town as a from {T} union all select number from {T}", {"a": "number town"}),
    (f"select town as a, kind as b from {T} union all by name select number as b from {T}", {"a": "town", "b": "kind number"}),
    (f"select s.b as x, s['a'] as y, struct_extract(s, 'a') as z from (select {{'a': number, 'b': town}} as s from {T})", {"x": "town", "y": "number", "z": "number"}),
    (f"select s.inner.b as x from (select {{'inner': {{'a': number, 'b': town}}}} as s from {T})", {"x": "town"}),
    (f"select unnest([{{'k': 'number', 'v': number}}, {{'k': 'town', 'v': town}}], recursive := true) from {T}", {"k": "", "v": "number town"}),
    (
        f"with v as (select unnest([{{'k': 'number', 'v': number}}, {{'k': 'town', 'v': town}}], recursive := true) from {T}) "
        "select max(v) filter (where k = 'town') as a, max(case when k = 'number' then v end) as b, max(v) as c from v",
        {"a": "town", "b": "number", "c": "number town"},
    ),
    (
        f"with u as (select 'person' as what, number as v from {T} union all select 'place', town from {T}) "
        "select v from u where what = 'place'", {"v": "town"},
    ),
    (
        f"with u as (select 'person' as what, number as v from {T} union all select 'place', town from {T}) "
        "select what, max(v) as v, count(*) over (partition by what) as c from u group by what", {"what": "", "v": "number town", "c": ""},
    ),
    (f"select to_json({{'a': number, 'b': town}})::varchar::json ->> 'b' as x from {T}", {"x": "town"}),
    (f"select l.value as x from {T} as p, lateral (select p.number as value) as l", {"x": "number"}),
    (f"select t.x from {T} as p cross join unnest(p.tags) as t (x)", {"x": "tags"}),
    (f"select (select max(q.number) from {T} as q where q.town = p.town) as x from {T} as p", {"x": "number town"}),
    (f"select case when number is null then town else kind end as x from {T}", {"x": "kind number town"}),
    (f"select min_by(town, number) as a, list(kind order by number) as b from {T}", {"a": "town", "b": "kind"}),
    (f"select row_number() over (partition by town order by number) as a, max(kind) over (order by number) as b from {T}", {"a": "number", "b": "kind"}),
    (f"select lag(town, 1, number) over w as a from {T} window w as (order by born)", {"a": "number town"}),
    (f"select c.label as x, p.town as y from {T} as p left join seeds.codes as c on p.diagnosis = c.code", {"x": "diagnosis label", "y": "town"}),
    (f"select a.town as x from {T} as a join {T} as b on a.number = b.number", {"x": "town"}),
    (f"select town as x, x || kind as y from {T}", {"x": "town", "y": "kind town"}),
    (f"select list_transform(tags, lambda name: name || town) as x from {T}", {"x": "tags town"}),
    (f"select [tag || kind for tag in tags if tag <> number] as x from {T}", {"x": "kind number tags"}),
    (f"from {T} select town", {"town": "town"}),
    (f"select exists(select 1 from {T} as q where q.number = p.number) as x from {T} as p", {"x": "number"}),
    (f"select p as whole from (select number, town from {T}) as p", {"whole": "number town"}),
    (f"with recursive r as (select number as a, town as b from {T} union select b, a from r) select a from r", {"a": "number town"}),
    (f"select v.x from {T} as p cross join (values (1), (2)) as v (x)", {"x": ""}),
    (f"select x from {T} as p (x, y)", {"x": "number"}),
    (f"select distinct on (number) town as a from {T} qualify row_number() over (order by number) = 1", {"a": "town"}),
]  # fmt: skip

# What nobody can follow is said to be so.
UNRESOLVED = [
    "select * from read_csv('somewhere.csv')",
    "select * from 'somewhere.parquet'",
    "select * from nowhere.nothing",
    f"pivot {T} on town using max(number)",
    f"select columns('n.*') from {T}",
    f"select my_own_macro(town) as x from {T}",
    "select getvariable('kept') as x",
    f"select unknown_column from {T}",
    f"from {T} unpivot (v for k in (number, town))",
    f"select 1 as x; select number from {T}",
    "select * from query('select 1')",
]


@pytest.mark.parametrize(("sql", "expected"), EXACT)
def test_a_column_is_made_of_what_its_query_says(sql: str, expected: dict[str, str]) -> None:
    made = lineage(model("m", sql))
    assert made.faults == {}
    found = {
        column: " ".join(sorted(field.column for field in made.trace("marts.m", column).fields))
        for column in made.columns("marts.m")
    }
    # Of a code list what it is joined by counts; its own key is not asked for here.
    assert {column: origins.replace("code ", "") for column, origins in found.items()} == expected


@pytest.mark.parametrize("sql", UNRESOLVED)
def test_what_cannot_be_followed_is_a_fault_and_so_is_what_reads_it(sql: str) -> None:
    made = lineage(model("m", sql), model("reader", "select * from marts.m"))
    assert set(made.faults) == {"marts.m", "marts.reader"}


@pytest.fixture(scope="module")
def patients() -> duckdb.DuckDBPyConnection:
    """One patient whose every value is the name of its column, so that it is seen where it goes."""
    connection = duckdb.connect()
    register_functions(connection)
    values = ", ".join(f"['<{name}>'] AS {name}" if name == "tags" else f"'<{name}>' AS {name}" for name in PEOPLE)
    connection.execute(f"CREATE SCHEMA accepted; CREATE SCHEMA seeds; CREATE TABLE {T} AS SELECT {values}")
    connection.execute("CREATE TABLE seeds.codes AS SELECT '<diagnosis>' AS code, 'a label' AS label")
    return connection


@pytest.mark.parametrize("sql", [sql for sql, _ in EXACT])
def test_the_engine_puts_nothing_else_into_a_column(sql: str, patients: duckdb.DuckDBPyConnection) -> None:
    unseen(sql, patients)


def unseen(sql: str, patients: duckdb.DuckDBPyConnection) -> None:
    made = lineage(model("m", sql))
    answer = patients.sql(sql)
    rows = answer.fetchall()
    assert made.faults == {}
    assert [name.lower() for name in answer.columns] == made.columns("marts.m")
    for at, column in enumerate(answer.columns):
        said = {field.column for field in made.trace("marts.m", column.lower()).fields}
        seen = {name for name in PEOPLE if any(f"<{name}>".lower() in str(row[at]).lower() for row in rows)}
        assert seen <= said, f"{column} of {sql} has {seen - said}"


COLUMNS = st.sampled_from(["number", "town", "kind", "name"])


@st.composite
def queries(draw: st.DrawFn, depth: int = 3) -> str:
    """Queries with the columns a and b, one in another."""
    if depth == 0:
        return f"select {draw(COLUMNS)} as a, {draw(COLUMNS)} as b from {T}"
    inner, other = draw(queries(depth=depth - 1)), draw(queries(depth=0))
    first, last = draw(st.sampled_from([("a", "b"), ("b", "a"), ("a", "a")]))
    text = draw(st.sampled_from(["x", "y"]))
    return draw(
        st.sampled_from([
            f"select {first} as a, {last} as b from ({inner})",
            f"select a, b from ({inner}) union all select {first}, {last} from ({other})",
            f"select a, b from ({inner}) union all by name select {last} as b, {first} as a from ({other})",
            f"with c as ({inner}) select x.{first} as a, y.{last} as b from c as x cross join ({other}) as y",
            f"with c as (select {{'a': {first}, 'b': {last}}} as s from ({inner})) select s.b as a, s['a'] as b from c",
            f"with c as (select unnest([{{'k': 'x', 'v': {first}}}, {{'k': 'y', 'v': {last}}}], recursive := true) from ({inner})) "
            f"select max(v) filter (where k = '{text}') as a, max(case when k <> '{text}' then v end) as b from c",
            f"with c as (select 'x' as k, a, b from ({inner}) union all select 'y', {first}, {last} from ({other})) "
            f"select a, b from c where k = '{text}'",
            f"with c as (select 'x' as k, a, b from ({inner}) union all select 'y', {first}, {last} from ({other})) "
            f"select max(a) as a, any_value(b) as b from c group by k",
            f"with c as (select 'x' as k, a, b from ({inner}) union all select 'y', {first}, {last} from ({other})) "
            f"select max(a) over () as a, max(b) over (partition by k) as b from c",
            f"with c as (select 'x' as k, a, b from ({inner})), d as (select 'y' as k, a, b from ({other})) "
            f"select coalesce(d.a, c.a) as a, case when d.k = 'y' then d.b else c.b end as b from c left join d on c.a = d.a",
            f"select (select max({first}) from ({other}) as q where q.b = p.b) as a, list_transform([a, b], lambda z: z || p.{last})[1] as b from ({inner}) as p",
            f"select to_json({{'q': {first}, 'r': {last}}}) ->> 'r' as a, b from ({inner})",
        ])
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(sql=queries())
def test_no_query_has_more_in_a_column_than_its_lineage_says(sql: str) -> None:
    connection = duckdb.connect()
    values = ", ".join(f"['<{name}>'] AS {name}" if name == "tags" else f"'<{name}>' AS {name}" for name in PEOPLE)
    connection.execute(f"CREATE SCHEMA accepted; CREATE TABLE {T} AS SELECT {values}")
    unseen(sql, connection)


@pytest.fixture(scope="module")
def country(country_models: None, tmp_path_factory: pytest.TempPathFactory) -> Lineage:
    """Of the models of this repository, compiled."""
    manifest = prepare(modelled_contracts(), Home(tmp_path_factory.mktemp("home")))
    return Lineage(resources_of(read_manifests([manifest])))


GOLDEN = json.loads((Path(__file__).parent / "golden_lineage.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("column", GOLDEN)
def test_columns_of_people_lead_to_the_fields_that_they_are_made_of(column: str, country: Lineage) -> None:
    schema, table, name = column.split(".")
    fields = {
        f"{country.resources[field.relation].label}.{field.column}"
        for field in country.trace(f"{schema}.{table}", name).fields
    }
    assert sorted(fields) == GOLDEN[column]


def test_every_model_can_be_followed_to_single_fields(country: Lineage) -> None:
    assert country.faults == {}
