"""`interagency subject`: what a person may ask for: to be told, corrected, left out, erased."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, all_contracts, show_table, stop, tell
from orchestration.command.noted import check_grant

if TYPE_CHECKING:
    import duckdb
    from joserfc.jwk import OKPKey

    from sharing.agreements.register import Register
    from sharing.rights.person import Person
    from sharing.rights.released import Given
    from warehouse.home import Home
    from warehouse.store.published_nights import Night

app = typer.Typer(help="Rights of the person whom data is about.", no_args_is_help=True, rich_markup_mode=None)
_Id = Annotated[str, typer.Argument(metavar="ID", help="An identifier of the person, as they know it.")]
_Kind = Annotated[str, typer.Option(help="national_number, health_number, resident_number, tax_number or iban.")]
_Reason = Annotated[str, typer.Option(help="Who asked, how, and how they were recognised; kept with your name.")]
_NUMBER = "national_number"


@app.command("report")
def report(
    id_: _Id,
    kind: _Kind = _NUMBER,
    out: Annotated[Path | None, typer.Option("--out", help="The folder to write into; papers/subjects/ of the home by default.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Write JSON to standard output, and no file.")] = False,
) -> None:  # fmt: skip
    """All that is held on a person, as a page in plain words and as JSON, for their owner alone. Needs a grant, as `query --restricted`."""
    from sharing.papers.paper import papers_folder
    from sharing.policy.policy import Policy
    from sharing.rights.corrections import asked_of
    from sharing.rights.held import Asked
    from sharing.rights.page import as_json, write_report
    from sharing.rights.restriction import restriction_of

    contracts = all_contracts()
    with _told(), _found(id_, kind) as (home, connection, night, person):
        _note_look(home, "told a person what is held", person)
        restricted = restriction_of(home, person)
        asked = Asked(connection, home, night, contracts, Policy.read(home))
        held = asked.held(person, restricted.words if restricted else None, tuple(asked_of(home, person)))
        if json:
            typer.echo(as_json(held))
            return
        for path in write_report(out or papers_folder(home, "subjects"), held):
            tell(str(path))


@app.command("restrict")
def restrict(
    id_: _Id,
    reason: _Reason,
    kind: _Kind = _NUMBER,
    until: Annotated[str | None, typer.Option(help="The last day, yyyy-mm-dd; until it is lifted by default.")] = None,
    lift: Annotated[bool, typer.Option("--lift", help="Let the person's rows be released and shown again.")] = False,
) -> None:
    """From the next release and the next question on, the person's rows are in none."""
    from sharing.rights import restriction
    from warehouse.journal import actor

    try:
        last = date.fromisoformat(until) if until else None
    except ValueError:
        stop(f"{until!r} is not a date; write it as yyyy-mm-dd", WRONG_USE)
    with _told(), _found(id_, kind) as (home, _, _, person):
        if lift:
            restriction.lift(home, person.person_id, reason, actor())
            tell(f"{person.person_id} is in releases and answers again")
            return
        restriction.restrict(home, person, reason, last, actor())
        ends = f"until {last}" if last else "until it is lifted (--lift)"
        tell(f"{person.person_id} is in no release and shown to no role from now on, {ends}; what was released before stays with its recipients")  # fmt: skip


@app.command("erase")
def erase(
    id_: _Id,
    reason: _Reason,
    clause: Annotated[str, typer.Option(help="The clause of the law that the erasure rests on.")],
    kind: _Kind = _NUMBER,
    keep: Annotated[list[str] | None, typer.Option(help="A feed that a law makes stay, with its clause: 'agency/feed: clause'. May be repeated.")] = None,
) -> None:  # fmt: skip
    """Erase a person: their rows, originals, history, linkage, releases kept here, consents and older builds; then build anew."""
    from orchestration.run_night import run_nights
    from sharing.rights.erasure import Erasing, Request
    from sharing.rights.errors import NotCarriedOut
    from warehouse.home import Home
    from warehouse.journal import actor
    from warehouse.lock import night_lock

    home, contracts = Home.from_environment(), all_contracts()

    def rebuild(night: date) -> None:
        outcome = run_nights([], home, [night], lambda _: None)
        if not outcome.published:
            raise NotCarriedOut(
                f"the person is erased from what builds are made of, and the build that readers see still has them: {outcome.reason}; "
                "mend that, and `interagency run`"
            )

    kept = dict(_kept(one) for one in keep or ())
    with _told(), night_lock(home, wait_seconds=0):
        check_grant(home)
        request = Request(kind, id_, reason, clause, kept, actor())
        receipt, path, given = Erasing(home, contracts, _signing_key(home), rebuild).run(request)
        _tell_recipients(home, "erased", given, receipt.person)
    for line in receipt.lines():
        tell(line)
    tell(f"the receipt is {path}")


