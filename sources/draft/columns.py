"""What a sample says of each column: name, type, whether it is required, its range, its codes, its identifier, its protection."""

import re
import unicodedata
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from sources.contract import RESERVED_NAMES, Column
from sources.draft.identifiers import identifier_kinds
from sources.draft.sample import TABLE, Sample
from sources.typing_sql import typed
from warehouse.engine import quoted

_MAX_CODES = 12
_ROWS_PER_CODE = 20
_MAX_KEY_COLUMNS = 3
_DATE_FORMATS = ("dd.MM.yyyy", "dd/MM/yyyy", "MM/dd/yyyy", "dd-MM-yyyy", "yyyy/MM/dd", "yyyyMMdd")
_TIME_FORMATS = ("dd.MM.yyyy HH:mm:ss", "dd.MM.yyyy HH:mm", "dd/MM/yyyy HH:mm:ss", "dd/MM/yyyy HH:mm", "yyyyMMddHHmmss")
_PERSONAL = re.compile(
    r"name|birth|dob|address|street|phone|mobile|mail|passport|gender|sex$|ssn|iban|account|salary|income|person|citizen|national",
    re.I,
)
_SPECIAL = re.compile(r"health|diagnos|disab|ethnic|race$|religio|union|genetic|biometric|sexual|convict|icd", re.I)


@dataclass
class DraftColumn:
    """One drafted property, in the standard's words."""

    header: str
    name: str
    logical_type: str
    physical_type: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    classification: str = "internal"
    required: bool = False
    is_key: bool = False
    codes: list[str] = field(default_factory=list)
    identifiers: list[str] = field(default_factory=list)


def draft_columns(sample: Sample) -> list[DraftColumn]:
    """A column for each header. The key is the narrowest set of columns (three at most, else all) that tells the rows apart."""
    names = _names(sample.headers, _keywords(sample))
    columns = [_column(sample, header, name) for header, name in zip(sample.headers, names, strict=True)]
    for header in _key(sample, columns):
        column = next(item for item in columns if item.header == header)
        column.is_key = column.required = True
        column.codes = []
    if any(column.identifiers or _PERSONAL.search(column.name) for column in columns):
        # Whatever is said beside a person's name or number is said of that person.
        for column in columns:
            column.classification = "personal" if column.classification == "internal" else column.classification
    return columns


