"""Values of fixed places in a record: text in any single-byte encoding, zoned and packed decimals, binary numbers.

Zoned and packed decimals are those of IBM z/Architecture (Principles of Operation, chapter 8), as COBOL writes them
(DISPLAY with the sign over the last digit, COMP-3); binary numbers are big-endian with a sign (COMP).
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sources.formats.transcoded import is_utf8

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[Any]
ENCODINGS = ("text", "zoned", "packed", "binary")
# Up to so many digits a number fits the machine's own integers.
_MACHINE_DIGITS = 18
_PLUS, _MINUS = "{ABCDEFGHI", "}JKLMNOPQR"


@dataclass(frozen=True)
class Slot:
    """A place in a record: bytes from `start` (from 0), how they are to be read, and how many decimals are implied."""

    start: int
    length: int
    encoded_as: str = "text"
    decimals: int = 0

    @property
    def end(self) -> int:
        return self.start + self.length

    @property
    def is_text(self) -> bool:
        return self.encoded_as == "text"

    @property
    def digits(self) -> int:
        """The most digits that a value can have here."""
        if self.encoded_as == "packed":
            return 2 * self.length - 1
        return self.length if self.encoded_as == "zoned" else (5 * self.length + 1) // 2

    @property
    def sql_type(self) -> str:
        return f"DECIMAL({_MACHINE_DIGITS if self.digits <= _MACHINE_DIGITS else 38},{self.decimals})"


@dataclass(frozen=True)
class Numbers:
    """Whole numbers, before the implied decimals; where there is no value (`is_blank`) and where the bytes are no number."""

    values: Integers
    is_blank: Mask
    is_bad: Mask


class Codec:
    """One encoding of text with its digits, signs and blanks."""

    def __init__(self, encoding: str) -> None:
        """Raises LookupError where a character is not one byte (UTF-8 apart, whose ASCII part is)."""
        self.encoding, self.is_utf8 = encoding, is_utf8(encoding)
        every = bytes(range(256))
        decoded = "".join(every[i : i + 1].decode("latin-1" if self.is_utf8 else encoding, "replace") for i in every)
        if len(decoded) != len(every) or (not self.is_utf8 and "A".encode(encoding)[0:1].decode(encoding) != "A"):
            raise LookupError(encoding)
        self.blank = " ".encode(encoding)[0]
        # Bytes that mean nothing in this encoding, and how many bytes each of the others has in UTF-8.
        self.undefined = np.array([character == "\ufffd" and not self.is_utf8 for character in decoded])
        self._utf8_length = np.array([len(character.encode()) for character in decoded], dtype=np.int32)
        self._digit, self._sign = self._overpunch()

    def texts(self, raw: Bytes) -> pa.StringArray:
        """A row of bytes each (records x length) as texts with their trailing blanks; the bytes are known to be valid."""
        count, width = raw.shape
        content = raw.tobytes() if self.is_utf8 else raw.tobytes().decode(self.encoding).encode()
        offsets = np.arange(0, count * width + 1, max(width, 1), dtype=np.int32)
        if len(content) != count * width:
            lengths = self._utf8_length[raw].sum(axis=1)
            offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(content))

    def numbers(self, slot: Slot, raw: Bytes) -> Numbers:
        decode: Callable[[Bytes], Numbers] = {"zoned": self._zoned, "packed": _packed, "binary": _binary}[
            slot.encoded_as
        ]
        return decode(np.ascontiguousarray(raw))

    def _zoned(self, raw: Bytes) -> Numbers:
        digits = self._digit[raw]
        # Only the last character may carry a sign.
        plain = self._sign[raw[:, :-1]] == 0
        last = self._sign[raw[:, -1]]
        is_bad = (digits > 9).any(axis=1) | ~plain.all(axis=1)
        blank = (raw == self.blank).all(axis=1)
        return Numbers(_signed(digits, last < 0), blank, is_bad & ~blank)

    def _overpunch(self) -> tuple[Bytes, npt.NDArray[np.int8]]:
        """By byte: the digit (99 for none) and the sign (0 none, 1, -1)."""
        digit, sign = np.full(256, 99, dtype=np.uint8), np.zeros(256, dtype=np.int8)
        for characters, meaning in (("0123456789", 0), (_PLUS, 1), (_MINUS, -1)):
            for value, character in enumerate(characters):
                place = character.encode(self.encoding)[0]
                digit[place], sign[place] = value, meaning
        return digit, sign


def _packed(raw: Bytes) -> Numbers:
    nibbles = np.empty((len(raw), 2 * raw.shape[1]), dtype=np.uint8)
    nibbles[:, 0::2], nibbles[:, 1::2] = raw >> 4, raw & 15
    digits, sign = nibbles[:, :-1], nibbles[:, -1]
    is_bad = (digits > 9).any(axis=1) | (sign < 10)
    return Numbers(_signed(digits, (sign == 11) | (sign == 13)), np.zeros(len(raw), dtype=bool), is_bad)


def _binary(raw: Bytes) -> Numbers:
    wide = np.zeros((len(raw), 8), dtype=np.uint8)
    wide[:, 8 - raw.shape[1] :] = raw
    wide[:, : 8 - raw.shape[1]] = np.where(raw[:, :1] > 127, 255, 0)
    never = np.zeros(len(raw), dtype=bool)
    return Numbers(wide.view(">i8").astype(np.int64).ravel(), never, never)


def _signed(digits: Bytes, is_minus: Mask) -> Integers:
    """Rows of digits as whole numbers; beyond the machine's own integers as Python's, which is slow and right."""
    kind: Any = np.int64 if digits.shape[1] <= _MACHINE_DIGITS else object
    values = np.zeros(len(digits), dtype=kind)
    for column in range(digits.shape[1]):
        values = values * 10 + digits[:, column].astype(kind)
    negated: Integers = np.where(is_minus, -values, values)
    return negated


def as_decimals(slot: Slot, numbers: Numbers) -> pa.Decimal128Array:
    """The numbers with their decimals; NULL where there is none or the bytes are no number."""
    missing = numbers.is_blank | numbers.is_bad
    kind = pa.decimal128(_MACHINE_DIGITS if slot.digits <= _MACHINE_DIGITS else 38, slot.decimals)
    if numbers.values.dtype == object:
        scaled = [Decimal(int(value)).scaleb(-slot.decimals) for value in numbers.values]
        return pa.array(scaled, kind, mask=missing)
    words = np.empty((len(numbers.values), 2), dtype="<i8")
    words[:, 0], words[:, 1] = numbers.values, numbers.values >> 63
    valid = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Decimal128Array.from_buffers(kind, len(words), [valid, pa.py_buffer(words)])
