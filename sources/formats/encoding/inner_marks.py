"""Byte order marks within a text file, which tell where files were put together; no mark is a part of a value."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_MARK = b"\xef\xbb\xbf"
_CHUNK_BYTES = 1 << 20
_SHOWN_LINES = 10


@dataclass(frozen=True)
class Joined:
    """The file without its inner marks, how many there were, and the lines of the first of them; `others` stand within a value.

    `tail_is_ascii` says whether letters beyond ASCII stand nowhere behind the first mark.
    """

    path: Path
    marks: int = 0
    lines: tuple[int, ...] = ()
    others: tuple[int, ...] = ()
    tail_is_ascii: bool = True


def without_inner_marks(path: Path, target: Path) -> Joined:
    """The file itself where it has none, else a copy at `target`.

    A mark at the beginning of a line is left out; one behind a last line without its end, in front of the first line of the
    file, becomes that end. Any other stays where it is: it may be the letter U+FEFF of a text.
    """
    if not _holds_mark(path):
        return Joined(path)
    heading = _first_line(path)
    with path.open("rb") as source, target.open("wb") as out:
        out.write(_first_mark(source))
        copying = _Copying(heading)
        for piece in copying.pieces(iter(lambda: source.read(_CHUNK_BYTES), b"")):
            out.write(piece)
    return Joined(target, copying.marks, tuple(copying.lines), tuple(copying.others), copying.tail_is_ascii)


def _holds_mark(path: Path) -> bool:
    """Beyond the beginning of the file. One byte is looked for first, which texts of the west do not have."""
    rest = b""
    with path.open("rb") as file:
        _first_mark(file)
        while content := file.read(_CHUNK_BYTES):
            if rest or _MARK[:1] in content:
                content = rest + content
                if _MARK in content:
                    return True
                rest = content[-2:] if _MARK[:1] in content[-2:] else b""
    return False


def _first_mark(file: BinaryIO) -> bytes:
    """The mark at the beginning, which every reader knows; what follows is read next."""
    head = file.read(len(_MARK))
    if head == _MARK:
        return head
    file.seek(0)
    return b""


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(_CHUNK_BYTES).removeprefix(_MARK)
    return head.replace(b"\r", b"\n").partition(b"\n")[0]


class _Copying:
    """Takes the chunks of a file; gives them without the marks, and counts these."""

    def __init__(self, heading: bytes) -> None:
        self.marks, self.tail_is_ascii = 0, True
        self.lines: list[int] = []
        self.others: list[int] = []
        self._heading, self._line, self._last = heading, 1, b"\n"

    def pieces(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        rest = b""
        for chunk in chunks:
            content = rest + chunk
            # What stands behind a mark must be whole to be told from the heading.
            whole = max(0, len(content) - len(self._heading) - len(_MARK) - 2)
            done, pieces = self._cut(content, whole)
            yield from pieces
            rest = content[done:]
        yield from self._cut(rest, len(rest))[1]

    def _cut(self, content: bytes, until: int) -> tuple[int, list[bytes]]:
        pieces, begin = [], 0
        while 0 <= (place := content.find(_MARK, begin)) < until:
            pieces += [self._passed(content[begin:place]), self._instead(content, place)]
            begin = place + len(_MARK)
        end = max(begin, until)
        pieces.append(self._passed(content[begin:end]))
        return end, pieces

    def _passed(self, piece: bytes) -> bytes:
        if piece:
            self._line += piece.count(b"\n") + piece.count(b"\r") - piece.count(b"\r\n")
            self._last = piece[-1:]
            self.tail_is_ascii = self.tail_is_ascii and (not self.marks or piece.isascii())
        return piece

    def _instead(self, content: bytes, place: int) -> bytes:
        behind = place + len(_MARK)
        follows = content[behind + len(self._heading) : behind + len(self._heading) + 1]
        is_join = content.startswith(self._heading, behind) and follows in (b"", b"\r", b"\n") and self._heading != b""
        if self._last not in (b"\n", b"\r") and not is_join:
            if len(self.others) < _SHOWN_LINES:
                self.others.append(self._line)
            return _MARK
        self.marks += 1
        end = b"" if self._last in (b"\n", b"\r") else b"\n"
        self._line += bool(end)
        if len(self.lines) < _SHOWN_LINES:
            self.lines.append(self._line)
        self._last = b"\n"
        return end
