"""Whether the few values of a column are what people write, addresses or sentences, and not an agency's codes."""

import re
from collections.abc import Sequence

_WORDS_OF_A_SENTENCE = 4
_SENTENCE = re.compile(r"[.,;:!?]\s|[!?]$|\w{3}\.$")
# A number behind the words, or before them: Hauptstraße 5 a, 12 High Street.
_NUMBER_BEHIND = re.compile(r"(?P<words>[^\W\d_].*?)[ ,]+\d+(\s?[-/]?\s?\w)?")
_NUMBER_BEFORE = re.compile(r"\d+\s?[A-Za-z]?,?\s+(?P<words>[^\W\d_]{2}.*)")


def are_free_texts(values: Sequence[str]) -> bool:
    """One sentence is enough. Numbered words are addresses where the words differ: Zone 1 and Zone 2 are codes."""
    if any(_is_sentence(value) for value in values):
        return True
    found = [_NUMBER_BEHIND.fullmatch(value) or _NUMBER_BEFORE.fullmatch(value) for value in values]
    return len({match["words"] for match in found if match}) > 1


def _is_sentence(value: str) -> bool:
    return len(value.split()) >= _WORDS_OF_A_SENTENCE or _SENTENCE.search(value) is not None
