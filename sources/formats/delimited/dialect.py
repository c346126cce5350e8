"""The dialect of delimited text: what stands between fields and around them, where the table begins, and which texts are no value."""

import re
from dataclasses import dataclass
from typing import Any

from sources.contract.model import Server
from warehouse.engines.duckdb.engine import literal

DETECT = "detect"
NONE = "none"


@dataclass(frozen=True)
class Dialect:
    """`delimiter`, `quote`, `escape` and `heading_line` may be DETECT until the file was looked at.

    `quote` is '' where nothing is quoted. `escape` stands before a quote within quotes; it is the quote itself where that is
    doubled. `heading_line` is the physical line of the first heading, from 1; 0 is the first line that is not blank.
    `heading_rows` are joined to one heading; with 0 the columns are the contract's, in its order. A record whose first field
    matches `footer` is none.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    nulls: tuple[str, ...] = ("",)
    heading_line: int | str = 0
    heading_rows: int = 1
    footer: re.Pattern[str] | None = None

    @classmethod
    def of(cls, server: Server) -> "Dialect":
        options = server.options
        fallback = DETECT if options.get("dialect") == DETECT else None
        quote = _said(options, "quote", fallback or '"')
        footer = options.get("footer")
        return cls(
            delimiter="\t" if server.format == "tsv" else _said(options, "delimiter", fallback or ","),
            quote=quote,
            escape=_said(options, "escape", fallback or "") or quote,
            nulls=("", *map(str, options.get("nullValues", []))),
            heading_line=options.get("headerRow", fallback or 0),
            heading_rows=options.get("headerRows", 1),
            footer=None if footer is None else re.compile(str(footer)),
        )

    @property
    def is_doubled(self) -> bool:
        """Whether a quote within quotes is written twice."""
        return self.escape == self.quote

    @property
    def is_for_engine(self) -> bool:
        # Its records are counted a second time by the standard library, which knows delimiters of one character.
        return self.is_doubled and self.footer is None and len(self.delimiter) == 1

    def for_engine(self) -> str:
        nulls = ", ".join(map(literal, self.nulls))
        quote = literal(self.quote)
        return f"delim={literal(self.delimiter)}, quote={quote}, escape={quote}, nullstr=[{nulls}]"


def _said(options: dict[str, Any], name: str, fallback: str) -> str:
    found = str(options.get(name, fallback))
    return "" if found == NONE else found
