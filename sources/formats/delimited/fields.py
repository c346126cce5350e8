"""The fields of one record of delimited text, by RFC 4180 as the engine reads it, or with an escape before the quote."""

import csv
import re

from sources.formats.delimited.dialect import Dialect

MAX_RECORD_BYTES = 16 << 20


class Unclosed(Exception):
    """A quote opens and does not close; the record may go on in the next line."""


class Misquoted(Exception):
    """Text stands after a closing quote."""


class FieldParser:
    """Splits records of one dialect into fields."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        csv.field_size_limit(MAX_RECORD_BYTES)
        if not dialect.quote:
            return
        quote, escape, delimiter = (re.escape(item) for item in (dialect.quote, dialect.escape, dialect.delimiter))
        inner = f"[^{quote}]*+(?:{quote}{quote}[^{quote}]*+)*+"
        if not dialect.is_doubled:
            inner = f"(?:[^{quote}{escape}]|{escape}.|{quote}{quote})*+"
        # As the engine, blanks after a closing quote are taken for nothing.
        blanks = "" if dialect.delimiter.startswith(" ") else " *+"
        plain = f"[^{delimiter}]*+" if len(dialect.delimiter) == 1 else f"(?:(?!{delimiter}).)*+"
        end = f"(?={delimiter}|\\Z)"
        self._field = re.compile(f"{quote}({inner}){quote}{blanks}{end}|(?!{quote})({plain}){end}", re.DOTALL)
        # An escape at the end of a line stands before the line end.
        last = "" if dialect.is_doubled else f"{escape}?"
        self._open = re.compile(f"{quote}{inner}{last}\\Z", re.DOTALL)
        # Any quote closes that stands before a delimiter or the end: for records that are wrong by the rule.
        self._lazy = re.compile(f"{quote}(.*?){quote}{blanks}{end}|(?!{quote})({plain}){end}", re.DOTALL)
        self._escaped = re.compile(f"{escape}({quote}|{escape})|{quote}({quote})", re.DOTALL)
        self._quoted = re.compile(f"{quote}({inner}){quote}", re.DOTALL)
        # A quote with text on both sides, and no escape before it.
        before = f"(?<!\\A)(?<!{quote})(?<!{escape})(?<!{delimiter})"
        self._within = re.compile(f"{before}{quote}(?!{quote}|{delimiter}|\\Z)")
        self._is_csv = dialect.is_doubled and len(dialect.delimiter) == 1

    def fields(self, text: str) -> list[str]:
        """Raises Unclosed or Misquoted."""
        dialect = self.dialect
        if not dialect.quote or dialect.quote not in text:
            return text.split(dialect.delimiter)
        if self._is_csv:
            try:
                return next(csv.reader([text], delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True), [""])
            except csv.Error:
                pass  # which of the two it is, and blanks after a quote, are for the grammar below
        return self._by_grammar(text, self._field)

    def lazy_fields(self, text: str) -> list[str]:
        """With quotes within quotes that are not escaped. Raises as `fields` does. Only where the dialect has a quote."""
        return self._by_grammar(text, self._lazy)

    def quotes_across(self, text: str) -> bool:
        """Whether a quote opens within one field and closes at the end of another: a delimiter is missing before the quote.

        x"y, z" was x,"y, z" once, and has as many fields as that has.
        """
        dialect = self.dialect
        if not dialect.quote or dialect.quote not in text:
            return False
        ends = (self.spans_fields(text, match.start()) for match in self._within.finditer(text))
        return any(end == len(text) or text.startswith(dialect.delimiter, end) for end in ends if end)

    def spans_fields(self, text: str, place: int) -> int:
        """Where a quoted value ends that begins at `place` and holds delimiters; 0 where none does."""
        match = self._quoted.match(text, place)
        # Behind a delimiter the quote that would close opens a value of its own.
        if match is None or self.dialect.delimiter not in match[1] or match[1].endswith(self.dialect.delimiter):
            return 0
        return match.end()

    def has_odd_quotes(self, line: str) -> bool:
        """Whether a record that is within quotes before this line is not behind it, or the other way round."""
        if not self.dialect.is_doubled:
            line = self._escaped.sub("", line)
        return line.count(self.dialect.quote) % 2 == 1

    def _by_grammar(self, text: str, grammar: re.Pattern[str]) -> list[str]:
        found, position = [], 0
        while True:
            match = grammar.match(text, position)
            if match is None:
                raise Unclosed if self._open.match(text, position) else Misquoted
            found.append(match[2] if match[1] is None else self._plain(match[1]))
            position = match.end() + len(self.dialect.delimiter)
            if position > len(text):
                return found

    def _plain(self, quoted: str) -> str:
        if self.dialect.is_doubled:
            return quoted.replace(self.dialect.quote * 2, self.dialect.quote)
        return self._escaped.sub(lambda match: match[1] or match[2], quoted)
