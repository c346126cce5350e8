"""`interagency new-mart`: drafts the table that analysts query from a feed's staging model and contract."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, chosen, known_contracts, stop, tell
from orchestration.command.engineer.new_feed import models_folder, refuse_existing, write

if TYPE_CHECKING:
    from sources.contract.model import Contract
    from sources.draft.writing.mart_model import Mart


def new_mart(
    agency: Annotated[str, typer.Argument(help="The agency's folder.")],
    feed: Annotated[str, typer.Argument(help="The feed's name within its agency.")],
    mart: Annotated[str, typer.Option(help="The mart's name, in lower_case words: what a row is, such as permit.")],
    subject: Annotated[
        str | None, typer.Option(help="The folder of marts it belongs to; the agency's name by default.")
    ] = None,
) -> None:
    """Draft a mart with a row for every accepted row of a feed; the next `interagency run` builds and publishes it.

    Files that are there are left alone. Ends with 0 where it was drafted, 1 where the feed has no staging model, 2 wrong use.
    """
    from sources.contract.load import is_safe_name
    from sources.draft.writing.mart_model import mart_of, mart_sql, mart_yaml

    for name in (mart, subject or agency):
        if not is_safe_name(name):
            stop(f"{name!r} cannot name a mart or subject; write lower_case words such as building_permit", WRONG_USE)
    contract = chosen(known_contracts().contracts, agency, feed)[0]
    models = _models_of(contract)
    drafted = mart_of(mart, contract, _staging(contract, models))
    _refuse_taken(mart, models)
    folder = models / "marts" / (subject or agency)
    texts = {folder / f"{mart}.sql": mart_sql(drafted), folder / f"{mart}.yml": mart_yaml(drafted)}
    refuse_existing(list(texts))
    write(texts)
    _tell(drafted)


def _models_of(contract: "Contract") -> Path:
    from warehouse.home import AGENCIES
    from warehouse.settings import further_models

    contracts = contract.path.parent.parent
    if contracts.resolve() != AGENCIES and further_models() is None:
        stop(
            f"{contract.name} is described outside this repository, and INTERAGENCY_MODELS names no folder of its models; "
            "export it as `interagency new-feed` said",
            NOT_DONE,
        )
    return models_folder(contracts.resolve())


def _staging(contract: "Contract", models: Path) -> str:
    """The YAML of the feed's staging model; ends with 1 where there is no such model."""
    folder = models / "staging" / contract.agency
    model, described = (folder / f"stg_{contract.relation}.{kind}" for kind in ("sql", "yml"))
    if not (model.is_file() and described.is_file()):
        stop(
            f"a mart is made from a staging model, and {model} with its {described.name} is not there; write it, or see "
            "whether INTERAGENCY_MODELS names the folder of the model",
            NOT_DONE,
        )
    return described.read_text(encoding="utf-8")


def _refuse_taken(mart: str, models: Path) -> None:
    """dbt knows a model by its name alone, wherever it lies."""
    from warehouse.home import PROJECT

    folders = {models, PROJECT / "dbt_project" / "models"}
    taken = [str(path) for folder in folders for path in folder.rglob(f"{mart}.sql")]
    if taken:
        stop(f"{taken[0]} is a model of that name already; choose another name", WRONG_USE)


def _tell(mart: "Mart") -> None:
    if mart.left_out:
        tell(f"Left out: {', '.join(mart.left_out)}, of which the contract says no type; add each with its data_type.")
    if mart.protected:
        tell(
            f"{mart.name} will lie in the vault, for the sake of {', '.join(mart.protected)}: where all who read "
            "the warehouse may see a column, write internal or public as its classification in the contract, or leave it out "
            "of the mart."
        )
    tell("Read and correct the files, then:")
    tell(f"  interagency run --agency {mart.contract.agency} --feed {mart.contract.feed}")
    place, option = ("vault.marts", "--restricted ") if mart.protected else ("marts", "")
    tell(f'  interagency query {option}"SELECT * FROM {place}.{mart.name} LIMIT 5"')
