"""One night at a time on one home, and no decision while one runs."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from warehouse.files import for_owner_alone
from warehouse.home import Home

# A night that hangs for longer is somebody's to end.
WAIT_SECONDS = 6 * 3600


class NightRunning(Exception):
    """Another night holds the lock: which one, and what to do."""


@contextmanager
def night_lock(home: Home, wait_seconds: float, run: str = "") -> Iterator[None]:
    """Holds the lock of the home, in the name of this process and of the Dagster `run` where there is one; may be taken again by
    its holder. Raises NightRunning.
    """
    home.close()
    lock = FileLock(home.lock, is_singleton=True, thread_local=False)
    try:
        lock.acquire(timeout=wait_seconds)
    except Timeout:
        raise NightRunning(
            f"{_holder(home)} is at work on {home.root}; wait for it to end, then try again; `run --wait` waits by itself"
        ) from None
    try:
        with for_owner_alone():
            # The lock is an open file: what it says is for those who find it taken, and worth no night where the disk is full.
            with suppress(OSError):
                Path(home.lock).write_text(_ourselves(run), encoding="utf-8")
            yield
    finally:
        lock.release()


def _ourselves(run: str) -> str:
    """What the command is called with may be somebody's words: only its name is told."""
    program, words = Path(sys.argv[0]).name, [word for word in sys.argv[1:2] if word.isalpha()]
    command = f"`{' '.join(['interagency', *words])}`" if program == "interagency" else "Dagster"
    named = f"{command} (run {run[:8]}, process {os.getpid()})" if run else f"{command} (process {os.getpid()})"
    return f"{named}, since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC,"


def _holder(home: Home) -> str:
    try:
        return Path(home.lock).read_text(encoding="utf-8") or "another night"
    except OSError:
        return "another night"
