"""From an agency's headers to the names of columns: lower_case words of ASCII, each once, that SQL and the platform leave free."""

import re
import unicodedata
from collections.abc import Collection, Sequence

import duckdb
from anyascii import anyascii

from sources.contract.model import RESERVED_NAMES

# As their own languages write these without them; what a library knows is `a` for all of the first.
_WRITTEN_OUT = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "æ": "ae", "ø": "oe", "œ": "oe", "ß": "ss",
    "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Å": "Aa", "Æ": "Ae", "Ø": "Oe", "Œ": "Oe", "ẞ": "Ss",
})  # fmt: skip
# The longest name that PostgreSQL keeps whole, less what a number behind it takes.
_MAX_LENGTH = 58
# What the platform says of every row in a staging model.
LINEAGE = ("agency", "feed", "extract_date", "source_key")


def column_names(headers: Sequence[str], connection: duckdb.DuckDBPyConnection) -> list[str]:
    """A name for each header, in their order."""
    reserved = RESERVED_NAMES.union(LINEAGE, _keywords(connection))
    names: list[str] = []
    for place, header in enumerate(headers, 1):
        name = _name(header, place, reserved)
        while name in names:
            name = f"{name}_{place}"
        names.append(name)
    return names


def _name(header: str, place: int, reserved: Collection[str]) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", _latin(header))
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:_MAX_LENGTH].rstrip("_") or f"column_{place}"
    return f"column_{name}"[:_MAX_LENGTH].rstrip("_") if name[0].isdigit() or name in reserved else name


def _latin(header: str) -> str:
    """In the letters of ASCII, whatever the script; signs that are no letters stay away."""
    written = unicodedata.normalize("NFC", header).translate(_WRITTEN_OUT)
    plain = unicodedata.normalize("NFKD", written)
    return "".join(letter if letter.isascii() else anyascii(letter) if letter.isalpha() else "" for letter in plain)


def _keywords(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The words that are no column's name in SQL: those that it keeps for itself, and those of joins and operators."""
    query = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')"
    return {word for (word,) in connection.execute(query).fetchall()}
