"""`interagency consent`: what people agreed to, taken in, paused, revoked."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, show_table, stop, tell

if TYPE_CHECKING:
    from sharing.consent.artefact import Key

app = typer.Typer(help="Consents of people, as their managers sign them.", rich_markup_mode=None)
_Id = Annotated[str, typer.Argument(metavar="CONSENT", help="Its consentId.")]


@app.command("import")
def import_(files: Annotated[list[Path], typer.Argument(help="Artefacts as JSON, one a file.")]) -> None:
    """Take consents in whose signature holds; what does not is told, and the others are taken."""
    from datetime import UTC, datetime

    from sharing.consent.artefact import read_artefact
    from sharing.consent.errors import NoConsent
    from sharing.consent.kept import take_in
    from warehouse.home import Home
    from warehouse.journal import actor

    keys, taken, now = _keys(), [], datetime.now(UTC)
    for file in files:
        try:
            taken.append(read_artefact(file.read_bytes(), keys, now))
        except (NoConsent, OSError) as error:
            tell(f"{file}: {error}", err=True)
    with _told():
        take_in(Home.from_environment(), taken, actor())
    tell(f"{len(taken):,} of {len(files):,} taken in; `interagency release` makes the products that rest on them")
    if len(taken) < len(files):
        raise typer.Exit(NOT_DONE)


@app.command("list")
def list_consents() -> None:
    """Every consent: for whom, for what, its status, until when, and how often it was used."""
    from sharing.consent.held import uses_of
    from sharing.consent.kept import summaries
    from warehouse.engines.duckdb.engine import open_database
    from warehouse.home import Home

    home = Home.from_environment()
    with _told(), open_database() as connection:
        found = summaries(home)
        used = {id_: (times, last) for id_, times, last in uses_of(connection, home)}
    rows = [
        (one.consent_id, one.consumer, one.purpose, one.status, f"{one.expires:%Y-%m-%d %H:%M}", *_used(used.get(one.consent_id)))
        for one in found
    ]  # fmt: skip
    show_table("Consents", ("consent", "for", "purpose", "status", "until (UTC)", "used", "last"), rows, frozenset({5}))


def _used(found: "tuple[int, object] | None") -> tuple[str, str]:
    return (f"{found[0]:,}", f"{found[1]:%Y-%m-%d}") if found else ("0", "")


@app.command("pause")
def pause(id_: _Id, reason: Annotated[str, typer.Option(help="How the person said so.")]) -> None:
    """Let nothing rest on a consent until it is resumed."""
    _set(id_, "PAUSED", reason)


@app.command("resume")
def resume(id_: _Id, reason: Annotated[str, typer.Option(help="How the person said so.")]) -> None:
    """Let a paused consent count again."""
    _set(id_, "ACTIVE", reason)


@app.command("revoke")
def revoke(id_: _Id, reason: Annotated[str, typer.Option(help="How the person said so.")]) -> None:
    """End a consent for good."""
    _set(id_, "REVOKED", reason)


@app.command("manager")
def manager(
    party: Annotated[str, typer.Argument(metavar="PARTY")],
    keys: Annotated[Path, typer.Option(help="Its public keys as a JWK Set (RFC 7517), with which it signs consents.")],
    key: Annotated[Path, typer.Option(help="The party's private key, with which it signs that these are its own.")],
) -> None:
    """Write down with which keys a consent manager signs, signed by the party."""
    import json

    from sharing.agreements.drafts import set_consent_keys
    from sharing.agreements.parties import read_parties
    from sharing.agreements.register import agreement_folders
    from sharing.agreements.signature import read_private_key
    from sharing.consent.managers import read_keys

    with _told():
        try:
            said = json.loads(keys.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            stop(f"{keys} is no JSON; give the manager's JWK Set", WRONG_USE)
        listed = said.get("keys", [said]) if isinstance(said, dict) else said
        read_keys(listed)
        folders = [folder for folder in agreement_folders() if any(one.id == party for one in read_parties(folder))]
        if not folders:
            stop(f"there is no party {party}; `interagency agreements party {party}` adds it", WRONG_USE)
        set_consent_keys(folders[-1], party, listed, read_private_key(key))
    tell(f"consents that {party} signs with one of {len(listed)} keys are taken in from now on")


def _set(id_: str, status: str, reason: str) -> None:
    from sharing.consent.artefact import Status
    from sharing.consent.kept import set_status
    from warehouse.home import Home
    from warehouse.journal import actor

    if not reason.strip():
        stop('a person\'s word needs its source: --reason "…"', WRONG_USE)
    with _told():
        set_status(Home.from_environment(), {id_: Status(status)}, actor())
    tell(f"{id_} is {status.lower()}; `interagency release AGREEMENT` makes its products without or with the person")


def _keys() -> "dict[str, list[Key]]":
    from sharing.agreements.register import read_register
    from sharing.consent.managers import manager_keys

    with _told():
        return manager_keys(read_register().parties)


@contextmanager
def _told() -> Iterator[None]:
    from sharing.agreements.errors import AgreementError
    from sharing.consent.errors import NoConsent
    from sharing.ledger.errors import LedgerError
    from warehouse.store.seal import Tampered

    try:
        yield
    except (NoConsent, AgreementError, LedgerError, Tampered) as error:
        stop(str(error), NOT_DONE)
