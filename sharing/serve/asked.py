"""What a client asks of a table: versions and moments, from a body or an address. What are hints is looked at and left aside."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sharing.serve.errors import malformed

_NUMBER = re.compile(r"\d{1,18}")
_LONGEST_MOMENT = 40


@dataclass(frozen=True)
class Query:
    """Of which version: one of the two, or neither for the latest. Since `starting` on, where changes are asked for, to `ending`."""

    version: int | None
    timestamp: datetime | None
    starting: int | None
    ending: int | None

    @classmethod
    def of_body(cls, body: bytes) -> "Query":
        """Raises Refused."""
        said = _object(body)
        _check_hints(said)
        moment = said.get("timestamp")
        query = cls(
            _whole(said, "version"), None if moment is None else as_moment("timestamp", moment), _whole(said, "startingVersion"),
            _whole(said, "endingVersion"),
        )  # fmt: skip
        if sum(one is not None for one in (query.version, query.timestamp, query.starting)) > 1:
            raise malformed("version, timestamp and startingVersion: name one of them")
        return query


@dataclass(frozen=True)
class Changes:
    """From where to where, both included, each by a version or a moment; `historical` is whether changed metadata is told too."""

    starting: int | datetime
    ending: int | datetime | None
    historical: bool

    @classmethod
    def of_params(cls, params: Mapping[str, str]) -> "Changes":
        """Raises Refused."""
        starting, ending = _either(params, "starting"), _either(params, "ending")
        if starting is None:
            raise malformed("startingVersion or startingTimestamp: one of them is needed")
        return cls(starting, ending, params.get("includeHistoricalMetadata", "").lower() == "true")


def as_moment(name: str, given: Any) -> datetime:
    """ISO 8601 or `yyyy-mm-dd hh:mm:ss`, UTC where no zone is named. Raises Refused."""
    try:
        if not isinstance(given, str) or len(given) > _LONGEST_MOMENT:
            raise ValueError
        found = datetime.fromisoformat(given)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise malformed(f"{name}: is no moment; write it as 2026-11-20T04:00:00Z") from None


def _either(params: Mapping[str, str], which: str) -> int | datetime | None:
    number, moment = params.get(f"{which}Version"), params.get(f"{which}Timestamp")
    if number is not None and moment is not None:
        raise malformed(f"{which}Version and {which}Timestamp: name one of them")
    if number is not None:
        if not _NUMBER.fullmatch(number):
            raise malformed(f"{which}Version: is no whole number from 0 on")
        return int(number)
    return None if moment is None else as_moment(f"{which}Timestamp", moment)


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise malformed("the body is no JSON") from None
    if not isinstance(said, dict):
        raise malformed("the body is no JSON object")
    return said


def _whole(said: dict[str, Any], name: str) -> int | None:
    given = said.get(name)
    if given is not None and (type(given) is not int or not 0 <= given < 2**63):
        raise malformed(f"{name}: is no whole number from 0 on")
    return given


def _check_hints(said: dict[str, Any]) -> None:
    """A product is one file, so that no hint leaves anything out: a client applies them itself, as the protocol says."""
    _whole(said, "limitHint")
    hints = said.get("predicateHints")
    if hints is not None and not (isinstance(hints, list) and all(isinstance(one, str) for one in hints)):
        raise malformed("predicateHints: is no list of texts")
    if not isinstance(said.get("jsonPredicateHints", ""), (str, type(None))):
        raise malformed("jsonPredicateHints: is no text")
