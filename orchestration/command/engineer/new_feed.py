"""`interagency new-feed`: drafts contract, staging model and trial agreement of a feed from a sample of it."""

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, show_table, stop, tell

if TYPE_CHECKING:
    from sources.draft.columns.sampled_columns import DraftColumn

_MODELS = "INTERAGENCY_MODELS"
# 20261120 or 2026-11-20.
_DATE_IN_NAME = re.compile(r"(?<!\d)20\d\d([-_.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])(?!\d)")


def new_feed(
    place: Annotated[str, typer.Argument(metavar="FILE_OR_URL", help="A sample of what the agency sends.")],
    agency: Annotated[str, typer.Option(help="The agency's folder, in lower_case words.")],
    feed: Annotated[str, typer.Option(help="The feed's name within its agency, in lower_case words.")],
    into: Annotated[Path | None, typer.Option(help="Folder of contracts; the project's sources/ by default.")] = None,
    key: Annotated[str, typer.Option(metavar="COLUMN[,COLUMN]", help="The key, where you know it.")] = "",
) -> None:
    """Draft the contract, the staging model and an agreement for a trial of 30 days, which waits for somebody to sign it.

    Files that are there are left alone, but for grants.yaml, to which the sample's place is added.

    Ends with 0 where the sample passes its own draft, 1 and nothing written where it cannot be read or does not pass, 2 wrong use.
    """
    from sources.contract.load import is_safe_name
    from sources.draft.writing.contract_yaml import file_name
    from sources.errors import ExtractError
    from warehouse.home import AGENCIES

    for name in (agency, feed):
        if not is_safe_name(name):
            stop(f"{name!r} cannot name an agency or feed; write lower_case words such as civil_registry", WRONG_USE)
    folder = (into or AGENCIES).expanduser().resolve()
    try:
        draft = _drafted(place, agency, feed, [name.strip() for name in key.split(",") if name.strip()])
    except ExtractError as error:
        stop(str(error), NOT_DONE)
    agreement, grants, models = _agreement(draft, folder), _grants(place, agency, folder), _models(draft, folder)
    contract = folder / agency / file_name(feed)
    refuse_existing([contract, *models, *agreement])
    _show(draft)
    write({contract: _tried(draft)} | models | agreement | grants)
    lines = _made_known(_variables(folder, list(agreement), list(grants)))
    tell("Read and correct the files, then:")
    for line in lines:
        tell(f"  {line}")
    for line in (line for path in agreement for line in _signing(path)):
        tell(f"  {line}")
    tell(f"  interagency new-mart {agency} {feed} --mart NAME   (where it shall be a table of the marts)")
    tell(f"  interagency run --agency {agency} --feed {feed}")


@dataclass(frozen=True)
class _Draft:
    """What the sample said: its server section and columns, how many rows it has, and what was guessed and should be looked at."""

    agency: str
    feed: str
    server: dict[str, Any]
    columns: "list[DraftColumn]"
    rows: int
    doubts: list[str]

    def contract(self, threshold: Decimal, doubts: Sequence[str] = ()) -> str:
        from sources.draft.writing.contract_yaml import contract_text

        return contract_text(self.agency, self.feed, self.server, self.columns, [*doubts, *self.doubts], threshold)

    @property
    def all_doubts(self) -> list[str]:
        """Of the file, then of its columns by their names."""
        of_columns = [(column.name, column.doubt) for column in self.columns if column.doubt]
        return self.doubts + [
            doubt if doubt.startswith(f"{name} ") else f"{name}: {doubt}" for name, doubt in of_columns
        ]


def of_one_night(place: str) -> str:
    """That the draft's path is the sample's own, and how one is written that changes with the night."""
    name = place.rpartition("/")[2]
    dated = _DATE_IN_NAME.sub(lambda found: f"{{extract_date:%Y{found[1]}%m{found[1]}%d}}", name, count=1)
    if dated == name:
        stem, dot, kind = name.partition(".")
        dated = f"{stem}_{{extract_date:%Y%m%d}}{dot}{kind}"
    return f"the path is the sample's own; where each night has a file of its own, write its name as {dated}."


