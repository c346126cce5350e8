"""What a sample says of each column: name, type, whether it is required, its range, its codes, its identifier, its protection."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sources.draft.columns.column_names import column_names
from sources.draft.columns.column_types import Drafted, Facts, draft_types, look, typed_value
from sources.draft.columns.free_text import are_free_texts
from sources.draft.columns.identifier_kind import MIN_LENGTH, identifier_kinds, share_valid
from sources.draft.columns.key import Candidate, key_of, named_key
from sources.draft.columns.nearly_typed import Nearly, any_wrong, faulty_columns, nearly_typed
from sources.draft.sample import Sample
from sources.errors import ExtractError
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
_ZONE = re.compile(r"(?i)([+-]\d\d:?(\d\d)?|z|[a-z]{3,4})$")
_NO_ZONE = "No zone stands with the times, so they are taken for UTC: where they are local, add logicalTypeOptions with a defaultTimezone such as Europe/Tallinn."
_SEX = re.compile(r"gender|sex$", re.I)
_SPECIAL = re.compile(r"health|diagnos|disab|ethnic|race$|religio|union|genetic|biometric|sexual|convict|icd", re.I)


_KEY_NAME = re.compile(r"(^|_)(id|key|code|number|no|nr)($|_)|nummer($|_)")
_FREE_TEXT = re.compile(r"remark|comment|note|description|bemerk|kommentar|beschreib|anmerk", re.I)
_FEW_TEXTS = "Few different values, which look like addresses or free text and are no list of codes here: add an enum where they are."


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


def draft_columns(sample: Sample, key: Sequence[str] = ()) -> list[DraftColumn]:
    """A column for each header. `key` are the columns, by header or name, that somebody knows to be the key.

    Raises ExtractError where a column of `key` is not there, or where without it no columns tell the rows apart: a feed needs a key.
    """
    given, rows = _values(sample), sample.rows
    typed_rows = _typed_rows(sample)
    sample, facts = typed_rows.sample, typed_rows.facts
    names = column_names(sample.headers, sample.connection)
    columns = [
        _column(sample, header, name, drafted, fact)
        for header, name, drafted, fact in zip(sample.headers, names, typed_rows.types, facts, strict=True)
    ]
    _mark_key(sample, columns, facts, key)
    for column in columns:
        column.required = given[column.header] == rows
        if column.logical_type == "string" and not (column.identifiers or column.doubt):
            column.doubt = typed_rows.doubts.get(column.header, "")
        column.doubt = f"{typed_rows.faults.get(column.header, '')} {column.doubt}".strip()
    return columns


@dataclass(frozen=True)
class _TypedRows:
    """The rows that land by the types drafted of them. What is said, by header: of the rows that do not (`faults`), and of
    columns in which too many do not (`doubts`).
    """

    sample: Sample
    facts: list[Facts]
    types: list[Drafted]
    faults: dict[str, str]
    doubts: dict[str, str]


def _typed_rows(whole: Sample) -> _TypedRows:
    nearly = nearly_typed(whole)
    faulty = faulty_columns(whole, nearly)
    faults = {column.header: _told_faults(whole, column) for column in faulty}
    sample, facts, types = _typed_without(whole, faulty)
    texts = {header for header, drafted in zip(whole.headers, types, strict=True) if drafted.logical == "string"}
    if texts.intersection(faults):
        # Of no type without those either.
        faulty = [column for column in faulty if column.header not in texts]
        sample, facts, types = _typed_without(whole, faulty)
    meant = {column.header: faults[column.header] for column in faulty}
    return _TypedRows(sample, facts, types, meant, {column.header: column.doubt for column in nearly})


def _typed_without(whole: Sample, faulty: Sequence[Nearly]) -> tuple[Sample, list[Facts], list[Drafted]]:
    sample = whole.without(any_wrong(faulty))
    facts = look(sample)
    return sample, facts, draft_types(sample, facts)


def _told_faults(sample: Sample, column: Nearly) -> str:
    return (
        f"{sample.lines(column.is_wrong)} of the sample has none of the {column.described} that the others have, and is "
        "rejected; where that is wrong, make the column a string."
    )


def _values(sample: Sample) -> dict[str, int]:
    counted = sample.ask([f"count({quoted(header)})" for header in sample.headers])
    return dict(zip(sample.headers, counted, strict=True))


def _mark_key(sample: Sample, columns: list[DraftColumn], facts: Sequence[Facts], named: Sequence[str]) -> None:
    candidates = [
        Candidate(
            column.header, column.name, _landed(sample, column), fact.distinct, fact.values < sample.rows,
            # An identifier is of a person or body, who may have several rows.
            _KEY_NAME.search(column.name) is not None and not column.identifiers, column.logical_type == "number",
        )
        for column, fact in zip(columns, facts, strict=True)
    ]  # fmt: skip
    found = named_key(sample, _chosen(candidates, named)) if named else key_of(sample, candidates)
    for header in found.headers:
        column = next(item for item in columns if item.header == header)
        column.is_key = True
        column.codes = []
    first = next(item for item in columns if item.header == found.headers[0])
    first.doubt = f"{found.doubt} {first.doubt}".strip()


def _chosen(candidates: Sequence[Candidate], named: Sequence[str]) -> list[Candidate]:
    known = {column.name: column for column in candidates} | {column.header: column for column in candidates}
    unknown = [name for name in named if name not in known]
    if unknown:
        listed = ", ".join(column.name for column in candidates)
        raise ExtractError(f"the sample has no column {', '.join(unknown)} to be the key; it has {listed}")
    return [known[name] for name in named]


def _column(sample: Sample, header: str, name: str, drafted: Drafted, fact: Facts) -> DraftColumn:
    column = DraftColumn(header, name, drafted.logical, drafted.physical, dict(drafted.options), drafted.doubt)
    if drafted.logical in ("string", "integer") and fact.has_digits and MIN_LENGTH <= fact.longest <= _LONGEST_CODE:
        _identify(sample, column)
    if column.identifiers:
        # A number that nobody adds up is a text: it may begin with zero tomorrow.
        column.logical_type, column.options = "string", {}
    elif drafted.logical == "string":
        # The few surnames of a sample are nobody's list of codes, and do not belong in a contract.
        is_code = not (_SPECIAL.search(name) or (_PERSONAL.search(name) and not _SEX.search(name)))
        column.codes = _codes(sample, header, fact) if is_code else []
        if column.codes and (_FREE_TEXT.search(name) or are_free_texts(column.codes)):
            column.codes = []
            column.doubt = f"{column.doubt} {_FEW_TEXTS}".strip()
    elif drafted.logical in ("integer", "number") and fact.values and not fact.is_negative:
        column.options["minimum"] = 0
    elif drafted.logical == "timestamp" and fact.example and not _ZONE.search(fact.example):
        column.doubt = f"{column.doubt} {_NO_ZONE}".strip()
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


def _codes(sample: Sample, header: str, fact: Facts) -> list[str]:
    # The count is an estimate, and not far off where there are few.
    if fact.longest > _LONGEST_CODE or not 0 < fact.distinct <= 2 * _MAX_CODES:
        return []
    found = sample.values(header, _MAX_CODES + 1)
    is_list = len(found) <= _MAX_CODES and sample.rows >= _ROWS_PER_CODE * len(found)
    # The few postcodes or numbers of a sample are no list: tomorrow brings another.
    is_numbered = all(re.fullmatch(r"[0-9]{4,}", code) for code in found)
    return found if is_list and not is_numbered else []
