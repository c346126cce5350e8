"""From an agency's headers to the names of columns: lower_case words of ASCII, each once, that SQL and the platform leave free."""

import re
import unicodedata
from collections.abc import Collection, Sequence

import duckdb

from sources.contract.model import RESERVED_NAMES

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
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", header)
    text = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:_MAX_LENGTH].rstrip("_") or f"column_{place}"
    return f"column_{name}"[:_MAX_LENGTH].rstrip("_") if name[0].isdigit() or name in reserved else name


def _keywords(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The words that are no column's name in SQL: those that it keeps for itself, and those of joins and operators."""
    query = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')"
    return {word for (word,) in connection.execute(query).fetchall()}