def _drafted(place: str, agency: str, feed: str, key: list[str]) -> _Draft:
    from sources.draft.columns.sampled_columns import draft_columns
    from sources.draft.opening.open_sample import opened
    from sources.draft.writing.contract_yaml import server_section

    with opened(place) as sample:
        columns = draft_columns(sample, key)
        server = sample.server
    section = server_section(server.location, server.type, server.options, server.encoding, server.format)
    return _Draft(agency, feed, section, columns, sample.rows, [of_one_night(place), *sample.doubts])


def _models(draft: _Draft, folder: Path) -> dict[Path, str]:
    """The staging model and its YAML, in the project or among the models of those who keep their contracts elsewhere."""
    from sources.draft.writing.staging_model import model_name, model_sql, model_yaml

    models, name = models_folder(folder) / "staging" / draft.agency, model_name(draft.agency, draft.feed)
    return {
        models / f"{name}.sql": model_sql(draft.agency, draft.feed, draft.columns),
        models / f"{name}.yml": model_yaml(draft.agency, draft.feed, draft.columns),
    }


def models_folder(contracts: Path) -> Path:
    """Where the models of the feeds in a folder of contracts belong: the project's own to the project, others to the folder of
    INTERAGENCY_MODELS. Where that is not set, beside the contracts: models are programs, and stand in no folder of contracts.
    """
    from warehouse.home import AGENCIES, PROJECT
    from warehouse.settings import further_models

    if contracts == AGENCIES:
        return PROJECT / "dbt_project" / "models"
    return further_models() or contracts.with_name(f"{contracts.name}-models")


def _agreement(draft: _Draft, folder: Path) -> dict[Path, str]:
    """A trial's agreement, where none covers the feed: without one nothing is pulled.

    It goes where INTERAGENCY_AGREEMENTS says; else to the project for the project's own feeds, and for others beside them.
    """
    from sharing.agreements.drafts import as_yaml, blank, usual_recipient
    from sharing.agreements.register import DRAFTS, agreements_folder, further_folders
    from sharing.policy.policy import Action, Policy, Question
    from warehouse.home import AGENCIES

    feed = f"{draft.agency}/{draft.feed}"
    if Policy.read().may(Question("", Action.PULL, feed)).is_allowed:
        return {}
    name = f"trial-{draft.agency}-{draft.feed}".replace("_", "-")
    own = agreements_folder() if folder == AGENCIES else folder / "agreements"
    place = [own, *further_folders()][-1]
    columns = {feed: [column.name for column in draft.columns]}
    return {place / DRAFTS / f"{name}.yaml": as_yaml(blank(name, draft.agency, columns, usual_recipient(place)))}


def _signing(path: Path) -> list[str]:
    """How a drafted agreement is signed: for a trial by one hand, else by each of its parties with its own key."""
    return [
        f"interagency agreements sign-trial {path.stem} --keys ~/keys   (or, with the keys of both: interagency agreements sign)"
    ]


def _grants(place: str, agency: str, folder: Path) -> dict[Path, str]:
    """The grants with the sample's own place in them, where the contract may not name it without; none where it may."""
    import yaml

    from sources.contract.grants import FILE, grant_of
    from warehouse.yaml import load_yaml

    before = grant_of(agency, folder / agency)
    after = before.with_place(place)
    needed = {"folders": [str(item) for item in after.folders if item not in before.folders and not before.holds(item)],
              "hosts": [item for item in after.hosts if item not in before.hosts]}  # fmt: skip
    needed = {kind: items for kind, items in needed.items() if items}
    if not needed:
        return {}
    path = folder / FILE
    begin = "# What contracts may name on this machine, by agency.\n"
    text = path.read_text(encoding="utf-8") if path.exists() else begin
    known = load_yaml(text) or {}
    if agency not in known:
        return {path: text + yaml.safe_dump({agency: needed}, sort_keys=False, width=120)}
    entry = {kind: [*known[agency].get(kind, []), *items] for kind, items in needed.items()}
    return {path: yaml.safe_dump(known | {agency: known[agency] | entry}, sort_keys=False, width=120)}


