"""The line ends of a text file, counted in its bytes: what the readers of records are held against."""

from pathlib import Path

import numpy as np

# Small enough for the processor's cache.
_CHUNK_BYTES = 1 << 20
_LF, _CR = 10, 13

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


def count_lines(path: Path) -> int:
    """By their ends, LF, CRLF or CR; the last line may have none."""
    count, last = 0, _LF
    with path.open("rb") as file:
        while content := file.read(_CHUNK_BYTES):
            chunk = np.frombuffer(content, np.uint8)
            count += int(np.count_nonzero(chunk == _LF))
            if b"\r" in content or last == _CR:
                count += content.count(b"\r") - content.count(b"\r\n")
                count -= last == _CR and content[0] == _LF
            last = content[-1]
    return count + (last not in (_LF, _CR))


def count_ends_behind(path: Path, sign: str) -> int:
    """How many lines, ended by LF, CRLF or the end of the file, have this character before their end."""
    wanted, count, last = sign.encode(), 0, b""
    with path.open("rb") as file:
        while content := file.read(_CHUNK_BYTES):
            content = last + content
            chunk = np.frombuffer(content, np.uint8)
            if len(wanted) == 1:
                count += int(np.count_nonzero((chunk[:-1] == wanted[0]) & (chunk[1:] == _LF)))
            else:
                count += content.count(wanted + b"\n")
            count += content.count(wanted + b"\r\n") if b"\r" in content else 0
            # What begins in one chunk and ends in the next is counted there, and nothing twice.
            last = _unfinished(content, wanted)
    return count + (last.rstrip(b"\r") == wanted)


def _unfinished(content: bytes, wanted: bytes) -> bytes:
    """The end of a chunk that may be the beginning of the character with its line end."""
    if content.endswith(b"\n"):
        return b""
    for begin in range(max(0, len(content) - len(wanted) - 1), len(content)):
        if (wanted + b"\r\n").startswith(content[begin:]) or (wanted + b"\n").startswith(content[begin:]):
            return content[begin:]
    return b""


def filled_lines(path: Path) -> Numbers:
    """The numbers, from 1, of the lines that hold more than their end, LF or CRLF."""
    found, number, was_text = [], 1, False
    with path.open("rb") as file:
        while content := file.read(_CHUNK_BYTES):
            chunk = np.frombuffer(content, np.uint8)
            ends = np.flatnonzero(chunk == _LF)
            is_text = (chunk != _LF) & (chunk != _CR)
            begins = np.flatnonzero(is_text & ~np.append(was_text, is_text[:-1]))
            found.append(number + np.searchsorted(ends, begins))
            number, was_text = number + len(ends), is_text[-1]
    lines = np.concatenate(found or [np.empty(0, np.int64)])
    # A CR within a line makes two texts of it.
    different: Numbers = lines[np.append(True, np.diff(lines) > 0)[: len(lines)]]
    return different


def open_end(path: Path) -> bool:
    """Whether the last line has no line end, as in a file that was cut off."""
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) not in b"\r\n"
