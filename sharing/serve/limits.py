"""How often somebody may ask: a bucket of requests each, which fills again with time. Of those who asked last, so many are remembered."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

_MOST_REMEMBERED = 10_000


class Limit:
    """`burst` requests at once, and `per_second` in the long run."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, float(burst), clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, who: str) -> bool:
        """Whether one more request is within the limit."""
        with self._lock:
            now = self._clock()
            left, since = self._left.pop(who, (self._burst, now))
            left = min(self._burst, left + (now - since) * self._per_second)
            may = left >= 1
            self._left[who] = (left - 1 if may else left, now)
            while len(self._left) > _MOST_REMEMBERED:
                self._left.popitem(last=False)
            return may
