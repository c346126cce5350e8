"""One night at a time on one home, and no decision while one runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from warehouse.files import for_owner_alone
from warehouse.home import Home


class NightRunning(Exception):
    """Another night holds the lock."""


@contextmanager
def night_lock(home: Home, wait_seconds: float) -> Iterator[None]:
    """Holds the lock of the home; may be taken again by its holder. Raises NightRunning."""
    home.close()
    lock = FileLock(home.lock, is_singleton=True, thread_local=False)
    try:
        lock.acquire(timeout=wait_seconds)
    except Timeout:
        raise NightRunning(f"another night is running on {home.root}; wait for it to end, then try again") from None
    try:
        with for_owner_alone():
            yield
    finally:
        lock.release()
