"""Which of the identifiers that python-stdnum knows a column holds: the one whose check digits nearly all its values pass."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType

import stdnum

_MIN_VALUES = 20
MIN_LENGTH = 7
_SHARE_VALID = 0.97
# Checks of length and characters alone say too little; a kind must refuse most numbers that are one digit off.
_SHARE_REFUSED = 0.8
# Kinds of no country that are as telling as a country's own.
_GENERAL = ("iban", "isin", "lei", "imei")


def identifier_kinds(values: list[str]) -> list[str]:
    """The kinds as stdnum names them (`ee.ik`, `iban`), the likeliest first: two countries may reckon alike.

    `values` are distinct; twenty at least are needed.
    """
    long = [value for value in values if len(re.sub(r"\W", "", value)) >= MIN_LENGTH]
    if (
        len(long) < _MIN_VALUES
        or len(long) < 0.9 * len(values)
        or not any(character.isdigit() for character in long[0])
    ):
        return []
    probes = long[:_MIN_VALUES]
    # The first that fails ends it: most columns are of no kind, and there are hundreds of them.
    found = [module for module in _kinds() if all(map(module.is_valid, probes))]
    found = [module for module in found if _is_checked(module, probes) and _share(module, long) >= _SHARE_VALID]
    names = [module.__name__.removeprefix("stdnum.") for module in found]
    # A country's own kind says more than a general check, and of several the shorter name is the more general.
    return sorted(names, key=lambda name: ("." not in name and name not in _GENERAL, len(name), name))


def share_valid(kind: str, values: list[str]) -> float:
    """Of values that are there, how many pass the check of a kind as stdnum names it."""
    return _share(import_module(f"stdnum.{kind}"), values)


def _share(module: ModuleType, values: list[str]) -> float:
    return sum(bool(module.is_valid(value)) for value in values) / len(values)


def _is_checked(module: ModuleType, values: list[str]) -> bool:
    wrong = [re.sub(r"\d(?=\D*$)", lambda match: str((int(match[0]) + 1) % 10), value) for value in values]
    return 1 - _share(module, wrong) >= _SHARE_REFUSED


@cache
def _kinds() -> tuple[ModuleType, ...]:
    return tuple(_modules())


def _modules() -> Iterator[ModuleType]:
    for found in walk_packages(stdnum.__path__, "stdnum."):
        if found.ispkg or found.name.startswith(("stdnum.iso7064", "stdnum.util", "stdnum.numdb", "stdnum.exceptions")):
            continue
        module = import_module(found.name)
        if hasattr(module, "is_valid"):
            yield module
