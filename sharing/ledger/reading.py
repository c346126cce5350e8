"""The whole log read again, in parts that processes share: the hash of each line, and which lines are no entries."""

import multiprocessing
import os
from array import array
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sharing.ledger.entry import MAX_BYTES, Entry
from sharing.ledger.errors import NotLoggable
from sharing.ledger.tree import HASH_BYTES, leaf_hash

# Clocks of machines that write one log may differ by so much without a word.
SKEW = timedelta(minutes=2)
_PART_BYTES = 8 << 20
# Below this, starting a process takes longer than the reading.
_WORTH_PROCESSES = 4 * _PART_BYTES
# Of a log that is broken throughout, the first problems of each part say enough.
_MOST_TOLD = 20


@dataclass
class Reading:
    """The lines of a log: hash and length each (with its newline); what is told of lines, by their number."""

    hashes: bytearray = field(default_factory=bytearray)
    lengths: "array[int]" = field(default_factory=lambda: array("L"))
    wrong: list[tuple[int, str]] = field(default_factory=list)
    back_in_time: list[tuple[int, str]] = field(default_factory=list)
    first_at: datetime | None = None
    last_at: datetime | None = None
    torn: int = 0

    def __len__(self) -> int:
        return len(self.lengths)

    def leaf(self, index: int) -> bytes:
        return bytes(self.hashes[HASH_BYTES * index : HASH_BYTES * (index + 1)])

    def leaves(self) -> Iterator[tuple[bytes, int]]:
        """Hash and end of each line."""
        end = 0
        for index, length in enumerate(self.lengths):
            end += length
            yield self.leaf(index), end

    def add(self, part: "Reading") -> None:
        """Put the lines of the part that follows behind these."""
        before = len(self)
        if self.last_at and part.first_at:
            self._compare(before, self.last_at, part.first_at)
        self.hashes += part.hashes
        self.lengths += part.lengths
        self.wrong += [(before + index, what) for index, what in part.wrong]
        self.back_in_time += [(before + index, what) for index, what in part.back_in_time]
        self.first_at, self.last_at = self.first_at or part.first_at, part.last_at or self.last_at
        self.torn = part.torn

    def take(self, line: bytes) -> None:
        """One more line, without its newline."""
        index = len(self)
        self.hashes += leaf_hash(line)
        self.lengths.append(len(line) + 1)
        try:
            at = Entry.parse(line).at
        except NotLoggable as error:
            if len(self.wrong) < _MOST_TOLD:
                self.wrong.append((index, str(error)))
            return
        if self.last_at:
            self._compare(index, self.last_at, at)
        self.first_at, self.last_at = self.first_at or at, at

    def _compare(self, index: int, before: datetime, at: datetime) -> None:
        if before - at > SKEW and len(self.back_in_time) < _MOST_TOLD:
            self.back_in_time.append((index, f"is {before - at} earlier than the one before; a clock was set back"))


def read_log(path: Path, length: int) -> Reading:
    """The first `length` bytes of the log at `path`."""
    whole = Reading()
    parts = list(_parts(path, length))
    if length < _WORTH_PROCESSES:
        for part in parts:
            whole.add(_read_part(*part))
        return whole
    # Started anew, not forked: the caller may have threads.
    with ProcessPoolExecutor(os.process_cpu_count() if hasattr(os, "process_cpu_count") else len(os.sched_getaffinity(0)), multiprocessing.get_context("spawn")) as pool:  # fmt: skip
        for found in pool.map(_read_part, *zip(*parts, strict=True)):
            whole.add(found)
    return whole


def _parts(path: Path, length: int) -> Iterator[tuple[Path, int, int]]:
    """Parts that end with a line, where lines are no longer than an entry may be."""
    if not length:
        return
    with path.open("rb") as file:
        start = 0
        while start < length:
            end = min(start + _PART_BYTES, length)
            file.seek(end)
            # A line that is longer is no entry, wherever it is cut.
            end = min(end + len(file.readline(MAX_BYTES + 1)), length) if end < length else length
            yield path, start, end
            start = end


def _read_part(path: Path, start: int, end: int) -> Reading:
    with path.open("rb") as file:
        file.seek(start)
        *lines, rest = file.read(end - start).split(b"\n")
    found = Reading(torn=len(rest))
    for line in lines:
        found.take(line)
    return found
