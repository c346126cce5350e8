"""How numbers are written in texts: separators, where the minus stands, the currency's sign. Said once, for every format.

What a contract may say is read here, and made into SQL that gives the plain number (`-1234.5`) behind a text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from warehouse.engines.duckdb.engine import literal

# Options of a server, and of a property, which goes first.
NUMBER_OPTIONS = frozenset({"decimalSeparator", "thousandsSeparator", "negativeNumbers", "currencySigns"})
# A blank in a contract stands for each of them: no reader tells them apart, and one file has several.
BLANKS = " \u00a0\u2009\u202f"
_THOUSANDS = (".", ",", "'", "\u2019", *BLANKS)
_MINUSES = ("-", "\u2212")
_LONGEST_SIGN = 8
_AFTER_ONE = re.compile(r"[^0-9]*1[^0-9]*")


@dataclass(frozen=True)
class NumberFormat:
    """`thousands` are the signs that may stand between groups of three digits.

    `negative` are the ways in which minus one is written: `-1`, `1-`, `(1)`, `1 CR`. `currency` are the signs of one currency,
    which may stand before or after a number. `is_plain_too` says that numbers may come as -1234.5 as well, from a format
    that has numbers beside texts.
    """

    decimal: str = "."
    thousands: str = ""
    negative: tuple[str, ...] = ("-1",)
    currency: tuple[str, ...] = ()
    is_plain_too: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any], is_plain_too: bool = False) -> "NumberFormat":
        """What options without faults say; PLAIN where they say nothing."""
        thousands = "".join(_listed(options.get("thousandsSeparator", "")))
        if set(thousands) & set(BLANKS):
            thousands = "".join(sign for sign in thousands if sign not in BLANKS) + BLANKS
        found = cls(
            options.get("decimalSeparator", "."), thousands,
            tuple(_listed(options.get("negativeNumbers", "-1"))), tuple(_listed(options.get("currencySigns", ""))),
        )  # fmt: skip
        return found if found == PLAIN else cls(*found._said, is_plain_too)

    @property
    def _said(self) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
        return self.decimal, self.thousands, self.negative, self.currency

    @property
    def _is_signed_plainly(self) -> bool:
        return self.negative == PLAIN.negative and not self.currency and not self.is_plain_too

    def plain(self, text: str) -> str:
        """SQL of the plain number that the SQL expression `text` is in this format; null where it is none."""
        number = self._number()
        if self._is_signed_plainly:
            return f"CASE WHEN regexp_full_match({text}, {literal('[+-]?' + number)}) THEN {self._bare(text)} END"
        cases = [f"WHEN regexp_full_match({text}, '[+-]?[0-9]+([.][0-9]+)?') THEN {text}"] if self.is_plain_too else []
        for sign, look in [("", self._positive(number)), *(("-", look) for look in self._negatives(number))]:
            digits = self._bare(f"regexp_extract({text}, {literal(f'^(?:{look})$')}, 1)")
            value = f"'-' || {digits}" if sign else digits
            cases.append(f"WHEN regexp_full_match({text}, {literal(look)}) THEN {value}")
        return f"CASE {' '.join(cases)} END"

    def written(self, plain: str) -> str:
        """SQL of a plain number's text as the agency would write it, without separators of thousands."""
        text = plain if self.decimal == "." else f"replace({plain}, '.', {literal(self.decimal)})"
        if self.negative[0] == "-1":
            return text
        before, after = (literal(affix) for affix in self.negative[0].split("1"))
        return f"CASE WHEN {plain} LIKE '-%' THEN {before} || {text}[2:] || {after} ELSE {text} END"

    def as_text(self, plain: str) -> str:
        """A plain number in this format, of a source that knows numbers from texts."""
        digits, is_negative = plain.removeprefix("-").replace(".", self.decimal), plain.startswith("-")
        return self.negative[0].replace("1", digits) if is_negative else digits

    @property
    def described(self) -> str:
        """What is said of it in a reason; empty of plain numbers."""
        said = []
        if (self.decimal, self.thousands) != (PLAIN.decimal, PLAIN.thousands):
            said.append(f"{self.decimal!r} before its decimals")
        if self.thousands:
            shown = [sign for sign in self.thousands if sign not in BLANKS[1:]]
            said.append(f"{' or '.join(map(repr, shown))} between its thousands")
        if self.negative != PLAIN.negative:
            said.append(f"a minus as in {' or '.join(self.negative)}")
        if self.currency:
            said.append(f"{' or '.join(self.currency)} before or after it")
        return f" with {' and '.join(said)}" if said else ""

    def _number(self) -> str:
        whole, decimal = "[0-9]+", re.escape(self.decimal)
        if self.thousands:
            whole = f"(?:[0-9]+|[0-9]{{1,3}}(?:{_any_of(self.thousands)}[0-9]{{3}})+)"
        number = f"{whole}(?:{decimal}[0-9]+)?"
        # As with plain numbers: .50 is one.
        return number if self.thousands or self.decimal != "." else f"(?:{number}|{decimal}[0-9]+)"

    def _bare(self, text: str) -> str:
        bare = text
        if len(self.thousands) == 1:
            bare = f"replace({bare}, {literal(self.thousands)}, '')"
        elif self.thousands:
            bare = f"translate({bare}, {literal(self.thousands)}, '')"
        return bare if self.decimal == "." else f"replace({bare}, {literal(self.decimal)}, '.')"

    def _positive(self, number: str) -> str:
        before, after = self._currency()
        look = rf"(?:\+?{before}|{before}\+)({number}){after}"
        # Where a minus stands behind, COBOL writes a plus there too.
        behind = [way.partition("1")[2] for way in self.negative if way.strip(BLANKS + "".join(_MINUSES)) == "1"]
        return look + (rf"(?:{_any_of(BLANKS)}*\+)?" if any(sign.strip(BLANKS) for sign in behind) else "")

    def _negatives(self, number: str) -> Iterator[str]:
        """The sign stands outside of the currency's, or between it and the digits."""
        before, after = self._currency()
        for way in self.negative:
            prefix, suffix = (_affix(part) for part in way.split("1"))
            yield f"{prefix}{before}({number}){after}{suffix}"
            if self.currency:
                yield f"{before}{prefix}({number}){suffix}{after}"

    def _currency(self) -> tuple[str, str]:
        if not self.currency:
            return "", ""
        signs, blanks = "|".join(_affix(sign) for sign in self.currency), f"{_any_of(BLANKS)}*"
        return f"(?:(?:{signs}){blanks})?", f"(?:{blanks}(?:{signs}))?"


