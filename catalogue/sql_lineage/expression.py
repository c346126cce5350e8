"""What an SQL expression makes its value of. What only chooses rows (FILTER, ORDER BY, PARTITION BY) is not in the value."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from sqlglot import exp

from catalogue.sql_lineage.scope import Scope, parts_of
from catalogue.sql_lineage.shape import NOTHING, Shape, Unresolved, joined
from warehouse.engines.duckdb.engine import function_names

# The place of a row among others says something of what they are ordered by.
_RANKS = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile)
# They give one of the values that they are given, or a list of them, and what stands in it stays what it is.
_CHOOSING = (
    exp.Max,
    exp.Min,
    exp.AnyValue,
    exp.First,
    exp.Last,
    exp.FirstValue,
    exp.LastValue,
    exp.NthValue,
    exp.Lag,
    exp.Lead,
)
_CHOOSING_BY = (exp.ArgMax, exp.ArgMin)
_SAME_VALUE = (exp.Paren, exp.Alias, exp.IgnoreNulls, exp.RespectNulls)
# Words of the language, which hold no value.
_WORDS = (exp.DataType, exp.Var, exp.JSONPath, exp.Boolean, exp.Null, exp.WindowSpec)
_TEXTS = frozenset({exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.CHAR})


def value_of(node: exp.Expr, scope: Scope) -> Shape:
    """Raises Unresolved where a name in it is not known, or a function that is not the engine's own."""
    for kinds, way in _WAYS:
        if isinstance(node, kinds):
            return way(node, scope)
    return _anything(node, scope)


def _anything(node: exp.Expr, scope: Scope) -> Shape:
    """Whatever it does: made of all that it is given."""
    if isinstance(node, exp.Anonymous):
        name = str(node.this).lower()
        if name not in function_names():
            raise Unresolved(f"{name}() is no function of the engine")
        if name == "to_json" and len(node.expressions) == 1:
            return replace(value_of(node.expressions[0], scope), text=None, is_json=True)
    return joined([NOTHING, *(value_of(child, scope) for child in _children(node))]).flat


def _children(node: exp.Expr) -> Iterator[exp.Expr]:
    # A name beside a value (an alias, a parameter, a part of a structure) is none itself.
    named = node.this if isinstance(node, exp.PropertyEQ | exp.Kwarg) else None
    return (child for child in node.iter_expressions() if child is not named)


def _same(node: exp.Expr, scope: Scope) -> Shape:
    return value_of(node.this, scope)


def _ordered(node: exp.Order, scope: Scope) -> Shape:
    """`list(x ORDER BY y)` is made of x; `quantile(0.5) WITHIN GROUP (ORDER BY x)` has nothing else to be made of."""
    return value_of(node.this, scope) if node.this else _anything(node, scope)


def _distinct(node: exp.Distinct, scope: Scope) -> Shape:
    return joined(value_of(part, scope) for part in node.expressions)


def _column(node: exp.Column, scope: Scope) -> Shape:
    if isinstance(node.this, exp.Star):
        return scope.find([node.table.lower()]).flat
    parts = [part.name.lower() for part in node.parts]
    return NOTHING if parts[0] in scope.names else scope.find(parts)


def _comprehension(node: exp.Comprehension, scope: Scope) -> Shape:
    return _anything(node, replace(scope, names=scope.names | {node.expression.name.lower()}))


def _identifier(node: exp.Identifier, scope: Scope) -> Shape:
    return NOTHING if node.name.lower() in scope.names else scope.find([node.name.lower()])


def _literal(node: exp.Literal, scope: Scope) -> Shape:
    return Shape(text=node.name) if node.is_string else NOTHING


def _cast(node: exp.Cast, scope: Scope) -> Shape:
    value = value_of(node.this, scope)
    if node.to.this not in _TEXTS:
        return value.without_text
    return value if value.fields is None else replace(value, is_json=True)


def _struct(node: exp.Struct, scope: Scope) -> Shape:
    parts = node.expressions
    if not all(isinstance(part, exp.PropertyEQ) for part in parts):
        return _anything(node, scope)
    return Shape(fields={part.name.lower(): value_of(part.expression, scope) for part in parts})


