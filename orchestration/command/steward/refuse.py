"""`interagency refuse`: a steward refuses a night that was accepted, by name and with a reason."""

from typing import Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, all_contracts, as_date, chosen, stop, tell


def refuse(
    agency: str,
    feed: str,
    extract_date: str,
    reason: Annotated[str, typer.Option(help="Why this night may not be used; kept with your name.")],
) -> None:
    """Take the rows of an accepted night out of use. The feed goes on with its last good night; the decision is recorded.

    It binds to the bytes that were sent: another file for the night is judged anew. `interagency accept` takes the night again.
    """
    from nights.decisions import LaterNights, NoReason, refuse_accepted
    from nights.rows.accepted import last_accepted
    from sharing.ledger.errors import LedgerError
    from sharing.ledger.held import overrides_since
    from sharing.ledger.night import note_override
    from warehouse.home import Home
    from warehouse.journal import actor
    from warehouse.lock import NightRunning
    from warehouse.store.seal import Tampered

    night = as_date(extract_date)
    contract = chosen(all_contracts(), agency, feed)[0]
    home = Home.from_environment()
    try:
        refuse_accepted(contract, home, night, reason, actor())
        for one in overrides_since(home):
            note_override(home, one, actor())
    except NoReason:
        stop('a reason is needed: --reason "…"', WRONG_USE)
    except FileNotFoundError:
        stop(f"{contract.name} has no accepted extract of {night}; there is nothing to refuse", NOT_DONE)
    except LaterNights as error:
        stop(f"{contract.name} has accepted nights after {night}, up to {error}; refuse the last one first", NOT_DONE)
    except (NightRunning, Tampered, LedgerError) as error:
        stop(str(error), NOT_DONE)
    before = last_accepted(contract, home, night)
    told = f"goes on with the rows of {before.name}" if before else "has no rows until a night of it is accepted"
    tell(f"{contract.name} of {night}: refused by {actor()}; from the next run on the feed {told}")
