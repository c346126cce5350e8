"""What a value is made of: the fields that it comes from, kept apart inside structures and lists.

A relation is a list of rows: kinds of rows that are told apart by constant texts in them. `union all` of an 'income' and a
'pension' makes two; where a later query asks for one of them, the other's fields are not in its answer.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple


class Unresolved(Exception):
    """SQL whose columns cannot be followed: why."""


class Field(NamedTuple):
    """A column of a relation (`schema.name`), or what stands in it at `inside`, in the rows that `rows` names."""

    relation: str
    column: str
    inside: str = ""
    rows: str = ""


@dataclass(frozen=True)
class Shape:
    """`origins` are the fields that the value as a whole is made of; `fields` a structure's parts, `items` a list's elements.

    `text` is the constant text that the value always is. The parts of a text `is_json` are in it, and no columns of their own.
    """

    origins: frozenset[Field] = frozenset()
    fields: Mapping[str, "Shape"] | None = None
    items: tuple["Shape", ...] | None = None
    text: str | None = None
    is_json: bool = False

    @property
    def all_origins(self) -> frozenset[Field]:
        """Of the value and of all that is in it."""
        parts = [*(self.fields or {}).values(), *(self.items or ())]
        return self.origins.union(*(part.all_origins for part in parts))

    @property
    def flat(self) -> "Shape":
        """The same without its parts: what a function makes of it may come from any of them."""
        return Shape(self.all_origins)

    @property
    def without_text(self) -> "Shape":
        return self if self.text is None else replace(self, text=None)

    def part(self, name: str) -> "Shape":
        """One part of a structure, or of each structure in a list; of anything else, the whole."""
        if self.items is not None:
            return joined(self.items).made_of(self.origins).part(name)
        found = (self.fields or {}).get(name.lower())
        return self.flat if found is None else found.made_of(self.origins)

    @property
    def element(self) -> "Shape":
        """Any element of a list."""
        return self.flat if self.items is None else joined(self.items).made_of(self.origins)

    def made_of(self, origins: Iterable[Field]) -> "Shape":
        """The same, also made of `origins`."""
        return replace(self, origins=self.origins | frozenset(origins)) if origins else self

    def seen_as(self, field: Field) -> "Shape":
        """As another query sees it, where it stands in `field`."""
        return Shape(
            frozenset({field}) if self.origins or not (self.fields or self.items) else frozenset(),
            None if self.fields is None else {name: part.seen_as(_inside(field, name)) for name, part in self.fields.items()},
            None if self.items is None else tuple(part.seen_as(_inside(field, str(at))) for at, part in enumerate(self.items)),
            self.text,
            self.is_json,
        )  # fmt: skip

    def edges(self, field: Field) -> Iterator[tuple[Field, frozenset[Field]]]:
        """What each part of the value is made of, where the value stands in `field`."""
        yield field, self.origins
        for name, part in (self.fields or {}).items():
            yield from part.edges(_inside(field, name))
        for at, part in enumerate(self.items or ()):
            yield from part.edges(_inside(field, str(at)))


NOTHING = Shape()
Row = dict[str, Shape]
Relation = list[Row]
# Beyond so many kinds of rows they are taken as one: right, only less exact.
_MOST_KINDS = 64


def _inside(field: Field, name: str) -> Field:
    return field._replace(inside=f"{field.inside}.{name}" if field.inside else name)


def joined(shapes: Iterable[Shape]) -> Shape:
    """A value that may be any of `shapes`. Structures and lists stay so where no other kind of value is among them."""
    different = list(shapes)
    if len(different) == 1:
        return different[0]
    telling = [shape for shape in different if shape.without_text != NOTHING]
    origins = frozenset[Field]().union(*(shape.origins for shape in telling))
    texts = {shape.text for shape in different}
    text = texts.pop() if len(texts) == 1 else None
    if telling and all(shape.fields is not None for shape in telling):
        names = {name: None for shape in telling for name in shape.fields or {}}
        parts = {name: joined((shape.fields or {}).get(name, NOTHING) for shape in telling) for name in names}
        return Shape(origins, fields=parts, text=text, is_json=any(shape.is_json for shape in telling))
    if telling and all(shape.items is not None for shape in telling):
        return Shape(origins, items=_items(telling), text=text)
    return Shape(origins.union(*(shape.all_origins for shape in telling)), text=text)


def _items(lists: list[Shape]) -> tuple[Shape, ...]:
    found: list[Shape] = []
    for element in (element for shape in lists for element in shape.items or ()):
        if element not in found:
            found.append(element)
    return tuple(found)


def reduced(rows: Relation) -> Relation:
    """Rows of one kind become one."""
    kinds: dict[tuple[str | None, ...], list[Row]] = {}
    for row in rows:
        kinds.setdefault(tuple(shape.text for shape in row.values()), []).append(row)
    if len(kinds) > _MOST_KINDS:
        return [merged(rows)]
    return [merged(alike) for alike in kinds.values()]


def merged(rows: list[Row]) -> Row:
    """One row that may be any of `rows`, which have the same columns."""
    return {name: joined(row[name] for row in rows) for name in rows[0]}


def mark_of(row: Row) -> str:
    """What tells a kind of row from the others: its constant texts."""
    return ", ".join(f"{name} = {shape.text}" for name, shape in row.items() if shape.text is not None)
