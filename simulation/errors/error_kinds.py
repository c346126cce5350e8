"""What each kind of error makes of a value: slips of the hand, wrong check digits, dates turned round, damaged letters."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from simulation.errors.spelling import damaged_in, misread

_LETTERS = "etaoinsrhldkumvg"
LATE_BY = timedelta(hours=30)


@dataclass(frozen=True)
class Cell:
    """One value on its way to being wrong: `chance` is a number of its own, `other` the value of another record."""

    value: Any
    chance: int
    other: Any
    unspelled: str | None
    date_format: str
    charset: str


def _typing_slip(cell: Cell) -> str | None:
    text, place = str(cell.value), cell.chance % max(len(cell.value) - 1, 1)
    if len(text) < 2:
        return None
    letter = _LETTERS[cell.chance // 64 % len(_LETTERS)]
    letter = letter.upper() if text[place].isupper() else letter
    return (
        text[:place] + text[place + 1] + text[place] + text[place + 2 :],
        text[: place + 1] + text[place + 2 :],
        text[: place + 1] + text[place] + text[place + 1 :],
        text[: place + 1] + letter + text[place + 2 :],
    )[cell.chance // 1024 % 4]


def _wrong_check_digit(cell: Cell) -> str | None:
    text = str(cell.value)
    return text[:-1] + str((int(text[-1]) + 1 + cell.chance % 9) % 10) if text[-1:].isdigit() else None


def _transposed_date(cell: Cell) -> Any:
    """Day and month change places, where that is a date and another one."""
    if isinstance(cell.value, date):
        same = cell.value.day > 12 or cell.value.day == cell.value.month
        return None if same else cell.value.replace(month=cell.value.day, day=cell.value.month)
    text, (day, month) = cell.value, _day_and_month(cell.date_format)
    first, second = text[day : day + 2], text[month : month + 2]
    return None if int(first) > 12 or first == second else _with_day_and_month(cell, second, first)


def _impossible_date(cell: Cell) -> Any:
    return _with_day_and_month(cell, "31", "02")


def _day_and_month(date_format: str) -> tuple[int, int]:
    return date_format.index("dd"), date_format.index("MM")


def _with_day_and_month(cell: Cell, day: str, month: str) -> str:
    day_at, month_at = _day_and_month(cell.date_format)
    letters = list(cell.value)
    letters[day_at : day_at + 2], letters[month_at : month_at + 2] = day, month
    return "".join(letters)


def _charset_loss(cell: Cell) -> str | None:
    return None if cell.unspelled is None else damaged_in(cell.unspelled, cell.charset)


# What a kind makes of one value; None where it cannot happen there.
CELL_KINDS: dict[str, Callable[[Cell], Any]] = {
    "typing_slip": _typing_slip,
    "wrong_check_digit": _wrong_check_digit,
    "transposed_date": _transposed_date,
    "impossible_date": _impossible_date,
    "charset_loss": _charset_loss,
    "mojibake": lambda cell: misread(str(cell.value)),
    "borrowed_identifier": lambda cell: cell.other,
    "late_row": lambda cell: cell.value - LATE_BY,
}
# Whole rows that the agencies' own modules add, by the rate of the profile.
MARKED_KINDS = ("paid_after_death", "incompatible_benefit", "keeper_deceased", "director_deceased", "double_residence")
KINDS = frozenset({*CELL_KINDS, *MARKED_KINDS, "swapped_names", "missing", "doubled_row", "second_record"})
