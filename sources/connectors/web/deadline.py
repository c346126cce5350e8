"""The end of an extract's time for its HTTP connections: a read time-out counts silence alone, and a drip is never silent."""

import contextlib
import socket
import threading
from typing import Any


class Deadline:
    """Notes the connection of one client, and ends it when the time of the extract is over; a context manager."""

    def __init__(self, seconds: float) -> None:
        # One request at a time: the newest connection is the one that is read.
        self._stream: Any = None
        self._timer = threading.Timer(seconds, self._end)
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
            self._stream = info["return_value"]

    def _end(self) -> None:
        if self._stream is not None:
            # Closing alone would not wake a thread that reads. One that has ended meanwhile refuses.
            with contextlib.suppress(OSError):
                self._stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
