"""dbt's view of the accepted extracts, made from the contracts: a feed is described in its contract alone."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from nights.rows.accepted import SCHEMA
from sources.contract.model import Column, Contract
from warehouse.files import write_text

_TEMPLATE = re.compile(r"\{[{%#]")
_LINEAGE = {
    "_agency": "The agency that sent the row.",
    "_feed": "The feed it came with.",
    "_extract_date": "The night it was pulled, UTC.",
    "_source_key": "The primary key in the agency's own terms, its parts joined by |; of a key that is protected, a pseudonym.",
}


def write_dbt_sources(contracts: list[Contract], path: Path) -> bool:
    """Write the sources file where it differs from what it should be; returns whether it did."""
    agencies: dict[str, list[Contract]] = {}
    for contract in contracts:
        agencies.setdefault(contract.agency, []).append(contract)
    text = "# Made from the contracts under sources/; change those.\n" + yaml.safe_dump(
        _literally({"version": 2, "sources": [_source(agency, feeds) for agency, feeds in agencies.items()]}),
        sort_keys=False, allow_unicode=True, width=120,
    )  # fmt: skip
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    write_text(path, text)
    return True


def _literally(part: Any) -> Any:
    """The same to dbt, which would take a text with braces for a program: one that reads the environment, or stops the build."""
    if isinstance(part, dict):
        return {name: _literally(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_literally(value) for value in part]
    if isinstance(part, str) and _TEMPLATE.search(part):
        return f"{{{{ {json.dumps(part, ensure_ascii=False)} }}}}"
    return part


def _source(agency: str, feeds: list[Contract]) -> dict[str, Any]:
    return {
        "name": agency,
        "schema": SCHEMA,
        "description": feeds[0].agency_name,
        "tables": [
            {
                "name": contract.feed,
                "identifier": contract.relation,
                "description": contract.description,
                "config": {"meta": {"dagster": {"asset_key": ["accepted", contract.agency, contract.feed]}}},
                "columns": [_column(column) for column in contract.columns]
                + [_described(name, text, {"classification": "public"}) for name, text in _LINEAGE.items()],
            }
            for contract in feeds
        ],
    }


def _column(column: Column) -> dict[str, Any]:
    meta = {"classification": column.classification}
    kind = column.identifier_kind
    described = _described(column.name, column.description, meta | ({"identifier_kind": kind} if kind else {}))
    return described | {"data_type": column.sql_type}


def _described(name: str, text: str, meta: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "description": text, "config": {"meta": meta}}
