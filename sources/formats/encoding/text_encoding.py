"""In which encoding a text file is written, and how sure that is."""

import codecs
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from sources.formats.encoding.code_pages import Encoding, code_page

_CHUNK_BYTES = 1 << 20
_WANTED_BYTES = 200_000
_MARKS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16",
          codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF8: "utf-8"}  # fmt: skip
# Of two bytes a character what four are would be as good a text, and not the other way round.
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
# Delimiters and line ends alone make more zeros than this of a text in two bytes a character; a few are letters of a record.
_FEW_ZEROS = 4
_ZEROS_IN = 50
# So many characters that no text has (unassigned, private, controls) may be damage.
_DAMAGED_IN = 200
# ISO 2022 says with an escape, in bytes of ASCII alone, which letters follow (RFC 1468, 1557, 1922); HZ with a tilde (RFC 1843).
_ESCAPE = re.compile(rb"\x1b[$(\-.][\x20-\x2f]*[\x40-\x7e]")
_SHIFT = re.compile("[\x0e\x0f\x1b]")
_TILDE = re.compile(rb"~\{[\x21-\x7e]+~\}")
_ESCAPED = ("iso2022_kr", "iso2022_jp", "iso2022_jp_2", "iso2022_jp_ext", "iso2022_jp_2004")
# A file of UTF-8 with a damaged record is still one of UTF-8.
_WHOLE_PER_BROKEN = 20


def guessed_encoding(path: Path) -> Encoding:
    """By its mark, else by being valid UTF-8 to the end, else by what its letters would say in each code page."""
    with path.open("rb") as file:
        head = file.read(_CHUNK_BYTES)
    marked = marked_encoding(head)
    if marked:
        return Encoding(marked)
    found = _wide(head) or _escaped(path, head)
    if found:
        return found
    if _is_in(path, "utf-8"):
        return Encoding("utf-8")
    telling = b"".join(_lines_beyond_ascii(path))
    if _is_nearly_utf8(telling):
        return Encoding("utf-8", "The file is in UTF-8, but some of its bytes are not; they were damaged on their way.")
    return code_page(telling)


def marked_encoding(head: bytes) -> str | None:
    """What the byte order mark at the beginning of a file says."""
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)


def _wide(head: bytes) -> Encoding | None:
    """Two or four bytes a character without a mark: read in the wrong order there are no line ends, and letters of no text."""
    zeros = head.count(0)
    if zeros < _FEW_ZEROS or zeros * _ZEROS_IN < len(head):
        return None
    head = head[:_WANTED_BYTES]
    texts = ((name, codecs.getincrementaldecoder(name)("replace").decode(head)) for name in _WIDE)
    found = next((name for name, text in texts if _is_text(text, head)), None)
    return Encoding(found, f"The file has no byte order mark; {found} is what its line ends say.") if found else None


def _is_text(text: str, head: bytes) -> bool:
    """Whether most bytes of line feeds are line feeds in it, and nearly all characters are such as texts have."""
    ends = text.count("\n") or text.count("\r")
    odd = sum(_is_odd(character) for character in text)
    return ends > 0 and 2 * ends >= head.count(b"\n") and odd * _DAMAGED_IN <= len(text)


def _is_odd(character: str) -> bool:
    return character == "\ufffd" or (
        unicodedata.category(character) in ("Cc", "Cn", "Co", "Cs") and character not in "\t\r\n"
    )


def _escaped(path: Path, head: bytes) -> Encoding | None:
    """Letters of East Asia in bytes of ASCII, which would be valid UTF-8 too."""
    if _ESCAPE.search(head):
        found = next((name for name in _ESCAPED if _is_in(path, name)), None)
        if found:
            return Encoding(found, f"The file has escapes of ISO 2022; {found} is what they say.")
        return Encoding("utf-8", "The file has escapes of an encoding that is not read; ask the agency for UTF-8.")
    if _TILDE.search(head) and _is_in(path, "hz"):
        return Encoding(
            "hz",
            "The file has the signs ~{ and ~}, which begin and end Chinese letters in hz; see that names read well.",
        )
    return None


def _is_in(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in _chunks(path):
            text = decoder.decode(chunk)
            # Some read the signs of a shift that they do not know as letters.
            if encoding in _ESCAPED and _SHIFT.search(text):
                return False
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
