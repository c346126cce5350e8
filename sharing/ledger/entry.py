"""One entry of the ledger, and the only bytes that it can be: a line of canonical JSON (RFC 8785)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sharing.ledger.errors import NotLoggable

# A line holds ids, counts and hashes. What is longer is content, which does not belong here.
MAX_BYTES = 64 << 10
_MAX_DEPTH = 4
# Whole numbers that every reader of JSON keeps exact (RFC 7493).
_LARGEST = 2**53 - 1
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_FIELDS = {"actor", "at", "kind", "what"}
# The C encoder writes what RFC 8785 asks for of texts, whole numbers and ASCII names; tests hold it against `rfc8785`, which
# takes ten times as long.
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode

Fields = Mapping[str, Any]


class Kind(StrEnum):
    """What can happen, a line each."""

    AGREEMENT_VERSION = "agreement version"  # a version of an agreement came into force: its id, number, hash
    AGREEMENT_REVOKED = "agreement revoked"  # a party ended an agreement
    PULL = "pull"  # an extract was pulled: feed, night, hashes of what came, agreements that covered it
    GATE_VERDICT = "gate verdict"  # a gate let a night pass or refused it
    ACCEPTANCE = "acceptance"  # rows of a night were accepted: counts, hash
    RECORD = "record"  # the records of nights as they stand: their hashes
    PUBLICATION = "publication"  # a build became what readers see
    RESTORE = "restore"  # an earlier build became it again
    QUERY = "query"  # somebody asked the published warehouse: hash of the statement, purpose, rows
    DECISION = "decision"  # a person decided a case or a finding
    OVERRIDE = "override"  # a person set a rule aside, with a reason that is kept elsewhere
    ERASURE = "erasure"  # something was erased: what, under which rule
    KEY_USE = "key use"  # a key was made, rotated, granted or used
    EXCHANGE = "exchange"  # the evidence of one exchange over X-Road: hashes of request and response
    RETENTION = "retention"  # what a retention period ended
    RELEASE = "release"  # a product was handed to a recipient
    READ = "read"  # a recipient read a release through the server
    REPAIR = "repair"  # the ledger took away an end that a crash had cut short


_KINDS = {kind.value: kind for kind in Kind}


@dataclass(frozen=True)
class Entry:
    """What happened: `at` in UTC, `what` with ids, counts and hashes only, never anything of a person."""

    kind: Kind
    at: datetime
    actor: str
    what: Fields

    def line(self) -> bytes:
        """The canonical JSON without its newline. Raises NotLoggable where a value has no such form."""
        if not self.actor:
            raise NotLoggable(f"a ledger entry of kind {self.kind} names no actor")
        _check(self.kind, self.what, _MAX_DEPTH)
        said = {"actor": self.actor, "at": moment(self.at), "kind": self.kind.value, "what": self.what}
        try:
            line = _encode(said).encode()
        except (ValueError, TypeError):
            raise NotLoggable(f"a ledger entry of kind {self.kind} has a text that is not Unicode") from None
        if len(line) > MAX_BYTES:
            raise NotLoggable(
                f"a ledger entry of kind {self.kind} has {len(line):,} bytes, more than {MAX_BYTES:,}; log hashes and counts, not content"
            )
        return line

    @classmethod
    def parse(cls, line: bytes) -> "Entry":
        """The entry that the line is. Raises NotLoggable where it is none, or is written in any other way than `line` would."""
        try:
            said = json.loads(line.decode())
            is_entry = isinstance(said, dict) and said.keys() == _FIELDS and _encode(said).encode() == line
        except (ValueError, RecursionError):
            raise NotLoggable("is no JSON") from None
        if not is_entry or len(line) > MAX_BYTES:
            raise NotLoggable("is not an entry in canonical form")
        if not isinstance(said["what"], dict) or not isinstance(said["actor"], str) or not said["actor"]:
            raise NotLoggable("is not an entry in canonical form")
        entry = cls(_kind(said["kind"]), _parsed_moment(said["at"]), said["actor"], said["what"])
        _check_object(entry.kind, entry.what, _MAX_DEPTH)
        return entry


def moment(at: datetime) -> str:
    """RFC 3339 in UTC, always with microseconds, so that the order of texts is the order of time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _parsed_moment(said: Any) -> datetime:
    if not isinstance(said, str) or not _MOMENT.fullmatch(said):
        raise NotLoggable("has no moment in UTC")
    try:
        return datetime.fromisoformat(said)
    except ValueError:
        raise NotLoggable("has a moment that cannot be") from None


def _kind(said: Any) -> Kind:
    kind = _KINDS.get(said) if isinstance(said, str) else None
    if kind is None:
        raise NotLoggable("is of no known kind")
    return kind


def _check(kind: str, value: Any, depth: int) -> None:
    """Only what has one canonical form everywhere. Messages name no value: it may be somebody's."""
    if value is None or isinstance(value, (str, bool)):
        return
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise NotLoggable(f"a ledger entry of kind {kind} has a number beyond 2^53; write it as text")
    elif depth == 0:
        raise NotLoggable(f"a ledger entry of kind {kind} is nested more than {_MAX_DEPTH} deep; log a hash of it")
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check(kind, item, depth - 1)
    else:
        _check_object(kind, value, depth)


def _check_object(kind: str, value: Any, depth: int) -> None:
    if not isinstance(value, Mapping):
        remedy = "write a fraction as text" if isinstance(value, float) else "write it as text"
        raise NotLoggable(f"a ledger entry of kind {kind} has a {type(value).__name__}; {remedy}")
    for name, item in value.items():
        if not isinstance(name, str) or not name.isascii():
            raise NotLoggable(f"a ledger entry of kind {kind} has a name that is not plain ASCII")
        # Nearly all are texts, and a million entries are to be read in a minute.
        if item.__class__ is not str:
            _check(kind, item, depth - 1)
