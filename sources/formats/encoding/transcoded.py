"""Text files in UTF-8, whatever encoding they came in."""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from sources.errors import ExtractError
from sources.formats import Mended
from sources.formats.encoding.inner_marks import Joined, without_inner_marks
from sources.formats.encoding.text_encoding import guessed_encoding, marked_encoding

DETECT = "detect"
_JOINED = "a byte order mark at the beginning of a line, as where files were put together"
_WITHIN = "the sign U+FEFF within a line, which was left there"
_TURNED = "\ufffe"
_CHUNK_BYTES = 4 << 20
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
# So many letters that are valid UTF-8, and no other byte beyond ASCII, are in no other encoding.
_TELLING_LETTERS = 3

_WINDOWS = "cp1252"
_NO_CONTROLS = bytes([*range(0x80), *range(0xA0, 0x100)])
_NOT_IN_WINDOWS = {0x81, 0x8D, 0x8F, 0x90, 0x9D}


@dataclass(frozen=True)
class Utf8Text:
    """A file in UTF-8, and what was not as the contract says on the way to it."""

    path: Path
    notes: tuple[Mended, ...] = ()


def is_utf8(encoding: str) -> bool:
    """Whether a file of this encoding is UTF-8 as it stands."""
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8", "ascii", "us-ascii", "utf-8-sig")


def in_utf8(path: Path, encoding: str, scratch: Path) -> Utf8Text:
    """The file itself, or a copy in UTF-8 in `scratch`. Bytes that are not in `encoding` stay as they are where that can be.

    Raises ExtractError where the file is not in `encoding`. A byte order mark says more than the contract does, and one within
    the file tells where files were put together. The engine's own transcoding would need an extension of 336 MB; a stream
    through Python does not.
    """
    found = _encoding_of(path, encoding)
    notes = found.notes
    if not is_wide(found.name):
        joined = without_inner_marks(path, scratch / "joined")
        _refuse_other_encoding(joined, found.name)
        return Utf8Text(_copied(joined.path, found.name, scratch), (*notes, *_told(joined)))
    joined = without_inner_marks(_copied(path, found.name, scratch), scratch / "joined")
    return Utf8Text(joined.path, (*notes, *_told(joined)))


@dataclass(frozen=True)
class _Found:
    name: str
    notes: tuple[Mended, ...] = ()


def _encoding_of(path: Path, encoding: str) -> _Found:
    """What the file is to be read as, and what is to be told of that."""
    with path.open("rb") as file:
        marked = marked_encoding(file.read(4))
    if encoding == DETECT:
        found = guessed_encoding(path)
        return _Found(found.name, (Mended.at(1, f"read as {found.name}, which is a guess"),) if found.doubt else ())
    if marked and not _is_same(marked, encoding):
        return _Found(marked, (Mended.at(1, f"{encoding} that is {marked} by its byte order mark"),))
    if not is_utf8(encoding) and not marked:
        refuse_if_utf8(path, encoding)
    if codecs.lookup(encoding).name == "iso8859-1" and _has_signs_of_windows(path):
        return _Found(_WINDOWS, (Mended.at(1, f"{encoding} that is {_WINDOWS} by its signs"),))
    return _Found(encoding)


def is_wide(encoding: str) -> bool:
    """Whether every character takes two bytes or four."""
    return codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))


def _told(joined: Joined) -> list[Mended]:
    notes = [Mended(_JOINED, joined.marks, joined.lines)] if joined.marks else []
    return notes + ([Mended(_WITHIN, len(joined.others), joined.others)] if joined.others else [])


def _refuse_other_encoding(joined: Joined, encoding: str) -> None:
    """Raises ExtractError where a part of the file says that it is UTF-8, and the file is not."""
    if joined.marks and not is_utf8(encoding) and not joined.tail_is_ascii:
        raise ExtractError(
            f"line {joined.lines[0]}: from here on the file is in UTF-8 by a byte order mark, and before it in {encoding}, as where "
            "files were put together; ask the agency for each file by itself"
        )


def _is_same(marked: str, declared: str) -> bool:
    """Whether a file with this mark is what was declared; utf-16 and utf-16-le are both right for one with a mark."""
    return codecs.lookup(declared).name.startswith(marked) or (marked == "utf-8" and is_utf8(declared))


def _copied(path: Path, encoding: str, scratch: Path) -> Path:
    if is_utf8(encoding):
        return path
    target = scratch / "transcoded"
    # The bytes that an encoding of single bytes does not know cost their record, and not the file.
    errors = "strict" if is_wide(encoding) else "surrogateescape"
    lines = 1
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    try:
        with path.open("rb") as source, target.open("w", encoding="utf-8", errors=errors, newline="") as out:
            while chunk := source.read(_CHUNK_BYTES):
                text = decoder.decode(chunk)
                _refuse_if_turned(text, lines, encoding)
                lines += text.count("\n")
                out.write(text)
            out.write(decoder.decode(b"", final=True))
    except UnicodeError as error:
        if isinstance(error, UnicodeDecodeError):
            lines += error.object[: error.start].count(b"\n")
        raise ExtractError(
            f"line {lines}: the file is not {encoding} ({error}); declare the encoding that it really has"
        ) from None
    return target


def _refuse_if_turned(text: str, line: int, encoding: str) -> None:
    """Raises ExtractError at a byte order mark that reads the wrong way round: U+FFFE is no character of any text."""
    place = text.find(_TURNED)
    if place >= 0:
        raise ExtractError(
            f"line {line + text.count(chr(10), 0, place)}: from here on the bytes of {encoding} stand the other way round, as where "
            "files were put together; ask the agency for each file by itself"
        )


def _has_signs_of_windows(path: Path) -> bool:
    """Whether bytes that are control characters in ISO 8859-1 are all quotes, dashes, euros and the like in Windows-1252.

    The WHATWG Encoding Standard reads every page that calls itself ISO 8859-1 in this way. 0x85 alone may be the line end NEL.
    """
    found: set[int] = set()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            found.update(chunk.translate(None, _NO_CONTROLS))
    return bool(found - {0x85}) and not found & _NOT_IN_WINDOWS


def refuse_if_utf8(path: Path, encoding: str) -> None:
    """Raises ExtractError for UTF-8 that is declared as something else: it would be read without an error, and wrongly."""
    decoder, letters, line = codecs.getincrementaldecoder("utf-8")(), 0, 0
    with path.open("rb") as file:
        number = 1
        while chunk := file.read(_CHUNK_BYTES):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return
            found = _BEYOND_ASCII.search(chunk)
            if found and not line:
                line = number + chunk.count(b"\n", 0, found.start())
            letters += sum(map(len, _BEYOND_ASCII.findall(chunk))) // 2 if letters < _TELLING_LETTERS else 0
            number += chunk.count(b"\n")
    if letters >= _TELLING_LETTERS:
        raise ExtractError(
            f"line {line}: the file is in UTF-8, but the contract says {encoding}; declare encoding: utf-8, or ask the agency"
        )
