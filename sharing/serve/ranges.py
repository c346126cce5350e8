"""Byte ranges of HTTP (RFC 9110, section 14): one range of a file; several at once are answered with the whole, as a server may."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*")


@dataclass(frozen=True)
class Part:
    """Bytes from `start` to before `stop` of `length`. `is_asked` is whether a range was asked for, be it of all there is."""

    start: int
    stop: int
    length: int
    is_asked: bool = True

    @property
    def header(self) -> str:
        return f"bytes {self.start}-{self.stop - 1}/{self.length}"


def whole(length: int) -> Part:
    return Part(0, length, length, is_asked=False)


def part(header: str | None, length: int) -> Part | None:
    """The part that is asked for; the whole where the header says none that is understood; None where the file has no such bytes."""
    found = _RANGE.fullmatch(header or "")
    if found is None or found[1] == found[2] == "":
        return whole(length)
    if found[1] == "":
        suffix = min(int(found[2]), length)
        return Part(length - suffix, length, length) if suffix else None
    start = int(found[1])
    stop = min(int(found[2]) + 1, length) if found[2] else length
    if found[2] and int(found[2]) < start:
        return whole(length)
    return Part(start, stop, length) if start < length else None
