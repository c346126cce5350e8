"""Identifiers with their true check digits, made for whole arrays at once. All are accepted by python-stdnum."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from simulation.random_numbers import Flags, Integers

_VERHOEFF_D = np.array([
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6], [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1], [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
])  # fmt: skip
_VERHOEFF_P = np.array([
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4], [5, 8, 0, 3, 7, 9, 6, 1, 4, 2], [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
    [9, 4, 5, 3, 1, 2, 6, 8, 7, 0], [4, 2, 8, 6, 5, 7, 3, 9, 0, 1], [2, 7, 9, 3, 8, 0, 6, 4, 1, 5], [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
])  # fmt: skip
_VERHOEFF_INVERSE = np.array([0, 4, 3, 2, 1, 5, 6, 7, 8, 9])


def text(numbers: Integers, width: int, prefix: str = "") -> pa.Array:
    """Whole numbers as text of `width` digits, with leading zeros."""
    padded = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), width, "0")
    return pc.binary_join_element_wise(pa.scalar(prefix), padded, pa.scalar("")) if prefix else padded


def digits(numbers: Integers, width: int) -> NDArray[np.int64]:
    """One row per number, one column per decimal digit, the first digit first."""
    return numbers[:, None] // 10 ** np.arange(width - 1, -1, -1, dtype=np.int64) % 10


def _two_step(digits_of: NDArray[np.int64]) -> Integers:
    """The check digit of Estonian codes: weights 1…9, and 3…, where the first sum leaves ten."""
    places = np.arange(digits_of.shape[1])
    first = (digits_of * (places % 9 + 1)).sum(axis=1) % 11
    second = (digits_of * ((places + 2) % 9 + 1)).sum(axis=1) % 11
    return np.where(first == 10, second, first) % 10


def national_numbers(female: Flags, year: Integers, month_day: Integers, serial: Integers) -> pa.Array:
    """Estonian isikukood (`ee.ik`): sex and century, yyMMdd, serial of the day (0 to 999), check digit."""
    century = 1 + 2 * (year // 100 - 18) + female
    body = ((century * 100 + year % 100) * 10_000 + month_day) * 1000 + serial
    return text(body * 10 + _two_step(digits(body, 10)), 11)


def registry_codes(serial: Integers) -> pa.Array:
    """Estonian registrikood (`ee.registrikood`) of companies: 1, six digits of `serial`, check digit."""
    body = 1_000_000 + serial
    return text(body * 10 + _two_step(digits(body, 7)), 8)


def vat_numbers(serial: Integers) -> pa.Array:
    """Estonian VAT number (`ee.kmkr`): EE and nine digits, from a serial of eight digits."""
    weighted = (digits(serial, 8) * np.array([3, 7, 1, 3, 7, 1, 3, 7])).sum(axis=1)
    return text(serial * 10 + -weighted % 10, 9, "EE")


def health_numbers(serial: Integers) -> pa.Array:
    """NHS numbers (`gb.nhs`) from serials of nine digits, without those that have no check digit: one in eleven."""
    check = -(digits(serial, 9) * np.arange(10, 1, -1)).sum(axis=1) % 11
    return text((serial * 10 + check)[check < 10], 10)


def resident_numbers(serial: Integers) -> pa.Array:
    """Aadhaar-like numbers (`in_.aadhaar`) from serials of eleven digits that begin with 2 to 9, with the check digit of
    Verhoeff (1969); without the rare ones that read the same backwards.
    """
    found = digits(serial, 11)
    check = np.zeros(len(serial), dtype=np.int64)
    for place in range(11):
        check = _VERHOEFF_D[check, _VERHOEFF_P[(place + 1) % 8][found[:, 10 - place]]]
    number = serial * 10 + _VERHOEFF_INVERSE[check]
    written = digits(number, 12)
    return text(number[(written != written[:, ::-1]).any(axis=1)], 12)


def tax_numbers(serial: Integers) -> pa.Array:
    """German IdNr (`de.idnr`), a different one for each serial below 9 * 9! * 9.

    Of the first ten digits exactly one occurs twice: nine of the ten digits in an order that the serial names, the
    second or a later one of them repeated at the end. Check digit by ISO 7064, Mod 11, 10.
    """
    order, repeated = serial // 9, serial % 9
    left = np.tile(np.arange(10), (len(serial), 1))
    body = np.zeros((len(serial), 10), dtype=np.int64)
    rows = np.arange(len(serial))
    for place in range(9):
        choices = 9 if place == 0 else 10 - place
        chosen = order % choices + (1 if place == 0 else 0)
        order = order // choices
        body[:, place] = left[rows, chosen]
        # The chosen digit leaves the row: what stands behind it moves up.
        keep = np.arange(left.shape[1]) != chosen[:, None]
        left = left[keep].reshape(len(serial), -1)
    body[:, 9] = body[rows, repeated]
    check = np.full(len(serial), 5, dtype=np.int64)
    for place in range(10):
        check = (np.where(check == 0, 10, check) * 2 % 11 + body[:, place]) % 10
    last = (1 - np.where(check == 0, 10, check) * 2 % 11) % 10
    number = (body * 10 ** np.arange(9, -1, -1, dtype=np.int64)).sum(axis=1)
    return text(number * 10 + last, 11)


def ibans(serial: Integers) -> pa.Array:
    """IBANs of Estonia: bank 22 and an account of twelve digits with its own check digit (weights 7, 3, 1)."""
    account = 2200 * 10**11 + serial
    weights = np.resize([7, 3, 1], 15)[::-1]
    check = -(digits(account, 15) * weights).sum(axis=1) % 10
    body = account * 10 + check
    # ISO 13616 writes EE00 behind the account as 141400; taken modulo 97 first, the number of 22 digits fits.
    remainder = (body % 97 * (10**6 % 97) + 141400) % 97
    return pc.binary_join_element_wise(text(98 - remainder, 2, "EE"), text(body, 16), pa.scalar(""))
