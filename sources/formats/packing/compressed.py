"""Compressed bytes (gzip, bzip2, xz, Zstandard, the methods of zip) as plain chunks of at most a megabyte.

Python's own file objects give some of these in one piece, however large, and leave out what follows the first stream where it
is damaged; these do not. Damage raises what the standard library's decoders raise, EOFError or OSError.
"""

import bz2
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

CHUNK_BYTES = 1 << 20
# xz -9 needs 65 MiB of memory; what asks for more is no usual file.
MOST_MEMORY_BYTES = 256 << 20
# Of LZMA in a zip (APPNOTE.TXT, 5.8.8): version, size of the properties, then lc, lp and pb in one byte, the dictionary in four.
_LZMA_HEADER_BYTES = 9

# The next compressed bytes; none at the end.
Read = Callable[[], bytes]


class _Decoder(Protocol):
    """What the standard library's decoders of bzip2 and xz have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Inflate:
    """The decoder of zlib with the same face."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self._is_full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail and not self._is_full

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        plain = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._is_full = len(plain) == max_length
        return plain


def gzip_chunks(path: Path) -> Iterator[bytes]:
    return _file_chunks(path, lambda: _Inflate(31))


def bzip2_chunks(path: Path) -> Iterator[bytes]:
    return _file_chunks(path, bz2.BZ2Decompressor)


def xz_chunks(path: Path) -> Iterator[bytes]:
    return _file_chunks(path, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_MEMORY_BYTES))


def zstandard_chunks(path: Path) -> Iterator[bytes]:
    """By the library of Arrow, which takes windows of at most 128 MiB."""
    import pyarrow as pa

    with pa.OSFile(str(path)) as file, pa.CompressedInputStream(file, "zstd") as packed:
        while chunk := packed.read(CHUNK_BYTES):
            yield chunk


def zip_chunks(read: Read, method: int) -> Iterator[bytes]:
    """One member of a zip; whether it is whole tells its check sum. Raises ValueError for a method that is not read."""
    if method == zipfile.ZIP_STORED:
        while chunk := read():
            yield chunk
        return
    data = read()
    decoder: _Decoder
    if method == zipfile.ZIP_DEFLATED:
        decoder = _Inflate(-15)
    elif method == zipfile.ZIP_BZIP2:
        decoder = bz2.BZ2Decompressor()
    elif method == zipfile.ZIP_LZMA:
        decoder, data = _lzma1(data[:_LZMA_HEADER_BYTES]), data[_LZMA_HEADER_BYTES:]
    else:
        raise ValueError(f"method {method}")
    yield from _stream(read, decoder, data)


def _lzma1(header: bytes) -> _Decoder:
    if len(header) < _LZMA_HEADER_BYTES or header[2:4] != b"\5\0":
        raise lzma.LZMAError("no properties of LZMA")
    rest, lc = divmod(header[4], 9)
    pb, lp = divmod(rest, 5)
    size = int.from_bytes(header[5:9], "little")
    if size > MOST_MEMORY_BYTES:
        raise lzma.LZMAError("a dictionary that needs too much memory")
    return lzma.LZMADecompressor(
        lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": size}]
    )


def _file_chunks(path: Path, new: Callable[[], _Decoder]) -> Iterator[bytes]:
    """One stream after the other; zeros may fill up the end."""
    with path.open("rb") as file:

        def read() -> bytes:
            return file.read(CHUNK_BYTES)

        data = read()
        while data:
            decoder = new()
            yield from _stream(read, decoder, data)
            if not decoder.eof:
                raise EOFError("it ends too early")
            data = decoder.unused_data or read()
            while data and not data.strip(b"\0"):
                data = read()
            data = data.lstrip(b"\0")


def _stream(read: Read, decoder: _Decoder, data: bytes) -> Iterator[bytes]:
    """To the end of one stream, or of what there is of it."""
    while not decoder.eof:
        yield decoder.decompress(data, CHUNK_BYTES)
        data = read() if decoder.needs_input and not decoder.eof else b""
        if not data and decoder.needs_input:
            return
