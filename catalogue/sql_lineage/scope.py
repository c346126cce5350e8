"""What an expression of one SELECT sees: the tables of its FROM, the names that it gave already, and the query around it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot import exp

from catalogue.sql_lineage.shape import NOTHING, Field, Relation, Row, Shape, Unresolved, joined


@dataclass
class Scope:
    """What an expression of one SELECT sees, in one kind of its joined rows.

    `others` are the scopes of the other kinds: a window or an aggregate goes over all of them. `answer` gives the relation
    of a subquery.
    """

    tables: dict[str, Row]
    answer: Callable[[exp.Expr, "Scope"], Relation]
    outer: "Scope | None" = None
    aliases: Row = field(default_factory=dict)
    windows: dict[str, exp.Expr] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    others: "list[Scope]" = field(default_factory=list)
    # What subqueries have asked of this scope: their answer depends on it.
    asked: set[Field] = field(default_factory=set)

    def everything(self) -> Shape:
        return joined([NOTHING, *(shape for row in self.tables.values() for shape in row.values())]).flat

    def find(self, parts: list[str]) -> Shape:
        """The value of `table.column.part…`, of `column.part…`, or a whole row. Raises Unresolved."""
        here: Scope | None = self
        while here is not None:
            found = here._own(parts)
            if found is not None:
                if here is not self:
                    here.asked |= found.all_origins
                return found
            here = here.outer
        raise Unresolved(f"{'.'.join(parts)} is no column of what is read")

    def _own(self, parts: list[str]) -> Shape | None:
        row, rest = self.tables.get(parts[0]), parts[1:]
        if row is None and len(parts) > 2 and parts[1] in self.tables and parts[0] not in self._columns():
            # schema.table.column
            row, rest = self.tables[parts[1]], parts[2:]
        if row is not None and rest and rest[0] in row:
            return parts_of(row[rest[0]], rest[1:])
        same = [table[parts[0]] for table in self.tables.values() if parts[0] in table]
        if same:
            return parts_of(joined(same), parts[1:])
        if parts[0] in self.aliases:
            return parts_of(self.aliases[parts[0]], parts[1:])
        return Shape(fields=row) if row is not None and not rest else None

    def _columns(self) -> set[str]:
        return {name for row in self.tables.values() for name in row}


def parts_of(shape: Shape, names: list[str]) -> Shape:
    for name in names:
        shape = shape.part(name)
    return shape
