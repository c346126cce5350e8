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
    from functools import partial

    from nights.decisions import AlreadyTaken, NoReason, accept_refused
    from sharing.ledger.errors import LedgerError
    from sharing.ledger.held import overrides_since
    from sharing.ledger.night import note_override
    from sharing.policy.policy import Action, Policy
    from sources.errors import NotAllowed
    from warehouse.home import Home
    from warehouse.journal import actor
    from warehouse.lock import NightRunning
    from warehouse.store.seal import Tampered

    night = as_date(extract_date)
    contract = chosen(all_contracts(), agency, feed)[0]
    home = Home.from_environment()
    try:
        admit = partial(Policy.read(home).admit, action=Action.ACCEPT)
        taken = accept_refused(contract, home, night, reason, actor(), admit)
        for one in overrides_since(home):
            note_override(home, one, actor())
    except NoReason:
        stop('a reason is needed: --reason "…"', WRONG_USE)
    except NotAllowed as error:
        stop(f"nothing is accepted: {error}", NOT_DONE)
    except AlreadyTaken:
        stop(f"{contract.name} of {night} is accepted already; nothing to do", NOT_DONE)
    except FileNotFoundError:
        stop(f"{contract.name} has no gated extract of {night}; there is nothing to accept", NOT_DONE)
    except (NightRunning, Tampered, LedgerError) as error:
        stop(str(error), NOT_DONE)
    tell(
        f"{contract.name} of {night}: {taken.rows_accepted} of {taken.rows_sent} rows accepted by {actor()}; the next run uses them"
    )
