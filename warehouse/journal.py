"""Append-only files of `state/`: each line names who wrote it and is chained to the one before by a keyed hash.

A changed, removed or foreign line is seen, and so is a tail that was cut off, because the chain's head is kept apart. See
`warehouse.store.seal` for what the key proves. A line that a crash cut short was never written.
"""

import hashlib
import hmac
import json
import os
import pwd
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from warehouse.files import write_text
from warehouse.home import Home
from warehouse.store.seal import Tampered, keyed_hash, place_of

Entry = dict[str, Any]
_MAC, _BY, _AT, _VOUCHED = "mac", "by", "at", "vouched"
_CHAIN = (_MAC, _BY, _AT)


def actor() -> str:
    """The operating system's user: the environment may name anybody."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


@dataclass(frozen=True)
class _Head:
    """Where a journal ended when it was last written: lines in the chain, and the last one's hash."""

    lines: int
    mac: str


@dataclass(frozen=True)
class Journal:
    """The file `name` below `state/`."""

    home: Home
    name: str

    @property
    def path(self) -> Path:
        return self.home.state / self.name

    def append(self, entry: Entry, by: str) -> None:
        """Add one line, written by the actor `by`. Raises Tampered where what stands there is not what was written."""
        with _locked(self.home):
            lines = self._lines()
            self._write(lines, {**entry, _BY: by}, str(lines[-1][_MAC]) if lines else "")

    def entries(self) -> list[Entry]:
        """What was written, in its order. Raises Tampered."""
        found = [line for line in self._lines() if _VOUCHED not in line]
        return [{name: value for name, value in line.items() if name not in _CHAIN} for line in found]

    def check(self) -> None:
        """Raises Tampered where what stands there is not what was written."""
        self._lines()

    def vouch(self, reason: str, by: str) -> None:
        """Take all that stands there as written: the chain begins anew with a line that says so."""
        with _locked(self.home):
            content = self._content()
            told = {"sha256": hashlib.sha256(content + _missing_end(content)).hexdigest(), "reason": reason}
            self._write([entry for _, entry in _parsed(content)], {_VOUCHED: told, _BY: by}, "")

    def _content(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    def _lines(self) -> list[Entry]:
        """All lines of the chain, and those before it that somebody vouched for."""
        content = self._content()
        placed = list(_parsed(content))
        lines = [entry for _, entry in placed]
        start = max((number for number, line in enumerate(lines) if _VOUCHED in line), default=0)
        if lines and _VOUCHED in lines[start]:
            before = hashlib.sha256(content[: placed[start][0]]).hexdigest()
            if before != lines[start][_VOUCHED].get("sha256"):
                raise Tampered(self._place, "is not as it was written: lines of before were changed")
        previous = ""
        for number, line in enumerate(lines[start:], start + 1):
            if not hmac.compare_digest(str(line.get(_MAC)), self._mac(previous, line)):
                raise Tampered(self._place, f"is not as it was written: line {number} is not the platform's own")
            previous = str(line[_MAC])
        head = heads(self.home).get(self.name)
        if head is not None and (len(lines) < head.lines or lines[head.lines - 1].get(_MAC) != head.mac):
            raise Tampered(self._place, f"is not as it was written: it had {head.lines} lines, and its end is missing")
        return lines

    @property
    def _place(self) -> str:
        return place_of(self.home, self.path)

    def _mac(self, previous: str, line: Entry) -> str:
        said = {name: value for name, value in line.items() if name != _MAC}
        return keyed_hash(self.home, self.name, previous, json.dumps(said, sort_keys=True, ensure_ascii=False))

    def _write(self, lines: list[Entry], entry: Entry, previous: str) -> None:
        line = {**entry, _AT: datetime.now(UTC).isoformat()}
        line[_MAC] = self._mac(previous, line)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # A line that a crash cut short stays what it is; the next one begins on a line of its own.
        text = _missing_end(self._content()) + json.dumps(line, ensure_ascii=False).encode() + b"\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, text)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        kept = _kept(self.home)
        grown = {**heads(self.home), self.name: _Head(len(lines) + 1, line[_MAC])}
        _write_heads(self.home, grown, bool(kept and kept["is_begun"]))


def heads(home: Home) -> dict[str, _Head]:
    """The end of every journal of the home. Raises Tampered where that file is not as it was written."""
    kept = _kept(home)
    return {name: _Head(**head) for name, head in kept["journals"].items()} if kept else {}


def is_taken_over(home: Home) -> bool:
    """Whether everything here is sealed: in a home that an earlier version made it is not, or not yet."""
    kept = _kept(home)
    return bool(kept) and not kept["is_begun"]


def heads_file(home: Home) -> Path:
    """Beside `state/`, not in it: who can write the journals alone cannot put an older end in its place."""
    return home.root / "journal-heads.json"


def begin_taking_over(home: Home) -> None:
    """From here on the home is taken over, and its journals have no ends yet, until `end_taking_over`."""
    _write_heads(home, {}, is_begun=True)


def end_taking_over(home: Home) -> None:
    """Everything is sealed now."""
    _write_heads(home, heads(home))


def journals(home: Home) -> list[Journal]:
    """Every journal that stands there, or that should."""
    there = {path.relative_to(home.state).as_posix() for path in home.state.rglob("*.jsonl")}
    return [Journal(home, name) for name in sorted(there | set(heads(home)))]


def _kept(home: Home) -> dict[str, Any]:
    path = heads_file(home)
    if not path.exists():
        return {}
    try:
        kept = dict(json.loads(path.read_text(encoding="utf-8")))
        if hmac.compare_digest(str(kept.pop(_MAC)), keyed_hash(home, "heads", json.dumps(kept, sort_keys=True))):
            return kept
    except (ValueError, KeyError, TypeError):
        pass
    raise Tampered(place_of(home, path), "is not as it was written, or not by the key of today (INTERAGENCY_KEY)")


def _write_heads(home: Home, heads: dict[str, _Head], is_begun: bool = False) -> None:
    kept: dict[str, Any] = {
        "is_begun": is_begun,
        "journals": {name: vars(head) for name, head in sorted(heads.items())},
    }
    kept[_MAC] = keyed_hash(home, "heads", json.dumps(kept, sort_keys=True))
    write_text(heads_file(home), json.dumps(kept, indent=1) + "\n")


def _locked(home: Home) -> FileLock:
    home.root.mkdir(parents=True, exist_ok=True)
    return FileLock(home.root / "journal.lock", is_singleton=True)


def _missing_end(content: bytes) -> bytes:
    return b"" if not content or content.endswith(b"\n") else b"\n"


def _parsed(content: bytes) -> Iterator[tuple[int, Entry]]:
    """Each line that is whole, with the number of bytes before it."""
    place = 0
    for line in content.splitlines(keepends=True):
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                yield place, entry
        place += len(line)
