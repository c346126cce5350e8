"""The catalogue as a site for analysts: one page that finds, and a page for each table with its meaning and a query to begin with."""

import base64
import hashlib
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from catalogue.dbt_manifest import read_manifests
from catalogue.keys import primary_keys
from catalogue.protection import Protection
from catalogue.relations import Known, Relation, relations_of
from pages.page import templates
from warehouse.engines.duckdb.engine import open_database
from warehouse.files import private_folder, write_text
from warehouse.home import Home
from warehouse.store.published_nights import Night
from warehouse.store.restricted import attach_protected

_FOLDER = Path(__file__).parent / "templates"
_TEMPLATES = templates(_FOLDER)
_SEARCH = (_FOLDER / "search.js").read_text(encoding="utf-8")
# No other script runs in the page, whatever a description says.
_SEARCH_HASH = base64.b64encode(hashlib.sha256(_SEARCH.encode()).digest()).decode()
_MOST_COLUMNS = 6
_WHERE_FROM = ("agency", "feed", "extract_date", "source_key")


def catalogue_folder(home: Home) -> Path:
    return home.root / "catalogue"


def write_catalogue(home: Home, night: Night, database: Path) -> Path:
    """All pages of the published night, in place of those of before. Returns the path of the page that finds."""
    manifests = sorted(home.dbt.glob("*/manifest.json"))
    known = Known(Protection.read(manifests), primary_keys(read_manifests(manifests)))
    with open_database(database, read_only=True) as connection:
        attach_protected(connection, database, read_only=True)
        relations = relations_of(connection, known)
    said = {"night": night.extract_date, "made_at": datetime.now(UTC), "script": _SEARCH, "script_hash": _SEARCH_HASH}
    folder = private_folder(catalogue_folder(home))
    groups = {schema: list(group) for schema, group in groupby(relations, lambda relation: relation.schema)}
    pages = [_write(folder / "index.html", "index", groups=groups, **said)]
    for relation in relations:
        page = folder / f"{relation.key}.html"
        pages.append(_write(page, "relation", relation=relation, sample=sample_query(relation), **said))
    for gone in set(folder.glob("*.html")) - set(pages):
        gone.unlink()
    return pages[0]


def _write(page: Path, template: str, **said: object) -> Path:
    write_text(page, _TEMPLATES.get_template(f"{template}.html.j2").render(**said))
    return page


def sample_query(relation: Relation) -> str:
    """A query to begin with: the key, and what is filled best; where a row is from only where there is nothing else."""
    place = f"{relation.protected_in}.{relation.key}" if relation.protected_in else relation.key
    shown = sorted(
        relation.columns,
        key=lambda column: (column.name in _WHERE_FROM, not column.is_key, -(column.filled or 0)),
    )[:_MOST_COLUMNS]
    listed = ", ".join(column.name for column in relation.columns if column in shown)
    return f"SELECT {listed}\nFROM {place}\nLIMIT 10"
