"""The end of an extract's time for its HTTP connections: a read time-out counts silence alone, and a drip is never silent."""

import contextlib
import socket
import threading
from typing import Any

from sources.limits import Meter


class Deadline:
    """Notes the connections of one client, and ends them when the time of the extract is over; a context manager."""

    def __init__(self, meter: Meter) -> None:
        self._meter, self._streams = meter, list[Any]()
        self._timer = threading.Timer(meter.seconds_left, self._end)
        self._timer.daemon = True

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()

    def note(self, event: str, info: dict[str, Any]) -> None:
        """The client's extension `trace`: called at each step of a request."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._streams.append(info["return_value"])

    def _end(self) -> None:
        for stream in self._streams:
            # Closing alone would not wake a thread that reads. One that has ended meanwhile refuses.
            with contextlib.suppress(OSError):
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
