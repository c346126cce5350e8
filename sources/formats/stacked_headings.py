"""Headings of several rows, as spreadsheets and the text files made of them have."""

from collections.abc import Sequence
from itertools import zip_longest


def joined(rows: Sequence[Sequence[str | None]]) -> list[str]:
    """One heading for each column: its texts from top to bottom with a space between them, blank ones left out.

    One row is taken as it stands.
    """
    if len(rows) == 1:
        return [text or "" for text in rows[0]]
    return [" ".join(text.strip() for text in texts if text and text.strip()) for texts in zip_longest(*rows)]
