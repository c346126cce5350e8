"""`interagency ledger`: what was done, proven; and what witnesses, auditors and message logs say of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, show_table, stop, tell

if TYPE_CHECKING:
    from sharing.ledger.log import Ledger
    from sharing.ledger.note import Note, VerifierKey
    from sharing.ledger.search import Wanted
    from sharing.ledger.verify import Verdict

app = typer.Typer(help="What was done, in a log that nobody can change unseen.", rich_markup_mode=None)
_MOST_SHOWN = 20
_Place = Annotated[
    Path | None, typer.Argument(help="A folder that `ledger export` made; the ledger of the home by default.")
]
_Trusted = Annotated[
    Path | None,
    typer.Option("--trust", help="A file with the keys you trust, a line each (name+id+key), instead of those listed beside the ledger."),
]  # fmt: skip
_Day = typer.Option(help="A day of UTC as yyyy-mm-dd, included.", formats=["%Y-%m-%d"])
# What of an entry `--search` may ask for.
_SEARCHED = ("kind", "actor", "feed", "agreement", "since", "until")


@app.command("verify")
def verify_ledger(
    ledger: _Place = None,
    witnessed: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint that a witness keeps, or a witness's file of what it saw.")
    ] = None,
    trust: _Trusted = None,
) -> None:
    """Read the whole ledger again: every entry, the tree, each checkpoint, and that it goes on from what a witness saw."""
    from sharing.ledger.verify import verify

    with _told():
        place = _ledger(ledger)
        notes = [found for path in witnessed or [] for found in _witnessed(path)]
        verdict = verify(place, _known(ledger, trust), notes)
    for remark in verdict.remarks:
        tell(f"Remark: {remark}", err=True)
    _tell_verdict(verdict)


def _tell_verdict(verdict: "Verdict") -> None:
    from warehouse.numbers_for_people import several

    for problem in verdict.problems[:_MOST_SHOWN]:
        tell(problem.what, err=True)
    if verdict.problems:
        further = len(verdict.problems) - _MOST_SHOWN
        more = f"; {further} more are not shown" if further > 0 else ""
        stop(f"The ledger does not hold: {several(len(verdict.problems), 'problem')}{more}", NOT_DONE)
    entries = "1 entry" if verdict.entries == 1 else f"{verdict.entries:,} entries"
    checkpoints, cosignatures = several(verdict.checkpoints, "checkpoint"), several(verdict.cosignatures, "cosignature")
    tell(f"The ledger holds: {entries}, {checkpoints}, {cosignatures}")


@app.command("checkpoint")
def make_checkpoint(
    cosigned: Annotated[
        Path | None, typer.Option(help="Take in a witness's cosignature from the copy that it sent back.")
    ] = None,
) -> None:
    """Sign what the ledger is now; every night does it too."""
    from sharing.ledger import platform
    from sharing.ledger.log import Ledger
    from warehouse.home import Home

    home = Home.from_environment()
    with _told():
        if cosigned:
            for key in platform.take_cosigned(Ledger(home), _read(cosigned)):
                tell(f"cosigned by {key.name}")
            return
        made = platform.make_checkpoint(home)
    for remark in made.remarks:
        tell(remark, err=True)
    tell(f"{made.path}: {made.checkpoint.size} entries, signed as {made.checkpoint.origin}")


@app.command("witness")
def witness(
    key: Annotated[
        Path, typer.Option(help="Your private key (Ed25519, PEM); made where there is none. Its name is yours.")
    ],
    ledger: _Place = None,
    store: Annotated[Path | None, typer.Option(help="Where you keep what you saw; beside the key by default.")] = None,
) -> None:
    """Cosign the last checkpoint, if the ledger goes on from the one that you saw before; refuse a rollback or a fork."""
    from sharing.keys import signing
    from sharing.ledger.checkpoint import read_checkpoint
    from sharing.ledger.errors import Untrue
    from sharing.ledger.platform import proof_of, take_cosignature
    from sharing.ledger.witness import Witness

    with _told():
        place, file = _ledger(ledger), _last_checkpoint(_ledger(ledger))
        if not key.exists():
            signing.create(key)
        party = Witness(key, store)
        note, checkpoint = read_checkpoint(file)
        line = party.cosign(note, _platform(place, checkpoint.origin), proof_of(place))
        tell(f"{party.signer.verifier.name} cosigned the checkpoint of {checkpoint.size} entries", err=True)
        try:
            take_cosignature(place, file, line)
        except (Untrue, OSError):
            tell(
                f"The ledger does not list your key, {party.signer.verifier}; send its platform the key once, and this:",
                err=True,
            )
            typer.echo(str(note.with_line(line)), nl=False)


@app.command("prove")
def prove_entry(
    index: Annotated[int | None, typer.Argument(help="The number of the entry; the first is 0.")] = None,
    search: Annotated[
        list[str] | None, typer.Option(help=f"Instead of its number: NAME=VALUE, of {', '.join(_SEARCHED)}.")
    ] = None,
    check: Annotated[Path | None, typer.Option(help="A proof to be checked.")] = None,
    trust: _Trusted = None,
) -> None:
    """Write the proof that an entry stands in the ledger, as JSON for anybody; or check one."""
    from sharing.ledger.proof import prove
    from sharing.ledger.search import search as find

    if [index is not None, bool(search), check is not None].count(True) != 1:
        stop("name an entry by its number or by --search, or a proof to --check", WRONG_USE)
    if check is not None:
        _check_proof(check, trust)
        return
    with _told():
        place = _ledger(None)
        if index is None:
            numbers = [number for number, _ in find(place, _wanted(search or []))]
            if len(numbers) != 1:
                shown = ", ".join(map(str, numbers[:_MOST_SHOWN]))
                stop(f"{len(numbers)} entries say so{': ' if shown else ''}{shown}; name one by its number", WRONG_USE)
            index = numbers[0]
        typer.echo(json.dumps(prove(place, index), indent=1, ensure_ascii=False))


def _check_proof(file: Path, trust: Path | None) -> None:
    from sharing.ledger.proof import check

    with _told():
        proven = check(_read(file), _known(None, trust))
    tell(f"{proven.entry.line().decode()}")
    by = ", ".join(dict.fromkeys(key.name for key in proven.signed_by))
    tell(f"is entry {proven.index} of {proven.checkpoint.size}; the checkpoint is signed by {by}")


@app.command("export")
def export_ledger(into: Annotated[Path, typer.Argument(help="A new folder.")]) -> None:
    """Copy the ledger for an auditor, who verifies it with `interagency ledger verify FOLDER --trust KEYS`."""
    from sharing.ledger.export import export

    with _told():
        size = export(_ledger(None), into)
    tell(f"{into}: {size} entries")


@app.command("search")
def search_ledger(
    kind: Annotated[str | None, typer.Option(help="Such as pull, publication, query.")] = None,
    actor: Annotated[str | None, typer.Option(help="Who did it.")] = None,
    feed: Annotated[str | None, typer.Option(help="AGENCY/FEED.")] = None,
    agreement: Annotated[str | None, typer.Option(help="The id of an agreement.")] = None,
    since: Annotated[datetime | None, _Day] = None,
    until: Annotated[datetime | None, _Day] = None,
) -> None:
    """List entries by what they say."""
    from sharing.ledger.entry import moment
    from sharing.ledger.search import search

    days = {"since": since and f"{since:%Y-%m-%d}", "until": until and f"{until:%Y-%m-%d}"}
    said = {"kind": kind, "actor": actor, "feed": feed, "agreement": agreement, **days}
    wanted = _wanted([f"{name}={value}" for name, value in said.items() if value is not None])
    with _told():
        rows = [
            [str(number), moment(entry.at), entry.kind, entry.actor, json.dumps(entry.what, ensure_ascii=False)]
            for number, entry in search(_ledger(None), wanted)
        ]
    show_table("", ("entry", "at", "kind", "actor", "what"), rows, frozenset({0}))


@app.command("archive")
def verify_archive(
    file: Annotated[Path, typer.Argument(help="A message-log archive of X-Road (zip).")],
    anchors: Annotated[
        Path | None, typer.Option(help="Certificates (PEM) of the authorities that your X-Road instance trusts.")
    ] = None,
) -> None:
    """Verify a message-log archive: the chain over its containers, each container's signature, and whose certificates they are."""
    from sharing.ledger.xroad.anchors import Anchors
    from sharing.ledger.xroad.archive import verify_archive
    from warehouse.numbers_for_people import several

    with _told():
        verdict = verify_archive(file, Anchors.read(anchors) if anchors else None)
    for problem in verdict.problems[:_MOST_SHOWN]:
        tell(problem, err=True)
    if verdict.problems:
        stop(f"{file} does not hold: {several(len(verdict.problems), 'problem')}", NOT_DONE)
    if anchors is None:
        verdict.remarks.append(
            "whether the certificates are of authorities to be trusted was not asked; --anchors asks it"
        )
    for remark in verdict.remarks:
        tell(f"Remark: {remark}", err=True)
    tell(
        f"{file} holds: {several(verdict.containers, 'container')}, linked to {verdict.previous or 'no earlier archive'}"
    )


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong with a ledger, a key or a proof is a message."""
    from sharing.ledger.errors import LedgerError
    from warehouse.errors import KeyRefused

    try:
        yield
    except (LedgerError, KeyRefused) as error:
        stop(str(error), NOT_DONE)


def _ledger(folder: Path | None) -> "Ledger":
    from sharing.ledger.log import LOG, Ledger
    from warehouse.home import Home

    if folder is None:
        return Ledger(Home.from_environment())
    # A home is named as well as what lies in it.
    place = folder / "ledger" if (folder / "ledger").is_dir() else folder
    if not (place / LOG).is_file():
        stop(f"{folder} holds no ledger; name a home, or a folder that `interagency ledger export` made", WRONG_USE)
    return Ledger(place)


def _known(folder: Path | None, trust: Path | None) -> "list[VerifierKey]":
    """The keys that count: those that were named, or those that are listed beside the ledger."""
    from sharing.ledger import platform
    from warehouse.home import Home

    if trust is not None:
        return platform.read_keys(_existing(trust))
    if folder is None:
        return platform.known_keys(Home.from_environment())
    return platform.read_keys(_ledger(folder).folder / platform.KEYS)


def _platform(place: "Ledger", origin: str) -> "VerifierKey":
    from sharing.ledger.errors import Untrue
    from sharing.ledger.note import SIGNS
    from sharing.ledger.platform import KEYS, read_keys

    keys = [key for key in read_keys(place.folder / KEYS) if key.kind == SIGNS and key.name == origin]
    if not keys:
        raise Untrue(f"{place.folder / KEYS} lists no key of {origin}; ask its platform for it")
    return keys[-1]


def _last_checkpoint(place: "Ledger") -> Path:
    from sharing.ledger.checkpoint import stored

    files = stored(place)
    if not files:
        stop(f"{place.folder} has no checkpoint yet; its platform makes one: interagency ledger checkpoint", NOT_DONE)
    return files[-1]


def _witnessed(path: Path) -> "list[tuple[str, Note]]":
    """A note, or all notes of a witness's own file."""
    from sharing.ledger.note import Note
    from sharing.ledger.witness import read_seen

    content = _read(path)
    if content.lstrip().startswith(b"{"):
        return [(f"what the witness saw ({path})", seen.note) for seen in read_seen(path).values()]
    return [(f"the witnessed checkpoint {path}", Note.parse(content))]


def _wanted(said: list[str]) -> "Wanted":
    from sharing.ledger.entry import Kind
    from sharing.ledger.search import Wanted

    fields: dict[str, str] = {}
    for text in said:
        name, _, value = text.partition("=")
        if name not in _SEARCHED or not value:
            stop(f"{text!r} cannot be searched for; write NAME=VALUE, of {', '.join(_SEARCHED)}", WRONG_USE)
        fields[name] = value
    try:
        kind = Kind(fields["kind"]) if "kind" in fields else None
        days = {name: date.fromisoformat(fields[name]) for name in ("since", "until") if name in fields}
    except ValueError:
        stop(f"write a day as yyyy-mm-dd, a kind as one of: {', '.join(Kind)}", WRONG_USE)
    return Wanted(
        kind, fields.get("actor"), fields.get("feed"), fields.get("agreement"), days.get("since"), days.get("until")
    )


def _existing(path: Path) -> Path:
    if not path.is_file():
        stop(f"{path} is not a file", WRONG_USE)
    return path


def _read(path: Path) -> bytes:
    with _existing(path).open("rb") as file:
        return file.read((8 << 20) + 1)
