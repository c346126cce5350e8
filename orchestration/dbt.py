"""dbt as Dagster sees it: the project, its parsed manifest, and one build folder that all of a run's steps share."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from filelock import FileLock
from packaging.version import Version

from catalogue import gives_rows
from catalogue.dbt_manifest import ran as ran
from catalogue.protection import Protection
from catalogue.separation import Separation
from expectations.cross_agency import asked_of_models, load_rules
from nights.broken_contracts import load_known
from nights.dbt_sources import write_dbt_sources
from orchestration.ui.links import ROW_COUNT, code_link
from sources.contract.model import Contract
from warehouse.files import private_folder
from warehouse.home import AGENCIES, PROJECT, Home
from warehouse.settings import further_models
from warehouse.store.history import Versioned
from warehouse.store.published_nights import BUILD_VARIABLE, DATABASE, rows_of_tables
from warehouse.store.restricted import PROTECTED, RESTRICTED

PROJECT_DIR = PROJECT / "dbt_project"
SOURCES = PROJECT_DIR / "models" / "staging" / "_sources.yml"
# What dbt leaves of each run.
RESULTS = "run_results.json"
_FIRST_FAILED = 3
_KIND_OF_ERROR = re.compile(r"(\w+ )+Error: |Got \d+ results?")
# Of the engine's errors those that speak of a statement; the others quote values.
_ABOUT_STATEMENTS = ("Binder Error", "Catalog Error", "Parser Error", "Syntax Error", "Got ")
_BUILD = ["build", "--exclude-resource-type", "unit_test"]
# dbt_project.yml reads from it where further models lie.
FURTHER_VARIABLE = "INTERAGENCY_FURTHER"
# What dbt parsed, which it need not parse again.
_PARSED = "partial_parse.msgpack"
_LOCK = "manifest.lock"
# The macros generate_database_name and givers ask for them.
OPEN_RELATIONS, IDENTIFYING_RELATIONS, GIVERS = "open_relations", "identifying_relations", "givers"


class BySchema(DagsterDbtTranslator):
    """Groups the models in Dagster's pages as the warehouse does, staging by agency; leads to their files; says whose they are."""

    def __init__(self, owners: Mapping[str, Sequence[str]]) -> None:
        """`owners` are the teams of each agency."""
        super().__init__()
        self._owners = owners

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        schema, agency = str(dbt_resource_props["schema"]), _agency(dbt_resource_props)
        return f"{schema}_{agency}" if agency else schema

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        return self._owners.get(_agency(dbt_resource_props) or "")

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            **super().get_metadata(dbt_resource_props),
            **code_link(PROJECT_DIR / dbt_resource_props["original_file_path"]),
        }


def _agency(props: Mapping[str, Any]) -> str | None:
    """Whose staging model it is, by its name."""
    found = re.fullmatch(r"stg_(\w+?)__\w+", props["name"])
    return found[1] if found else None


class DbtError(Exception):
    """The dbt project cannot be compiled: dbt's own words."""


def dbt_executable() -> str:
    """dbt of this very environment, also where it is not activated."""
    beside = Path(sys.executable).with_name("dbt")
    return str(beside) if beside.exists() else shutil.which("dbt") or "dbt"


def prepare(contracts: list[Contract], home: Home) -> Path:
    """The manifest, made anew where a model, a contract or a macro is newer; in it, what is proved open lies in the open database.

    What lies where, and which models give rows to the shared ones, is told to dbt by variables, and read from the models that dbt
    compiled: until it is what the last manifest was made with, that is made once more. Neither changes what the models say of
    themselves, so that there is an end of it. Raises DbtError.
    """
    manifest = _target() / "manifest.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    # A command and Dagster's server may both be the first to need it.
    with FileLock(manifest.with_name(_LOCK)):
        changed = _write_sources(contracts)
        if changed or not manifest.exists() or manifest.stat().st_mtime < _newest():
            told = _told(manifest) if manifest.exists() else {}
            _compile(home, told, manifest)
            while (found := _found(manifest)) != told:
                told = found
                _compile(home, told, manifest)
            _refuse_misspelt(manifest)
            _refuse_mixed_records(manifest)
    return manifest


def _refuse_misspelt(manifest: Path) -> None:
    """Rows that a model gives under a name that nobody asks for would be lost without a word."""
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    if unasked := gives_rows.unasked(nodes, asked_of_models(load_rules())):
        manifest.unlink()
        raise DbtError("; ".join(unasked))


def _refuse_mixed_records(manifest: Path) -> None:
    """Linkage reads who somebody is, and nothing that is said of them."""
    if mixed := Separation(Protection.read([manifest])).mixed_records():
        manifest.unlink()
        raise DbtError(
            f"linkage may read identifying columns alone, and its records would have others: {'; '.join(mixed)}. Give records of people "
            "(meta `gives`) names, numbers, days and addresses; no amount, and nothing of a special category"
        )


