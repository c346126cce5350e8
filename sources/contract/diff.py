"""What changed between two wordings of a contract, and whether it breaks those who read the feed's rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from sources.contract.model import CLASSIFICATIONS, Column, Contract
from warehouse.numbers_for_people import exact_percent

# Every value of the type before is a value of the type after, and reads the same.
_WIDER = {
    ("INTEGER", "BIGINT"), ("INTEGER", "DOUBLE"), ("FLOAT", "DOUBLE"),
}  # fmt: skip
_SMALLEST, _LARGEST = ("minimum", "exclusiveMinimum", "minLength"), ("maximum", "exclusiveMaximum", "maxLength")


@dataclass(frozen=True)
class Change:
    """One difference: the column or part of the contract, what changed, and whether a reader's query may fail or mean something else."""

    where: str
    what: str
    breaks: bool


def changes(old: Contract, new: Contract) -> list[Change]:
    """In the order of the contract: columns, key, how nights add up, rules, promises, where it comes from."""
    found = [*_columns(old, new), *_key(old, new), *_parts(old, new), *_quality(old, new), *_server(old, new)]
    if any(change.breaks for change in found) and _major(old.version) == _major(new.version):
        why = f"{old.version} → {new.version}: a change that breaks readers needs a new first number"
        found.append(Change("version", why, True))
    return found


def _major(version: str) -> str:
    return version.partition(".")[0]


def _columns(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = ({column.name: column for column in contract.columns} for contract in (old, new))
    for name, column in before.items():
        if name not in after:
            yield Change(name, "is gone", True)
        else:
            yield from _column(column, after[name])
    for name in after.keys() - before.keys():
        column = after[name]
        yield Change(name, f"is new: {column.sql_type}{', required' if column.required else ''}", False)


def _column(old: Column, new: Column) -> Iterator[Change]:
    name = old.name
    if old.sql_type != new.sql_type:
        yield Change(name, f"type {old.sql_type} → {new.sql_type}", not _is_wider(old.sql_type, new.sql_type))
    if old.header != new.header:
        yield Change(name, f"the agency calls it {new.header}, before {old.header}", False)
    if old.required != new.required:
        yield Change(name, "is required now" if new.required else "may be empty now", not new.required)
    if old.unique != new.unique:
        yield Change(name, "is unique now" if new.unique else "is not unique any more", not new.unique)
    if old.classification != new.classification:
        rises = CLASSIFICATIONS.index(new.classification) > CLASSIFICATIONS.index(old.classification)
        yield Change(name, f"protection {old.classification} → {new.classification}", rises)
    yield from _codes(old, new)
    yield from _ranges(old, new)
    if _meaning(old) != _meaning(new):
        yield Change(name, "its description or the place of its value in the record changed", False)


def _meaning(column: Column) -> tuple[Any, ...]:
    return column.description, column.custom, column.numbers


def _is_wider(old: str, new: str) -> bool:
    if old.startswith("DECIMAL(") and new.startswith("DECIMAL("):
        (precision, scale), (wider, finer) = (_digits(kind) for kind in (old, new))
        return finer >= scale and wider - finer >= precision - scale
    return (old, new) in _WIDER


def _digits(kind: str) -> tuple[int, int]:
    precision, _, scale = kind.removeprefix("DECIMAL(").removesuffix(")").partition(",")
    return int(precision), int(scale or 0)


def _codes(old: Column, new: Column) -> Iterator[Change]:
    """A code that nobody expects breaks a reader, one that does not come any more does not."""
    if old.enum and not new.enum:
        yield Change(old.name, "may hold any value now, before a list of codes", True)
    elif new.enum and not old.enum:
        yield Change(old.name, f"is one of {len(new.enum)} codes now", False)
    else:
        added, gone = (
            [code for code in one if code not in other] for one, other in ((new.enum, old.enum), (old.enum, new.enum))
        )
        if added:
            yield Change(old.name, f"new codes {', '.join(map(str, added))}", True)
        if gone:
            yield Change(old.name, f"codes gone: {', '.join(map(str, gone))}", False)


def _ranges(old: Column, new: Column) -> Iterator[Change]:
    for option in sorted(old.options.keys() | new.options.keys()):
        before, after = old.options.get(option), new.options.get(option)
        if before != after:
            what = f"{option} {'none' if before is None else before} → {'none' if after is None else after}"
            # How a date is written in the file is no matter to those who read the date.
            is_inside = option != "format" or new.sql_type == "VARCHAR"
            yield Change(old.name, what, is_inside and _allows_more(option, before, after))


def _allows_more(option: str, before: Any, after: Any) -> bool:
    """Whether values may come that could not come before; of a form or pattern nobody can tell, so it counts as more."""
    if before is None or after is None:
        return after is None
    if option in _SMALLEST:
        return bool(after < before)
    if option in _LARGEST:
        return bool(after > before)
    return True


def _key(old: Contract, new: Contract) -> Iterator[Change]:
    if old.key != new.key:
        yield Change("primary key", f"{', '.join(old.key)} → {', '.join(new.key)}", True)


def _parts(old: Contract, new: Contract) -> Iterator[Change]:
    if old.extract_mode != new.extract_mode:
        yield Change("extractMode", f"{old.extract_mode} → {new.extract_mode}", True)
    if old.increment != new.increment and old.extract_mode == new.extract_mode:
        yield Change("watermark", "how changes are pulled is another one", False)
    for name, share in (("rejectThreshold", "reject_threshold"), ("largestDrop", "largest_drop")):
        before, after = getattr(old, share), getattr(new, share)
        if before != after:
            yield Change(name, f"{exact_percent(before)} → {exact_percent(after)}", False)
    for item in fields(old.service_level):
        before, after = getattr(old.service_level, item.name), getattr(new.service_level, item.name)
        if before != after:
            # Readers plan by when and how often rows come; how long originals are kept is not theirs.
            is_later = item.name != "retention" and after > before
            yield Change(f"slaProperties {item.name}", f"{before} → {after}", is_later)
    if set(old.references) != set(new.references):
        yield Change("relationships", "keys into other feeds changed", bool(set(old.references) - set(new.references)))


def _quality(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = ({rule.name: rule for rule in contract.quality} for contract in (old, new))
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield Change(f"quality {name}", "is not held any more", before[name].severity == "error")
        elif name not in before:
            yield Change(f"quality {name}", "is new", False)
        elif before[name] != after[name]:
            yield Change(f"quality {name}", "is another rule now", before[name].severity == "error")


def _server(old: Contract, new: Contract) -> Iterator[Change]:
    parts: list[tuple[str, Callable[[Contract], Any]]] = [
        ("type", lambda contract: contract.server.type),
        ("location", lambda contract: contract.server.location),
        ("format", lambda contract: (contract.server.format, contract.server.delimiter, contract.server.encoding)),
        ("options", _options),
    ]
    for name, of in parts:
        if of(old) != of(new):
            # The values are not shown: an address or option may be nobody else's business.
            yield Change(f"servers {name}", "is another one", False)


def _options(contract: Contract) -> dict[str, Any]:
    """Without the place, which the standard has as a field of its own for each type of server."""
    return {name: value for name, value in contract.server.options.items() if value != contract.server.location}
