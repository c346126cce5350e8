"""The columns of a file beside those of its contract: each with its text, its typed value and when that is right, as SQL."""

import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sources.contract.model import RESERVED_NAMES, Column, Contract
from sources.errors import ExtractError
from sources.formats import Reading
from sources.typed_value import TypedValue, typed
from warehouse.engines.duckdb.engine import literal, quoted

# The engine takes names for the same that differ in capital letters of ASCII.
_FOLDED = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass(frozen=True)
class Field:
    """A column of the file: its header, the engine's type there, and the contract's column or None where it knows none.

    Within a statement its text goes by `text` and its typed value by `value`, so that neither is computed twice.
    """

    number: int
    header: str
    column: Column | None
    source_type: str = "VARCHAR"

    @property
    def name(self) -> str:
        return self.column.name if self.column else self.header

    @property
    def text(self) -> str:
        return f"t{self.number}"

    @property
    def value(self) -> str:
        return f"v{self.number}" if self.is_converted else self.text

    @cached_property
    def typed(self) -> TypedValue:
        return typed(self.column, self.text, self.source_type) if self.column else TypedValue(self.text, "true", "")

    @property
    def is_right(self) -> str:
        return self.typed.right_by(self.value)

    @property
    def is_converted(self) -> bool:
        return self.typed.value != self.text

    @property
    def is_as_sent(self) -> bool:
        """Whether a right value lands as it stands in the file, under the same name."""
        return self.name == self.header and not self.is_converted


def fields_of(contract: Contract, reading: Reading) -> list[Field]:
    """In the order of the file. Raises ExtractError where its header is not one of this contract."""
    fields = [
        Field(number, header, contract.matching_header(header), reading.types.get(header, "VARCHAR"))
        for number, header in enumerate(reading.headers)
    ]
    fault = _fault(contract, fields)
    if fault:
        raise ExtractError(f"line {reading.heading}: {fault}")
    return fields


def _fault(contract: Contract, fields: list[Field]) -> str | None:
    headers = {item.header for item in fields}
    missing = [column.header for column in contract.columns if column.header not in headers]
    if missing:
        extra = contract.shown_headings(item.header for item in fields if item.column is None)
        return (
            f"the header has no {', '.join(missing)} (columns the contract does not know: {extra}); "
            f"ask {contract.agency_name} what changed, or change {contract.path.name}"
        )
    kept = RESERVED_NAMES.intersection(header.lower() for header in headers)
    if kept:
        return f"the platform keeps {', '.join(sorted(kept))} for itself; ask {contract.agency_name} for another name"
    counts = Counter(item.header.translate(_FOLDED) for item in fields)
    alike = sorted(item.header for item in fields if counts[item.header.translate(_FOLDED)] > 1)
    if alike:
        return f"{', '.join(alike)} differ in capital letters alone; ask {contract.agency_name} for other names"
    return None


def typed_query(fields: list[Field], texts: dict[str, str], source: str, kept: str = "") -> str:
    """Texts and typed values of a relation under their short names; `texts` are the expressions of the texts by field."""
    selected = ", ".join(f"{texts[item.text]} AS {item.text}" for item in fields)
    values = "".join(f", {item.typed.value} AS {item.value}" for item in fields if item.is_converted)
    return f"(SELECT *{values} FROM (SELECT {kept}{selected} FROM {source}))"


def agreed(fields: list[Field]) -> list[Field]:
    """The fields that the contract knows: nothing else of a record lands."""
    return [item for item in fields if item.column is not None]


def selected_values(fields: list[Field]) -> str:
    return ", ".join(f"{item.value} AS {quoted(item.name)}" for item in fields)


def differs_from(fields: list[Field], texts: Sequence[str | None]) -> str:
    """SQL: whether a record has another text than these in one of its columns."""
    pairs = zip(fields, texts, strict=True)
    return "(" + " OR ".join(f"{item.text} IS DISTINCT FROM {literal(text)}" for item, text in pairs) + ")"