def _target() -> Path:
    """What dbt makes of the project; with an organisation's own models beside it, it is another project."""
    models, target = further_models(), PROJECT_DIR / "target"
    return target if models is None else target / hashlib.sha256(str(models).encode()).hexdigest()[:12]


def _write_sources(contracts: list[Contract]) -> bool:
    """What the contracts say, where dbt reads it; that of further agencies beside a link to their models, in `_target`.

    A link, because dbt writes beside a model that lies outside its project.
    """
    models = further_models()
    if models is None:
        return write_dbt_sources(contracts, SOURCES)
    link, own = _target() / "models", [contract for contract in contracts if contract.path.is_relative_to(AGENCIES)]
    if not link.is_symlink():
        link.symlink_to(models)
    further = [contract for contract in contracts if not contract.path.is_relative_to(AGENCIES)]
    (_target() / "sources").mkdir(exist_ok=True)
    changed = write_dbt_sources(own, SOURCES)
    return write_dbt_sources(further, _target() / "sources" / SOURCES.name) or changed


def variables(manifest: Path) -> list[str]:
    """The arguments by which dbt places relations, and knows who gives to the shared models, as the manifest has it."""
    return ["--vars", json.dumps(_told(manifest))]


def givers(manifest: Path) -> dict[str, list[str]]:
    """The staging models by what they give rows to, as their meta says."""
    found: dict[str, list[str]] = _told(manifest)[GIVERS]
    return found


def _told(manifest: Path) -> dict[str, Any]:
    """The variables that say what the manifest says: what lies in the open and in the restricted database, by unique id; who gives, by name."""
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    placed = ("model", "seed", "snapshot")
    made = [node for node in nodes if node["resource_type"] in placed]
    is_open = [node["unique_id"] for node in made if node["database"] not in PROTECTED]
    identifying = [node["unique_id"] for node in made if node["database"] == RESTRICTED]
    return {
        OPEN_RELATIONS: sorted(is_open), IDENTIFYING_RELATIONS: sorted(identifying), GIVERS: gives_rows.givers(nodes),
    }  # fmt: skip


def _found(manifest: Path) -> dict[str, Any]:
    """The same by what is proved of the models."""
    protection = Protection.read([manifest])
    identifying = Separation(protection).identifying_relations()
    return _told(manifest) | {OPEN_RELATIONS: protection.open_relations(), IDENTIFYING_RELATIONS: identifying}


def _compile(home: Home, told: Mapping[str, Any], manifest: Path) -> None:
    """Without a look into any database: none is there yet."""
    compiled = subprocess.run(
        [
            dbt_executable(), "--quiet", "compile", "--no-introspect", "--no-populate-cache",
            "--vars", json.dumps(told), "--project-dir", PROJECT_DIR, "--profiles-dir", PROJECT_DIR,
            "--target-path", manifest.parent,
        ],
        capture_output=True, text=True, check=False, cwd=PROJECT_DIR, env={**os.environ, **build_variable(home)},
    )  # fmt: skip
    if compiled.returncode:
        # A manifest of another project must not be taken for this one's.
        manifest.unlink(missing_ok=True)
        raise DbtError(f"dbt cannot compile {PROJECT_DIR.name}: {(compiled.stdout + compiled.stderr).strip()[-2000:]}")


def _newest() -> float:
    kinds = ("*.sql", "*.yml", "*.md", "*.csv")
    folders = [PROJECT_DIR, *([models] if (models := further_models()) else [])]
    files = [path for folder in folders for kind in kinds for path in folder.rglob(kind) if "target" not in path.parts]
    return max(path.stat().st_mtime for path in files)


def modelled_contracts() -> list[Contract]:
    """The contracts that dbt has models for, whether they are pulled here or not: of this repository, and where there are further
    models those that have one there.
    """
    models, home = further_models(), Home.from_environment()
    own = load_known(home, [AGENCIES]).contracts
    if models is None:
        return own
    staged = {path.stem for path in models.rglob("stg_*.sql")}
    further = [item for item in load_known(home).contracts if not item.path.is_relative_to(AGENCIES)]
    return own + [item for item in further if f"stg_{item.relation}" in staged]


def of_loaded(contracts: list[Contract]) -> list[str]:
    """dbt's selectors of all models that say anything of the agencies with a contract here, and of what these are made from."""
    modelled = {contract.agency for contract in modelled_contracts()}
    return [f"@source:{agency}" for agency in sorted({contract.agency for contract in contracts} & modelled)]


def versioned_marts(manifest: Path) -> list[Versioned]:
    """The marts whose models name a `history_key`: what was published of them is kept."""
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    kept = [(node, node["config"].get("meta", {}).get("history_key")) for node in nodes]
    return [Versioned(node["database"], node["name"], tuple(key)) for node, key in kept if key is not None]


