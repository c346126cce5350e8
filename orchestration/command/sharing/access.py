"""`interagency access`: who may see names beside what is said of people, until when, and by whose word."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, show_table, stop, tell
from orchestration.command.noted import note

app = typer.Typer(
    help="Grant the right to hold names and content at once.", no_args_is_help=True, rich_markup_mode=None
)
_USUAL = timedelta(days=30)


@app.command("grant")
def grant(
    person: Annotated[str, typer.Argument(help="The person's account on this machine.")],
    reason: Annotated[str, typer.Option(help="Why it is needed; kept with your name.")],
    until: Annotated[str | None, typer.Option(help="The last day, yyyy-mm-dd; 30 days from now by default.")] = None,
    party: Annotated[
        str | None, typer.Option("--as", help="A party that provides data under an agreement in force, and signs.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="The file of that party's private key.")] = None,
) -> None:
    """Let a person use `query --restricted` until a day: another person, or your own account where a party signs.

    A later grant takes the place of this one; one of yesterday ends it.
    """
    from sharing.agreements.signature import read_private_key
    from sharing.ledger.entry import Kind
    from sharing.policy.access import Grant, NotGranted, give
    from warehouse.errors import KeyRefused
    from warehouse.home import Home
    from warehouse.journal import actor
    from warehouse.store.seal import Tampered

    try:
        last = date.fromisoformat(until) if until else datetime.now(UTC).date() + _USUAL
    except ValueError:
        stop(f"{until!r} is not a date; write it as yyyy-mm-dd", WRONG_USE)
    if (party is None) != (key is None):
        stop("--as names the party that signs, and --key the file of its key; give both or neither", WRONG_USE)
    home, given = Home.from_environment(), Grant(person, last, reason, actor())
    try:
        if party is not None and key is not None:
            given = given.signed(party, read_private_key(key.expanduser()))
        give(home, given)
    except (NotGranted, Tampered, KeyRefused) as error:
        stop(str(error), NOT_DONE)
    note(home, Kind.DECISION, decision="access granted", person=person, until=last.isoformat(), signed_by=party)
    told = f"{actor()}, signed by {party}" if party else actor()
    tell(f"{person} may see names beside what is said of people until {last}, on the word of {told}")


@app.command("list")
def list_grants() -> None:
    """List who was granted it, until when, by whom and why."""
    from sharing.policy.access import grants
    from warehouse.home import Home

    rows = [
        [one.person, str(one.until), one.given_by, one.party or "", one.reason]
        for one in grants(Home.from_environment()).values()
    ]
    show_table("Grants", ("person", "until", "given by", "signed by", "why"), rows)
