"""Of `interagency agreements`: who signs, and with which keys."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.command.common import WRONG_USE, stop, tell
from orchestration.command.sharing.agreements.asked import Key, outside, private, told


def register_into(app: typer.Typer) -> None:
    """Add these commands to the group of agreements."""
    app.command("party")(party)
    app.command("rotate")(rotate)
    app.command("trust")(trust)


def party(
    id_: Annotated[str, typer.Argument(metavar="ID")],
    key: Annotated[Path, typer.Option(help="Where the new private key is written, outside of this repository.")],
    name: Annotated[str | None, typer.Option(help="The organisation's name.")] = None,
    contact: Annotated[str, typer.Option(help="Whom to ask, such as mailto:data@agency.example.")] = "",
) -> None:
    """Write a party with the public half of a new key into parties.yaml, beside the agreements."""
    from sharing.agreements.drafts import add_party
    from sharing.agreements.register import agreement_folders

    folder = agreement_folders()[-1]
    with told():
        made = add_party(folder, id_, name or id_, contact or f"mailto:data@{id_}.example", outside(key))
    tell(f"{made.id} signs with the key in {key} (thumbprint {made.keys[-1].id}); keep it as you keep a seal")


def rotate(
    id_: Annotated[str, typer.Argument(metavar="ID")],
    key: Key,
    new: Annotated[Path, typer.Option(help="Where the new private key is written.")],
) -> None:
    """Give a party a further key, for which its present one vouches. What was signed stays signed."""
    from sharing.agreements.drafts import rotate_key
    from sharing.agreements.parties import read_parties
    from sharing.agreements.register import agreement_folders

    with told():
        folders = [folder for folder in agreement_folders() if any(one.id == id_ for one in read_parties(folder))]
        if not folders:
            stop(f"there is no party {id_}; `interagency agreements party {id_}` adds it", WRONG_USE)
        rotate_key(folders[-1], id_, private(key), outside(new))
    tell(f"{id_} signs with the key in {new} from today on")


def trust(
    id_: Annotated[str, typer.Argument(metavar="PARTY")],
    reason: Annotated[str, typer.Option(help="How you know that the key is the party's; kept with your name.")],
) -> None:
    """Take the newest key of a party as its own, where its earlier one was lost and cannot vouch for it."""
    from sharing.agreements.register import agreement_folders, all_parties
    from sharing.agreements.seen import trust as take
    from warehouse.home import Home
    from warehouse.journal import actor

    if not reason.strip():
        stop('a reason is needed: --reason "…"', WRONG_USE)
    with told():
        found = all_parties(agreement_folders()).get(id_)
    if found is None:
        stop(f"there is no party {id_}", WRONG_USE)
    take(Home.from_environment(), id_, found.keys[-1].id, reason.strip(), actor())
    tell(f"the key {found.keys[-1].id} is taken as that of {found.name}, on the word of {actor()}")
