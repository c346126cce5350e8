"""Values of fixed places in a record: zoned and packed decimals, binary numbers, numbers whose sign stands apart.

Zoned and packed decimals are those of IBM z/Architecture (Principles of Operation, chapter 8), as COBOL writes them
(DISPLAY with the sign over its first or last digit, COMP-3); binary numbers are big-endian with a sign (COMP). What has a
sign of its own beside its digits (SIGN IS SEPARATE, the CR and DB of a PICTURE) is text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sources.formats.fixed.text import Bytes, Codec, Mask, Units

Integers = npt.NDArray[Any]
ENCODINGS = ("text", "zoned", "packed", "binary")
SIGNS = ("leading", "trailing", "CR", "DB")
# Up to so many digits a number fits the machine's own integers.
_MACHINE_DIGITS = 18
_PLUS, _MINUS = "{ABCDEFGHI", "}JKLMNOPQR"
_NUMBER = "[0-9.,]+"
# By the sign of a slot: how a text looks that is negative, and one that says that it is not; its digits are the group.
_SIGNED = {
    "leading": (f"- *({_NUMBER})", rf"\+ *({_NUMBER})"),
    "trailing": (f"({_NUMBER}) *-", rf"({_NUMBER}) *\+"),
    "CR": (f"({_NUMBER}) *(?i:CR)", f"({_NUMBER}) *(?i:DB|DR)"),
    "DB": (f"({_NUMBER}) *(?i:DB|DR)", f"({_NUMBER}) *(?i:CR)"),
}  # fmt: skip


@dataclass(frozen=True)
class Slot:
    """A place in a record: bytes or characters from `start` (from 0), how they are to be read, and the implied decimals.

    `sign` says where the sign of a number stands (see SIGNS); empty is before the digits of a text, over the last zoned one.
    """

    start: int
    length: int
    encoded_as: str = "text"
    decimals: int = 0
    sign: str = ""

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

    def with_sign_first(self, text: str) -> str:
        """SQL of a text with its sign before the digits, as numbers are read; what does not look as it should stays as it is."""
        if not self.sign:
            return text
        minus, plus = _SIGNED[self.sign]
        return f"regexp_replace(regexp_replace({text}, '^{minus}$', '-\\1'), '^{plus}$', '\\1')"


@dataclass(frozen=True)
class Numbers:
    """Whole numbers, before the implied decimals; where there is no value (`is_blank`) and where the bytes are no number."""

    values: Integers
    is_blank: Mask
    is_bad: Mask


class Decoder:
    """The numbers of slots that are no text, in one encoding with its digits, signs and blanks."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._digit, self._sign = self._overpunch()

    def numbers(self, slot: Slot, raw: Units) -> Numbers:
        decode: Callable[[Bytes, Slot], Numbers] = {"zoned": self._zoned, "packed": _packed, "binary": _binary}[
            slot.encoded_as
        ]
        # A character that is no byte is none of a number either.
        return decode(np.ascontiguousarray(np.minimum(raw, 255).astype(np.uint8)), slot)

    def _zoned(self, raw: Bytes, slot: Slot) -> Numbers:
        digits = self._digit[raw]
        # Only the first or the last character may carry a sign.
        carrier, others = (raw[:, 0], raw[:, 1:]) if slot.sign == "leading" else (raw[:, -1], raw[:, :-1])
        plain = self._sign[others] == 0
        is_bad = (digits > 9).any(axis=1) | ~plain.all(axis=1)
        blank = (raw == self._codec.blank).all(axis=1)
        return Numbers(_signed(digits, self._sign[carrier] < 0), blank, is_bad & ~blank)

    def _overpunch(self) -> tuple[Bytes, npt.NDArray[np.int8]]:
        """By byte: the digit (99 for none) and the sign (0 none, 1, -1)."""
        digit, sign = np.full(256, 99, dtype=np.uint8), np.zeros(256, dtype=np.int8)
        for characters, meaning in (("0123456789", 0), (_PLUS, 1), (_MINUS, -1)):
            for value, character in enumerate(characters):
                place = character.encode(self._codec.encoding)[0]
                digit[place], sign[place] = value, meaning
        return digit, sign


def _packed(raw: Bytes, _: Slot) -> Numbers:
    nibbles = np.empty((len(raw), 2 * raw.shape[1]), dtype=np.uint8)
    nibbles[:, 0::2], nibbles[:, 1::2] = raw >> 4, raw & 15
    digits, sign = nibbles[:, :-1], nibbles[:, -1]
    is_bad = (digits > 9).any(axis=1) | (sign < 10)
    return Numbers(_signed(digits, (sign == 11) | (sign == 13)), np.zeros(len(raw), dtype=bool), is_bad)


def _binary(raw: Bytes, _: Slot) -> Numbers:
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
        # Not by arithmetic, which rounds to 28 digits.
        scaled = [Decimal(f"{int(value)}E-{slot.decimals}") for value in numbers.values]
        return pa.array(scaled, kind, mask=missing)
    words = np.empty((len(numbers.values), 2), dtype="<i8")
    words[:, 0], words[:, 1] = numbers.values, numbers.values >> 63
    valid = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Decimal128Array.from_buffers(kind, len(words), [valid, pa.py_buffer(words)])
