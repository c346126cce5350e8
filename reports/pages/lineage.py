"""The report's pages of lineage: from which agency's field a column of the shared tables comes, and through which models."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catalogue.dbt_manifest import SOURCE, Resource, read_manifests, resources_of
from catalogue.lineage import Lineage
from catalogue.sql_lineage.shape import Field
from reports.pages.night_site import Site
from sources.contract.model import Contract
from warehouse.home import Home

_MARTS = ("marts", "identity")


@dataclass(frozen=True)
class Origin:
    """One column that another is made of, in an agency's feed or in a relation of the platform; `*` is all that is in it."""

    relation: str
    column: str
    is_agency_field: bool


@dataclass(frozen=True)
class ColumnLineage:
    """A mart's column: the agencies' fields it is made of in the end, and the models on the way, nearest first."""

    name: str
    description: str
    fields: tuple[Origin, ...]
    models: tuple[str, ...]


def trace(home: Home) -> Lineage:
    """Read from what dbt left; empty where it has built nothing yet. Only what ran has its SQL."""
    resources = resources_of(read_manifests(sorted(home.dbt.glob("*/manifest.json"))))
    return Lineage(
        {key: resource for key, resource in resources.items() if resource.sql or resource.is_made_of_nothing}
    )


def write_lineage(lineage: Lineage, contracts: Sequence[Contract], site: Site) -> list[Path]:
    """A page for each mart and one that lists them."""
    feeds = {contract.relation for contract in contracts}
    marts = [resource for resource in lineage.resources.values() if resource.schema in _MARTS and resource.sql]
    marts.sort(key=lambda mart: mart.name)
    pages = [
        site.write("mart", f"lineage/{mart.name}.html", mart=mart, columns=columns_of(lineage, mart, feeds))
        for mart in marts
    ]
    return [*pages, site.write("lineage", "lineage.html", marts=marts)]


def columns_of(lineage: Lineage, mart: Resource, feeds: set[str]) -> list[ColumnLineage]:
    """The columns of a mart; `feeds` are the relations of agencies' feeds that have a page."""
    return [_column(lineage, mart, name, feeds) for name in lineage.columns(mart.key)]


def staged_as(lineage: Lineage, contract: Contract) -> dict[str, str]:
    """The feed's columns that its staging model only renames or casts, and what they are called there."""
    names: dict[str, str] = {}
    model = f"staging.stg_{contract.relation}"
    for origin, column in lineage.kept_as(model) if model in lineage.resources else ():
        if lineage.resources[origin.relation].name == contract.relation:
            names.setdefault(origin.column, column)
    return names


def _column(lineage: Lineage, mart: Resource, name: str, feeds: set[str]) -> ColumnLineage:
    found = lineage.trace(mart.key, name)
    origins = [_origin(lineage, field, feeds) for field in found.fields]
    origins.sort(key=lambda origin: (not origin.is_agency_field, origin.relation, origin.column))
    noted = mart.columns.get(name)
    through = tuple(lineage.resources[key].name for key in found.through)
    return ColumnLineage(name, noted.description if noted else "", tuple(dict.fromkeys(origins)), through)


def _origin(lineage: Lineage, field: Field, feeds: set[str]) -> Origin:
    resource = lineage.resources[field.relation]
    return Origin(resource.name, field.column, resource.kind == SOURCE and resource.name in feeds)
