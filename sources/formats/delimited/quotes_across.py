"""Quotes that open within one value and close in another, looked for in the bytes of a whole file."""

from pathlib import Path

import numpy as np

from sources.formats.delimited.dialect import Dialect

_CHUNK_BYTES = 1 << 20
_LF, _CR = 10, 13

Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]


def quotes_across(path: Path, dialect: Dialect) -> bool:
    """Whether a line may have such quotes as `FieldParser.quotes_across` tells for sure. Both signs are of one character."""
    delimiter, quote = dialect.delimiter.encode(), dialect.quote.encode()
    if len(delimiter) > 1 or len(quote) > 1:
        return True
    rest = b"\n"
    with path.open("rb") as file:
        while content := file.read(_CHUNK_BYTES):
            # Cut at a quote's line; what stands before the cut has its neighbours on both sides.
            whole, end, rest = (rest + content).rpartition(b"\n")
            if quote in whole and _found(np.frombuffer(whole + end, np.uint8), delimiter[0], quote[0]):
                return True
            rest = end + rest
    return quote in rest and _found(np.frombuffer(rest + b"\n", np.uint8), delimiter[0], quote[0])


def _found(chunk: Bytes, delimiter: int, quote: int) -> bool:
    """`chunk` begins and ends with a line end."""
    places = np.flatnonzero(chunk == quote)
    ends = np.isin(np.arange(256), [delimiter, _LF, _CR])
    is_behind_text = ~(ends | (np.arange(256) == quote))[chunk[places - 1]]
    behind = chunk[places + 1]
    opens, closes = places[is_behind_text & ~ends[behind] & (behind != quote)], places[ends[behind]]
    if not len(opens):
        return False
    lines, delimiters = np.flatnonzero(chunk == _LF), np.flatnonzero(chunk == delimiter)
    line_ends = lines[np.searchsorted(lines, opens)]
    # The first of them stands for none before the end of the line.
    last = np.append(-1, closes)[np.searchsorted(closes, line_ends)]
    has_delimiter = np.searchsorted(delimiters, opens) < np.searchsorted(delimiters, last)
    return bool(np.any((last > opens) & has_delimiter))
