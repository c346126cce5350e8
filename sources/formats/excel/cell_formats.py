"""What a cell shows of its number under a format such as 00000 or 000-00-0000 (ECMA-376, part 1, 18.8.31).

For text columns alone, where a post code that a workbook keeps as 2360 is the 02360 that people see. A format for quantities
(thousands, per cent, exponent, fraction, General) changes no code: the number itself is the text then.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

_TOKEN = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[([^\]]*)\]|([0#?])|(.)', re.DOTALL)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)(-?[0-9]+(?:\.[0-9]+)?)")
_CURRENCY = re.compile(r"\$([^-]*)(?:-.*)?", re.DOTALL)
_COMPARE: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "<>": operator.ne,
}  # fmt: skip
_COLOURS = re.compile(r"(?:black|blue|cyan|green|magenta|red|white|yellow|color ?[0-9]+)", re.IGNORECASE)
# What stands for itself without quotes. A point is that of decimals, a stroke that of a fraction.
_LITERALS = frozenset("$-+():!^&'~{}<>= ")
# Of the formats that a file names without their text, those whose cells show more than the number.
_BUILT_IN = {2: "0.00"}
# No program writes a longer one.
_LONGEST_PATTERN = 255
_FILLS = {"0": "0", "?": " ", "#": ""}


class OtherDigits(ValueError):
    """The cell shows other digits than its number has, so that nobody knows which of the two is meant."""


@dataclass(frozen=True)
class _Section:
    """One part of a format. `whole` and `decimals` are places for digits and, with a quote before it, what is written between."""

    holds: Callable[[Decimal], bool] | None
    whole: tuple[str, ...]
    decimals: tuple[str, ...] = ()
    has_point: bool = False

    @property
    def is_padded(self) -> bool:
        return self.whole.count("0") > 1

    def shown(self, number: Decimal) -> str | None:
        """None where the number itself is to be taken, because it has more decimals than the cell has places for."""
        whole, _, decimals = format(abs(number), "f").partition(".")
        decimals = decimals.rstrip("0")
        if len(decimals) > sum(place in _FILLS for place in self.decimals):
            if self.is_padded:
                raise OtherDigits
            return None
        behind = _filled(self.decimals, decimals) if self.has_point else ""
        return (_filled(self.whole[::-1], whole.lstrip("0")[::-1])[::-1] + behind).strip()


@dataclass(frozen=True)
class CodeFormat:
    """A format whose cells show something else than the digits of their numbers; `pattern` is its text."""

    pattern: str
    sections: tuple[_Section | None, ...]

    def shown(self, text: str) -> str | None:
        """What the cell shows of a number; None where the number itself is to be taken. Raises OtherDigits."""
        number = Decimal(text)
        place = self._place(number)
        section = self.sections[place]
        found = section.shown(number) if section else None
        # The second of the usual sections says itself how it writes what is negative.
        is_signed = number < 0 and (place != 1 or (section is not None and section.holds is not None))
        return found if found is None or not is_signed else f"-{found}"

    def _place(self, number: Decimal) -> int:
        conditions = [section.holds if section else None for section in self.sections]
        if any(conditions):
            return next((at for at, holds in enumerate(conditions) if holds and holds(number)), len(conditions) - 1)
        if number < 0 and len(conditions) > 1:
            return 1
        return 2 if number == 0 and len(conditions) > 2 else 0


def code_format(pattern: str) -> CodeFormat | None:
    """None of a format under which the number itself is what people read."""
    if len(pattern) > _LONGEST_PATTERN:
        return None
    sections = tuple(_section(part) for part in _split(pattern)[:3])
    return CodeFormat(pattern, sections) if any(map(_says_more, sections)) else None


def by_style(patterns: Mapping[int, str], used: Sequence[int]) -> dict[int, CodeFormat]:
    """The formats by the number of the style that a cell names; `used` are the numbers of their formats in that order."""
    known = {**_BUILT_IN, **patterns}
    forms = {number: code_format(known.get(number, "")) for number in set(used)}
    return {style: form for style, number in enumerate(used) if (form := forms[number])}


def _says_more(section: _Section | None) -> bool:
    if section is None:
        return False
    has_words = any(place not in _FILLS for place in section.whole + section.decimals)
    return has_words or section.is_padded or "0" in section.decimals


def _split(pattern: str) -> list[str]:
    """The sections: a semicolon within quotes or behind a backslash is none between them."""
    parts = [""]
    for token in _TOKEN.finditer(pattern):
        if token[0] == ";":
            parts.append("")
        else:
            parts[-1] += token[0]
    return parts


def _section(pattern: str) -> _Section | None:
    """None where it is no format of digits in their places, so that the number itself is to be taken."""
    holds: Callable[[Decimal], bool] | None = None
    whole: list[str] = []
    decimals: list[str] = []
    places, has_point = whole, False
    for token in _TOKEN.finditer(pattern):
        quoted, escaped, bracket, digit, other = token.groups()
        if bracket is not None:
            condition, currency = _CONDITION.fullmatch(bracket), _CURRENCY.fullmatch(bracket)
            if condition:
                holds = _holding(condition[1], Decimal(condition[2]))
            elif currency:
                places += [f"'{character}" for character in currency[1]]
            elif not _COLOURS.fullmatch(bracket):
                return None
        elif digit:
            places.append(digit)
        elif other == "." and not has_point:
            places, has_point = decimals, True
            places.append("'.")
        elif other and other not in _LITERALS:
            return None
        else:
            places += [f"'{character}" for character in quoted or escaped or other or ""]
    has_digits = any(place in _FILLS for place in whole)
    return _Section(holds, tuple(whole), tuple(decimals), has_point) if has_digits else None


def _holding(sign: str, limit: Decimal) -> Callable[[Decimal], bool]:
    return lambda number: _COMPARE[sign](number, limit)


def _filled(places: tuple[str, ...], digits: str) -> str:
    """The digits in their places, in the order of both; digits that are left over stand in the last place with the one there."""
    last = max((at for at, place in enumerate(places) if place in _FILLS), default=-1)
    written, left = "", digits
    for at, place in enumerate(places):
        if place not in _FILLS:
            written += place[1:]
        elif at == last and left:
            written, left = written + left, ""
        elif left:
            written, left = written + left[0], left[1:]
        else:
            written += _FILLS[place]
    return written
