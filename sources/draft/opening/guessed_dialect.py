"""The dialect of delimited text: what stands between fields and around them, and whether line 1 can be a header.

Records are those of the reader that lands the file, so that what is guessed here is read so there.
"""

import io
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sources.errors import ExtractError
from sources.formats.delimited.dialect import DETECT, NONE, Dialect
from sources.formats.delimited.evidence import Quoting, dialects, is_borne_out
from sources.formats.delimited.fields import FieldParser
from sources.formats.delimited.records import Record, Records

_HEAD_CHARACTERS = 1 << 20
_RECORDS = 1000
# Of one column: the first of them that no value has.
_ALONE = (",", ";", "\t", "|")
# What is longer goes before its own part: a blank behind every delimiter is no part of the values.
_DELIMITERS = (", ", "; ", " | ", *_ALONE)


@dataclass(frozen=True)
class _Split:
    """The head of the file as one dialect cuts it: the fields of the usual record, of the first one, and how many are usual."""

    dialect: Dialect
    usual: int
    first: int
    right: int
    quoting: Quoting

    @property
    def score(self) -> tuple[bool, int, int]:
        return self.first == self.usual, self.right * (self.usual - 1), -self.quoting.against


def guessed_dialect(path: Path, encoding: str) -> dict[str, str]:
    """The server options `delimiter` and, where they are not the double one and itself doubled, `quote` and `escape`.

    Raises ExtractError where there is no text, or line 1 has another number of fields than the lines below.
    """
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        text = file.read(_HEAD_CHARACTERS).removeprefix("\ufeff")
    if not text.strip():
        raise ExtractError("the file does not look like delimited text, it is empty; ask the agency to send it again")
    open_dialect = Dialect(quote=DETECT, escape=DETECT)
    delimiters = [sign for sign in _DELIMITERS if sign in text]
    splits = [_split(text, dialect) for dialect in dialects(open_dialect, text, delimiters)]
    found = [split for split in splits if is_borne_out(split, splits)]
    # What cuts nothing is no delimiter, and a comma that cuts every line but the first is one of decimals.
    likely = [split for split in found if split.usual > 1 and not _cuts_decimals(text, split)]
    if not likely:
        return {"delimiter": next((sign for sign in _ALONE if sign not in text), ",")}
    best = max(likely, key=lambda split: split.score)
    _check_first(best)
    return _options(best.dialect)


def _options(dialect: Dialect) -> dict[str, str]:
    options = {"delimiter": dialect.delimiter}
    if dialect.quote != '"':
        options["quote"] = dialect.quote or NONE
    if not dialect.is_doubled:
        options["escape"] = dialect.escape
    return options


def _split(text: str, dialect: Dialect) -> _Split:
    records = list(islice(Records(io.StringIO(text, newline=""), FieldParser(dialect)), _RECORDS))
    # The head may end within a record.
    whole = records[:-1] if len(text) >= _HEAD_CHARACTERS and len(records) < _RECORDS else records
    first = len(whole[0].fields or ()) if whole else 1
    widths = [_width(record, first) for record in whole if record.fields]
    usual, count = Counter(widths or [1]).most_common(1)[0]
    # One row below its header, each of another width: the header says what is usual.
    return _Split(dialect, first if count == 1 else usual, first, count, Quoting.of(dialect, whole))


def _width(record: Record, first: int) -> int:
    """A delimiter at the end of each record alone makes no columns."""
    fields = record.fields or []
    return first if len(fields) > first and not any(fields[first:]) else len(fields)


def _cuts_decimals(text: str, split: _Split) -> bool:
    lines = text.splitlines()[1:_RECORDS]
    are_decimals = all(re.fullmatch(r"(-?\d+,\d+)?", line) for line in lines)
    return are_decimals and split.dialect.delimiter == "," and split.first == 1


def _check_first(split: _Split) -> None:
    if split.first == split.usual:
        return
    raise ExtractError(
        f"line 1 is no header: where it has {split.first} columns, most lines below it have {split.usual}. A file is read "
        "from line 1; ask the agency to leave out what stands above the header, or to name every column in it"
    )
