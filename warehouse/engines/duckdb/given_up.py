"""Statements that no interruption ends: their feed goes on without them, and so does the end of the process."""

import atexit
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
# A statement that heeds an interruption has ended by then.
_MERCY_SECONDS = 5
_UNENDED: list[threading.Thread] = []


def given_up_after(seconds: float, work: Callable[[], T]) -> T:
    """What `work` gives; TimeoutError where it still runs a few seconds after its statements were to end.

    The engine heeds an interruption between two batches of rows alone, and a LIKE on a single value may take years. The work goes
    on in a thread of its own, which ends with the process; it must hold all that it uses.
    """
    found: Future[T] = Future()

    def run() -> None:
        try:
            found.set_result(work())
        except BaseException as error:
            found.set_exception(error)

    thread = threading.Thread(target=run, name="a stranger's statement", daemon=True)
    thread.start()
    try:
        return found.result(timeout=seconds + _MERCY_SECONDS)
    finally:
        if thread.is_alive():
            _UNENDED.append(thread)


@atexit.register
def _leave_what_never_ends() -> None:
    """Python would end such a thread within the engine, which aborts the process in the middle of its own end."""
    if any(thread.is_alive() for thread in _UNENDED):
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(1)
