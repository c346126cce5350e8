"""`interagency release`: what leaves, for whom, under which agreement."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from orchestration.command.common import NOT_DONE, WRONG_USE, as_date, show_table, stop, tell
from orchestration.command.sharing import profiles

if TYPE_CHECKING:
    from sharing.agreements.product import Product
    from sharing.release.kept import Release
    from sharing.release.make import Maker
    from warehouse.home import Home


class AgreementFirst(TyperGroup):
    """`release AGREEMENT` makes releases; the other words are commands of their own."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if known else ["make", *args])


app = typer.Typer(cls=AgreementFirst, help="What leaves: products of agreements, made safe for their recipients.", rich_markup_mode=None, no_args_is_help=True)  # fmt: skip
app.command("profile")(profiles.profile)
app.command("profiles")(profiles.profiles)
app.command("revoke")(profiles.revoke)
_Release = Annotated[str, typer.Argument(help="A release, by the beginning of its name as `release list` shows it.")]
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
                made = maker.make(one)
                _tell(made, _handed_over(maker.home, made, one.product))
        except _Refused as error:
            refused += 1
            tell(f"{one.product.id} for {one.recipient.id} is not released: {error}", err=True)
    if refused:
        raise typer.Exit(NOT_DONE)


@app.command("draft")
def draft(
    relation: Annotated[str, typer.Argument(help="A relation of the published night, such as marts.benefit_payment.")],
    provider: Annotated[str, typer.Option("--from", help="The party that gives, by its id.")],
    recipient: Annotated[str, typer.Option("--for", help="The party that receives, by its id.")],
    name: Annotated[str | None, typer.Option(help="The agreement's id; of relation and recipient by default.")] = None,
) -> None:
    """Write a blank agreement on a product into drafts/: every column with a treatment. Fill it in, then have it signed."""
    from catalogue.protection import Protection
    from orchestration.dbt import ran
    from sharing.agreements.drafts import write_draft
    from sharing.agreements.register import agreement_folders
    from sharing.release.draft import blank_release, treatments_of
    from sharing.release.make import night_of
    from sharing.release.query import find_place, relation_at
    from warehouse.home import Home
    from warehouse.store.published_nights import opened_build

    home = Home.from_environment()
    schema, _, table = relation.lower().partition(".")
    id_ = name or f"{table.replace('_', '-')}-for-{recipient}"
    with _told(), opened_build(night_of(home, None)) as connection:
        place = find_place(connection, schema, table)
        if place is None:
            stop(f"the published night has no {relation}; `interagency docs` shows what it has", WRONG_USE)
        columns = treatments_of(relation, relation_at(connection, place), Protection.read(ran(home)))
        path = write_draft(agreement_folders()[-1], blank_release(id_, provider, recipient, relation.lower(), columns))
    tell(
        f"Drafted {path}; look at each treatment, then `interagency agreements sign {id_} --as PARTY --key FILE` for each party"
    )


def _handed_over(home: "Home", made: "Release", product: "Product") -> str:
    from sharing.release.deliver import Waits, deliver

    try:
        place = deliver(home, made, product)
    except Waits as waits:
        return str(waits)
    return f"delivered to {place}" if place else "the same as was delivered before"


def _tell(release: "Release", what: str) -> None:
    said = release.manifest
    tell(f"{said.product} for {said.recipient}: {said.content.rows:,} rows of {said.night}; {what}")


@app.command("list")
def list_releases() -> None:
    """Every release that was made, the newest night first."""
    from sharing.release.kept import releases
    from warehouse.home import Home

    headings = ("release", "night", "agreement", "product", "recipient", "rows", "state")
    with _told():
        found = releases(Home.from_environment())
    rows = [
        (
            one.manifest.release[:12], one.manifest.night, one.manifest.agreement, one.manifest.product, one.manifest.recipient,
            f"{one.manifest.content.rows:,}", one.state,
        )
        for one in found
    ]  # fmt: skip
    show_table("Releases", headings, rows, frozenset({5}))


@app.command("show")
def show(release: _Release) -> None:
    """What one release holds, for whom, under what, with which risk."""
    from sharing.release.kept import as_lines

    with _told():
        found = _one(release)
        for line in as_lines(found.manifest):
            tell(line)
    tell(f"{found.state}: {found.folder}")


