"""Patterns in places of remote stores: what `*`, `?` and `**` match, and what does not have to be searched."""

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

_WILD = re.compile(r"\*\*/|\*\*|\*|\?")
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def is_pattern(text: str) -> bool:
    return _WILD.search(text) is not None


@dataclass(frozen=True)
class Pattern:
    """An expression of RE2, which ends in linear time: the pattern is a stranger's, and Python's own would try every place of a `*`."""

    expression: str

    def match(self, name: str) -> bool:
        try:
            return bool(pc.match_substring_regex(pa.array([name]), self.expression)[0].as_py())
        except UnicodeEncodeError:
            # Bytes that are no text are no name that a contract could have meant.
            return False


def compiled(pattern: str) -> Pattern:
    """A pattern as an expression for the whole name: `*` and `?` stay within a folder, `**` does not."""
    pieces, end = [], 0
    for wild in _WILD.finditer(pattern):
        pieces += [re.escape(pattern[end : wild.start()]), _MEANING[wild[0]]]
        end = wild.end()
    return Pattern(r"(?s)\A" + "".join(pieces) + re.escape(pattern[end:]) + r"\z")


def fixed_folder(pattern: str) -> str:
    """The folders before the first `*` or `?`, without a `/` at the end."""
    wild = _WILD.search(pattern)
    return (pattern[: wild.start()] if wild else pattern).rpartition("/")[0]
