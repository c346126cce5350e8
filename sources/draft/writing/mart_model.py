"""The drafted mart of a feed: a row for each accepted row, under a contract that dbt enforces, with where each row comes from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from sources.contract.model import Contract
from sources.draft.columns.column_names import LINEAGE
from sources.draft.writing.staging_model import model_name

_LINEAGE_TYPES = {"agency": "varchar", "feed": "varchar", "extract_date": "date", "source_key": "varchar"}
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_WIDTH = 120


@dataclass(frozen=True)
class Mart:
    """`names` are the contract's columns that the staging model has, `left_out` what else it has."""

    name: str
    contract: Contract
    names: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def protected(self) -> list[str]:
        """The columns for whose sake the mart lies in the restricted database."""
        return [name for name in self.names if self.contract.column(name).is_masked]


def mart_of(name: str, contract: Contract, staging: str) -> Mart:
    """`staging` is the YAML of the feed's staging model."""
    found = [str(column["name"]) for model in yaml.safe_load(staging)["models"] for column in model.get("columns", [])]
    described = [column for column in found if column not in LINEAGE]
    known = {column.name for column in contract.columns if _NAME.fullmatch(column.name)}
    return Mart(
        name, contract, tuple(column for column in described if column in known),
        tuple(column for column in described if column not in known),
    )  # fmt: skip


def mart_sql(mart: Mart) -> str:
    staging = model_name(mart.contract.agency, mart.contract.feed)
    listed = "\n".join(f"    {name}," for name in mart.names)
    lineage = ",\n".join(f"    {name}" for name in LINEAGE)
    return (
        f"with staged as (\n\n    select * from {{{{ ref('{staging}') }}}}\n\n)\n\n"
        f"select\n{listed}\n\n    -- lineage\n{lineage}\nfrom staged\n"
    )


def mart_yaml(mart: Mart) -> str:
    contract = mart.contract
    columns = [_column(mart, name) for name in mart.names]
    columns += [
        {"name": name, "data_type": kind, "description": f"{{{{ doc('{name}') }}}}"}
        for name, kind in _LINEAGE_TYPES.items()
    ]
    model = {
        "name": mart.name,
        "description": f"Say what a row is: one for every accepted row of {contract.name}.",
        "config": {"meta": {"every_row_of": model_name(contract.agency, contract.feed)}},
        "columns": columns,
    }
    return yaml.safe_dump({"version": 2, "models": [model]}, sort_keys=False, allow_unicode=True, width=_WIDTH)


def _column(mart: Mart, name: str) -> dict[str, Any]:
    column = mart.contract.column(name)
    made: dict[str, Any] = {
        "name": name,
        "data_type": column.sql_type.lower(),
        "description": _description(name, column.description),
    }
    if name in mart.contract.key:
        made["data_tests"] = _tests(mart.contract.key)
    return made


def _description(name: str, said: str) -> str:
    """Not what a draft left to be said. A contract is input from a stranger: to dbt a text with braces is a program."""
    to_be_said = f"Say what {name} is."
    return said if said and "{" not in said and not said.startswith(to_be_said) else to_be_said


def _tests(key: Sequence[str]) -> list[str]:
    return ["not_null"] if len(key) > 1 else ["unique", "not_null"]
