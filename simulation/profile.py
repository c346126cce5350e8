"""A profile: how people live in this country, how late agencies hear of it, and what goes wrong where. One YAML file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulation.errors.error_kinds import KINDS
from warehouse.yaml import FileError, load_file

DEFAULT = Path(__file__).parent / "profiles" / "default.yaml"


class ProfileError(Exception):
    """A profile that cannot be used: what is wrong and what to write instead."""


@dataclass(frozen=True)
class ErrorRule:
    """One kind of error in columns of a feed. `rate` is the share of records; some last, others are mended after some nights."""

    kind: str
    columns: tuple[str, ...]
    rate: float


@dataclass(frozen=True)
class Profile:
    """Shares and rates. `cultures` are shares of the people, `yearly` events per person and year, `delay_days` the mean time
    after which an agency hears of an event, `shares` everything else that is a share, `errors` by `agency/feed`.
    """

    history_days: int
    cultures: Mapping[str, float]
    yearly: Mapping[str, float]
    shares: Mapping[str, float]
    delay_days: Mapping[str, float]
    errors: Mapping[str, tuple[ErrorRule, ...]]


def load_profile(path: Path = DEFAULT) -> Profile:
    """Raises ProfileError where the file is not there, is no YAML, lacks a part, or has a rate outside 0 to 1."""
    default = _read(DEFAULT)
    data = default if path == DEFAULT else _read(path)
    unknown = set(data) - set(default)
    if unknown:
        raise ProfileError(f"{path}: {', '.join(sorted(unknown))} is no part of a profile; known: {', '.join(default)}")
    merged = {name: _merged(path, name, default[name], data.get(name, default[name])) for name in default}
    errors = {feed: tuple(_rule(path, feed, rule) for rule in rules) for feed, rules in merged.pop("errors").items()}
    return Profile(errors=errors, **merged)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = load_file(path)
    except FileError as error:
        raise ProfileError(f"{path} cannot be read: {error.problem}; write a YAML file there") from None
    if not isinstance(data, dict):
        raise ProfileError(f"{path} is not a mapping; see {DEFAULT.name} for the parts of a profile")
    return data


def _merged(path: Path, name: str, default: Any, given: Any) -> Any:
    """What the profile leaves out is as in the default one; of `errors`, the feeds that it names are its own, whole."""
    if not isinstance(default, dict):
        return given
    if not isinstance(given, dict):
        raise ProfileError(f"{path}: {name} is not a mapping; see {DEFAULT.name}")
    unknown = set(given) - set(default) if name != "errors" else set()
    if unknown:
        raise ProfileError(f"{path}: {name} has no {', '.join(sorted(unknown))}; known: {', '.join(default)}")
    return {**default, **given}


def _rule(path: Path, feed: str, rule: Any) -> ErrorRule:
    if not isinstance(rule, dict) or set(rule) != {"kind", "columns", "rate"}:
        raise ProfileError(f"{path}: errors of {feed}: {rule!r}; write kind, columns and rate")
    if rule["kind"] not in KINDS:
        raise ProfileError(f"{path}: errors of {feed}: no kind {rule['kind']!r}; known: {', '.join(sorted(KINDS))}")
    if not isinstance(rule["rate"], int | float) or not 0 <= rule["rate"] <= 1:
        raise ProfileError(f"{path}: errors of {feed}: the rate of {rule['kind']} is not between 0 and 1")
    return ErrorRule(rule["kind"], tuple(rule["columns"]), float(rule["rate"]))
