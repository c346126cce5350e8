"""A first text of an agreement on one product: every column of a relation, what is protected treated as strictly as its kind allows."""

import re
from typing import Any

from catalogue.protection import Protection
from sharing.agreements.drafts import blank
from sharing.agreements.product import PERSON
from sharing.masking.treatments import Column
from sharing.release.query import Relation

_COARSE: dict[str, dict[str, Any]] = {
    "time": {"treatment": "generalise", "to": "year"},
    "number": {"treatment": "generalise", "to": 10},
}


def blank_release(
    id_: str, provider: str, recipient: str, relation: str, columns: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """For a trial of 30 days; what only people know says that it is to be filled in."""
    data = blank(id_, provider, {}, recipient)
    del data["pull"]
    data["title"] = f"Trial of {relation} for {recipient}"
    data["products"] = [
        {
            "id": re.sub("[^a-z0-9]+", "-", relation.partition(".")[2]).strip("-"), "relation": relation, "columns": columns, "recipients": [recipient],
            "format": "parquet", "delivery": "folder",
        }
    ]  # fmt: skip
    return data


def treatments_of(relation: str, found: Relation, protection: Protection) -> dict[str, dict[str, Any]]:
    """Open columns are kept. Keys of people become pseudonyms, days years, numbers bands; what else is protected is dropped."""
    key = relation.lower()
    known = key in protection.lineage.resources
    return {
        name: _treated(column, known and protection.why_protected(key, name.lower()) is None)
        for name, column in found.columns.items()
    }


def _treated(column: Column, is_open: bool) -> dict[str, Any]:
    if column.name.endswith(PERSON):
        return {"treatment": "pseudonym"}
    if is_open:
        return {"treatment": "keep"}
    kind = "time" if column.is_time else "number" if column.is_number else ""
    return _COARSE.get(kind, {"treatment": "drop"})
