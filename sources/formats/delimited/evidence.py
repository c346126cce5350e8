"""What the records of a file say for and against the quote and the escape of a dialect, whoever looks for one."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from typing import Protocol

from sources.formats.delimited.dialect import DETECT, Dialect
from sources.formats.delimited.records import Record

_QUOTES, _BACKSLASH = ('"', "'"), "\\"
# A field that still stands in double quotes weighs as much as so many in single ones, which are letters more often.
_DOUBLE_WEIGHS = 10
# One within a word, which would be doubled where it was a quote.
_APOSTROPHE = re.compile(r"\w'\w")
# Nothing is quoted where so many records, and more than this part of those that are quoted, break the rules of quotes.
_BROKEN_QUOTES, _BROKEN_PART = 2, 3


@dataclass(frozen=True)
class Quoting:
    """Of the records with a quote so many are broken, have a quote in a value, are whole and quoted from delimiter to delimiter.

    `escapes` are quotes behind a backslash where that is the escape; `against` weighs fields that still stand in quotes.
    """

    broken: int
    in_values: int
    enclosed: int
    escapes: int
    against: int

    @classmethod
    def of(cls, dialect: Dialect, records: Sequence[Record]) -> "Quoting":
        quote = dialect.quote
        found = [record for record in records if quote and quote in record.text]
        return cls(
            sum(record.fields is None for record in found),
            sum(any(quote in field for field in record.fields or ()) for record in found),
            sum(record.fields is not None and _is_enclosing(dialect, record.text) for record in found),
            0 if dialect.is_doubled else sum(record.text.count(_BACKSLASH + quote) for record in found),
            _against(dialect, records),
        )


class Look(Protocol):
    """A dialect, how many records are as wide as they should be in it, and what is said of its quotes."""

    @property
    def dialect(self) -> Dialect: ...
    @property
    def right(self) -> int: ...
    @property
    def quoting(self) -> Quoting: ...


def dialects(dialect: Dialect, head: str, delimiters: Sequence[str]) -> Iterator[Dialect]:
    """`dialect` with every quote and escape that `head` leaves open, from the usual to the rare."""
    quotes = (*_QUOTES, "") if dialect.quote == DETECT else (dialect.quote,)
    for delimiter, quote in product(delimiters, quotes):
        for escape in _escapes(dialect, quote, head):
            yield replace(dialect, delimiter=delimiter, quote=quote, escape=escape)


def _escapes(dialect: Dialect, quote: str, head: str) -> list[str]:
    """An escape that was left to its default is the quote."""
    if dialect.escape == DETECT:
        return [quote, _BACKSLASH] if quote and _BACKSLASH + quote in head else [quote]
    return [quote if not quote or dialect.escape == dialect.quote else dialect.escape]


def is_borne_out(look: Look, looks: Sequence[Look]) -> bool:
    """Whether the file needs an escape, or no quote at all: what one broken record would be right by is its fault."""
    dialect, enclosed = look.dialect, look.quoting.enclosed
    if dialect.is_doubled and (enclosed or dialect.quote == '"'):
        return True
    # A quote that encloses nothing is as good as none.
    quote = dialect.quote if enclosed else '"'
    others = [item for item in looks if (item.dialect.delimiter, item.dialect.quote) == (dialect.delimiter, quote)]
    if enclosed:
        doubled = next((item for item in others if item.dialect.is_doubled), None)
        return doubled is None or look.right - doubled.right > doubled.quoting.in_values
    other = min(others, key=lambda item: item.quoting.broken, default=None)
    if other is None:
        return True
    broken = other.quoting.broken
    is_habit = broken >= _BROKEN_QUOTES and broken * _BROKEN_PART > other.quoting.enclosed
    return is_habit and look.right > other.right


def _is_enclosing(dialect: Dialect, text: str) -> bool:
    """Whether a quote opens at the beginning of a field, and one closes further on at the end of one."""
    quote, delimiter = dialect.quote, dialect.delimiter
    opens = 0 if text.startswith(quote) else text.find(delimiter + quote)
    closes = len(text) - 1 if text.endswith(quote) else text.rfind(quote + delimiter)
    return 0 <= opens < closes


def _against(dialect: Dialect, records: Sequence[Record]) -> int:
    fields = chain.from_iterable(record.fields or [] for record in records)
    still = Counter(field[0] for field in fields if len(field) > 1 and field[0] == field[-1] and field[0] in _QUOTES)
    letters = sum(len(_APOSTROPHE.findall(record.text)) for record in records) if dialect.quote == "'" else 0
    return _DOUBLE_WEIGHS * still['"'] + still["'"] + letters