def _variables(folder: Path, agreements: list[Path], grants: list[Path]) -> dict[str, Path]:
    """The places without which a run would not find what was written, by the variable that is to name each."""
    from sharing.agreements.register import agreement_folders
    from sources.contract.grants import grant_files
    from sources.contract.load import contract_folders
    from warehouse.home import AGENCIES
    from warehouse.settings import further_models

    found = [("INTERAGENCY_SOURCES", folder, contract_folders())]
    found += [("INTERAGENCY_AGREEMENTS", path.parent.parent, agreement_folders()) for path in agreements]
    found += [("INTERAGENCY_GRANTS", path, grant_files()) for path in grants]
    missing = {
        name: place
        for name, place, known in found
        if place.resolve() not in [item.expanduser().resolve() for item in known]
    }
    if folder != AGENCIES and further_models() is None:
        missing[_MODELS] = models_folder(folder)
    return missing


def _made_known(missing: dict[str, Path]) -> list[str]:
    """Note the places in the home's own settings, where a home is named and the environment says nothing else; returns the
    commands by which a person makes the others known.
    """
    from warehouse.settings import noted_in_home, settings

    noted: list[str] = []
    lines: list[str] = []
    for name, place in missing.items():
        before = () if name == _MODELS else getattr(settings(), name.removeprefix("INTERAGENCY_").lower())
        file = noted_in_home(name, os.pathsep.join(map(str, [place, *before])))
        if file is not None:
            noted.append(name)
            where = file
        else:
            more = "" if name == _MODELS else f"${{{name}:+{os.pathsep}${name}}}"
            lines.append(f"export {name}={shlex.quote(str(place))}{more}")
    if noted:
        tell(f"Noted in {where}: {', '.join(noted)}")
    return lines


def refuse_existing(paths: Sequence[Path]) -> None:
    there = [str(path) for path in paths if path.exists()]
    if there:
        stop(f"{', '.join(there)} is there already; remove it, or choose another name", WRONG_USE)


def write(texts: dict[Path, str]) -> None:
    from warehouse.files import write_text

    for path, text in texts.items():
        write_text(path, text)
        tell(f"Drafted {path}")


def _show(draft: _Draft) -> None:
    rows = [
        [
            column.header, column.name, column.physical_type or column.logical_type, "key" if column.is_key else "required" if column.required else "",
            " or ".join(column.identifiers) or ", ".join(column.codes[:4]) or ", ".join(f"{name} {value}" for name, value in column.options.items()),
            column.classification,
        ]
        for column in draft.columns
    ]  # fmt: skip
    show_table(
        "Drafted columns", ("in the sample", "name", "type", "value", "identifier, codes, range", "protection"), rows
    )
    for doubt in draft.all_doubts:
        tell(f"Unsure: {doubt}")


def _tried(draft: _Draft) -> str:
    """The contract, once the sample was held against it; ends with 1 where the sample does not pass."""
    from expectations.draft_trial import held_against
    from sources.contract.reading.odcs import ContractError
    from sources.draft.writing.contract_yaml import fitting_threshold, highest_threshold
    from sources.errors import ExtractError
    from warehouse.numbers_for_people import exact_percent, several

    try:
        held = held_against(draft.contract(highest_threshold(draft.rows)), draft.agency, draft.feed)
    except (ContractError, ExtractError) as error:
        stop(f"The sample does not pass its draft: {error}", NOT_DONE)
    threshold, doubts = fitting_threshold(held.rejected, held.sent), []
    if held.rejected and not held.refusal:
        doubts.append(
            f"{held.rejected:,} of {several(held.sent, 'row')} of the sample are rejected, and rejectThreshold is "
            f"{exact_percent(threshold)}, so that it passes: ask the agency to mend them, and set it to what you would let pass."
        )
        tell(f"Unsure: {doubts[0]}")
    outcome = f"REFUSED: {held.refusal}" if held.refusal else "accepted"
    tell(f"Tried: {several(held.sent, 'row')} sent, {held.rejected:,} rejected, {outcome}")
    if held.refusal:
        raise typer.Exit(NOT_DONE)
    return draft.contract(threshold, doubts)
