"""What two tables tell together: cells of both whose difference is about too few people.

Tables may be of other dimensions and of other records (another row condition, another night): what stands in both is compared, each
margin too. Not looked for: sums of several cells against a cell of other bounds (ages 0 to 14 against 0 to 15).
"""

from collections.abc import Collection
from dataclasses import dataclass

from sharing.disclosure.tables.cells import Cell, Key, TableSpec

# Values by the name of their column.
Named = frozenset[tuple[str, object]]


@dataclass(frozen=True)
class Told:
    """A table as its recipient has it: the cells of `hidden` are not told."""

    spec: TableSpec
    cells: tuple[Cell, ...]
    hidden: Collection[Key] = ()

    def named(self) -> dict[Named, Cell]:
        """The cells that are told."""
        hidden = set(self.hidden)
        return {self._name(cell.key): cell for cell in self.cells if cell.key not in hidden}

    def _name(self, key: Key) -> Named:
        return frozenset(
            (column, value)
            for dimension, values in zip(self.spec.dimensions, key, strict=True)
            for column, value in zip(dimension, values, strict=False)
        )


@dataclass(frozen=True)
class Difference:
    """Cells of `columns` that differ by `contributors`, too few; `values` are what they are the cells of, for who made the tables only."""

    columns: tuple[str, ...]
    values: tuple[object, ...]
    contributors: int


def differences(now: Told, earlier: list[Told], threshold: int) -> list[Difference]:
    """Of a table and each earlier one to the same recipient. A cell that only one has differs by all who contribute to it, if the other
    has its dimensions: there it is told that nobody does.
    """
    found: dict[Named, Difference] = {}
    for before in earlier:
        for name, count in _apart(now, before).items():
            if 0 < count < threshold and (name not in found or count < found[name].contributors):
                told = sorted(name, key=lambda pair: pair[0])
                found[name] = Difference(tuple(one for one, _ in told), tuple(one for _, one in told), count)
    return sorted(found.values(), key=lambda one: (one.contributors, one.columns, repr(one.values)))


def _apart(now: Told, before: Told) -> dict[Named, int]:
    ours, theirs = now.named(), before.named()
    return {
        name: abs(_contributors(ours, name) - _contributors(theirs, name))
        for name in {*ours, *theirs}
        if _is_told(now, name) and _is_told(before, name)
    }


def _contributors(cells: dict[Named, Cell], name: Named) -> int:
    return cells[name].contributors if name in cells else 0


def _is_told(table: Told, name: Named) -> bool:
    """Whether the table says something of this cell: it has the columns, as far as one of its margins goes, and does not hide it."""
    columns = {column for column, _ in name}
    depths = [sum(column in columns for column in dimension) for dimension in table.spec.dimensions]
    is_margin = columns == {
        column for dimension, depth in zip(table.spec.dimensions, depths, strict=True) for column in dimension[:depth]
    }
    return is_margin and name not in {table._name(key) for key in table.hidden}