def _array(node: exp.Array, scope: Scope) -> Shape:
    if any(isinstance(part, exp.Comprehension | exp.Query) for part in node.expressions):
        return _anything(node, scope)
    return Shape(items=tuple(value_of(part, scope) for part in node.expressions))


def _bracket(node: exp.Bracket, scope: Scope) -> Shape:
    whole, keys = value_of(node.this, scope), node.expressions
    if len(keys) == 1 and isinstance(keys[0], exp.Literal) and keys[0].is_string:
        return whole.part(keys[0].name)
    chosen = joined([NOTHING, *(value_of(key, scope) for key in keys)]).all_origins
    return (whole.element if whole.items is not None else whole.flat).made_of(chosen)


def _dot(node: exp.Dot, scope: Scope) -> Shape:
    if isinstance(node.expression, exp.Identifier):
        return value_of(node.this, scope).part(node.expression.name)
    return _anything(node, scope)


def _struct_extract(node: exp.StructExtract, scope: Scope) -> Shape:
    if isinstance(node.expression, exp.Literal) and node.expression.is_string:
        return value_of(node.this, scope).part(node.expression.name)
    return _anything(node, scope)


def _json_part(node: exp.JSONExtract, scope: Scope) -> Shape:
    steps = node.expression.expressions if isinstance(node.expression, exp.JSONPath) else []
    names = [step.this for step in steps[1:] if type(step) is exp.JSONPathKey and isinstance(step.this, str)]
    if not steps or len(names) + 1 != len(steps):
        return _anything(node, scope)
    return parts_of(value_of(node.this, scope), names).without_text


def _case(node: exp.Case, scope: Scope) -> Shape:
    """Its conditions are in its value. A condition that constant texts decide leaves no choice."""
    asked: list[exp.Expr] = [node.this] if node.this else []
    values = []
    for branch in node.args["ifs"]:
        outcome = None if node.this else decided(branch.this, scope)
        if outcome is False:
            continue
        values.append(value_of(branch.args["true"], scope))
        if outcome:
            return _choice(values, asked, scope)
        asked.append(branch.this)
    default = node.args.get("default")
    return _choice([*values, value_of(default, scope) if default else NOTHING], asked, scope)


def _if(node: exp.If, scope: Scope) -> Shape:
    outcome, other = decided(node.this, scope), node.args.get("false")
    kept = [node.args["true"]] if outcome else [other] if outcome is False else [node.args["true"], other]
    values = [NOTHING if part is None else value_of(part, scope) for part in kept]
    return _choice(values, [] if outcome is not None else [node.this], scope)


def _choice(values: list[Shape], asked: list[exp.Expr], scope: Scope) -> Shape:
    of_conditions = [value_of(condition, scope).all_origins for condition in asked]
    return joined([*values, NOTHING][: max(len(values), 1)]).made_of(frozenset().union(*of_conditions))


def _coalesce(node: exp.Coalesce, scope: Scope) -> Shape:
    return joined(value_of(part, scope) for part in [node.this, *node.expressions])


def _filter(node: exp.Filter, scope: Scope) -> Shape:
    return NOTHING if decided(node.expression.this, scope) is False else value_of(node.this, scope)


def _chosen(node: exp.Expr, scope: Scope) -> Shape:
    # max(x, 3) is a list of the three greatest, lag(x, 1, y) may be y.
    others = [child for child in _children(node) if child is not node.this]
    return joined(value_of(part, scope).without_text for part in [node.this, *others])


def _chosen_by(node: exp.Expr, scope: Scope) -> Shape:
    return value_of(node.this, scope).without_text


def _listed(node: exp.ArrayAgg, scope: Scope) -> Shape:
    return Shape(items=(value_of(node.this, scope).without_text,))


def _window(node: exp.Window, scope: Scope) -> Shape:
    """Over all rows of its partition, which may be of other kinds; a rank is also made of what it is ordered by."""
    named = scope.windows.get(node.alias.lower()) if node.alias else None
    partition = [*(node.args.get("partition_by") or []), *((named.args.get("partition_by") or []) if named else [])]
    order = [part for spec in (node, named) if spec is not None and (part := spec.args.get("order"))]
    is_rank = isinstance(node.this, _RANKS)
    found = []
    for other in scope.others or [scope]:
        if all(_may_be_equal(value_of(key, scope), value_of(key, other)) for key in partition):
            found.append(value_of(node.this, other))
            found += [_anything(part, other) for part in order if is_rank]
    return joined(found).without_text


