"""`interagency accept`: a steward takes a refused night all the same, by name and with a reason."""

from typing import Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, all_contracts, as_date, chosen, stop, tell


def accept(
    agency: str,
    feed: str,
    extract_date: str,
    reason: Annotated[str, typer.Option(help="Why this night may be used; kept with your name.")],
) -> None:
    """Take the good rows of a night that the gate refused. Rejected rows stay rejected; the decision is recorded.

    It binds to the bytes that were sent: another file for the night needs another decision. The next run uses the rows.
    """
    from nights.accept import accept_night, decide
    from nights.overrides import append
    from nights.places import landed_folder
    from nights.untouched import take_over
    from orchestration.resources import NightRunning, night_lock
    from sharing.agreements import read_register
    from sources.arrival.manifest import Manifest
    from warehouse.home import Home
    from warehouse.store.seal import Tampered

    if not reason.strip():
        stop('a reason is needed: --reason "…"', WRONG_USE)
    home = Home.from_environment()
    night = as_date(extract_date)
    contract = chosen(all_contracts(), agency, feed)[0]
    refused = read_register().refusal(contract)
    if refused is not None:
        stop(f"nothing is accepted: {refused}", NOT_DONE)
    try:
        # What is decided on must not change meanwhile, so it is read under the lock.
        with night_lock(home, wait_seconds=0):
            take_over(home)
            if decide(contract, home, night).is_taken:
                stop(f"{contract.name} of {night} is accepted already; nothing to do", NOT_DONE)
            sha256 = Manifest.read(landed_folder(contract, home, night)).original_sha256
            override = append(home, agency, feed, night.isoformat(), sha256, reason)
            taken = accept_night(contract, home, night)
    except FileNotFoundError:
        stop(f"{contract.name} has no gated extract of {night}; there is nothing to accept", NOT_DONE)
    except (NightRunning, Tampered) as error:
        stop(str(error), NOT_DONE)
    tell(
        f"{contract.name} of {night}: {taken.rows_accepted} of {taken.rows_sent} rows accepted by {override.steward}; the next run uses them"
    )
