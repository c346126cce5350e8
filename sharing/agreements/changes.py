"""What one version of an agreement changes against another, clause by clause."""

from collections.abc import Iterator
from typing import Any

_CHAIN = ("version", "previous")


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[list[str]]:
    """Rows of clause, text before, text now; in the order of the text."""
    old, new = dict(_clauses(before)), dict(_clauses(now))
    names = list(dict.fromkeys([*old, *new]))
    return [
        [name, old.get(name, ""), new.get(name, "")]
        for name in names
        if old.get(name) != new.get(name) and name not in _CHAIN
    ]


def _clauses(data: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _clauses(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield from _listed(f"{prefix}{name}", value)
        else:
            yield f"{prefix}{name}", str(value)


def _listed(name: str, values: list[Any]) -> Iterator[tuple[str, str]]:
    """Each entry that has a name of its own under that one: a column that was added is a change of its feed."""
    named = [value for value in values if isinstance(value, dict)]
    for value in named:
        id_ = value.get("feed") or value.get("id") or ""
        yield from _clauses({key: item for key, item in value.items() if key not in ("feed", "id")}, f"{name}.{id_}.")
    if len(named) < len(values):
        yield name, ", ".join(sorted(map(str, values)))
