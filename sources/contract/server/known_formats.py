"""The formats that a contract may name, as data: which module reads each, and the options that it knows."""

from dataclasses import dataclass

from sources.contract.model import Contract
from sources.errors import ExtractError


@dataclass(frozen=True)
class Form:
    """A format: the module with `read(connection, contract, paths, scratch) -> Reading`, and the server options that it knows.

    `reads_many` takes all files of an extract as one (pages of an API); the others are read file by file.
    `required` are options that it cannot do without. `column_options` are customProperties of a property that say where
    its value stands in a record, `column_required` those that every property must have.
    `places` is the module with `check(contract)`, which raises ExtractError where values cannot stand where the contract says;
    the other formats need no more than names.
    """

    module: str
    options: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    column_options: frozenset[str] = frozenset()
    column_required: frozenset[str] = frozenset()
    reads_many: bool = False
    places: str | None = None


_DELIMITED = Form(
    "sources.formats.delimited",
    frozenset({"dialect", "delimiter", "quote", "escape", "headerRow", "headerRows", "footer", "nullValues"}),
)


FORMATS: dict[str, Form] = {
    "csv": _DELIMITED,
    "tsv": _DELIMITED,
    "excel": Form("sources.formats.excel.workbook", frozenset({"sheet", "sheets", "headerRow", "headerRows", "footer", "fillMerged"})),
    "fixed": Form(
        "sources.formats.fixed.extract", frozenset({"recordLength", "recordTypes", "totals", "statedDate", "positions", "trailingBlanks"}),
        column_options=frozenset({"encodedAs", "decimals", "sign"}), column_required=frozenset({"start", "length"}),
        places="sources.formats.fixed.layout",
    ),
    "json": Form("sources.formats.json.pages", frozenset({"records"}), reads_many=True),
    "jsonl": Form("sources.formats.json.lines"),
    "parquet": Form("sources.formats.parquet"),
    "rsf": Form("sources.formats.rsf", frozenset({"rows", "unproven"})),
    "xml": Form(
        "sources.formats.xml.document", frozenset({"namespaces"}), required=frozenset({"record"}), places="sources.formats.xml.record",
    ),
}  # fmt: skip


def form(contract: Contract) -> Form:
    """Raises ExtractError for a format that nothing reads."""
    found = FORMATS.get(contract.server.format)
    if found is None:
        known = ", ".join(sorted(FORMATS))
        raise ExtractError(f"format {contract.server.format!r} is not read; use one of {known}")
    return found
