"""Servers on loopback that never come to an end, each in a way of its own."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Send = Callable[[bytes], None]
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n"


@contextmanager
def answering_bytes(answer: Callable[[Send], None]) -> Iterator[str]:
    """Every connection is answered so, until it is closed by the other side; yields the address."""
    listening = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def serve(connection: socket.socket) -> None:
        def send(content: bytes) -> None:
            if is_over.wait(0 if len(content) > 1000 else 0.05):
                raise OSError
            connection.sendall(content)

        with connection:
            try:
                connection.recv(65536)
                answer(send)
            except OSError:
                return

    def accept() -> None:
        while not is_over.is_set():
            try:
                connection = listening.accept()[0]
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/extract.csv"
    finally:
        is_over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _for_ever(first: bytes, then: bytes) -> Callable[[Send], None]:
    def answer(send: Send) -> None:
        send(first)
        while True:
            send(then)

    return answer


_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
header_in_drops = _for_ever(_HEAD + b"X-Long: ", b"x")
informed_for_ever = _for_ever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
body_in_drops = _for_ever(_CHUNKED + b"5\r\nid\r\n1\r\n", b"2\r\n1\n\r\n")
body_of_known_length_in_drops = _for_ever(_HEAD + b"Content-Length: 100000000\r\n\r\nid\n", b"1\n")
body_without_end = _for_ever(_CHUNKED, b"100000\r\n" + b"1\n" * 0x80000 + b"\r\n")
