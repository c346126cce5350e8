"""One SELECT: the rows that FROM joins, by their kinds, and what the columns of the answer make of them."""

from typing import TYPE_CHECKING

from sqlglot import exp

from catalogue.sql_lineage.expression import decided, value_of
from catalogue.sql_lineage.scope import Scope
from catalogue.sql_lineage.shape import Field, Relation, Row, Shape, Unresolved, merged, reduced

if TYPE_CHECKING:
    from catalogue.sql_lineage.query import Reader

# Beyond so many kinds of joined rows they are taken as one.
_MOST_JOINED = 256


class Select:
    """One SELECT: its joined rows by kind, and what it makes of them."""

    def __init__(self, reader: "Reader", query: exp.Select, outer: Scope | None) -> None:
        for part in ("laterals", "pivots", "match", "into"):
            if query.args.get(part):
                raise Unresolved(f"{part.upper()} cannot be followed")
        self.reader, self.query, self.outer = reader, query, outer
        self.windows = {window.name.lower(): window for window in query.args.get("windows") or []}
        # Of columns that a join takes as one, SELECT * has the first.
        self.doubled: set[tuple[str, str]] = set()

    def rows(self) -> Relation:
        kinds = [Scope(tables, self.reader.answer, self.outer, windows=self.windows) for tables in self._joined()]
        where = self.query.args.get("where")
        kinds = [kind for kind in kinds if where is None or decided(where.this, kind) is not False] or kinds[:1]
        for kind in kinds:
            kind.others = kinds
            self._translate(kind)
            self.reader.chosen.update(self._choosing(kind))
        made: list[list[Row]] = [[{}] for _ in kinds]
        for projection in self.query.expressions:
            found = [self._projected(projection, kind) for kind in kinds]
            for at, (kind, alternatives) in enumerate(zip(kinds, found, strict=True)):
                made[at] = [_beside(row, more) for row in made[at] for more in alternatives]
                kind.aliases = kind.aliases | merged(alternatives)
        return reduced(self._grouped(kinds, made))

    def _translate(self, kind: Scope) -> None:
        """What chooses a row of a code list is in what that row says; what is asked of the query around is noted there."""
        joins = [join for join in self.query.args.get("joins") or [] if join.kind.upper() not in ("SEMI", "ANTI")]
        lists = [name for name, row in kind.tables.items() if self._is_code_list(row)]
        if not lists and self.outer is None:
            return
        asked = [(part, value_of(part, kind).all_origins) for part in self._conditions(joins)]
        for name in lists:
            row = kind.tables[name]
            by = [origins for part, origins in asked if _mentions(part, name, row)]
            by += [
                kind.find([column.name.lower()]).all_origins
                for join in joins
                for column in join.args.get("using") or []
            ]
            kind.tables[name] = {column: shape.made_of(frozenset().union(*by)) for column, shape in row.items()}

    def _conditions(self, joins: list[exp.Join]) -> list[exp.Expr]:
        whole = [join.args["on"] for join in joins if join.args.get("on")]
        whole += [self.query.args["where"].this] if self.query.args.get("where") else []
        return [
            part
            for condition in whole
            for part in (condition.flatten() if isinstance(condition, exp.And) else [condition])
        ]

    def _choosing(self, kind: Scope) -> frozenset[Field]:
        """The fields by which rows are chosen, joined or grouped; what is asked of the queries around is noted by `_translate`."""
        scopes, found = _with_those_around(kind), frozenset[Field]()
        noted = [(scope, set(scope.asked)) for scope in scopes]
        for join in self.query.args.get("joins") or []:
            seen = self._with_other_side(kind, join)
            found |= _origins([join.args["on"]] if join.args.get("on") else [], seen)
            for column in join.args.get("using") or []:
                found |= _origins([exp.column(column.name)], kind) | _origins([exp.column(column.name)], seen)
        clauses = ("where", "group", "having", "qualify")
        found |= _origins([self.query.args[name] for name in clauses if self.query.args.get(name)], kind)
        for scope, before in noted:
            scope.asked = before
        return found

    def _with_other_side(self, kind: Scope, join: exp.Join) -> Scope:
        """What the condition of a SEMI or ANTI join sees: its other side is in no column."""
        if join.kind.upper() not in ("SEMI", "ANTI"):
            return kind
        rows = self.reader.source(join.this, kind)
        name = (join.this.alias_or_name or "#other").lower()
        return Scope({**kind.tables, name: merged(rows)}, self.reader.answer, self.outer)

    def _is_code_list(self, row: Row) -> bool:
        origins = [field for shape in row.values() for field in shape.all_origins]
        return bool(origins) and all(self.reader.is_code(field) for field in origins)

    def _joined(self) -> list[dict[str, Row]]:
        """The tables of FROM and its joins, by the names that they have here."""
        source = self.query.args.get("from_")
        kinds: list[dict[str, Row]] = [{}]
        if source is not None:
            kinds = self._with(kinds, source.this, None)
            for join in [*(source.this.args.get("joins") or []), *(self.query.args.get("joins") or [])]:
                kinds = self._with(kinds, join.this, join)
                for inner in join.this.args.get("joins") or []:
                    kinds = self._with(kinds, inner.this, inner)
        return kinds

    def _with(self, kinds: list[dict[str, Row]], node: exp.Expr, join: exp.Join | None) -> list[dict[str, Row]]:
        kind, side = (join.kind.upper(), join.side.upper()) if join is not None else ("", "")
        if kind in ("SEMI", "ANTI"):
            return kinds
        around = Scope(_any_kind(kinds), self.reader.answer, self.outer)
        rows = self.reader.source(node, around)
        name = (node.alias_or_name or f"#{len(kinds[0])}").lower()
        if name in kinds[0]:
            raise Unresolved(f"two tables are called {name}")
        self._note_doubled(kinds[0], name, rows, join)
        if side in ("LEFT", "FULL"):
            rows = [_maybe_missing(row) for row in rows]
        if side in ("RIGHT", "FULL"):
            kinds = [{table: _maybe_missing(row) for table, row in tables.items()} for tables in kinds]
        on = join.args.get("on") if join is not None and not side else None
        together = [{**tables, name: row} for tables in kinds for row in rows]
        if on is not None:
            together = [
                tables for tables in together if decided(on, Scope(tables, self.reader.answer, self.outer)) is not False
            ] or together[:1]
        return together if len(together) <= _MOST_JOINED else [_any_kind(together)]

    def _note_doubled(self, tables: dict[str, Row], name: str, rows: Relation, join: exp.Join | None) -> None:
        if join is None:
            return
        using = {column.name.lower() for column in join.args.get("using") or []}
        if join.method.upper() == "NATURAL":
            using = {column for row in tables.values() for column in row} & set(rows[0])
        self.doubled |= {(name, column) for column in using}

    def _projected(self, node: exp.Expr, kind: Scope) -> list[Row]:
        """The columns of one entry of SELECT; several rows where it takes a list apart."""
        inner = node.unalias()
        if isinstance(node, exp.Star):
            return [self._starred(node, kind, kind.tables)]
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
            return [self._table_starred(node, kind)]
        if isinstance(inner, exp.Explode):
            return _exploded(inner, node.alias_or_name if isinstance(node, exp.Alias) else "unnest", kind)
        return [{(node.alias_or_name or node.sql(dialect="duckdb")).lower(): value_of(inner, kind)}]

    def _table_starred(self, node: exp.Column, kind: Scope) -> Row:
        name = node.table.lower()
        if name in kind.tables:
            return self._starred(node.this, kind, {name: kind.tables[name]}, is_whole=True)
        # structure.*
        parts = kind.find([name]).fields
        if parts is None:
            raise Unresolved(f"{name}.* names no columns")
        return dict(parts)

    def _starred(self, star: exp.Star, kind: Scope, tables: dict[str, Row], is_whole: bool = False) -> Row:
        left_out = {column.name.lower() for column in star.args.get("except_") or []}
        replaced = {part.alias.lower(): value_of(part.this, kind) for part in star.args.get("replace") or []}
        renamed = {part.this.name.lower(): part.alias.lower() for part in star.args.get("rename") or []}
        row: Row = {}
        for table, columns in tables.items():
            for name, shape in columns.items():
                if name in left_out or (not is_whole and (table, name) in self.doubled):
                    continue
                _beside_one(row, renamed.get(name, name), replaced.get(name, shape))
        return row

    def _grouped(self, kinds: list[Scope], made: list[list[Row]]) -> Relation:
        """Rows of several kinds fall into one group, unless a constant text that tells them apart is grouped by."""
        rows = [row for alternatives in made for row in alternatives]
        group = self.query.args.get("group")
        if group is None:
            return [merged(rows)] if self._is_aggregate() else rows
        if any(group.args.get(kind) for kind in ("rollup", "cube", "grouping_sets", "totals")):
            return [_maybe_missing(merged(rows))]
        keys: list[list[str | None]] = [
            self._group_key(group, kind, row)
            for kind, alternatives in zip(kinds, made, strict=True)
            for row in alternatives
        ]
        # What is not a constant text in every kind may be the same in all of them.
        telling = [all(key[at] is not None for key in keys) for at in range(len(keys[0]))]
        groups: dict[tuple[str | None, ...], list[Row]] = {}
        for key, row in zip(keys, rows, strict=True):
            told = tuple(text for text, tells in zip(key, telling, strict=True) if tells)
            groups.setdefault(told, []).append(row)
        return [merged(alike) for alike in groups.values()]

    def _group_key(self, group: exp.Group, kind: Scope, row: Row) -> list[str | None]:
        if group.args.get("all"):
            plain = [part for part in self.query.expressions if not part.find(exp.AggFunc)]
            return [row[part.alias_or_name.lower()].text for part in plain if part.alias_or_name.lower() in row]
        return [self._key_text(part, kind, row) for part in group.expressions]

    def _key_text(self, part: exp.Expr, kind: Scope, row: Row) -> str | None:
        if isinstance(part, exp.Literal) and not part.is_string:
            return list(row.values())[int(part.name) - 1].text
        return value_of(part, kind).text

    def _is_aggregate(self) -> bool:
        return any(
            found.find_ancestor(exp.Subquery, exp.Window) is None
            for projection in self.query.expressions
            for found in projection.find_all(exp.AggFunc)
        )


