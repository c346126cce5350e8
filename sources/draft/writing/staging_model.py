"""The drafted staging model: source, renamed, select, with every column under its name in the contract."""

from typing import Any

import yaml

from sources.draft.columns.column_names import LINEAGE
from sources.draft.columns.sampled_columns import DraftColumn

_WIDTH = 120


def model_name(agency: str, feed: str) -> str:
    return f"stg_{agency}__{feed}"


def model_sql(agency: str, feed: str, columns: list[DraftColumn]) -> str:
    listed = "\n".join(f"        {column.name}," for column in columns)
    lineage = ",\n".join(f"        _{name} as {name}" for name in LINEAGE)
    return (
        f"with source as (\n\n    select * from {{{{ source('{agency}', '{feed}') }}}}\n\n),\n\nrenamed as (\n\n    select\n"
        f"{listed}\n\n        -- lineage\n{lineage}\n\n    from source\n\n)\n\nselect * from renamed\n"
    )


def model_yaml(agency: str, feed: str, columns: list[DraftColumn]) -> str:
    described: list[dict[str, Any]] = [
        {"name": column.name, "description": f"Say what {column.name} is."} for column in columns
    ]
    described += [{"name": name, "description": f"{{{{ doc('{name}') }}}}"} for name in LINEAGE]
    model = {
        "name": model_name(agency, feed),
        "description": f"What {agency} sends as {feed}, under the platform's names.",
        "columns": described,
    }
    return yaml.safe_dump({"version": 2, "models": [model]}, sort_keys=False, allow_unicode=True, width=_WIDTH)
