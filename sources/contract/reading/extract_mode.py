"""How a night of a feed adds to the nights before: the custom properties extractMode, watermark, deletedWhen, lateness."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sources.contract import defaults
from sources.contract.model import EXTRACT_MODES, Column, Increment
from sources.contract.reading.odcs import Problems, Step

_STEPS: list[Step] = ["customProperties"]
# No row is later than a thousand years.
_MOST_DIGITS, _MOST_DIGITS_OF_NUMBERS = 7, 18
_HOURS = {"min": 1 / 60, "h": 1, "d": 24, "w": 168}
_NUMBERS = ("BIGINT", "INTEGER")
_ORDERED = ("DATE", "TIMESTAMP WITH TIME ZONE", *_NUMBERS)


@dataclass(frozen=True)
class ModeReader:
    """Turns the custom properties into a mode; what is wrong goes to the contract's problems."""

    problems: Problems
    custom: dict[str, Any]
    columns: tuple[Column, ...]

    def mode(self) -> str:
        mode = str(self.custom.get("extractMode", defaults.EXTRACT_MODE))
        if mode not in EXTRACT_MODES:
            self.problems.add(_STEPS, f"extractMode is {mode!r}; write one of {', '.join(EXTRACT_MODES)}")
        if mode != "incremental":
            for name in {"watermark", "deletedWhen", "lateness"} & set(self.custom):
                self.problems.add(_STEPS, f"{name} belongs to extractMode incremental; take it out, or change the mode")
        return mode

    def increment(self) -> Increment | None:
        if self.custom.get("extractMode") != "incremental":
            return None
        watermark = self._column("watermark", _ORDERED)
        if watermark is None:
            self.problems.add(
                _STEPS, "extractMode incremental needs a watermark: the column that tells when a row last changed"
            )
        lateness = self._numbers() if self._type(watermark) in _NUMBERS else self._lateness()
        return Increment(watermark or "", self._column("deletedWhen", ("BOOLEAN",)), lateness)

    def _column(self, option: str, types: tuple[str, ...]) -> str | None:
        name = self.custom.get(option)
        if name is None:
            return None
        found = next((column for column in self.columns if column.name == name), None)
        if found is None or found.sql_type not in types:
            self.problems.add(_STEPS, f"{option} is {name!r}; write the name of a column of type {' or '.join(types)}")
        return str(name)

    def _type(self, name: str | None) -> str | None:
        return next((column.sql_type for column in self.columns if column.name == name), None)

    def _numbers(self) -> int:
        said = str(self.custom.get("lateness", defaults.LATENESS_IN_NUMBERS))
        if said.isascii() and said.isdigit() and len(said) <= _MOST_DIGITS_OF_NUMBERS:
            return int(said)
        self.problems.add(
            _STEPS,
            f"lateness is {said!r}, and the watermark a number; write how many numbers back rows are looked for that were written "
            "late, such as 1000",
        )
        return 0

    def _lateness(self) -> timedelta:
        text = str(self.custom.get("lateness", defaults.LATENESS))
        number, _, unit = text.partition(" ")
        if not (number.isascii() and number.isdigit() and len(number) < _MOST_DIGITS) or unit not in _HOURS:
            self.problems.add(
                _STEPS, f"lateness is {text!r}; write how far back late rows are looked for, such as '2 d' or '6 h'"
            )
            return timedelta()
        return timedelta(hours=int(number) * _HOURS[unit])
