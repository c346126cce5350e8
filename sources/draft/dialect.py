"""The dialect of delimited text: what stands between fields and around them, and whether line 1 can be a header."""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sources.connectors import ExtractError

_HEAD_CHARACTERS = 1 << 20
_RECORDS = 1000
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class _Split:
    """The head of the file as one delimiter cuts it: the fields of the usual record, of the first one, and how many are usual."""

    delimiter: str
    usual: int
    first: int
    count: int

    @property
    def score(self) -> tuple[bool, int]:
        return self.first == self.usual, self.count * (self.usual - 1)


def guessed_dialect(path: Path, encoding: str) -> dict[str, str]:
    """The server options `delimiter` and, where it is not the double one, `quote`.

    Raises ExtractError where there is no text, or line 1 has another number of fields than the lines below.
    """
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        text = file.read(_HEAD_CHARACTERS).removeprefix("\ufeff")
    if not text.strip():
        raise ExtractError("the file does not look like delimited text, it is empty; ask the agency to send it again")
    quote = _quote(text)
    found = [_split(text, delimiter, quote) for delimiter in _DELIMITERS]
    # What cuts nothing is no delimiter, and a comma that cuts every line but the first is one of decimals.
    likely = [split for split in found if split.usual > 1 and not _cuts_decimals(text, split)]
    if likely:
        best = max(likely, key=lambda split: split.score)
        _check_first(best)
        delimiter = best.delimiter
    else:
        delimiter = next((split.delimiter for split in found if split.delimiter not in text), ",")
    return {"delimiter": delimiter, **({} if quote == '"' else {"quote": quote})}


def _quote(text: str) -> str:
    """A single quote where it stands around whole fields, and double ones do not."""
    ends = "".join(map(re.escape, _DELIMITERS))
    around = rf"(?:^|[{ends}])Q[^Q\r\n]*Q(?=[{ends}\r\n]|\Z)"
    double, single = (len(re.findall(around.replace("Q", quote), text, re.MULTILINE)) for quote in ('"', "'"))
    return "'" if single > double else '"'


def _split(text: str, delimiter: str, quote: str) -> _Split:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote)
    widths: list[int] = []
    try:
        # The records of the head, at most a thousand; blank lines are none.
        for row in rows:
            widths += [len(row)] if row else []
            if len(widths) == _RECORDS:
                break
    except csv.Error:
        pass  # a field beyond every limit, or a broken quote: what was seen before it must do
    # The head may end within a record.
    whole = widths[:-1] if len(text) >= _HEAD_CHARACTERS and len(widths) < _RECORDS else widths
    usual, count = Counter(whole or [1]).most_common(1)[0]
    # One row below its header, each of another width: the header says what is usual.
    return _Split(delimiter, widths[0] if widths and count == 1 else usual, widths[0] if widths else 1, count)


def _cuts_decimals(text: str, split: _Split) -> bool:
    lines = text.splitlines()[1:_RECORDS]
    return split.delimiter == "," and split.first == 1 and all(re.fullmatch(r"(-?\d+,\d+)?", line) for line in lines)


def _check_first(split: _Split) -> None:
    if split.first == split.usual:
        return
    raise ExtractError(
        f"line 1 is no header: where it has {split.first} columns, most lines below it have {split.usual}. A file is read "
        "from line 1; ask the agency to leave out what stands above the header, or to name every column in it"
    )
