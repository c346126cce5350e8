"""`interagency agreements`: what may be shared, from a blank text to its signatures, its end, and requests for more."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, all_contracts, chosen, show_table, stop, tell
from orchestration.command.sharing import papers

if TYPE_CHECKING:
    from joserfc.jwk import OKPKey

    from sharing.agreements.register import Signed
    from sharing.policy.purposes_of_marts import Purposes

app = typer.Typer(
    help="Agree on what is shared; nothing is pulled without.", no_args_is_help=True, rich_markup_mode=None
)
papers.register_into(app)

_Key = Annotated[Path, typer.Option(help="The file of the party's private key.")]
_As = Annotated[str, typer.Option("--as", help="The party that signs, by its id in parties.yaml.")]


@app.command("list")
def list_agreements() -> None:
    """List every agreement, draft and broken text, with what it is worth today."""
    from sharing.agreements.lint import drafts
    from sharing.agreements.register import read_register
    from warehouse.home import Home

    register, today = read_register(Home.from_environment()), datetime.now(UTC).date()
    rows = []
    for signed in register.agreements:
        one = signed.agreement
        feeds, until = ", ".join(one.feeds), str(one.valid_until)
        rows.append([one.id, str(one.version), one.provider, feeds, until, signed.refusal(today) or "in force"])
    rows += [[path.stem, "", "", "", "", "a draft; sign it"] for path in drafts()]
    rows += [["", "", "", ", ".join(broken.feeds), "", f"CANNOT BE USED: {broken.why}"] for broken in register.broken]
    show_table("Agreements", ("agreement", "version", "provider", "feeds", "until", "state"), rows)


@app.command("show")
def show(agreement: str) -> None:
    """Show one agreement as people read it, with who signed it and when."""
    from sharing.agreements.shown import lines

    _, signed = _signed(agreement)
    for line in lines(signed, datetime.now(UTC).date()):
        tell(line)


@app.command("lint")
def lint() -> None:
    """Hold all texts and drafts against their schema, signatures and contracts; ends with 1 where one cannot be used."""
    from sharing.agreements import lint as checks
    from sharing.agreements.register import read_register
    from warehouse.home import Home
    from warehouse.numbers_for_people import several

    register, contracts = read_register(Home.from_environment()), all_contracts()
    for warning in checks.warnings(register, contracts, datetime.now(UTC).date()):
        tell(f"warning: {warning}")
    problems = list(checks.faults(register, contracts))
    for problem in problems:
        tell(problem, err=True)
    if problems:
        raise typer.Exit(NOT_DONE)
    signed = [item for item in register.agreements if not item.unsigned]
    tell(f"{several(len(signed), 'agreement')} signed and valid, {several(len(checks.drafts()), 'draft')}")


@app.command("draft")
def draft(
    feeds: Annotated[list[str], typer.Argument(help="Feeds of one agency, as agency/feed.")],
    name: Annotated[str | None, typer.Option(help="The agreement's id; of the first feed by default.")] = None,
    recipient: Annotated[str | None, typer.Option(help="The party that receives, by its id.")] = None,
) -> None:
    """Write a blank agreement on all columns of these feeds into drafts/: fill it in, then have it signed."""
    from sharing.agreements.drafts import blank, columns_of, usual_recipient, write_draft
    from sharing.agreements.errors import AgreementError
    from sharing.agreements.register import agreement_folders

    known = all_contracts()
    contracts = [contract for feed in feeds for contract in chosen(known, *_parts(feed))]
    if len({contract.agency for contract in contracts}) > 1:
        stop("an agreement is with one agency; draft one for each", WRONG_USE)
    id_ = name or f"{contracts[0].agency}-{contracts[0].feed}".replace("_", "-")
    try:
        folder = agreement_folders()[-1]
        receiver = recipient or usual_recipient(folder)
        path = write_draft(folder, blank(id_, contracts[0].agency, columns_of(contracts), receiver))
    except AgreementError as error:
        _stop(error)
    tell(f"Drafted {path}; fill it in, then `interagency agreements sign {id_} --as PARTY --key FILE` for each party")


@app.command("renew")
def renew(agreement: str) -> None:
    """Write the next version of an agreement into drafts/: change it, then have it signed. The present one holds until then."""
    from sharing.agreements.drafts import further, write_draft
    from sharing.agreements.errors import AgreementError
    from sharing.agreements.register import read_text

    _, signed = _signed(agreement)
    try:
        one, data = read_text(signed.path)
        path = write_draft(signed.path.parent, further(one, data))
    except AgreementError as error:
        _stop(error)
    tell(f"Drafted {path}, version {one.version + 1}; change it, then have it signed by {', '.join(one.parties)}")


@app.command("party")
def party(
    id_: Annotated[str, typer.Argument(metavar="ID")],
    key: Annotated[Path, typer.Option(help="Where the new private key is written, outside of this repository.")],
    name: Annotated[str | None, typer.Option(help="The organisation's name.")] = None,
    contact: Annotated[str, typer.Option(help="Whom to ask, such as mailto:data@agency.example.")] = "",
) -> None:
    """Write a party with the public half of a new key into parties.yaml, beside the agreements."""
    from sharing.agreements.drafts import add_party
    from sharing.agreements.errors import AgreementError
    from sharing.agreements.register import agreement_folders

    folder = agreement_folders()[-1]
    try:
        made = add_party(folder, id_, name or id_, contact or f"mailto:data@{id_}.example", _outside(key))
    except AgreementError as error:
        _stop(error)
    tell(f"{made.id} signs with the key in {key} (thumbprint {made.keys[-1].id}); keep it as you keep a seal")


@app.command("rotate")
def rotate(
    id_: Annotated[str, typer.Argument(metavar="ID")],
    key: _Key,
    new: Annotated[Path, typer.Option(help="Where the new private key is written.")],
) -> None:
    """Give a party a further key, for which its present one vouches. What was signed stays signed."""
    from sharing.agreements.drafts import rotate_key
    from sharing.agreements.errors import AgreementError
    from sharing.agreements.parties import read_parties
    from sharing.agreements.register import agreement_folders

    try:
        folders = [folder for folder in agreement_folders() if any(one.id == id_ for one in read_parties(folder))]
        if not folders:
            stop(f"there is no party {id_}; `interagency agreements party {id_}` adds it", WRONG_USE)
        rotate_key(folders[-1], id_, _private(key), _outside(new))
    except AgreementError as error:
        _stop(error)
    tell(f"{id_} signs with the key in {new} from today on")


@app.command("trust")
def trust(
    id_: Annotated[str, typer.Argument(metavar="PARTY")],
    reason: Annotated[str, typer.Option(help="How you know that the key is the party's; kept with your name.")],
) -> None:
    """Take the newest key of a party as its own, where its earlier one was lost and cannot vouch for it."""
    from sharing.agreements.errors import AgreementError
    from sharing.agreements.register import agreement_folders, all_parties
    from sharing.agreements.seen import trust as take
    from warehouse.home import Home
    from warehouse.journal import actor

    if not reason.strip():
        stop('a reason is needed: --reason "…"', WRONG_USE)
    try:
        found = all_parties(agreement_folders()).get(id_)
    except AgreementError as error:
        _stop(error)
    if found is None:
        stop(f"there is no party {id_}", WRONG_USE)
    take(Home.from_environment(), id_, found.keys[-1].id, reason.strip(), actor())
    tell(f"the key {found.keys[-1].id} is taken as that of {found.name}, on the word of {actor()}")


@app.command("sign")
def sign(agreement: str, party: _As, key: _Key) -> None:
    """Sign a draft as a party; with the last signature it comes into force, and the version before goes to before/."""
    from sharing.agreements.drafts import sign_text
    from sharing.agreements.errors import AgreementError
    from sharing.agreements.register import DRAFTS, agreement_folders

    try:
        path, waiting = sign_text(agreement_folders(), agreement, party, _private(key))
    except AgreementError as error:
        _stop(error)
    if waiting:
        tell(f"{party} has signed {path}; {', '.join(waiting)} has yet to sign")
    else:
        tell(f"{party} has signed {path}; all have" + ("" if path.parent.name == DRAFTS else ", and it is in force"))


@app.command("sign-trial")
def sign_trial(
    agreement: str,
    keys: Annotated[Path, typer.Option(help="A folder for the parties' keys, outside of this repository.")],
) -> None:
    """Sign a draft of at most 30 days as all of its parties, to try a feed with a sample; keys that are missing are made."""
    from sharing.agreements.drafts import sign_trial as sign_all
    from sharing.agreements.errors import AgreementError
    from sharing.agreements.register import agreement_folders

    try:
        path = sign_all(agreement_folders(), agreement, _outside(keys))
    except AgreementError as error:
        _stop(error)
    tell(f"{path} is signed by keys in {keys}, and in force; before its end have the parties sign one with their own")


@app.command("verify")
def verify(agreement: Annotated[str | None, typer.Argument(help="One agreement; all by default.")] = None) -> None:
    """Check every signature; ends with 1 where one is missing or does not hold."""
    from sharing.agreements.register import read_register
    from sharing.agreements.shown import signatures
    from warehouse.home import Home

    register = read_register(Home.from_environment())
    wanted = [item for item in register.agreements if agreement in (None, item.agreement.id)]
    broken = [item for item in register.broken if agreement is None or f"/{agreement}.yaml" in item.why]
    if not wanted and not broken:
        stop(f"there is no agreement {agreement!r}; `interagency agreements list`", WRONG_USE)
    show_table(
        "Signatures",
        ("agreement", "version", "party", "key", "signed (UTC)"),
        [row for item in wanted for row in signatures(item)],
    )
    for item in broken:
        tell(item.why, err=True)
    if broken or any(item.unsigned for item in wanted):
        raise typer.Exit(NOT_DONE)


@app.command("revoke")
def revoke(
    agreement: str,
    party: _As,
    key: _Key,
    reason: Annotated[str, typer.Option(help="Why it ends; it stands in the signed revocation.")],
    starts: Annotated[str | None, typer.Option("--from", help="The first day without it; today by default.")] = None,
) -> None:
    """End an agreement as one of its parties. The next night neither pulls nor shows what only it allowed."""
    from datetime import date

    from sharing.agreements.drafts import revoke_text
    from sharing.agreements.errors import AgreementError
    from sharing.agreements.register import agreement_folders

    try:
        first = date.fromisoformat(starts) if starts else datetime.now(UTC).date()
    except ValueError:
        stop(f"{starts!r} is not a date; write it as yyyy-mm-dd", WRONG_USE)
    try:
        revoke_text(agreement_folders(), agreement, party, _private(key), first, reason)
    except AgreementError as error:
        _stop(error)
    tell(f"{agreement} is revoked by {party} from {first} on; the next night is made without what it covered")


@app.command("diff")
def diff(
    agreement: str,
    old: Annotated[
        Path | None, typer.Option(help="Another text to hold it against; the version before by default.")
    ] = None,
) -> None:
    """Show what a version changes against the one before; of a draft, against the text in force."""
    from sharing.agreements.changes import changes
    from sharing.agreements.drafts import find_text
    from sharing.agreements.errors import AgreementError
    from sharing.agreements.register import agreement_folders, read_text, text_before

    try:
        path = find_text(agreement_folders(), agreement)
        before = old or text_before(path, read_text(path)[0])
        rows = changes(read_text(before)[1], read_text(path)[1])
    except AgreementError as error:
        _stop(error)
    show_table("Changes", ("clause", "before", "now"), rows)


@app.command("trace")
def trace(
    what: Annotated[str, typer.Argument(help="A mart, or a column of it, such as marts.flight.carrier.")],
) -> None:
    """Show which agencies' fields a column comes from and its rows are joined and chosen by, under which agreements, for which purposes."""
    from catalogue.dbt_manifest import read_manifests, resources_of
    from catalogue.lineage import Lineage
    from orchestration.dbt import ran
    from sharing.agreements.purposes import broadest
    from sharing.policy.policy import Policy
    from sharing.policy.purposes_of_marts import ROWS, Purposes
    from warehouse.home import Home

    home = Home.from_environment()
    purposes = Purposes.today(Policy.read(home), Lineage(resources_of(read_manifests(ran(home)))))
    key = next(
        (mart.key for mart in purposes.marts() if what.lower() in (mart.key, *_columns(purposes, mart.key))), None
    )
    if key is None:
        known = ", ".join(mart.key for mart in purposes.marts()) or "none; run `interagency run` first"
        stop(f"there is no mart or column {what!r}; marts are {known}", WRONG_USE)
    rows = [
        [use.column, "; ".join(use.fields), ", ".join(use.agreements), ", ".join(broadest(use.purposes or frozenset()))]
        for use in (*purposes.uses(key), purposes.rows_by(key))
        if use.column == ROWS or what.lower() in (key, f"{key}.{use.column}")
    ]
    show_table(what, ("column", "made of", "agreements", "purposes"), rows)
    common = purposes.common(key)
    tell(f"All of {key} may serve: {', '.join(broadest(common)) if common else 'no purpose of an agreement'}")


