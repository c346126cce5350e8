"""Purposes as terms of the W3C Data Privacy Vocabulary 2.0 (`dpv:ProvideOfficialStatistics`), and which of them lies within which."""

import csv
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PREFIX = "dpv:"


@cache
def broader() -> dict[str, tuple[str, ...]]:
    """Every term with those directly above it."""
    with Path(__file__).with_name("purposes.csv").open(encoding="utf-8", newline="") as file:
        return {
            PREFIX + row["term"]: tuple(PREFIX + term for term in row["broader"].split(";") if term)
            for row in csv.DictReader(file)
        }


def is_within(purpose: str, agreed: str) -> bool:
    """Whether `purpose` is the agreed one, or a narrower one of its kind."""
    return purpose == agreed or any(is_within(above, agreed) for above in broader().get(purpose, ()))


def narrower(agreed: Iterable[str]) -> frozenset[str]:
    """All terms that are allowed where these are agreed."""
    return frozenset(term for term in broader() if any(is_within(term, one) for one in agreed))


def broadest(purposes: frozenset[str]) -> list[str]:
    """Those of a set that say the rest: what lies within another of them is left out."""
    return sorted(term for term in purposes if not purposes.intersection(broader()[term]))
