"""Trying again: faults that may pass by themselves, a bounded number of attempts, waits that grow and are spread."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import tenacity

from sources.errors import ExtractError

MAX_ATTEMPTS = 5
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0
# A system may ask for more time than a night has.
LONGEST_RETRY_AFTER_SECONDS = 300.0

T = TypeVar("T")


class PassingFault(ExtractError):
    """A fault that may pass by itself; `wait_seconds` is how long the system asks us to stay away."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


def retried(work: Callable[[], T]) -> T:
    """The result of `work`, tried again after a PassingFault.

    Raises ExtractError: its own at once, and the last passing fault with the number of attempts.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(PassingFault),
        stop=tenacity.stop_after_attempt(MAX_ATTEMPTS),
        wait=_wait,
        reraise=True,
    )
    try:
        return retrying(work)
    except PassingFault as fault:
        raise ExtractError(f"after {MAX_ATTEMPTS} attempts: {fault}") from None


def _wait(state: tenacity.RetryCallState) -> float:
    """Exponential with jitter, so that four hundred feeds do not knock at the same moment; never less than asked for."""
    growing = tenacity.wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS)(state)
    fault = state.outcome.exception() if state.outcome else None
    asked = fault.wait_seconds if isinstance(fault, PassingFault) else None
    return growing if asked is None else min(max(asked, growing), LONGEST_RETRY_AFTER_SECONDS)


def seconds_to_wait(retry_after: str | None, answered_at: str | None) -> float | None:
    """What the header Retry-After (RFC 9110, 10.2.3) means: seconds, or an HTTP date.

    The date is counted from the answer's own `Date`, since the two clocks may differ. None where it cannot be read.
    """
    if retry_after is None:
        return None
    # A superscript is a digit to Python, and no number.
    if retry_after.isascii() and retry_after.strip().isdigit():
        return float(retry_after)
    until, now = _moment(retry_after), _moment(answered_at) or datetime.now(UTC)
    return None if until is None else max(0.0, (until - now).total_seconds())


def _moment(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
