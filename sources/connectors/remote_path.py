"""Patterns in places of remote stores: what `*`, `?` and `**` match, and what does not have to be searched."""

import re

_WILD = re.compile(r"\*\*/|\*\*|\*|\?")
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def is_pattern(text: str) -> bool:
    return _WILD.search(text) is not None


def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern as an expression for the whole name: `*` and `?` stay within a folder, `**` does not."""
    pieces, end = [], 0
    for wild in _WILD.finditer(pattern):
        pieces += [re.escape(pattern[end : wild.start()]), _MEANING[wild[0]]]
        end = wild.end()
    return re.compile("".join(pieces) + re.escape(pattern[end:]) + r"\Z", re.DOTALL)


def fixed_folder(pattern: str) -> str:
    """The folders before the first `*` or `?`, without a `/` at the end."""
    wild = _WILD.search(pattern)
    return (pattern[: wild.start()] if wild else pattern).rpartition("/")[0]
