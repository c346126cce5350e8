"""The control file that a sender puts beside an extract: its count, its sums and its date, as lines of a name and a value."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from sources.arrival.totals import Totals
from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.typing.date_pattern import read_date

# A control file is a handful of lines; something larger under its name is something else.
_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class Control:
    """What a control file states."""

    totals: Totals
    stated_date: date | None


def read_control(contract: Contract, path: Path) -> Control:
    """Read it as the server option `control` says.

    Raises ExtractError where it is not in the server's encoding, lacks a name, or a value is no number or date.
    """
    return _ControlFile(contract, path).read()


class _ControlFile:
    def __init__(self, contract: Contract, path: Path) -> None:
        self.path, self.agency_name, self.encoding = path, contract.agency_name, contract.server.encoding
        self.option: dict[str, Any] = contract.server.options["control"]
        self.decimal_separator = str(self.option.get("decimalSeparator", "."))
        self.values = self._values()

    def read(self) -> Control:
        count = self._count(str(self.option["count"])) if "count" in self.option else None
        sums = {str(column): self._number(str(name)) for column, name in (self.option.get("sums") or {}).items()}
        stated = self._date(str(self.option["date"])) if "date" in self.option else None
        return Control(Totals(f"the control file {self.path.name}", count, sums), stated)

    def _values(self) -> dict[str, str]:
        try:
            with self.path.open("rb") as file:
                text = file.read(_MAX_BYTES).decode(self.encoding).removeprefix("\ufeff")
        except UnicodeError:
            raise self._wrong(f"is not {self.encoding}") from None
        separator = str(self.option.get("separator", "="))
        values: dict[str, str] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            name, found, value = line.partition(separator)
            if found and name.strip() in values:
                raise self._wrong(f"line {number}: states {name.strip()} a second time")
            if found:
                values[name.strip()] = value.strip()
        return values

    def _value(self, name: str) -> str:
        if name not in self.values:
            raise self._wrong(f"has no {name}")
        return self.values[name]

    def _count(self, name: str) -> int:
        text = self._value(name)
        if not (text.isascii() and text.isdigit()):
            raise self._wrong(f"{name} is no count")
        return int(text)

    def _number(self, name: str) -> Decimal:
        text = self._value(name)
        other = "," if self.decimal_separator == "." else "."
        try:
            # Python would read 1_000 as well.
            if other in text or "_" in text or not text.isascii():
                raise InvalidOperation
            number = Decimal(text.replace(self.decimal_separator, "."))
        except InvalidOperation:
            raise self._wrong(f"{name} is no number") from None
        if not number.is_finite():
            raise self._wrong(f"{name} is no number")
        return number

    def _date(self, name: str) -> date:
        pattern = str(self.option.get("dateFormat", "yyyy-MM-dd"))
        found = read_date(self._value(name), pattern)
        if found is None:
            raise self._wrong(f"{name} is no date in the form {pattern}")
        return found

    def _wrong(self, what: str) -> ExtractError:
        return ExtractError(f"the control file {self.path.name} {what}; ask {self.agency_name} to send it again")
