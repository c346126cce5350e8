"""`interagency try`: lands and gates one extract by its contract alone."""

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.command.common import NOT_DONE, as_date, contract_of_file, show_table, tell

if TYPE_CHECKING:
    from expectations.contract_trial import Trial
    from sources.contract.model import Contract

_HEADINGS = ("step", "rule", "column", "records", "reason")


def try_contract(
    contract: Annotated[Path, typer.Argument(metavar="CONTRACT", help="A contract file, wherever it lies.")],
    location: Annotated[
        str | None, typer.Option(metavar="FILE_OR_URL", help="Another extract than the contract's own.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write rows, rejects and manifest here.")] = None,
    extract_date: Annotated[str | None, typer.Option(help="The night it is of, yyyy-mm-dd; today by default.")] = None,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Land and gate one extract; nothing of the platform's own data is read or changed.

    DIR gets rows.parquet (the rows without a fault), rejects.parquet and manifest.json. Ends with 0 accepted, 1 refused,
    2 wrong use.
    """
    night = as_date(extract_date)
    known = contract_of_file(contract)
    refused = _refused(known)
    if refused is not None:
        _tell_refusal(known, refused, json)
        raise typer.Exit(NOT_DONE)
    with TemporaryDirectory() if out is None else nullcontext(str(out)) as folder:
        try:
            trial = _tried(known, Path(folder), location, night)
        except _Refused as refused:
            _tell_refusal(known, str(refused), json)
            raise typer.Exit(NOT_DONE) from None
    _tell(known, trial, json)
    if not trial.verdict.accepted:
        raise typer.Exit(NOT_DONE)


def _refused(contract: "Contract") -> str | None:
    """A feed of the platform is tried under its agreement only, also by a copy of its contract.

    A copy is how a contract is mended, so it may be tried where the platform's own cannot be used.
    """
    from sharing.policy.policy import Action, Policy
    from sources.contract.load import contract_folders, is_of_platform
    from warehouse.home import Home

    is_own = is_of_platform(contract.path)
    is_copy = any((folder / contract.agency / contract.path.name).exists() for folder in contract_folders())
    refused = Policy.read(Home.from_environment()).refusal(contract, Action.TRY) if is_copy or is_own else None
    return refused or (_unusable(contract) if is_own else None)


def _unusable(contract: "Contract") -> str | None:
    """Why the platform cannot use a contract that is valid by itself: what others make of its place and its relationships."""
    from nights.broken_contracts import load_known
    from sources.contract.reading.odcs import ContractError
    from warehouse.home import Home

    try:
        broken = load_known(Home.from_environment()).broken
    except ContractError as error:
        return str(error)
    return next((item.why for item in broken if item.name == contract.name), None)


class _Refused(Exception):
    """Nothing landed, and why."""


def _tried(contract: "Contract", folder: Path, location: str | None, night: Any) -> "Trial":
    from expectations.contract_trial import try_contract
    from sources.errors import ExtractError

    try:
        return try_contract(contract, folder, location, night)
    except (ExtractError, RuntimeError) as error:
        raise _Refused(str(error)) from error


def _tell_refusal(contract: "Contract", reason: str, json: bool) -> None:
    if json:
        _print_json({"contract": str(contract.path), "accepted": False, "reasons": [reason]})
        return
    tell(f"REFUSED: {reason}")


def _tell(contract: "Contract", trial: "Trial", json: bool) -> None:
    manifest, verdict = trial.manifest, trial.verdict
    counts = {
        "sent": manifest.rows_sent, "landed": manifest.rows_landed, "accepted": trial.rows_good,
        "rejected_at_landing": manifest.rows_rejected, "rejected_at_gate": verdict.rows_rejected,
    }  # fmt: skip
    if json:
        failed = [{name: value for name, value in vars(item).items() if name != "examples"} for item in verdict.failed]
        _print_json(
            {"contract": str(contract.path), "accepted": verdict.accepted, "reasons": verdict.reasons, "rows": counts,
             "rejects": [asdict(reason) for reason in trial.reasons], "mended": manifest.mended, "extra_columns": manifest.extra_columns,
             "failed_rules": failed}
        )  # fmt: skip
        return
    if trial.reasons:
        rows = [[item.step, item.rule, item.column or "", f"{item.records:,}", item.reason] for item in trial.reasons]
        show_table("Rejects", _HEADINGS, rows, frozenset({3}))
    for result in verdict.failed:
        # An error that a few rows make, which are rejected, is none of the extract that is accepted without them.
        is_passed_over = verdict.accepted and result.severity == "error"
        told = "rows rejected" if is_passed_over else result.severity
        tell(f"{told}: {result.rule}: {result.description} (measured {result.observed_value})")
    for item in manifest.mended:
        tell(f"Mended: {_where(item)}: {item['reason']}")
    if manifest.extra_columns:
        tell(f"Columns that the contract does not know, left out: {', '.join(manifest.extra_columns)}")
    tell(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items()))
    tell("Accepted" if verdict.accepted else f"REFUSED: {'; '.join(verdict.reasons)}")


def _where(mended: dict[str, Any]) -> str:
    """`file, line 3` of one record, `3 records from line 3 on` of several."""
    file = f"{mended['file']}, " if mended["file"] else ""
    first = mended["lines"][0]
    several = f"{mended['records']:,} records from line {first} on"
    return file + (f"line {first}" if mended["records"] == 1 else several)


def _print_json(outcome: dict[str, Any]) -> None:
    import json

    # In JSON an escape stands for each letter that a terminal might obey.
    text = json.dumps(outcome, ensure_ascii=False, indent=1)
    typer.echo("".join(item if item == "\n" or item.isprintable() else json.dumps(item)[1:-1] for item in text))
