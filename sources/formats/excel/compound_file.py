"""Compound files (MS-CFB), in which .xls workbooks and encrypted office documents stand: the streams by their names."""

import struct
from collections.abc import Callable, Mapping
from functools import partial

_END_OF_CHAIN = 0xFFFFFFFA
_ENTRY_BYTES = 128
_STREAM, _ROOT = 2, 5
_FIRST_SECTORS = 109


def streams(content: bytes) -> Mapping[str, Callable[[], bytes]]:
    """How to read each stream, by its name in small letters. Raises ValueError, IndexError or struct.error where damaged."""
    file = _CompoundFile(content)
    found: dict[str, Callable[[], bytes]] = {}
    for at in range(0, len(file.directory) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
        entry = file.directory[at : at + _ENTRY_BYTES]
        length = int.from_bytes(entry[64:66], "little")
        if entry[66] == _STREAM and 2 <= length <= 64:
            name = entry[: length - 2].decode("utf-16-le").lower()
            start, size = struct.unpack_from("<II", entry, 116)
            found.setdefault(name, partial(file.stream, start, size))
    return found


class _CompoundFile:
    def __init__(self, content: bytes) -> None:
        self._content = content
        shift, small_shift = struct.unpack_from("<HH", content, 30)
        if shift not in (9, 12) or small_shift != 6:
            raise ValueError("not a compound file")
        self._sector, self._small = 1 << shift, 1 << small_shift
        directory, _, self._cutoff, small_table, _, more = struct.unpack_from("<6I", content, 48)
        self._table = self._whole_table(more)
        self.directory = self._chain(directory)
        self._small_table = _numbers(self._chain(small_table)) if small_table < _END_OF_CHAIN else ()
        self._small_content = b""
        if self.directory[66] == _ROOT:
            start = struct.unpack_from("<I", self.directory, 116)[0]
            self._small_content = self._chain(start) if start < _END_OF_CHAIN else b""

    def stream(self, start: int, size: int) -> bytes:
        if size >= self._cutoff:
            found = self._chain(start)
        else:
            found = _followed(self._small_table, start, self._small_content, self._small, 0) if size else b""
        if len(found) < size:
            raise EOFError
        return found[:size]

    def _whole_table(self, more: int) -> tuple[int, ...]:
        """For each sector the next one of its stream. Its own sectors are listed in the header, and further on in a chain."""
        listed = list(struct.unpack_from(f"<{_FIRST_SECTORS}I", self._content, 76))
        # Each sector of the list is at another place of the file, so that there cannot be more of them than the file has.
        for _ in range(len(self._content) // self._sector):
            if more >= _END_OF_CHAIN:
                break
            *numbers, more = _numbers(self._at(more))
            listed += numbers
        return _numbers(b"".join(self._at(number) for number in listed if number < _END_OF_CHAIN))

    def _at(self, number: int) -> bytes:
        found = self._content[(number + 1) * self._sector : (number + 2) * self._sector]
        if not found:
            raise EOFError
        return found

    def _chain(self, start: int) -> bytes:
        return _followed(self._table, start, self._content, self._sector, 1)


def _numbers(content: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(content) // 4}I", content[: len(content) // 4 * 4])


def _followed(table: tuple[int, ...], start: int, content: bytes, size: int, before: int) -> bytes:
    """The sectors of a chain in their order. Raises ValueError where it comes back to one of its own."""
    parts: list[bytes] = []
    at = start
    while at < _END_OF_CHAIN:
        if len(parts) > len(table):
            raise ValueError("a chain without end")
        parts.append(content[(at + before) * size : (at + before + 1) * size])
        at = table[at]
    return b"".join(parts)
