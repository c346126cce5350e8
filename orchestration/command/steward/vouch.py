"""`interagency vouch`: somebody takes what is not as it was written, by name and with a reason."""

from typing import Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, stop


def vouch(
    place: Annotated[
        str, typer.Argument(help="The place as the message about it names it; `everything` for the whole home.")
    ],
    reason: Annotated[str, typer.Option(help="Why it is right as it stands; kept with your name.")],
) -> None:
    """Seal a place of the home as it stands, such as accepted/AGENCY/FEED/NIGHT; the next night reads it.

    For what was put back from a backup or changed by hand; `everything` also after INTERAGENCY_KEY was changed.
    """
    from nights import decisions
    from sharing.ledger.night import note_vouched
    from warehouse.home import Home
    from warehouse.journal import actor
    from warehouse.lock import NightRunning
    from warehouse.store.seal import Tampered

    home = Home.from_environment()
    try:
        decisions.vouch(home, place, reason, actor())
    except decisions.NoReason:
        stop('a reason is needed: --reason "…"', WRONG_USE)
    except ValueError as error:
        stop(str(error), WRONG_USE)
    except (NightRunning, Tampered) as error:
        stop(str(error), NOT_DONE)
    note_vouched(home, place, actor())
    typer.echo(f"{place} is taken as it stands; the next night reads it")
