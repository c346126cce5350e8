"""What the commands of `interagency agreements` are asked with: a party and its key, an agreement, a feed; and how they end."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, stop
from sharing.agreements.errors import AgreementError
from warehouse.errors import KeyRefused

if TYPE_CHECKING:
    from joserfc.jwk import OKPKey

    from sharing.agreements.register import Signed

Key = Annotated[Path, typer.Option(help="The file of the party's private key.")]
As = Annotated[str, typer.Option("--as", help="The party that signs, by its id in parties.yaml.")]


@contextmanager
def told() -> Iterator[None]:
    """What is wrong with an agreement, a signature or a key ends the command with its words."""
    try:
        yield
    except (AgreementError, KeyRefused) as error:
        stop(str(error), NOT_DONE)


def signed_agreement(agreement: str) -> "Signed":
    """The agreement of that id; ends with 1 where there is none that can be used."""
    from sharing.agreements.register import read_register
    from warehouse.home import Home

    register = read_register(Home.from_environment())
    for broken in register.broken:
        if f"/{agreement}.yaml" in broken.why:
            stop(broken.why, NOT_DONE)
    with told():
        return register.by_id(agreement)


def parts_of(feed: str) -> tuple[str, str]:
    """Agency and name of a feed."""
    agency, _, name = feed.partition("/")
    if not name:
        stop(f"{feed!r} is no feed; write agency/feed", WRONG_USE)
    return agency, name


def private(path: Path) -> "OKPKey":
    """The private key in a file. Raises KeyRefused."""
    from sharing.agreements.signature import read_private_key

    return read_private_key(path.expanduser())


def outside(path: Path) -> Path:
    """A private key lies in no repository."""
    from warehouse.home import PROJECT

    path = path.expanduser().absolute()
    if path.is_relative_to(PROJECT):
        stop(f"{path} is within this repository, where a private key must not lie; name a file elsewhere", WRONG_USE)
    return path