def _columns(purposes: "Purposes", key: str) -> list[str]:
    return [f"{key}.{column}" for column in purposes.lineage.columns(key)]


@app.command("request")
def request(
    what: Annotated[str, typer.Argument(help="What is asked for: a feed (agency/feed), a mart, or a product.")],
    purpose: Annotated[
        str, typer.Option(help="A term of the Data Privacy Vocabulary, such as dpv:ScientificResearch.")
    ],
    reason: Annotated[str, typer.Option(help="What it is needed for, in a sentence.")],
) -> None:
    """Ask for something to be shared; the request is kept, with its answer and the days that it waited."""
    from sharing.agreements.errors import AgreementError
    from sharing.agreements.requests import ask
    from warehouse.home import Home
    from warehouse.journal import actor

    try:
        made = ask(Home.from_environment(), what, purpose, reason, actor())
    except AgreementError as error:
        _stop(error)
    tell(
        f"Request {made.id} on {what} is kept; `interagency agreements answer {made.id} granted --reason …` answers it"
    )


@app.command("answer")
def answer(
    request: Annotated[str, typer.Argument(help="The request, or enough of its beginning to tell it.")],
    given: Annotated[str, typer.Argument(metavar="ANSWER", help="granted, refused or withdrawn.")],
    reason: Annotated[str, typer.Option(help="Why; kept with your name.")],
) -> None:
    """Answer a request to share. Granting allows nothing by itself: an agreement does."""
    from sharing.agreements.errors import AgreementError
    from sharing.agreements.requests import answer as give
    from warehouse.home import Home
    from warehouse.journal import actor

    try:
        done = give(Home.from_environment(), request, given, reason, actor())
    except AgreementError as error:
        _stop(error)
    waited = done.days_waited(datetime.now(UTC))
    tell(f"Request {done.id} on {done.what} is {done.answer}; it waited {waited} days")


