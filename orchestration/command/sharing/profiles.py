"""`interagency release profile`, `profiles`, `revoke`: the tokens by which recipients read their products from the server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, show_table, stop, tell

_LOCAL = "http://127.0.0.1:8443"


def profile(
    agreement: Annotated[str, typer.Argument(help="The agreement's id.")],
    recipient: Annotated[str, typer.Option(metavar="PARTY", help="Whose token it is.")],
    out: Annotated[Path | None, typer.Option(help="The file; AGREEMENT-PARTY.share by default.")] = None,
) -> None:
    """Issue a token to a recipient, and write the profile file that its client of Delta Sharing reads with."""
    from sharing.serve.app import PREFIX
    from sharing.serve.server import NotServed, public_address
    from sharing.serve.tokens import agreement_for, issue, profile
    from warehouse.files import made_once
    from warehouse.home import Home
    from warehouse.settings import settings

    target = (out or Path(f"{agreement}-{recipient}.share")).expanduser()
    if target.exists():
        stop(f"{target} is there already; name another file with --out", WRONG_USE)
    try:
        address = public_address(settings().share_url) or _LOCAL
    except NotServed as error:
        stop(str(error), WRONG_USE)
    home = Home.from_environment()
    with _told():
        token, text = issue(home, agreement_for(home, agreement, recipient), recipient)
    made_once(target, profile(token, text, f"{address}{PREFIX}"))
    tell(
        f"{target} opens {agreement} to whoever has it, until {token.expires:%Y-%m-%d %H:%M} UTC: hand it to {recipient} safely"
    )
    tell(f"`interagency release revoke {token.id}` ends it; its token is kept nowhere else")


def profiles() -> None:
    """Every token that was issued to a recipient, and whether it is good."""
    from datetime import UTC, datetime

    from sharing.serve.tokens import tokens
    from warehouse.home import Home

    with _told():
        found = tokens(Home.from_environment())
    now = datetime.now(UTC)
    rows = [(one.id, one.agreement, one.recipient, f"{one.expires:%Y-%m-%d %H:%M}", one.state(now)) for one in found]
    show_table("Tokens of recipients", ("token", "agreement", "recipient", "until (UTC)", "state"), rows)


def revoke(
    token: Annotated[str, typer.Argument(help="A token, as `release profiles` names it.")],
    reason: Annotated[str, typer.Option(help="Why; kept with your name.")],
) -> None:
    """End a token: from now on it reads nothing, and no address of a file that it was given."""
    from sharing.serve.tokens import revoke
    from warehouse.home import Home

    with _told():
        ended = revoke(Home.from_environment(), token, reason)
    tell(f"{ended.recipient} reads nothing of {ended.agreement} with {ended.id} from now on")


@contextmanager
def _told() -> Iterator[None]:
    from sharing.agreements.errors import AgreementError
    from sharing.ledger.errors import LedgerError
    from sharing.release.errors import NotReleased
    from warehouse.store.seal import Tampered

    try:
        yield
    except (NotReleased, AgreementError, LedgerError, Tampered) as error:
        stop(str(error), NOT_DONE)
