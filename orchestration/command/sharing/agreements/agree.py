"""Of `interagency agreements`: a text from its draft over its signatures and next versions to its end."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from orchestration.command.common import (
    WRONG_USE,
    all_contracts,
    chosen,
    stop,
    tell,
)
from orchestration.command.sharing.agreements.asked import As, Key, outside, parts_of, private, signed_agreement, told


def register_into(app: typer.Typer) -> None:
    """Add these commands to the group of agreements."""
    app.command("draft")(draft)
    app.command("renew")(renew)
    app.command("sign")(sign)
    app.command("sign-trial")(sign_trial)
    app.command("revoke")(revoke)


def draft(
    feeds: Annotated[list[str], typer.Argument(help="Feeds of one agency, as agency/feed.")],
    name: Annotated[str | None, typer.Option(help="The agreement's id; of the first feed by default.")] = None,
    recipient: Annotated[str | None, typer.Option(help="The party that receives, by its id.")] = None,
) -> None:
    """Write a blank agreement on all columns of these feeds into drafts/: fill it in, then have it signed."""
    from sharing.agreements.drafts import blank, columns_of, usual_recipient, write_draft
    from sharing.agreements.register import agreement_folders

    known = all_contracts()
    contracts = [contract for feed in feeds for contract in chosen(known, *parts_of(feed))]
    if len({contract.agency for contract in contracts}) > 1:
        stop("an agreement is with one agency; draft one for each", WRONG_USE)
    id_ = name or f"{contracts[0].agency}-{contracts[0].feed}".replace("_", "-")
    with told():
        folder = agreement_folders()[-1]
        receiver = recipient or usual_recipient(folder)
        path = write_draft(folder, blank(id_, contracts[0].agency, columns_of(contracts), receiver))
    tell(f"Drafted {path}; fill it in, then `interagency agreements sign {id_} --as PARTY --key FILE` for each party")


def renew(agreement: str) -> None:
    """Write the next version of an agreement into drafts/: change it, then have it signed. The present one holds until then."""
    from sharing.agreements.drafts import further, write_draft
    from sharing.agreements.register import read_text

    signed = signed_agreement(agreement)
    with told():
        one, data = read_text(signed.path)
        path = write_draft(signed.path.parent, further(one, data))
    tell(f"Drafted {path}, version {one.version + 1}; change it, then have it signed by {', '.join(one.parties)}")


def sign(agreement: str, party: As, key: Key) -> None:
    """Sign a draft as a party; with the last signature it comes into force, and the version before goes to before/."""
    from sharing.agreements.drafts import sign_text
    from sharing.agreements.register import DRAFTS, agreement_folders

    with told():
        path, waiting = sign_text(agreement_folders(), agreement, party, private(key))
    if waiting:
        tell(f"{party} has signed {path}; {', '.join(waiting)} has yet to sign")
    else:
        tell(f"{party} has signed {path}; all have" + ("" if path.parent.name == DRAFTS else ", and it is in force"))


def sign_trial(
    agreement: str,
    keys: Annotated[Path, typer.Option(help="A folder for the parties' keys, outside of this repository.")],
) -> None:
    """Sign a draft of at most 30 days as all of its parties, to try a feed with a sample; keys that are missing are made."""
    from sharing.agreements.drafts import sign_trial as sign_all
    from sharing.agreements.register import agreement_folders

    with told():
        path = sign_all(agreement_folders(), agreement, outside(keys))
    tell(f"{path} is signed by keys in {keys}, and in force; before its end have the parties sign one with their own")


def revoke(
    agreement: str,
    party: As,
    key: Key,
    reason: Annotated[str, typer.Option(help="Why it ends; it stands in the signed revocation.")],
    starts: Annotated[str | None, typer.Option("--from", help="The first day without it; today by default.")] = None,
) -> None:
    """End an agreement as one of its parties. The next night neither pulls nor shows what only it allowed."""
    from datetime import date

    from sharing.agreements.drafts import revoke_text
    from sharing.agreements.register import agreement_folders

    try:
        first = date.fromisoformat(starts) if starts else datetime.now(UTC).date()
    except ValueError:
        stop(f"{starts!r} is not a date; write it as yyyy-mm-dd", WRONG_USE)
    with told():
        revoke_text(agreement_folders(), agreement, party, private(key), first, reason)
    tell(f"{agreement} is revoked by {party} from {first} on; the next night is made without what it covered")