@app.command("requests")
def list_requests() -> None:
    """List the requests to share, with how long each waited."""
    from sharing.agreements.requests import requests
    from warehouse.home import Home

    now = datetime.now(UTC)
    rows = [
        [one.id, one.what, one.purpose, one.asked_by, f"{one.asked_at:%Y-%m-%d}", str(one.days_waited(now)), one.answer or "waits", one.answer_reason]
        for one in requests(Home.from_environment())
    ]  # fmt: skip
    show_table("Requests", ("request", "what", "purpose", "by", "asked", "days", "answer", "why"), rows, frozenset({5}))


def _signed(agreement: str) -> "tuple[object, Signed]":
    from sharing.agreements.errors import AgreementError
    from sharing.agreements.register import read_register
    from warehouse.home import Home

    register = read_register(Home.from_environment())
    for broken in register.broken:
        if f"/{agreement}.yaml" in broken.why:
            stop(broken.why, NOT_DONE)
    try:
        return register, register.by_id(agreement)
    except AgreementError as error:
        _stop(error)


def _parts(feed: str) -> tuple[str, str]:
    agency, _, name = feed.partition("/")
    if not name:
        stop(f"{feed!r} is no feed; write agency/feed", WRONG_USE)
    return agency, name


def _private(path: Path) -> "OKPKey":
    from sharing.agreements.signature import read_private_key
    from warehouse.errors import KeyRefused

    try:
        return read_private_key(path.expanduser())
    except KeyRefused as error:
        _stop(error)


def _outside(path: Path) -> Path:
    """A private key lies in no repository."""
    from warehouse.home import PROJECT

    path = path.expanduser().absolute()
    if path.is_relative_to(PROJECT):
        stop(f"{path} is within this repository, where a private key must not lie; name a file elsewhere", WRONG_USE)
    return path


def _stop(error: Exception) -> NoReturn:
    stop(str(error), NOT_DONE)
