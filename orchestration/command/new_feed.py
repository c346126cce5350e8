"""`interagency new-feed`: drafts contract, staging model and trial agreement of a feed from a sample of it."""

import os
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, show_table, stop, tell

if TYPE_CHECKING:
    from sources.draft.columns import DraftColumn

_TRIAL = timedelta(days=30)


def new_feed(
    place: Annotated[str, typer.Argument(metavar="FILE_OR_URL", help="A sample of what the agency sends.")],
    agency: Annotated[str, typer.Option(help="The agency's folder, in lower_case words.")],
    feed: Annotated[str, typer.Option(help="The feed's name within its agency, in lower_case words.")],
    into: Annotated[Path | None, typer.Option(help="Folder of contracts; the project's sources/ by default.")] = None,
) -> None:
    """Draft the contract, the staging model and an agreement for a trial of 30 days, which waits for somebody to sign it.

    Files that are there are left alone, but for grants.yaml, to which the sample's place is added.

    Ends with 0 where the sample passes its own draft, 1 and nothing written where it cannot be read or does not pass, 2 wrong use.
    """
    from sources.contract_file import is_safe_name
    from sources.errors import ExtractError
    from warehouse.home import AGENCIES

    for name in (agency, feed):
        if not is_safe_name(name):
            stop(f"{name!r} cannot name an agency or feed; write lower_case words such as civil_registry", WRONG_USE)
    folder = (into or AGENCIES).expanduser().resolve()
    try:
        draft = _drafted(place, agency, feed, folder)
    except ExtractError as error:
        stop(str(error), NOT_DONE)
    agreement, grants = _agreement(agency, feed, folder), _grants(place, agency, folder)
    texts = draft.texts | agreement
    _refuse_existing(texts)
    _show(draft)
    _try(next(iter(texts.values())), agency, feed)
    _write(texts | grants)
    tell("Read and correct the files, then:")
    for path in agreement:
        tell(f"  sign {path}: write who did under signed_by")
    for line in _variables(folder, list(agreement), list(grants)):
        tell(f"  {line}")
    tell(f"  interagency run --agency {agency} --feed {feed}")


@dataclass(frozen=True)
class _Draft:
    """The files to write, the contract first; the columns in it, and what was guessed and should be looked at."""

    texts: dict[Path, str]
    columns: "list[DraftColumn]"
    doubts: list[str]


def _drafted(place: str, agency: str, feed: str, folder: Path) -> _Draft:
    from sources.draft.columns import draft_columns
    from sources.draft.contract import contract_text, file_name, server_section
    from sources.draft.opening import opened
    from sources.draft.staging import model_name, model_sql, model_yaml
    from warehouse.home import AGENCIES, PROJECT

    with opened(place) as sample:
        columns = draft_columns(sample)
        server, doubts = sample.server, list(sample.doubts)
    section = server_section(server.location, server.type, server.options, server.encoding, server.format)
    texts = {folder / agency / file_name(feed): contract_text(agency, feed, section, columns, doubts)}
    if folder == AGENCIES:
        models, name = PROJECT / "dbt_project" / "models" / "staging" / agency, model_name(agency, feed)
        texts[models / f"{name}.sql"] = model_sql(agency, feed, columns)
        texts[models / f"{name}.yml"] = model_yaml(agency, feed, columns)
    return _Draft(texts, columns, doubts + [f"{column.name}: {column.doubt}" for column in columns if column.doubt])


def _agreement(agency: str, feed: str, folder: Path) -> dict[Path, str]:
    """A trial's agreement, where none covers the feed: without one nothing is pulled.

    It goes where INTERAGENCY_AGREEMENTS says; else to the project for the project's own feeds, and for others beside them.
    """
    import yaml

    from sharing.agreements import agreements_folder, further_folders, read_register
    from warehouse.home import AGENCIES

    today = datetime.now(UTC).date()
    if read_register().refusal_of(agency, feed, today) is None:
        return {}
    name = f"trial-{agency}-{feed}".replace("_", "-")
    data = {
        "id": name, "title": f"Trial of {agency}/{feed}", "parties": {"provider": agency, "recipient": "Interagency statistics platform"},
        "legal_basis": "None yet: fill in the law or decision before the trial ends",
        "purpose": "To try the feed with a sample that the agency handed over. Replace this by the signed agreement.",
        "feeds": [f"{agency}/{feed}"], "valid_from": today.isoformat(), "valid_until": (today + _TRIAL).isoformat(), "retention": "P30D",
        "signed_by": [],
    }  # fmt: skip
    own = agreements_folder() if folder == AGENCIES else folder / "agreements"
    return {[own, *further_folders()][-1] / f"{name}.yaml": yaml.safe_dump(data, sort_keys=False, width=120)}


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


def _variables(folder: Path, agreements: list[Path], grants: list[Path]) -> list[str]:
    """The commands without which a run would not find what was written."""
    from sharing.agreements import agreement_folders
    from sources.contract.grants import grant_files
    from sources.contract_file import contract_folders

    found = [("INTERAGENCY_SOURCES", folder, contract_folders())]
    found += [("INTERAGENCY_AGREEMENTS", path.parent, agreement_folders()) for path in agreements]
    found += [("INTERAGENCY_GRANTS", path, grant_files()) for path in grants]
    return [
        f"export {name}={shlex.quote(str(place))}${{{name}:+{os.pathsep}${name}}}"
        for name, place, known in found
        if place.resolve() not in [item.expanduser().resolve() for item in known]
    ]


def _refuse_existing(texts: dict[Path, str]) -> None:
    there = [str(path) for path in texts if path.exists()]
    if there:
        stop(f"{', '.join(there)} is there already; remove it, or choose another name", WRONG_USE)


def _write(texts: dict[Path, str]) -> None:
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
    for doubt in draft.doubts:
        tell(f"Unsure: {doubt}")


def _try(text: str, agency: str, feed: str) -> None:
    """Hold the sample against its own draft; ends with 1 where it does not pass."""
    from expectations.sample import held_against
    from sources.contract.odcs import ContractError
    from sources.errors import ExtractError

    try:
        held = held_against(text, agency, feed)
    except (ContractError, ExtractError) as error:
        stop(f"The sample does not pass its draft: {error}", NOT_DONE)
    outcome = f"REFUSED: {held.refusal}" if held.refusal else "accepted"
    tell(f"Tried: {held.sent:,} rows sent, {held.rejected:,} rejected, {outcome}")
    if held.refusal:
        raise typer.Exit(NOT_DONE)