def _mentions(condition: exp.Expr, table: str, row: Row) -> bool:
    return any(
        column.table.lower() == table or (not column.table and column.name.lower() in row)
        for column in condition.find_all(exp.Column)
    )


def _maybe_missing(row: Row) -> Row:
    """The side of an outer join that may have no row: its texts may be null."""
    return {name: shape.without_text for name, shape in row.items()}


def _any_kind(kinds: list[dict[str, Row]]) -> dict[str, Row]:
    return {table: merged([tables[table] for tables in kinds]) for table in kinds[0]}


def _beside(row: Row, more: Row) -> Row:
    together = dict(row)
    for name, shape in more.items():
        _beside_one(together, name, shape)
    return together


def _beside_one(row: Row, name: str, shape: Shape) -> None:
    """The engine calls a second column of one name name_1, a third name_2."""
    called, number = name, 0
    while called in row:
        number += 1
        called = f"{name}_{number}"
    row[called] = shape


def _exploded(node: exp.Explode, name: str, scope: Scope) -> list[Row]:
    """One row for each element whose fields are told; with `recursive`, its parts as columns."""
    value = value_of(node.this, scope)
    if value.fields is not None and value.items is None:
        # unnest(structure): its parts become columns.
        return [taken_apart(value)]
    elements = [item.made_of(value.origins) for item in value.items] if value.items else [value.element]
    if not any(isinstance(part, exp.PropertyEQ | exp.Kwarg) for part in node.expressions):
        return reduced([{name.lower(): element} for element in elements])
    rows = [taken_apart(element) for element in elements]
    if any(row.keys() != rows[0].keys() for row in rows):
        raise Unresolved("the structures of a list have different parts")
    return reduced(rows)


