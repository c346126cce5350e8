"""Text in fixed places: what is counted (bytes or characters), and how the places become texts in any encoding."""

import codecs
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sources.formats.encoding.transcoded import is_utf8

Bytes = npt.NDArray[np.uint8]
# What positions count: bytes, or the code points of characters.
Units = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
_ASCII = 127
# How Python keeps a byte that means nothing: half of a surrogate pair, which is no character.
_ESCAPES = (0xDC80, 0xDCFF)


class Codec:
    """One encoding of text. `in_characters` tells that positions count characters of more than one byte.

    The file is in UTF-8 then. Raises LookupError where no text can be read in the encoding.
    """

    def __init__(self, name: str, in_bytes: bool) -> None:
        self.name, self.is_single = name, _is_single(name)
        self.in_characters = not self.is_single and not in_bytes
        self.encoding = "utf-8" if self.in_characters or is_utf8(name) else name
        if " ".encode(self.encoding) not in (b" ", b"\x40"):
            # UTF-16 in bytes: nobody could tell where a line ends.
            raise LookupError(name)
        self.blank = " ".encode(self.encoding)[0]
        every = bytes(range(256)) if self.is_single else b""
        decoded = "".join(every[i : i + 1].decode(name, "replace") for i in range(len(every)))
        # Bytes that mean nothing in this encoding, and how many bytes each of the others has in UTF-8.
        self._undefined = np.array([character == "\ufffd" for character in decoded])
        self._utf8_length = np.array([len(character.encode()) for character in decoded], dtype=np.int32)

    @property
    def unit(self) -> str:
        return "characters" if self.in_characters else "bytes"

    def units(self, content: bytes) -> Units:
        """What positions count in `content`. Text of ASCII alone stays bytes, which are its characters."""
        if not self.in_characters or content.isascii():
            return np.frombuffer(content, dtype=np.uint8)
        text = content.decode(errors="surrogateescape")
        return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)

    def text(self, units: Units) -> str:
        """A text to show, whatever is in it."""
        if units.dtype == np.uint32:
            found = units.tobytes().decode("utf-32-le", "surrogatepass")
            return found.encode(errors="surrogateescape").decode(errors="replace")
        return units.tobytes().decode(self.encoding, "replace")

    def invalid(self, raw: Units) -> Mask:
        """The rows (records x length) with bytes that mean nothing."""
        if self.is_single:
            return np.asarray(self._undefined[raw].any(axis=1))
        if raw.dtype == np.uint32:
            return np.asarray(((raw >= _ESCAPES[0]) & (raw <= _ESCAPES[1])).any(axis=1))
        wrong = np.zeros(len(raw), dtype=bool)
        # Record by record, because a character may be cut at either end; only those that are not ASCII come here.
        for at in np.flatnonzero((raw > _ASCII).any(axis=1)):
            try:
                raw[at].tobytes().decode(self.encoding)
            except UnicodeDecodeError:
                wrong[at] = True
        return wrong

    def texts(self, raw: Units) -> pa.StringArray:
        """A row (records x length) each as texts with their trailing blanks; what is there is known to be valid."""
        count, width = raw.shape
        if raw.dtype == np.uint32:
            content = raw.tobytes().decode("utf-32-le").encode()
            lengths = 1 + (raw > _ASCII).astype(np.int32) + (raw > 0x7FF) + (raw > 0xFFFF)
            return _texts(content, lengths.sum(axis=1))
        if self.is_single:
            content = raw.tobytes().decode(self.encoding).encode()
            if len(content) != count * width:
                return _texts(content, self._utf8_length[raw].sum(axis=1))
        elif self.encoding == "utf-8" or not (raw > _ASCII).any():
            content = raw.tobytes()
        else:
            # Each by itself, because a character may be cut off by the place's end.
            return pa.array([row.tobytes().decode(self.encoding) for row in raw], pa.string())
        return _texts(content, np.full(count, width))


def _texts(content: bytes, lengths: npt.NDArray[np.integer]) -> pa.StringArray:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.StringArray.from_buffers(len(lengths), pa.py_buffer(offsets), pa.py_buffer(content))


def _is_single(encoding: str) -> bool:
    """Whether each byte is one character, for itself and at once."""
    decoder = codecs.getincrementaldecoder(encoding)
    return all(len(decoder("replace").decode(bytes([byte]))) == 1 for byte in range(256))