def copies(manifest: Path) -> dict[str, str]:
    """The marts whose models say in their meta that they have `every_row_of` a staging model, with that."""
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    said = {node["name"]: node["config"].get("meta", {}).get("every_row_of") for node in nodes}
    return {name: str(staging) for name, staging in said.items() if staging}


def build_variable(home: Home) -> dict[str, str]:
    """Where dbt finds the building night and further models: it takes both from the environment alone."""
    return {BUILD_VARIABLE: str(home.building / DATABASE), FURTHER_VARIABLE: os.path.relpath(_target(), PROJECT_DIR)}


class QuietDbt(DbtCliResource):
    """dbt whose version is read from what is installed: `dbt --version` asks a package index for the newest one."""

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))


def dbt_resource() -> dg.ResourceDefinition:
    """dbt without any configuration: the config of a run must not name another program or folder."""
    dbt = QuietDbt(project_dir=os.fspath(PROJECT_DIR), profiles_dir=str(PROJECT_DIR), dbt_executable=dbt_executable())
    return dg.ResourceDefinition(lambda _: dbt, config_schema={}, description="dbt of this environment and project.")


def run_dbt(
    context: dg.AssetExecutionContext,
    dbt: DbtCliResource,
    home: Home,
    manifest: Path,
    name: str,
    selection: Sequence[str],
) -> Iterator[Any]:
    """Build what `selection` (arguments of dbt) names, in the building night; yields Dagster's events. `name` is the invocation's.

    Relations are placed, and rows given to the shared models, as the manifest has it.
    """
    # dagster-dbt hands this process's environment on, to dbt and to the adapter that it opens here, and takes no other.
    os.environ.update(build_variable(home))
    # A folder for each invocation, kept.
    target = home.dbt / name
    _hand_over_parsed(manifest.parent, target)
    (target / RESULTS).unlink(missing_ok=True)
    # Kept until dbt has ended: while it runs, nobody else may open the build to count.
    events: list[Any] = []
    failure = None
    try:
        events.extend(
            dbt.cli([*_BUILD, *variables(manifest), *selection], context=context, target_path=target).stream()
        )
    except DagsterDbtCliRuntimeError as error:
        # Its own words are the command, with all that dbt is told.
        failure = failed_models(target) or str(error)
    yield from _with_row_counts(context, events, rows_of_tables(home.building / DATABASE))
    if failure is not None:
        raise RuntimeError(failure)


def _hand_over_parsed(prepared: Path, target: Path) -> None:
    """What `prepare` parsed for the very same variables is not parsed again by the invocation that writes into `target`."""
    parsed, own = prepared / _PARSED, target / _PARSED
    with FileLock(prepared / _LOCK):
        if parsed.exists() and (not own.exists() or own.stat().st_mtime < parsed.stat().st_mtime):
            private_folder(target)
            shutil.copy(parsed, own)


def _with_row_counts(
    context: dg.AssetExecutionContext, events: Sequence[Any], rows: Mapping[tuple[str, str], int]
) -> Iterator[Any]:
    """What dbt made, with how many rows each table has, which Dagster draws over the nights."""
    for event in events:
        if isinstance(event, dg.Output):
            schema, table = context.asset_key_for_output(event.output_name).path[-2:]
            counted = {ROW_COUNT: rows[schema, table]} if (schema, table) in rows else {}
            yield event.with_metadata({**event.metadata, **counted})
        else:
            yield event


def failed_models(target: Path) -> str:
    """What went wrong in dbt's last run, model by model, the first three; empty where dbt says nothing.

    Of a contract that does not hold dbt tells columns and types; what the engine says of data may quote it, so that its kind
    alone is told.
    """
    if not (target / RESULTS).exists():
        return ""
    results = json.loads((target / RESULTS).read_text(encoding="utf-8"))["results"]
    failed = [result for result in results if result["status"] in ("error", "fail")]
    told = [
        f"{result['unique_id'].split('.')[2]}: {_said(result['message'] or '')}" for result in failed[:_FIRST_FAILED]
    ]
    rest = len(failed) - len(told)
    return "; ".join(told) + (f"; and {rest} more" if rest else "")


def _said(message: str) -> str:
    lines = [" ".join(line.split()) for line in message.splitlines()]
    if "enforced contract" in message:
        # | column_name | definition_type | contract_type | mismatch_reason |
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
        told = [f"{row[0]} ({row[-1]})" for row in cells[2:]]
        return f"its SQL is not what its YAML says: {', '.join(told)}"
    kind = next((line for line in lines if _KIND_OF_ERROR.match(line)), "it failed")
    return kind if kind.startswith(_ABOUT_STATEMENTS) else kind.partition(":")[0]
