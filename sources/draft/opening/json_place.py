"""Where the records of a JSON sample are: one object a line, or the array of objects in a document."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sources.errors import ExtractError
from sources.json_pointer import pointer_to

_ARRAYS_NAMED = 5
_LINE_CHARACTERS = 16 << 20


@dataclass
class _Array:
    """An array that only keys lead to: how many elements it has, and how many of them are objects."""

    pointer: str
    elements: int = 0
    objects: int = 0


@dataclass
class _Walk:
    """The arrays met in a document. `path` are the keys of the open objects; `depth` counts what is open within an array."""

    arrays: list[_Array] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    depth: int = 0

    def take(self, event: str, value: Any) -> None:
        if self.depth:
            self._take_inside(event)
        elif event == "start_array":
            self.arrays.append(_Array(pointer_to(*self.path)))
            self.depth = 1
        elif event == "start_map":
            self.path.append("")
        elif event == "map_key":
            self.path[-1] = str(value)
        elif event == "end_map":
            self.path.pop()

    def _take_inside(self, event: str) -> None:
        if self.depth == 1 and not event.startswith("end"):
            self.arrays[-1].elements += 1
            self.arrays[-1].objects += event == "start_map"
        if event.startswith("start"):
            self.depth += 1
        elif event.startswith("end"):
            self.depth -= 1


@dataclass(frozen=True)
class JsonPlace:
    """The platform's format and its options; `doubt` where another array could be meant."""

    format: str
    options: dict[str, str]
    doubt: str = ""


def guessed_place(path: Path, encoding: str) -> JsonPlace:
    """The array with the most objects. Raises ExtractError where the document is no JSON, or has no array of objects."""
    if _is_lines(path, encoding):
        return JsonPlace("jsonl", {})
    arrays = _arrays(path, encoding)
    found = sorted((array for array in arrays if array.objects), key=lambda array: -array.objects)
    if not found:
        raise ExtractError(
            f"the document holds {_described(arrays)}; rows are made of an array of objects, such as "
            '[{"id": 1}, …] or {"items": [{"id": 1}, …]}: ask the agency for one, or write the contract by hand'
        )
    options = {"records": found[0].pointer} if found[0].pointer else {}
    others = ", ".join(array.pointer for array in found[1:_ARRAYS_NAMED])
    doubt = f"The records were looked for at {found[0].pointer}; there are others at {others}." if others else ""
    return JsonPlace("json", options, doubt)


def _described(arrays: list[_Array]) -> str:
    if not arrays:
        return "no array"
    if any(array.elements for array in arrays):
        return "an array of values that are no objects"
    return "an empty array and so no record"


def _is_lines(path: Path, encoding: str) -> bool:
    """Whether the first two lines that are not blank are an object each."""
    with path.open(encoding=encoding, errors="replace") as file:
        lines = (line for line in iter(lambda: file.readline(_LINE_CHARACTERS), "") if line.strip())
        first, second = next(lines, ""), next(lines, "")
    return all(map(_is_object, (first, second)))


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line.removeprefix("\ufeff")), dict)
    except (ValueError, RecursionError):
        return False


def _arrays(path: Path, encoding: str) -> list[_Array]:
    import ijson

    walk = _Walk()
    # Event by event: a document may be larger than memory, and the array that is meant may be its last.
    with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
        try:
            events: Iterable[tuple[str, Any]] = ijson.basic_parse(_Utf8(file))
            for event, value in events:
                walk.take(event, value)
        except (ijson.JSONError, UnicodeError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise ExtractError(f"the file is no JSON document ({reason}); ask the agency to send it again") from None
    return walk.arrays


class _Utf8:
    """A text file as the bytes that the parser wants, so that every encoding is read alike."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        return str(self._file.read(size)).encode()
