"""Shapes of the values in a contract: what a text, a number, a list or a mapping must look like, told with its place."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Shape:
    """`fits` tells whether a value is `noun`; `example` is what to write where it is not.

    Of a mapping, `fields` are the names it knows and `required` those that it must have; a list or a mapping of free
    names has `each` for its values.
    """

    noun: str
    example: str
    fits: Callable[[Any], bool]
    fields: Mapping[str, "Shape"] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    each: "Shape | None" = None


def faults(where: str, value: Any, shape: Shape) -> Iterator[str]:
    """What is wrong with `value`, each with its place and a remedy; no value is shown, since it may be a secret."""
    if not shape.fits(value):
        yield f"{where} is no {shape.noun}; write {shape.example}"
        return
    if shape.fields:
        known = ", ".join(sorted(shape.fields))
        yield from (f"{where} knows no {name}; known are {known}" for name in sorted(set(value) - set(shape.fields)))
        yield from (f"{where} has no {name}; add it" for name in shape.required if name not in value)
        for name in sorted(set(value) & set(shape.fields)):
            yield from faults(f"{where}.{name}", value[name], shape.fields[name])
    if shape.each is not None:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in items:
            place = f"{where}.{name}" if isinstance(value, dict) else f"{where}[{name}]"
            yield from faults(place, item, shape.each)


def has_variable(value: Any) -> bool:
    """Whether the environment has a say in the value, so that only the night can tell what it is."""
    return isinstance(value, str) and "${" in value


def is_text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != "" and value.isprintable()


def is_name(value: Any) -> bool:
    """A text, or a whole number that stands for one: a sheet called 2024."""
    return is_text(value) or (isinstance(value, int) and not isinstance(value, bool))


def is_whole(value: Any) -> bool:
    """A whole number, also one in quotes."""
    if isinstance(value, str):
        return value.isascii() and value.isdigit() and len(value) < 10
    return isinstance(value, int) and not isinstance(value, bool)


def is_number_between(value: Any, low: float, high: float) -> bool:
    """A finite number above `low` and up to `high`, also one in quotes."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return False
    return math.isfinite(number) and low < number <= high


def text(example: str, fits: Callable[[str], bool] = lambda _: True, noun: str = "text") -> Shape:
    """A text that is not empty; one with a `${VARIABLE}` is left to the night."""
    return Shape(noun, example, lambda value: is_text(value) and (has_variable(value) or fits(value)))


def one_of(allowed: Collection[str]) -> Shape:
    """One of a few words."""
    words = ", ".join(sorted(allowed))
    return Shape("known word", f"one of {words}", lambda value: isinstance(value, str) and value in allowed)


def whole(example: str, low: int = 0, high: int = 1 << 31) -> Shape:
    """A whole number from `low` to `high`, both within."""
    return Shape(
        f"whole number from {low} to {high}", example, lambda value: is_whole(value) and low <= int(value) <= high
    )


def list_of(each: Shape, example: str) -> Shape:
    return Shape("list", example, lambda value: isinstance(value, list) and bool(value), each=each)


def names_with(each: Shape) -> Shape:
    """A mapping whose names the contract chooses."""
    return Shape("mapping", "names with their values", lambda value: isinstance(value, dict), each=each)


def mapping(fields: Mapping[str, Shape], required: tuple[str, ...], example: str) -> Shape:
    """A mapping of known names."""
    return Shape("mapping", example, lambda value: isinstance(value, dict) and bool(value), fields, required)


NAME = Shape("text", "one, in quotes", is_name)
