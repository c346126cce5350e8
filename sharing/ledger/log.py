"""The log: one canonical entry a line, only ever added to, by several processes, through crashes and full disks.

An entry counts once its line and its hashes are on the disk. What a crash left behind that is taken in by the next append where it
is whole, and taken away where it is not, which an entry of its own tells.
"""

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from sharing.ledger.entry import MAX_BYTES, Entry, Fields, Kind
from sharing.ledger.errors import LedgerDamaged, NotLoggable, NotWritten
from sharing.ledger.tree import leaf_hash
from sharing.ledger.tree_file import TreeFile, length_of
from warehouse.files import DISK_REMEDY, PRIVATE_FILE, private_folder, refused_by_disk, sync_folder
from warehouse.home import Home

LOG, TREE, CHECKPOINTS = "entries.jsonl", "tree", "checkpoints"
_log = logging.getLogger(__name__)


class Ledger:
    """The ledger of a home, or one that was exported to a folder."""

    def __init__(self, place: Home | Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder = place.ledger if isinstance(place, Home) else place
        self.path = self.folder / LOG
        self.tree = TreeFile(self.folder / TREE)
        self._now = now

    def append(self, kind: Kind, what: Fields, actor: str) -> Entry:
        """Write down what happened; when this returns it is on the disk.

        Raises NotLoggable, NotWritten where the disk refuses, LedgerDamaged where the log is not what was written.
        """
        return self.append_all([(kind, what)], actor)[0]

    def append_all(self, happened: Iterable[tuple[Kind, Fields]], actor: str) -> list[Entry]:
        """All of it with one wait for the disk, or nothing. Raises as `append` does."""
        with self.locked(), _told_by_disk(self.folder):
            moment = self._now()
            entries = [Entry(kind, moment, actor, what) for kind, what in happened]
            lines = [entry.line() for entry in entries]
            self.recover()
            self._write(lines)
        return entries

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """Entries from number `start` (the first is 0) to before `stop`. Raises LedgerDamaged at the first that is none."""
        for index, line in enumerate(self.lines(start, stop), start):
            try:
                yield Entry.parse(line)
            except NotLoggable as error:
                raise LedgerDamaged(
                    f"entry {index} of {self.path} {error}; `interagency ledger verify` says more"
                ) from None

    def lines(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """As `entries`, as they are written, without their newlines."""
        stop = self.size if stop is None else min(stop, self.size)
        if start >= stop:
            return
        with self.path.open("rb") as file:
            file.seek(self.tree.end(start))
            for _ in range(stop - start):
                yield file.readline(MAX_BYTES + 1).removesuffix(b"\n")

    @property
    def size(self) -> int:
        """Entries that count."""
        return self.tree.size

    def root(self, size: int) -> bytes:
        """The root over the first `size` entries, as the tree beside the log has it."""
        return self.tree.root(size)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One writer at a time, of all processes and threads; may be taken again by its holder."""
        private_folder(self.folder)
        with FileLock(self.folder / "lock", mode=PRIVATE_FILE, is_singleton=True):
            yield

    @contextmanager
    def read_locked(self) -> Iterator[None]:
        """As `locked`, where the folder may be written: an auditor's copy may not, and nobody writes there meanwhile."""
        if not os.access(self.folder, os.W_OK):
            yield
            return
        with self.locked():
            yield

    def check_end(self) -> None:
        """Raises LedgerDamaged where entries that counted are not there any more."""
        with self.locked():
            self.recover()

    def recover(self) -> None:
        """Make log and tree agree after a crash, under the lock. Raises LedgerDamaged where entries that counted are gone or changed."""
        size = self.tree.size
        end, length = self.tree.end(size), self.path.stat().st_size if self.path.exists() else 0
        if length < end:
            raise LedgerDamaged(
                f"{self.path} has lost its end: {size} entries took {end:,} bytes, {length:,} are there. Nothing is added to it. "
                "Put the folder back from a backup; `interagency ledger verify` says what is missing"
            )
        last = next(self.lines(size - 1, size), None) if size else None
        if last is not None and leaf_hash(last) != self.tree.subtree(0, size - 1):
            raise LedgerDamaged(
                f"entry {size - 1} of {self.path} is not the one that was written. Nothing is added to it. Put the folder back from "
                "a backup; `interagency ledger verify` says what else was changed"
            )
        if length > end:
            self._take_in(size, end)
        self._cut(self.tree.path, length_of(self.tree.size))

    def _take_in(self, size: int, end: int) -> None:
        """Entries that were written and never counted, since a crash came between or the tree was lost."""
        leaves, good = [], end
        with self.path.open("rb") as file:
            file.seek(end)
            while (line := file.readline(MAX_BYTES + 2)).endswith(b"\n"):
                try:
                    Entry.parse(line[:-1])
                except NotLoggable:
                    break
                good += len(line)
                leaves.append((leaf_hash(line[:-1]), good))
            file.seek(good)
            torn = file.read()
        self._cut(self.tree.path, length_of(size))
        self._add(self.tree.path, self.tree.grown(size, leaves))
        if leaves:
            _log.warning("%s: %d entries were written and not yet counted; they are now", self.path, len(leaves))
        if torn:
            self._cut(self.path, good)
            told = {"bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest(), "entries": self.tree.size}
            _log.warning("%s: its end was cut short by a crash; %d bytes after entry %d are taken away", self.path, len(torn), self.tree.size - 1)  # fmt: skip
            self._write([Entry(Kind.REPAIR, self._now(), "platform", told).line()])

    def _write(self, lines: list[bytes]) -> None:
        size = self.tree.size
        end = self.tree.end(size)
        leaves, place = [], end
        for line in lines:
            place += len(line) + 1
            leaves.append((leaf_hash(line), place))
        try:
            self._add(self.path, b"".join(line + b"\n" for line in lines))
            self._add(self.tree.path, self.tree.grown(size, leaves))
        except BaseException:
            self._cut(self.tree.path, length_of(size))
            self._cut(self.path, end)
            raise

    def _add(self, path: Path, content: bytes) -> None:
        is_new = not path.exists()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            sync_folder(self.folder)

    @staticmethod
    def _cut(path: Path, length: int) -> None:
        if path.exists() and path.stat().st_size > length:
            os.truncate(path, length)


@contextmanager
def _told_by_disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = refused_by_disk(error) or error.strerror or type(error).__name__
        raise NotWritten(f"the ledger in {folder} was not written: {said}; {DISK_REMEDY}, then try again") from None