def _names(headers: tuple[str, ...], keywords: set[str]) -> list[str]:
    """Headers as lower_case words of ASCII, each once, none of them a word of SQL."""
    names: list[str] = []
    for place, header in enumerate(headers, 1):
        text = (
            unicodedata.normalize("NFKD", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", header))
            .encode("ascii", "ignore")
            .decode()
        )
        name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or f"column_{place}"
        name = f"column_{name}" if name[0].isdigit() or name in RESERVED_NAMES | keywords else name
        while name in names:
            name = f"{name}_{place}"
        names.append(name)
    return names


def _keywords(sample: Sample) -> set[str]:
    """The words that SQL keeps for itself."""
    query = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
    return {word for (word,) in sample.connection.execute(query).fetchall()}


def _column(sample: Sample, header: str, name: str) -> DraftColumn:
    logical, physical, options = _type(sample, header)
    column = DraftColumn(header, name, logical, physical, options)
    column.required = sample.holds(f"{quoted(header)} IS NOT NULL")
    if logical in ("string", "integer"):
        column.identifiers = identifier_kinds(sample.values(header, 400))
    if column.identifiers:
        # A number that nobody adds up is a text: it may begin with zero tomorrow.
        column.logical_type = "string"
    elif logical == "string":
        column.codes = _codes(sample, header)
    elif logical in ("integer", "number") and sample.holds(f"{_number(sample, header)} >= 0"):
        column.options["minimum"] = 0
    column.classification = "special-category" if _SPECIAL.search(name) else "internal"
    return column


def _number(sample: Sample, header: str) -> str:
    text = f"CAST({quoted(header)} AS VARCHAR)"
    if sample.server.options.get("decimalSeparator") == ",":
        text = f"replace(replace({text}, '.', ''), ',', '.')"
    return f"try_cast({text} AS DOUBLE)"


def _type(sample: Sample, header: str) -> tuple[str, str | None, dict[str, Any]]:
    """The narrowest type in which every value of the sample is right, by the very rules that landing types by."""
    value = quoted(header)
    if sample.one(f"count({value})") == 0:
        return "string", None, {}
    if header in sample.types:
        return _native(sample.types[header])
    text = f"CAST({value} AS VARCHAR)"
    if sample.holds(rf"regexp_full_match({text}, '-?(0|[1-9][0-9]{{0,17}})')"):
        return "integer", None, {}
    decimal = _decimal(sample, text)
    if decimal and _is_right(sample, header, decimal, {}):
        return "number", decimal, {}
    if sample.holds(f"lower({text}) IN ('true', 'false', 'yes', 'no')"):
        return "boolean", None, {}
    is_number = _is_right(sample, header, "DOUBLE", {}) and not _has_leading_zeros(sample, text)
    return _time(sample, header) or ("number" if is_number else "string", None, {})


def _time(sample: Sample, header: str) -> tuple[str, str | None, dict[str, Any]] | None:
    kinds = (("date", "DATE", _DATE_FORMATS), ("timestamp", "TIMESTAMP WITH TIME ZONE", _TIME_FORMATS))
    for logical, sql_type, formats in kinds:
        for form in ("", *formats):
            options = {"format": form} if form else {}
            if _is_right(sample, header, sql_type, options):
                return logical, None, options
    return None


def _is_right(sample: Sample, header: str, sql_type: str, options: dict[str, Any]) -> bool:
    named = sample.server.options
    separators = (named.get("decimalSeparator", "."), named.get("thousandsSeparator", ""))
    is_number = sql_type.startswith(("DECIMAL", "DOUBLE"))
    column = Column(
        header, header, sql_type, "", "internal", options=options, separators=separators if is_number else (".", "")
    )
    return sample.holds(typed(column, quoted(header)).is_right)


def _decimal(sample: Sample, text: str) -> str | None:
    """DECIMAL(p,s) wide enough for every value, with some digits to spare; None where they are no plain decimals."""
    point = "," if sample.server.options.get("decimalSeparator") == "," else r"\."
    group = r"\." if point == "," else ","
    if not sample.holds(rf"regexp_full_match({text}, '-?[0-9{group}]+({point}[0-9]+)?')"):
        return None
    scale = int(sample.one(rf"max(length(regexp_extract({text}, '{point}([0-9]+)$', 1)))") or 0)
    whole = int(
        sample.one(rf"max(length(regexp_replace(regexp_replace({text}, '{point}[0-9]+$', ''), '[^0-9]', '', 'g')))")
        or 1
    )
    if scale == 0 or whole + scale > 30 or _has_leading_zeros(sample, text):
        return None
    return f"DECIMAL({max(whole + scale + 4, 12)},{scale})"


def _has_leading_zeros(sample: Sample, text: str) -> bool:
    """007 is a code, not seven."""
    return not sample.holds(f"NOT regexp_matches({text}, '^-?0[0-9]')")


def _native(kind: str) -> tuple[str, str | None, dict[str, Any]]:
    if kind.startswith("DECIMAL"):
        return "number", kind, {}
    if "INT" in kind:
        return "integer", None, {}
    simple = {"DOUBLE": "number", "FLOAT": "number", "DATE": "date", "BOOLEAN": "boolean", "TIME": "time"}
    return ("timestamp" if kind.startswith("TIMESTAMP") else simple.get(kind, "string")), None, {}


def _codes(sample: Sample, header: str) -> list[str]:
    found = sample.values(header, _MAX_CODES + 1)
    is_list = len(found) <= _MAX_CODES and sample.rows >= _ROWS_PER_CODE * len(found)
    return found if is_list and all(len(code) <= 40 for code in found) else []


def _key(sample: Sample, columns: list[DraftColumn]) -> list[str]:
    """Columns with a value in every row; those that look like an identifier are tried first, measured numbers never."""
    whole = [column for column in columns if column.required and column.logical_type != "number"]
    likely = sorted(whole, key=lambda column: not re.search(r"(^|_)(id|key|code|number|no|nr)($|_)", column.name))
    for size in range(1, _MAX_KEY_COLUMNS + 1):
        for chosen in combinations(likely[:12], size):
            headers = [column.header for column in chosen]
            if _tells_apart(sample, headers):
                return headers
    return [column.header for column in whole] or [columns[0].header]


def _tells_apart(sample: Sample, headers: list[str]) -> bool:
    listed = ", ".join(map(quoted, headers))
    distinct = sample.connection.execute(f"SELECT count(*) FROM (SELECT DISTINCT {listed} FROM {TABLE})").fetchone()
    return distinct == (sample.rows,)