PLAIN = NumberFormat()


def number_faults(options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the options, each with its remedy."""
    decimal, thousands = options.get("decimalSeparator", "."), options.get("thousandsSeparator", "")
    between = _listed(thousands)
    # A list, as a lone empty text says that there is none.
    is_known = thousands == "" or (between and all(sign in _THOUSANDS for sign in between))
    if decimal not in (".", ",") or not is_known or decimal in between:
        yield (
            f"decimalSeparator {decimal!r} and thousandsSeparator {thousands!r} cannot be read; write a comma or point, and for "
            "thousands another one, a blank (any kind) or an apostrophe, or a list of them"
        )
        return
    taken = {decimal, *between}
    if "negativeNumbers" in options and not _all_are(options["negativeNumbers"], lambda way: _is_minus_one(way, taken)):
        yield (
            "negativeNumbers is no list of the ways in which minus one is written; write one such as "
            '["-1", "1-", "(1)", "\u22121", "1 CR"]'
        )
    if "currencySigns" in options and not _all_are(options["currencySigns"], lambda sign: _is_sign(sign, taken)):
        yield 'currencySigns is no list of the signs of one currency; write one such as ["€", "EUR"]'


def _listed(said: Any) -> list[Any]:
    return said if isinstance(said, list) else [said] if said not in ("", None) else []


def _all_are(said: Any, is_right: Any) -> bool:
    listed = _listed(said)
    return bool(listed) and all(isinstance(item, str) and is_right(item) for item in listed)


def _is_minus_one(way: str, taken: set[str]) -> bool:
    around = way.replace("1", "", 1)
    is_minus = around.strip(BLANKS + "+") != "" and not set(around) & {".", ","}
    return _AFTER_ONE.fullmatch(way) is not None and is_minus and _is_sign(around, taken)


def _is_sign(sign: str, taken: set[str]) -> bool:
    """No digit, and no separator alone: `Fr.` is a sign, `.` is none."""
    is_short = 0 < len(sign.strip(BLANKS)) <= len(sign) <= _LONGEST_SIGN
    return is_short and not any(character.isdigit() for character in sign) and sign not in taken


def _any_of(signs: str) -> str:
    return f"[{re.escape(signs)}]"


def _affix(text: str) -> str:
    """A blank stands for as many as there are, also for none: `1 -` is how a sign stands apart."""
    return "".join(f"{_any_of(BLANKS)}*" if character in BLANKS else re.escape(character) for character in text)