def _may_be_equal(one: Shape, other: Shape) -> bool:
    return one.text is None or other.text is None or one.text == other.text


def _subquery(node: exp.Expr, scope: Scope) -> Shape:
    """One that asks by values of its surroundings looks something up by them: they are in what it finds."""
    around = replace(scope, asked=set())
    answer = scope.answer(node, around)
    return joined(shape for row in answer for shape in row.values()).without_text.made_of(around.asked)


def _exists(node: exp.Exists, scope: Scope) -> Shape:
    """That something is there says something of what was asked for."""
    query = node.this.copy()
    if isinstance(query, exp.Select):
        asked = [column.copy() for part in query.find_all(exp.Where) for column in part.find_all(exp.Column)]
        query.set("expressions", asked or [exp.null()])
    return _subquery(query, scope).flat


def _in(node: exp.In, scope: Scope) -> Shape:
    query = node.args.get("query")
    parts = [
        node.this,
        *node.expressions,
        *([query] if query else []),
        *filter(None, [node.args.get("field"), node.args.get("unnest")]),
    ]
    return joined(value_of(part, scope) for part in parts).flat


def _lambda(node: exp.Lambda, scope: Scope) -> Shape:
    names = scope.names | {name.name.lower() for name in node.expressions}
    return value_of(node.this, replace(scope, names=names)).flat


def _star(node: exp.Star, scope: Scope) -> Shape:
    return NOTHING if isinstance(node.parent, exp.Count) else scope.everything()


def _unknown(node: exp.Expr, scope: Scope) -> Shape:
    raise Unresolved(f"{node.sql(dialect='duckdb')[:80]} names no columns")


def _word(node: exp.Expr, scope: Scope) -> Shape:
    return NOTHING


def decided(condition: exp.Expr | None, scope: Scope) -> bool | None:
    """Whether a condition holds in all rows of this kind (True) or in none (False), by their constant texts; None otherwise."""
    if isinstance(condition, exp.Paren):
        return decided(condition.this, scope)
    if isinstance(condition, exp.And | exp.Or):
        return _both(condition, scope)
    if isinstance(condition, exp.EQ):
        one, other = (_text(side, scope) for side in (condition.this, condition.expression))
        return None if one is None or other is None else one == other
    if isinstance(condition, exp.In) and condition.expressions and not condition.args.get("query"):
        one, others = _text(condition.this, scope), [_text(part, scope) for part in condition.expressions]
        return None if one is None or None in others else one in others
    return None


def _both(condition: exp.And | exp.Or, scope: Scope) -> bool | None:
    outcomes = [decided(side, scope) for side in (condition.left, condition.right)]
    settled = isinstance(condition, exp.Or)
    if settled in outcomes:
        return settled
    return None if None in outcomes else not settled


def _text(node: exp.Expr, scope: Scope) -> str | None:
    try:
        return value_of(node, scope).text
    except Unresolved:
        return None


_WAYS: list[tuple[Any, Callable[[Any, Scope], Shape]]] = [
    (_SAME_VALUE, _same), (exp.Order, _ordered), (exp.Distinct, _distinct), (exp.Comprehension, _comprehension),
    (exp.Column, _column), (exp.Identifier, _identifier), (exp.Literal, _literal), (exp.Cast, _cast), (exp.Struct, _struct),
    (exp.Array, _array), (exp.Bracket, _bracket), (exp.Dot, _dot), (exp.StructExtract, _struct_extract),
    ((exp.JSONExtract, exp.JSONExtractScalar), _json_part), (exp.Case, _case), (exp.If, _if), (exp.Coalesce, _coalesce),
    (exp.Filter, _filter), (_CHOOSING, _chosen), (_CHOOSING_BY, _chosen_by), (exp.ArrayAgg, _listed), (exp.Window, _window),
    (exp.Exists, _exists), (exp.In, _in), (exp.Query, _subquery), (exp.Lambda, _lambda), (exp.Star, _star),
    ((exp.Columns, exp.Parameter, exp.SessionParameter, exp.Placeholder, exp.Pivot), _unknown), (_WORDS, _word),
]  # fmt: skip
