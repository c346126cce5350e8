"""What a sample says of each column: name, type, whether it is required, its range, its codes, its identifier, its protection."""

import re
from dataclasses import dataclass, field
from typing import Any

from sources.draft.identifiers import MIN_LENGTH, identifier_kinds, share_valid
from sources.draft.key import key_of
from sources.draft.names import column_names
from sources.draft.nearly import nearly_typed
from sources.draft.sample import Sample
from sources.draft.types import Drafted, Facts, draft_types, look, typed_value
from warehouse.engines.duckdb.engine import quoted

_SQL_TYPES = {
    "integer": "BIGINT", "number": "DOUBLE", "date": "DATE", "timestamp": "TIMESTAMP WITH TIME ZONE", "time": "TIME",
    "boolean": "BOOLEAN",
}  # fmt: skip
_MAX_CODES = 12
_ROWS_PER_CODE = 20
_LONGEST_CODE = 40
_PROBES = 400
# More of them may be faults than a draft lets pass.
_CHECKED, _SHARE_SURE = 20_000, 0.995
_PERSONAL = re.compile(
    r"name|birth|dob|address|street|phone|mobile|mail|passport|gender|sex$|ssn|iban|account|salary|income|person|citizen|national",
    re.I,
)
_SEX = re.compile(r"gender|sex$", re.I)
_SPECIAL = re.compile(r"health|diagnos|disab|ethnic|race$|religio|union|genetic|biometric|sexual|convict|icd", re.I)


@dataclass
class DraftColumn:
    """One drafted property, in the standard's words; `doubt` says in a sentence what to look at."""

    header: str
    name: str
    logical_type: str
    physical_type: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    doubt: str = ""
    classification: str = "personal"
    required: bool = False
    is_key: bool = False
    codes: list[str] = field(default_factory=list)
    identifiers: list[str] = field(default_factory=list)


def draft_columns(sample: Sample) -> list[DraftColumn]:
    """A column for each header. Raises ExtractError where no columns tell the rows apart, as a feed needs a key."""
    facts = look(sample)
    types = draft_types(sample, facts)
    names = column_names(sample.headers, sample.connection)
    columns = [
        _column(sample, header, name, drafted, fact)
        for header, name, drafted, fact in zip(sample.headers, names, types, facts, strict=True)
    ]
    distinct = {header: fact.distinct for header, fact in zip(sample.headers, facts, strict=True)}
    whole = [column for column in columns if column.required]
    likely = [column.header for column in sorted(whole, key=_is_unlikely_key) if column.logical_type != "number"]
    values = {column.header: _landed(sample, column) for column in whole}
    for header in key_of(sample, likely, [column.header for column in whole], distinct, values):
        column = next(item for item in columns if item.header == header)
        column.is_key = True
        column.codes = []
    _doubt_texts(sample, columns, dict(zip(sample.headers, facts, strict=True)))
    return columns


def _column(sample: Sample, header: str, name: str, drafted: Drafted, fact: Facts) -> DraftColumn:
    column = DraftColumn(header, name, drafted.logical, drafted.physical, dict(drafted.options), drafted.doubt)
    column.required = fact.values == sample.rows
    if drafted.logical in ("string", "integer") and fact.has_digits and MIN_LENGTH <= fact.longest <= _LONGEST_CODE:
        _identify(sample, column)
    if column.identifiers:
        # A number that nobody adds up is a text: it may begin with zero tomorrow.
        column.logical_type, column.options = "string", {}
    elif drafted.logical == "string":
        # The few surnames of a sample are nobody's list of codes, and do not belong in a contract.
        is_code = not (_SPECIAL.search(name) or (_PERSONAL.search(name) and not _SEX.search(name)))
        column.codes = _codes(sample, header, fact) if is_code else []
    elif drafted.logical in ("integer", "number") and fact.values and not fact.is_negative:
        column.options["minimum"] = 0
    if fact.values and fact.is_json and drafted.logical == "string" and sample.server.format in ("json", "jsonl"):
        column.doubt = f"Objects or arrays, which stay JSON as a text; for a part of one, add a column with the physicalName /{header}/PART."
    # A sample does not show what may be open: whoever reads the draft says so.
    column.classification = "special-category" if _SPECIAL.search(name) else "personal"
    return column


def _identify(sample: Sample, column: DraftColumn) -> None:
    """The sample must pass its own draft: a kind that some of its values are not is a doubt."""
    kinds = identifier_kinds(sample.values(column.header, _PROBES))
    if kinds and share_valid(kinds[0], sample.values(column.header, _CHECKED)) >= _SHARE_SURE:
        column.identifiers = kinds
    elif kinds:
        column.doubt = (
            f"Nearly all values are valid as {kinds[0]}: where the others are faults, declare that identifierKind."
        )


def _landed(sample: Sample, column: DraftColumn) -> str:
    """SQL of what a value lands as. A workbook's cells are read by its reader, and typed values are what they are."""
    if column.header in sample.types or sample.server.format == "excel":
        return quoted(column.header)
    kind = column.physical_type or _SQL_TYPES.get(column.logical_type, "VARCHAR")
    return typed_value(sample, column.header, kind, column.options).value


def _doubt_texts(sample: Sample, columns: list[DraftColumn], facts: dict[str, Facts]) -> None:
    texts = [item for item in columns if item.logical_type == "string" and not (item.identifiers or item.doubt)]
    doubts = nearly_typed(sample, {column.header: facts[column.header] for column in texts})
    for column in texts:
        column.doubt = doubts.get(column.header, "")


def _codes(sample: Sample, header: str, fact: Facts) -> list[str]:
    # The count is an estimate, and not far off where there are few.
    if fact.longest > _LONGEST_CODE or not 0 < fact.distinct <= 2 * _MAX_CODES:
        return []
    found = sample.values(header, _MAX_CODES + 1)
    is_list = len(found) <= _MAX_CODES and sample.rows >= _ROWS_PER_CODE * len(found)
    return found if is_list else []


def _is_unlikely_key(column: DraftColumn) -> bool:
    return not re.search(r"(^|_)(id|key|code|number|no|nr)($|_)", column.name)
