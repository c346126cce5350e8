"""`interagency release`: what leaves, for whom, under which agreement."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from orchestration.command.common import NOT_DONE, as_date, stop, tell

if TYPE_CHECKING:
    from sharing.release.kept import Release
    from sharing.release.make import Maker


class AgreementFirst(TyperGroup):
    """`release AGREEMENT` makes releases; the other words are commands of their own."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if known else ["make", *args])


app = typer.Typer(cls=AgreementFirst, help="What leaves: products of agreements, made safe for their recipients.", rich_markup_mode=None, no_args_is_help=True)  # fmt: skip
_Night = typer.Option(help="The night, as yyyy-mm-dd; the published one by default.")


@app.command("make")
def make(
    agreement: Annotated[str, typer.Argument(help="The agreement's id.")],
    product: Annotated[str | None, typer.Option(help="One of its products; all by default.")] = None,
    extract_date: Annotated[str | None, _Night] = None,
) -> None:
    """Write exactly what the agreement says for each recipient, and deliver it."""
    with _told():
        maker = _maker()
        wanted = maker.wanted(agreement, product, as_date(extract_date) if extract_date else None)
    refused = 0
    for one in wanted:
        try:
            with _told(ends=False):
                _tell(maker.make(one))
        except _Refused as error:
            refused += 1
            tell(f"{one.product.id} for {one.recipient.id} is not released: {error}", err=True)
    if refused:
        raise typer.Exit(NOT_DONE)


def _tell(release: "Release") -> None:
    said = release.manifest
    tell(f"{said.product} for {said.recipient}: {said.content.rows:,} rows of {said.night}, {release.folder}")


class _Refused(Exception):
    """Words for a person."""


@contextmanager
def _told(ends: bool = True) -> Iterator[None]:
    from sharing.agreements.errors import AgreementError
    from sharing.ledger.errors import LedgerError
    from sharing.release.errors import NotReleased
    from warehouse.errors import KeyRefused
    from warehouse.store.seal import Tampered

    try:
        yield
    except (NotReleased, AgreementError, KeyRefused, LedgerError, Tampered) as error:
        if ends:
            stop(str(error), NOT_DONE)
        raise _Refused(str(error)) from None


def _maker() -> "Maker":
    from orchestration.dbt import ran
    from sharing.agreements.signature import read_private_key
    from sharing.ledger.platform import key_file, platform_signer
    from sharing.release.make import Maker
    from warehouse.home import Home

    home = Home.from_environment()
    platform_signer(home)
    return Maker.of(home, ran(home), read_private_key(key_file(home)))
