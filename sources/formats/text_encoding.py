"""In which encoding a text file is written, and how sure that is."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CHUNK_BYTES = 1 << 20
_WANTED_BYTES = 200_000
# The code pages that agencies write, from Windows, Unix and DOS; every one of them is known to Python, and so to the readers.
_CODE_PAGES = (
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "iso8859-2", "iso8859-5", "iso8859-6",
    "iso8859-7", "iso8859-8", "iso8859-9", "iso8859-13", "iso8859-15", "cp437", "cp737", "cp850", "cp852", "cp857", "cp866",
    "koi8-r", "koi8-u", "cp932", "euc_jis_2004", "gb18030", "big5hkscs", "cp949",
)  # fmt: skip
_MARKS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16",
          codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF8: "utf-8"}  # fmt: skip
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
# Other readings that are nearly as likely as the best one are named to the engineer.
_NEARLY = 0.8
_AS_GOOD = 0.9
_WESTERN = {"cp1252": 0, "cp437": 1, "cp850": 1}
# A sign in a word, such as a diaeresis without its letter, is a letter of another code page.
_MARK_IN_WORD = re.compile(r"(?<=[^\W\d_])[^\w\s\x00-\x7f’‘–]|[^\w\s\x00-\x7f’‘“„«–€£](?=[^\W\d_])")
# A file of UTF-8 with a damaged record is still one of UTF-8.
_WHOLE_PER_BROKEN = 20


@dataclass(frozen=True)
class Encoding:
    """A name that Python knows; `doubt` says in a sentence why somebody should look, '' where the bytes leave none."""

    name: str
    doubt: str = ""


def guessed_encoding(path: Path) -> Encoding:
    """By its mark, else by being valid UTF-8 to the end, else by what its letters would say in each code page."""
    with path.open("rb") as file:
        head = file.read(_CHUNK_BYTES)
    marked = marked_encoding(head)
    if marked:
        return Encoding(marked)
    if b"\0" in head:
        return _wide(head)
    if _is_utf8(path):
        return Encoding("utf-8")
    telling = b"".join(_lines_beyond_ascii(path))
    if _is_nearly_utf8(telling):
        return Encoding("utf-8", "The file is in UTF-8, but some of its bytes are not; they were damaged on their way.")
    return _code_page(telling)


def marked_encoding(head: bytes) -> str | None:
    """What the byte order mark at the beginning of a file says."""
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)


def _wide(head: bytes) -> Encoding:
    """Two or four bytes a character without a mark: read in the wrong order, there are no line ends."""
    found = max(_WIDE, key=lambda name: head.decode(name, errors="replace").count("\n"))
    return Encoding(found, f"The file has no byte order mark; {found} is what its line ends say.")


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_nearly_utf8(telling: bytes) -> bool:
    text = telling.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    whole = sum(not character.isascii() for character in text) - broken
    return whole >= _WHOLE_PER_BROKEN * broken


def _lines_beyond_ascii(path: Path) -> Iterator[bytes]:
    """The lines that tell code pages apart, from the whole file, until there are enough."""
    length, rest = 0, b""
    for chunk in _chunks(path):
        # A character cut in two at the end of a chunk would speak against every right code page.
        whole, end, rest = (rest + chunk).rpartition(b"\n")
        for line in re.findall(rb"[^\r\n]*[\x80-\xff][^\r\n]*[\r\n]*", whole + end):
            yield line
            length += len(line)
            if length >= _WANTED_BYTES:
                return
    if not rest.isascii():
        yield rest


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(_CHUNK_BYTES), b"")


def _code_page(telling: bytes) -> Encoding:
    from chardet import detect_all

    found = detect_all(telling, include_encodings=_CODE_PAGES, compat_names=False, ignore_threshold=True)
    # Of bytes that look like no text it names no encoding at all.
    named = [(str(item["encoding"]), item["confidence"]) for item in found if item["encoding"]]
    readings = [(name, confidence, text) for name, confidence in named if (text := _text(telling, name))]
    if not readings:
        return Encoding("cp1252", "No encoding that is known fits all bytes of the file; ask the agency which it is.")
    # Of the readings that are as good as the best one, the one whose words are whole; and of those what the west writes.
    as_good = [reading for reading in readings if reading[1] >= _AS_GOOD * readings[0][1]]
    name, confidence, text = min(
        as_good, key=lambda reading: (len(_MARK_IN_WORD.findall(reading[2])), _WESTERN.get(reading[0], 2))
    )
    others = [other[0] for other in readings if other[2] != text and other[1] >= _NEARLY * confidence]
    if not others:
        return Encoding(name, f"The encoding {name} is a guess from the letters; see that names and places read well.")
    return Encoding(
        name, f"The encoding may be {name}, or {', '.join(others[:4])}; ask the agency, and see that names and places read well."
    )  # fmt: skip


def _text(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return ""
