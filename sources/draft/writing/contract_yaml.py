"""The drafted contract as YAML: valid as it stands, with what only the agency can say marked for the engineer."""

import textwrap
from collections.abc import Sequence
from decimal import ROUND_UP, Decimal
from typing import Any

import yaml

from sources.contract.model import SUFFIX
from sources.contract.reading.odcs import API_VERSION
from sources.draft.columns.sampled_columns import DraftColumn
from sources.file_names import printable
from warehouse.numbers_for_people import exact_percent

_LONGEST_DOUBT = 2_000
# The share of rejected rows that a contract is drafted to allow, and the one beyond which a sample is refused.
USUAL_THRESHOLD, _HIGHEST_THRESHOLD = Decimal("0.01"), Decimal("0.05")
# Of a small sample so many rows may be rejected, as long as they are not more than this share.
_FEW_ROWS, _HIGHEST_OF_FEW = 6, Decimal("0.25")
_HEAD = """# Drafted from a sample. Read every line before the first real night: names, types, key, ranges and codes say what the
# sample showed, not what the agency promises; its name, times and people are yet to be filled in. Then take this out.
"""


def contract_text(
    agency: str,
    feed: str,
    server: dict[str, Any],
    columns: list[DraftColumn],
    doubts: Sequence[str] = (),
    threshold: Decimal = USUAL_THRESHOLD,
) -> str:
    """`server` in the standard's words; see `server_section`. `doubts` are what to look at first, one sentence each."""
    key = [column for column in columns if column.is_key]
    data = {
        "apiVersion": API_VERSION, "kind": "DataContract", "id": f"{agency}-{feed}".replace("_", "-"),
        "name": f"{feed.replace('_', ' ').capitalize()} of {agency.replace('_', ' ')}", "version": "0.1.0", "status": "draft",
        "description": {"purpose": f"What {agency} sends as {feed}: say what a row is, and what it is for."},
        "servers": [server],
        "schema": [{
            "name": feed, "logicalType": "object", "description": "One row per … (say what).",
            "properties": [_property(column, key) for column in columns],
        }],
        "slaProperties": [
            {"property": "frequency", "value": 1, "unit": "d"}, {"property": "timeOfAvailability", "value": "02:00"},
            {"property": "latency", "value": 6, "unit": "h"}, {"property": "retention", "value": 30, "unit": "d"},
        ],
        "team": {"name": agency, "members": [{"username": "data-engineer"}]},
        "support": [{"channel": f"{agency} data desk", "url": f"mailto:data@{agency.replace('_', '-')}.example"}],
        "customProperties": [{"property": "extractMode", "value": "snapshot"}, {"property": "rejectThreshold", "value": exact_percent(threshold)}],
    }  # fmt: skip
    return _HEAD + _comments(doubts) + _dumped(data)


class _Dumper(yaml.SafeDumper):
    """Quotes texts with signs that no editor should show as they are."""


def _represented(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _represented)


def _dumped(data: dict[str, Any]) -> str:
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    # YAML takes a sign that turns the line for a letter; between double quotes an escape says the same.
    return "".join(item if item == "\n" or item.isprintable() else f"\\U{ord(item):08X}" for item in text)


def _comments(doubts: Sequence[str]) -> str:
    shown = (printable(" ".join(doubt.split()), _LONGEST_DOUBT) for doubt in doubts)
    lines = [textwrap.fill(text, 120, initial_indent="# Unsure: ", subsequent_indent="#   ") for text in shown]
    return "".join(f"{line}\n" for line in lines)


def highest_threshold(rows: int) -> Decimal:
    """The most that a draft of a sample of so many rows may allow to be rejected."""
    return max(_HIGHEST_THRESHOLD, min(_share(_FEW_ROWS, rows), _HIGHEST_OF_FEW))


def fitting_threshold(rejected: int, sent: int) -> Decimal:
    """The least share, in tenths of a per cent and not below the usual one, at which a sample is accepted."""
    return max(_share(rejected, sent), USUAL_THRESHOLD)


def _share(some: int, of: int) -> Decimal:
    return (Decimal(some) / max(of, 1)).quantize(Decimal("0.001"), ROUND_UP)


def server_section(place: str, kind: str, options: dict[str, Any], encoding: str, form: str) -> dict[str, Any]:
    """The sample's place as the feed's; `options` are the dialect's."""
    place_of = "path" if kind == "local" else "location"
    section: dict[str, Any] = {"server": "drop", "type": kind, place_of: place}
    described = {"format": form, "encoding": encoding}
    # The standard's `api` server has no field for them.
    custom = described | options if kind == "api" else options
    if kind != "api":
        section |= described
    if custom:
        section["customProperties"] = [{"property": name, "value": value} for name, value in custom.items()]
    return section


def file_name(feed: str) -> str:
    return f"{feed}{SUFFIX}"


def _property(column: DraftColumn, key: list[DraftColumn]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": column.name}
    if column.header != column.name:
        made["physicalName"] = column.header
    made["logicalType"] = column.logical_type
    if column.physical_type:
        made["physicalType"] = column.physical_type
    made["description"] = f"Say what {column.name} is. {column.doubt}".strip()
    made["classification"] = column.classification
    if column.is_key:
        made |= {"primaryKey": True, "primaryKeyPosition": key.index(column) + 1}
    if column.required:
        made["required"] = True
    if column.options:
        made["logicalTypeOptions"] = column.options
    if column.codes:
        made["enum"] = [{"value": code} for code in column.codes]
    if column.identifiers:
        made["customProperties"] = [{"property": "identifierKind", "value": column.identifiers[0]}]
    return made
