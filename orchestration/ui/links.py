"""What Dagster's page leads to, and whom it names: the file behind an asset, and the team whose data it is."""

import warnings
from pathlib import Path

import dagster as dg

from sources.contract.model import Contract

# Metadata that Dagster draws over the nights.
ROW_COUNT = "dagster/row_count"


def owners(contract: Contract) -> list[str]:
    """The contract's team, as Dagster names one."""
    return [f"team:{contract.agency_name}"]


def code_link(file: Path) -> dict[str, dg.CodeReferencesMetadataValue]:
    """Metadata of an asset: the file to open, from its first line on."""
    with warnings.catch_warnings():
        # Dagster may change their names; the one place to change is here.
        warnings.simplefilter("ignore")
        reference = dg.LocalFileCodeReference(file_path=str(file), line_number=1, label=file.name)
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}