def taken_apart(value: Shape) -> Row:
    if value.fields is None or value.is_json:
        raise Unresolved("unnest() takes apart what is not known to be a structure")
    row: Row = {}
    for name, part in value.fields.items():
        whole = part.made_of(value.origins)
        row |= {name: whole} if whole.fields is None or whole.is_json else taken_apart(whole)
    return row


def _with_those_around(scope: Scope) -> list[Scope]:
    found: list[Scope] = []
    here: Scope | None = scope
    while here is not None:
        found.append(here)
        here = here.outer
    return found


def _origins(parts: list[exp.Expr], scope: Scope) -> frozenset[Field]:
    """The fields that expressions are made of, column by column; what cannot be followed there is any field that they may see."""
    found = frozenset[Field]()
    for part in parts:
        columns = [
            column
            for column in part.find_all(exp.Column)
            if column.find_ancestor(exp.Query) is part.find_ancestor(exp.Query)
        ]
        for column in columns:
            try:
                found |= value_of(column, scope).all_origins
            except Unresolved:
                # A name that the SELECT gives: its value is in a column.
                continue
        for query in part.find_all(exp.Subquery, exp.Exists, exp.In):
            found |= _of_subquery(query, scope)
    return found


def _of_subquery(node: exp.Expr, scope: Scope) -> frozenset[Field]:
    query = node.args.get("query") if isinstance(node, exp.In) else node.this
    inner = query.unnest() if isinstance(query, exp.Subquery) else query
    if not isinstance(inner, exp.Query):
        return frozenset()
    return frozenset[Field]().union(
        *(shape.all_origins for row in scope.answer(inner, scope) for shape in row.values())
    )
