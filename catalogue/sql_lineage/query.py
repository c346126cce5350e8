"""What a query's columns are made of: FROM, joins, SELECT, unions, CTEs and what stands in them.

What WHERE, JOIN … ON, GROUP BY, HAVING, QUALIFY and ORDER BY ask only chooses rows: it is not in their columns. Two
exceptions, because they translate a value: a code list (a seed) is made of what it is joined by as well, and so is a
subquery that asks by values of the query around it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlglot import exp

from catalogue.sql_lineage.expression import value_of
from catalogue.sql_lineage.scope import Scope
from catalogue.sql_lineage.select import Select, taken_apart
from catalogue.sql_lineage.shape import NOTHING, Field, Relation, Unresolved, joined, reduced

# The engine's own tables and table functions that hold nothing of what agencies send, and their columns.
_OF_THE_ENGINE = {"pg_timezone_names": ("name", "abbrev", "utc_offset", "is_dst")}
_MOST_ROUNDS = 20


@dataclass(frozen=True)
class Reader:
    """`relation` gives what a named table holds, `is_code` whether a field is of a code list; `ctes` are those of the queries around.
    `chosen` gathers the fields by which rows are chosen or joined, whether they are in a column or not.
    """

    relation: Callable[[exp.Table], Relation]
    is_code: Callable[[Field], bool]
    ctes: dict[str, Relation]
    chosen: set[Field] = field(default_factory=set)

    def read(self, query: exp.Expr, outer: Scope | None = None) -> Relation:
        """The kinds of rows that a query gives. Raises Unresolved."""
        reader = self._with_ctes(query, outer)
        if isinstance(query, exp.Select):
            return Select(reader, query, outer).rows()
        if isinstance(query, exp.SetOperation):
            return reader._set_operation(query, outer)
        if isinstance(query, exp.Subquery):
            return reader.read(query.this, outer) if not query.args.get("joins") else reader.source(query, outer)
        if isinstance(query, exp.Values | exp.Table):
            return reader.source(query, outer)
        raise Unresolved(f"{type(query).__name__.upper()} is no query that can be followed")

    def _with_ctes(self, query: exp.Expr, outer: Scope | None) -> "Reader":
        reader, with_ = self, query.args.get("with_")
        if with_ is None:
            return reader
        for cte in with_.expressions:
            name, columns = cte.alias.lower(), [column.name for column in cte.args["alias"].columns]
            if with_.args.get("recursive") and any(
                table.name.lower() == name for table in cte.this.find_all(exp.Table)
            ):
                rows = reader._recursive(name, cte.this, columns, outer)
            else:
                rows = _renamed(reader.read(cte.this, outer), columns)
            reader = replace(reader, ctes=reader.ctes | {name: rows})
        return reader

    def _recursive(self, name: str, query: exp.Expr, columns: list[str], outer: Scope | None) -> Relation:
        """Until a further round adds nothing."""
        if not isinstance(query, exp.Union):
            raise Unresolved(f"the recursive query {name} is no union")
        rows = _renamed(self.read(query.this, outer), columns)
        for _ in range(_MOST_ROUNDS):
            reader = replace(self, ctes=self.ctes | {name: rows})
            more = reduced([*rows, *_in_the_place_of(rows, reader.read(query.expression, outer))])
            if more == rows:
                return rows
            rows = more
        raise Unresolved(f"the recursive query {name} does not come to an end")

    def _set_operation(self, query: exp.SetOperation, outer: Scope | None) -> Relation:
        left, right = self.read(query.this, outer), self.read(query.expression, outer)
        if not query.args.get("by_name"):
            return reduced([*left, *_in_the_place_of(left, right)])
        names = dict.fromkeys([*left[0], *right[0]], NOTHING)
        return reduced([{**names, **row} for row in (*left, *right)])

    def source(self, node: exp.Expr, outer: Scope | None) -> Relation:
        """What stands in FROM under one name."""
        if node.args.get("pivots"):
            raise Unresolved("PIVOT makes its columns of values")
        if isinstance(node, exp.Lateral):
            return self.source(node.this, outer)
        if isinstance(node, exp.Subquery):
            rows = self.read(node.this, outer)
        elif isinstance(node, exp.Values):
            rows = _values(node, self._scope(outer))
        elif isinstance(node, exp.Unnest | exp.Explode):
            rows = _unnested(node, self._scope(outer))
        elif isinstance(node, exp.Table):
            rows = self._table(node, outer)
        elif isinstance(node, exp.Query):
            rows = self.read(node, outer)
        else:
            raise Unresolved(f"{node.sql(dialect='duckdb')[:80]} cannot be followed")
        return _renamed(rows, [column.name for column in _alias_columns(node)])

    def _scope(self, outer: Scope | None) -> Scope:
        return Scope({}, self.answer, outer)

    def answer(self, query: exp.Expr, scope: Scope) -> Relation:
        return self.read(query, scope)

    def _table(self, node: exp.Table, outer: Scope | None) -> Relation:
        called = node.this
        if isinstance(called, exp.Identifier):
            if not node.db and called.name.lower() in self.ctes:
                return self.ctes[called.name.lower()]
            return self.relation(node)
        if isinstance(called, exp.GenerateSeries):
            made_of = joined(
                [NOTHING, *(value_of(part, self._scope(outer)) for part in called.iter_expressions())]
            ).flat
            return [{"range" if called.args.get("is_end_exclusive") else "generate_series": made_of}]
        name = (called.name or called.sql_name()).lower()
        if name in _OF_THE_ENGINE:
            return [dict.fromkeys(_OF_THE_ENGINE[name], NOTHING)]
        raise Unresolved(f"nobody knows what {name}() reads")


def _alias_columns(node: exp.Expr) -> list[exp.Expr]:
    alias = node.args.get("alias")
    return list(alias.args.get("columns") or []) if isinstance(alias, exp.TableAlias) else []


def _renamed(rows: Relation, names: list[str]) -> Relation:
    """With the first columns called as said."""
    if not names:
        return rows
    return [
        {
            **dict(zip([name.lower() for name in names], row.values(), strict=False)),
            **dict(list(row.items())[len(names) :]),
        }
        for row in rows
    ]


def _in_the_place_of(left: Relation, right: Relation) -> Relation:
    """The second half of a union, under the names of the first."""
    names = list(left[0])
    if any(len(row) != len(names) for row in right):
        raise Unresolved("the halves of a union have different columns")
    return [dict(zip(names, row.values(), strict=True)) for row in right]


def _values(node: exp.Values, scope: Scope) -> Relation:
    rows = [
        {
            f"col{at}": value_of(part, scope)
            for at, part in enumerate(line.expressions if isinstance(line, exp.Tuple) else [line])
        }
        for line in node.expressions
    ]
    return reduced(rows)


def _unnested(node: exp.Unnest | exp.Explode, scope: Scope) -> Relation:
    given = node.expressions if isinstance(node, exp.Unnest) else [node.this, *node.expressions]
    lists = [part for part in given if not isinstance(part, exp.PropertyEQ | exp.Kwarg)]
    element = joined(value_of(part, scope).element for part in lists)
    return [{"unnest": element}] if len(lists) == len(given) else [taken_apart(element)]
