"""Numbers of cells as they stand in the file: the reader of workbooks gives nine decimals at most, and no more than a float holds."""

import math
import re
import struct
from collections import defaultdict
from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Numbers that the reader may tell otherwise: large ones, those with many decimals, and those with an exponent.
_LONG = r"[-+]?(?:[0-9]{16,}(?:\.[0-9]*)?|[0-9]{7,}\.[0-9]+|[0-9]*\.[0-9]{10,}|[0-9]+\.?[0-9]*[eE][-+]?[0-9]+)"
# Serial numbers of the day that never was, which the reader takes for the day before.
_NO_DAY, NO_DAY_SHOWN = 60, "1900-02-29"
_OF_NO_DAY = rf"{_NO_DAY}(?:\.[0-9]*)?"
WORTH_A_LOOK = rf"{_LONG}|{_OF_NO_DAY}".encode()
ANY_NUMBER = rb"[-+]?[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?"
_IS_LONG, _IS_NO_DAY = re.compile(_LONG), re.compile(_OF_NO_DAY)
# A fraction of up to 15 digits is no other float; one from 0.0001 on is written without an exponent.
_SHORT, _FRACTION = re.compile(r"-?(?=[0-9.]{3,16}$)[0-9]+\.[0-9]*[1-9]"), re.compile(r"-?[0-9]{1,15}\.[0-9]*[1-9]")
_DURATION = re.compile(r"PT([0-9]{1,4})H([0-5][0-9])M([0-5][0-9](?:[.,][0-9]+)?)S")
_HOURS_OF_A_DAY = 24
# The reader writes a number with so many decimals; a float beyond the second limit has no decimals any more.
_READER_DECIMALS = 9
_LARGE = 1e15
# A number has no more digits than these in any column; what an exponent makes longer is no value of an agency.
_MOST_EXPONENT = 400


class Told:
    """Texts of cells by column and row, both from 0."""

    def __init__(self) -> None:
        self._columns: defaultdict[int, dict[int, str]] = defaultdict(dict)

    def add(self, row: int, column: int, text: str) -> None:
        self._columns[column][row] = text

    def put_in(self, column: int, values: pa.Array, where: str = "") -> pa.Array:
        """The column with these texts in place of those that match the regular expression `where`."""
        found = self._columns.get(column)
        if not found:
            return values
        rows = np.array(sorted(row for row in found if row < len(values)), dtype=np.int64)
        if where:
            there = pc.match_substring_regex(values.take(pa.array(rows)), where)
            rows = rows[pc.fill_null(there, False).to_numpy(zero_copy_only=False)]
        mask = np.zeros(len(values), dtype=bool)
        mask[rows] = True
        return pc.replace_with_mask(values, pa.array(mask), pa.array([found[int(row)] for row in rows], pa.string()))


def told_digits(number: str | float) -> str | None:
    """The digits of a number, as a text or float of the file, where the reader would tell others; None where it does not."""
    if isinstance(number, str):
        return digits_of(number) if _IS_LONG.fullmatch(number) else None
    if not math.isfinite(number) or (abs(number) < _LARGE and number.is_integer()):
        return None
    digits = digits_of(number)
    return None if digits == _plain(Decimal(f"{number:.{_READER_DECIMALS}f}")) else digits


def digits_of(number: str | float) -> str:
    """The digits of a number without an exponent; one whose exponent is beyond all reason stays as it is.

    A fraction is written with the fewest digits that are the same float: Excel writes 1.1 as 1.1000000000000001. Whole
    numbers stay as they are, as some writers put more digits there than a float holds.
    """
    text = number if isinstance(number, str) else repr(number)
    if _SHORT.fullmatch(text):
        return text
    if _FRACTION.fullmatch(text):
        # The usual cell of Excel, with 16 or 17 digits.
        shortest = repr(float(text))
        return shortest if len(shortest) < len(text) and "e" not in shortest else text
    try:
        exact = Decimal(text)
    except InvalidOperation:
        # An exponent of twenty digits and more.
        return text
    if not exact.is_finite() or abs(exact.adjusted()) > _MOST_EXPONENT:
        return text
    if isinstance(number, str) and ("." in text or "e" in text.lower()):
        nearest = Decimal(repr(float(text)))
        if nearest.is_finite() and _digits(nearest) < _digits(exact):
            exact = nearest
    return _plain(exact)


def is_no_day(number: str | float) -> bool:
    """Whether a number is a serial number of 29 February 1900."""
    return _IS_NO_DAY.fullmatch(number) is not None if isinstance(number, str) else 0 <= number - _NO_DAY < 1


def time_of(duration: str) -> str:
    """PT03H04M05S, as an .ods writes a time of day, as 03:04:05; one of a day or more stays as it is, and is left to be refused."""
    found = _DURATION.fullmatch(duration)
    if found is None or int(found[1]) >= _HOURS_OF_A_DAY:
        return duration
    return f"{int(found[1]):02}:{found[2]}:{found[3].replace(',', '.')}"


def of_rk(packed: int) -> float:
    """The number of four bytes: a whole one of 30 bits or the upper half of a float, perhaps of hundredths (MS-XLS 2.5.217)."""
    if packed & 2:
        number = float((packed >> 2) - (1 << 30 if packed >> 31 else 0))
    else:
        number = struct.unpack("<d", struct.pack("<II", 0, packed & 0xFFFFFFFC))[0]
    return number / 100 if packed & 1 else number


def _digits(number: Decimal) -> int:
    return len("".join(map(str, number.as_tuple().digits)).strip("0"))


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
