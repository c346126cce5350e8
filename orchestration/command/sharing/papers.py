"""Papers that write themselves, of `interagency agreements`: the export to ODRL, records of processing, impact assessments, the register."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import NOT_DONE, all_contracts, stop, tell

if TYPE_CHECKING:
    from sharing.agreements.register import Register
    from sharing.papers.facts import Platform
    from sharing.papers.paper import Paper

_Folder = Annotated[Path | None, typer.Option("--out", help="The folder to write into; below papers/ of the home by default.")]  # fmt: skip


def register_into(app: typer.Typer) -> None:
    """Add these commands to the group of agreements."""
    app.command("export")(export)
    app.command("processing-record")(processing_record)
    app.command("impact-assessment")(impact_assessment)
    app.command("page")(page)


def export(
    agreement: str, out: Annotated[Path | None, typer.Option(help="The file to write; the terminal by default.")] = None
) -> None:
    """Write an agreement as a policy of ODRL 2.2 (JSON-LD)."""
    import json

    from sharing.agreements.errors import AgreementError
    from sharing.papers.odrl import as_odrl
    from sharing.papers.paper import write_json

    register = _register()
    try:
        found = register.by_id(agreement)
    except AgreementError as error:
        stop(str(error), NOT_DONE)
    policy = as_odrl(found.agreement, register.parties)
    if out is None:
        typer.echo(json.dumps(policy, indent=1))
        return
    try:
        tell(str(write_json(out, policy)))
    except OSError as error:
        _stop_at(out, error)


def processing_record(out: _Folder = None) -> None:
    """Write the record of processing activities (GDPR, article 30) of each agreement, as pages and as JSON."""
    from sharing.papers.processing_record import INTRO, KIND, records

    papers = records(_platform(_register()))
    if not papers:
        stop("there is no agreement to write a record of; `interagency agreements lint`", NOT_DONE)
    _write_papers(papers, out, "processing-record", KIND, INTRO)


def impact_assessment(
    agreement: Annotated[str | None, typer.Argument(help="One agreement; all with personal data by default.")] = None,
    out: _Folder = None,
) -> None:
    """Draft the data protection impact assessment (GDPR, article 35), with what is known, and marked what a person must write."""
    from sharing.agreements.errors import AgreementError
    from sharing.papers.impact_assessment import INTRO, KIND, assessment, assessments

    register = _register()
    platform = _platform(register)
    try:
        papers = [assessment(platform, register.by_id(agreement))] if agreement else assessments(platform)
    except AgreementError as error:
        stop(str(error), NOT_DONE)
    if not papers:
        tell(
            "No agreement has a column that its contract calls personal; name one to draft its assessment all the same"
        )
        return
    _write_papers(papers, out, "impact-assessment", KIND, INTRO)


def page(out: _Folder = None) -> None:
    """Write the register of agreements as pages that may be published."""
    from sharing.papers.register_page import write_register

    folder = out or _own_folder("register")
    try:
        written = write_register(folder, _register(), datetime.now(UTC))
    except OSError as error:
        _stop_at(folder, error)
    _done(written, out)


def _write_papers(papers: "list[Paper]", out: Path | None, name: str, kind: str, intro: str) -> None:
    from sharing.papers.paper import write_papers

    folder = out or _own_folder(name)
    try:
        written = write_papers(folder, kind, intro, papers)
    except OSError as error:
        _stop_at(folder, error)
    _done(written, out)


def _done(written: list[Path], out: Path | None) -> None:
    """What was written of agreements that are gone goes from a folder of ours; in somebody else's nothing is taken away."""
    from sharing.papers.paper import forget_others

    if out is None:
        forget_others(written[0].parent, written)
    tell(str(written[0]))


def _register() -> "Register":
    from sharing.agreements.register import read_register
    from warehouse.home import Home

    register = read_register(Home.from_environment())
    for broken in register.broken:
        tell(f"left out: {broken.why}", err=True)
    return register


def _platform(register: "Register") -> "Platform":
    from sharing.papers.facts import Platform
    from warehouse.home import Home

    return Platform.read(Home.from_environment(), register, all_contracts(), datetime.now(UTC))


def _own_folder(name: str) -> Path:
    from sharing.papers.paper import papers_folder
    from warehouse.home import Home

    return papers_folder(Home.from_environment(), name)


def _stop_at(place: Path, error: OSError) -> None:
    stop(f"{place} cannot be written ({error.strerror}); name another place with --out", NOT_DONE)