@app.command("report")
def report(
    release: _Release,
    is_opened: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the risk of a release as a page, for whoever signs that it may go, and print where."""
    import webbrowser
    from datetime import UTC, datetime

    from sharing.agreements.register import read_register
    from sharing.papers.paper import papers_folder
    from sharing.papers.risk_report import write_risk_report
    from warehouse.home import Home

    home = Home.from_environment()
    with _told():
        found, register = _one(release), read_register(home)
        agreement = register.by_id(found.manifest.agreement).agreement
    if agreement.digest != found.manifest.agreement_digest:
        stop("it was made under another version of its agreement; release it again", NOT_DONE)
    path = papers_folder(home, "releases") / f"{found.manifest.release[:12]}.html"
    page = write_risk_report(path, found, agreement, register.parties, datetime.now(UTC))
    typer.echo(str(page))
    if is_opened:
        webbrowser.open(page.as_uri())


@app.command("approve")
def approve(
    release: _Release,
    reason: Annotated[str, typer.Option(help="What was looked at; kept with your name.")],
) -> None:
    """Sign that a release may go, where its agreement asks for a person, and deliver it."""
    from sharing.release.deliver import approve, deliver

    with _told():
        found, maker = _one(release), _maker()
        agreement = maker.covered.agreement(found.manifest.agreement)
        product = agreement.product_of(found.manifest.product)
        if product is None or agreement.digest != found.manifest.agreement_digest:
            stop("it was made under another version of its agreement; release it again", NOT_DONE)
        approve(maker.home, found, reason)
        _tell(found, f"delivered to {deliver(maker.home, found, product)}")


@app.command("verify")
def verify(
    folder: Annotated[Path, typer.Argument(help="Where manifest and signature lie; the opened file beside them is checked too.")],
    trust: Annotated[Path | None, typer.Option(help="A file with the platform's key (name+id+key), a line each; those of the home by default.")] = None,
) -> None:  # fmt: skip
    """Whether a manifest is the platform's, and the file beside it what it says."""
    from sharing.ledger.platform import known_keys, read_keys
    from sharing.release.checked import check_release
    from warehouse.home import Home

    with _told():
        keys = read_keys(trust) if trust else known_keys(Home.from_environment())
        for line in check_release(folder, keys):
            tell(line)


@app.command("recipient")
def recipient(
    party: Annotated[str, typer.Argument(metavar="PARTY")],
    age: Annotated[str, typer.Option(help="The public key that files to it are sealed for, age1….")],
    key: Annotated[Path, typer.Option(help="The party's private key, with which it signs that.")],
) -> None:
    """Write down for which key a party's files are sealed, signed by the party."""
    from sharing.agreements.drafts import set_age
    from sharing.agreements.parties import read_parties
    from sharing.agreements.register import agreement_folders
    from sharing.agreements.signature import read_private_key
    from sharing.release.sealed import age_recipient

    with _told():
        age_recipient(age)
        folders = [folder for folder in agreement_folders() if any(one.id == party for one in read_parties(folder))]
        if not folders:
            stop(f"there is no party {party}; `interagency agreements party {party}` adds it", WRONG_USE)
        set_age(folders[-1], party, age, read_private_key(key))
    tell(f"files to {party} are sealed for {age} from now on")


@app.command("rotate")
def rotate(
    party: Annotated[str, typer.Argument(metavar="PARTY")],
    reason: Annotated[str, typer.Option(help="Why; kept with your name.")],
) -> None:
    """Give a recipient other pseudonyms from here on: what it has cannot be joined with what it will get."""
    from orchestration.command.noted import note
    from sharing.ledger.entry import Kind
    from sharing.masking.pseudonym import rotate_recipient
    from warehouse.home import Home

    if not reason.strip():
        stop('a rotation needs a reason: --reason "…"', WRONG_USE)
    home = Home.from_environment()
    epoch = rotate_recipient(home, party)
    note(home, Kind.KEY_USE, party=party, use="pseudonyms of a recipient", epoch=epoch)
    tell(f"{party} gets the pseudonyms of key {epoch} from now on")


def _one(short: str) -> "Release":
    from sharing.release.errors import NotReleased
    from sharing.release.kept import releases
    from warehouse.home import Home

    found = [one for one in releases(Home.from_environment()) if one.manifest.release.startswith(short)]
    if len(found) != 1:
        raise NotReleased(
            f"{'several releases begin' if found else 'no release begins'} with {short!r}; `interagency release list`"
        )
    return found[0]


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
    from sharing.release.nightly import maker_of
    from warehouse.home import Home

    home = Home.from_environment()
    return maker_of(home, ran(home))