@app.command("correct")
def correct(  # noqa: PLR0913 — each is an option of the command
    id_: _Id,
    agency: Annotated[str, typer.Option(help="The agency whose record is wrong.")],
    feed: Annotated[str, typer.Option(help="Its feed.")],
    field: Annotated[str, typer.Option(help="The field, as the contract calls it.")],
    reason: _Reason,
    value_file: Annotated[Path | None, typer.Option(help="A file with what is right; asked for at the terminal by default.")] = None,
    kind: _Kind = _NUMBER,
    notice: Annotated[Path | None, typer.Option(help="Where to write the notice for the agency; below sent_back/rights/ of the home by default, sealed for the agency.")] = None,
) -> None:  # fmt: skip
    """Ask an agency to correct a record, with a signed notice. It is closed by the agency's next extract with another value."""
    from sharing.rights.corrections import Wish, ask
    from sharing.rights.notices import write_for_agency
    from warehouse.journal import actor

    known = {contract.name: contract for contract in all_contracts()}
    contract = known.get(f"{agency}/{feed}")
    if contract is None:
        stop(f"there is no feed {agency}/{feed}; known: {', '.join(sorted(known))}", WRONG_USE)
    value = value_file.read_text(encoding="utf-8").strip() if value_file else typer.prompt("What is right", hide_input=True)  # fmt: skip
    with _told(), _found(id_, kind) as (home, _, _, person):
        name, text = ask(home, person, Wish(contract, field, value, reason), _signing_key(home), actor())
        path = write_for_agency(home, _register(home), contract.name, name, text, notice)
    tell(f"asked for as {name}; the notice for {agency} is {path}")


@app.command("receipt")
def receipt(
    notice: Annotated[str, typer.Argument(help="A notice, by the beginning of its name.")],
    said: Annotated[str, typer.Option(help="How the recipient confirmed it; kept with your name.")],
) -> None:
    """Write down that a recipient confirmed a notice."""
    from sharing.rights.notices import note_receipt
    from warehouse.home import Home
    from warehouse.journal import actor

    with _told():
        found = note_receipt(Home.from_environment(), notice, said, actor())
    tell(f"{found.recipient} confirmed {found.notice}")


@app.command("list")
def list_() -> None:
    """What people asked for, and which recipients confirmed what they were told: by the platform's ids, no names."""
    from sharing.rights.corrections import requests
    from sharing.rights.notices import notices
    from sharing.rights.restriction import restrictions
    from sharing.rights.returned import returned
    from warehouse.home import Home

    home = Home.from_environment()
    with _told():
        rows = [("restriction", one.person_id, "", one.words) for one in restrictions(home)]
        rows += [("correction", one.name, f"{one.feed}: {one.field}", one.state) for one in requests(home)]
        rows += [
            ("notice", one.notice, f"{one.recipient}: {one.what}", f"confirmed: {one.received}" if one.received else "not confirmed")
            for one in notices(home)
        ]  # fmt: skip
        rows += [("erased", was, now, "an agency sent them again, as a new record") for was, now in returned(home)]
    show_table("Requests", ("what", "name", "of", "state"), rows)


def _kept(text: str) -> tuple[str, str]:
    feed, colon, clause = text.partition(":")
    if not colon:
        stop(f"{text!r} names no clause; write --keep 'agency/feed: clause'", WRONG_USE)
    return feed.strip(), clause.strip()


@contextmanager
def _found(id_: str, kind: str) -> "Iterator[tuple[Home, duckdb.DuckDBPyConnection, Night, Person]]":
    """The person in the published night, for whoever has a grant."""
    from sharing.rights.person import find, opened_night
    from warehouse.home import Home

    home = Home.from_environment()
    check_grant(home)
    with opened_night(home) as (connection, night):
        yield home, connection, night, find(connection, kind, id_)


def _tell_recipients(home: "Home", what: str, given: "list[Given]", person_id: str) -> None:
    from sharing.rights.notices import Teller
    from warehouse.journal import actor

    for one in Teller(home, _signing_key(home), _register(home), actor()).tell(what, given, person_id):
        tell(f"{one.recipient} is told by notice {one.notice}: {one.place}")


def _register(home: "Home") -> "Register":
    from sharing.agreements.register import read_register

    return read_register(home)


def _signing_key(home: "Home") -> "OKPKey":
    from sharing.agreements.signature import read_private_key
    from sharing.ledger.platform import key_file, platform_signer

    platform_signer(home)
    return read_private_key(key_file(home))


def _note_look(home: "Home", what: str, person: "Person") -> None:
    from orchestration.command.noted import note
    from sharing.ledger.entry import Kind

    note(home, Kind.DECISION, decision=what, person=person.person_id)


@contextmanager
def _told() -> Iterator[None]:
    from sharing.agreements.errors import AgreementError
    from sharing.ledger.errors import LedgerError
    from sharing.policy.access import NotGranted
    from sharing.release.errors import NotReleased
    from sharing.rights.errors import NotCarriedOut
    from warehouse.errors import KeyRefused
    from warehouse.lock import NightRunning
    from warehouse.store.seal import Tampered

    try:
        yield
    except (NotCarriedOut, NotGranted, NotReleased, AgreementError, LedgerError, KeyRefused, NightRunning, Tampered) as error:  # fmt: skip
        stop(str(error), NOT_DONE)
