"""Files of another kind than a text format, told by their first bytes: a workbook sent as CSV is called one.

A zip that comes here is an office document; others were unpacked.
"""

import re
from pathlib import Path

from sources.errors import ExtractError

TEXT_FORMATS = frozenset({"csv", "tsv", "json", "jsonl", "xml"})
_HEAD_BYTES = 1024
_EXCEL, _PARQUET = (
    "; declare format: excel, or ask {agency} for {format}",
    "; declare format: parquet, or ask {agency} for {format}",
)
_OTHER = "; ask {agency} for {format}"
# What the file is, and what to do.
_KINDS: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (re.compile(rb"PK\x03\x04"), "a workbook (.xlsx, .xlsb or .ods)", _EXCEL),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1|\x09[\x00\x02\x04\x08][\x04\x06\x08]\x00"), "a workbook (.xls)", _EXCEL),
    (re.compile(rb"PAR1"), "a Parquet file", _PARQUET),
    (re.compile(rb"%PDF-"), "a PDF document", _OTHER),
    (re.compile(rb"\{\\rtf"), "a document in rich text", _OTHER),
    (re.compile(rb"SQLite format 3\x00"), "a database of SQLite", _OTHER),
    (re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype\s+html|html)[\s>]", re.IGNORECASE), "a web page", _OTHER),
)  # fmt: skip


def refuse_other_kind(path: Path, form: str, agency: str) -> None:
    """Raises ExtractError where a file that should be of the text format `form` is none. An HTML page may be XML."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    for mark, kind, advice in _KINDS:
        if mark.match(head) and not (form == "xml" and kind == "a web page"):
            raise ExtractError(f"the file is {kind}, not {form}" + advice.format(agency=agency, format=form))
