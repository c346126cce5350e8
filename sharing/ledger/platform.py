"""The platform as the keeper of its ledger: its key, the name of its log, whose signatures are known, checkpoints."""

import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sharing.keys import signing
from sharing.ledger.checkpoint import Checkpoint, checkpoint_file, read_checkpoint, stored
from sharing.ledger.entry import Kind
from sharing.ledger.errors import LedgerDamaged, LedgerError, NotWritten, Untrue
from sharing.ledger.log import Ledger
from sharing.ledger.note import COSIGNS, SIGNS, Note, Signer, VerifierKey
from sharing.ledger.tree import consistency_proof
from warehouse.errors import KeyRefused
from warehouse.files import DISK_REMEDY, made_once, refused_by_disk, write_text
from warehouse.home import Home
from warehouse.settings import settings

KEYS, ORIGIN = "keys", "origin"
_log = logging.getLogger(__name__)

# How a proof is asked for: the hashes that lead from an earlier size to a later one.
Proof = Callable[[int, int], list[bytes]]
# Who is asked to cosign a note gets the proof too and gives a signature line. Raises Untrue where it refuses, OSError where it is down.
AskedWitness = Callable[[Note, Proof], str]


@dataclass(frozen=True)
class Made:
    """A checkpoint that was made, and what was to be told of it."""

    path: Path
    checkpoint: Checkpoint
    remarks: list[str] = field(default_factory=list)


def key_file(home: Home) -> Path:
    """Of the private key that signs the ledger: INTERAGENCY_LEDGER_KEY, or in `state/keys/` of the home."""
    return settings().ledger_key or home.state / "keys" / "ledger.pem"


def platform_signer(home: Home) -> Signer:
    """Signs in the name of this home's log; the key is made where there is none. Raises KeyRefused."""
    path = key_file(home)
    if settings().ledger_key is None and not path.exists():
        signing.create(path)
    return Signer(origin(home), SIGNS, signing.load(path))


def origin(home: Home) -> str:
    """The name of this home's log, which no other log has."""
    path = made_once(home.ledger / ORIGIN, f"interagency-ledger-{secrets.token_hex(8)}\n")
    return path.read_text(encoding="utf-8").strip()


def read_keys(path: Path) -> list[VerifierKey]:
    """The keys that a file lists, a line each; none where it is not there. Raises Untrue."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    try:
        return [VerifierKey.parse(line) for line in lines if line.strip() and not line.startswith("#")]
    except Untrue as error:
        raise Untrue(f"{path}: {error}") from None


def know(ledger: Ledger, key: VerifierKey) -> bool:
    """Take a key in among those that are known here; False where it was."""
    with ledger.locked():
        known = read_keys(ledger.folder / KEYS)
        if key in known:
            return False
        write_text(ledger.folder / KEYS, "".join(f"{one}\n" for one in [*known, key]))
        return True


def make_checkpoint(home: Home, witnesses: Iterable[tuple[str, AskedWitness]] = ()) -> Made:
    """Sign what the log is now, and have it cosigned by the witnesses, each with its name; one that is down is told.

    Raises LedgerDamaged where the log does not go on from the last checkpoint, KeyRefused, NotWritten.
    """
    ledger, signer = Ledger(home), platform_signer(home)
    try:
        with ledger.locked():
            if know(ledger, signer.verifier):
                ledger.append(
                    Kind.KEY_USE, {"key": str(signer.verifier), "use": "signs the ledger from here on"}, "platform"
                )
            made = _signed(ledger, signer)
    except OSError as error:
        raise NotWritten(f"no checkpoint was written in {ledger.folder}: {refused_by_disk(error) or error.strerror}; {DISK_REMEDY}") from None  # fmt: skip
    for name, ask in witnesses:
        try:
            take_cosignature(ledger, made.path, ask(read_checkpoint(made.path)[0], proof_of(ledger)))
        except (Untrue, OSError) as error:
            made.remarks.append(f"the checkpoint is without the cosignature of {name}: {error}")
    for remark in made.remarks:
        _log.warning("%s", remark)
    return made


def proof_of(ledger: Ledger) -> Proof:
    return lambda earlier, size: consistency_proof(earlier, size, ledger.tree.subtree)


def take_cosignature(ledger: Ledger, path: Path, line: str) -> VerifierKey:
    """Put a witness's line under the checkpoint at `path`, where it holds. Raises Untrue, also of a witness that is not known."""
    with ledger.locked():
        note, _ = read_checkpoint(path)
        grown = note.with_line(line)
        known = [key for key in read_keys(ledger.folder / KEYS) if key.kind == COSIGNS]
        signed = [key for key, signature in grown.signed_by(known) if signature == grown.signatures[-1]]
        if not signed:
            raise Untrue(
                f"the cosignature of {grown.signatures[-1].name} is by no known witness; add its key to {ledger.folder / KEYS}"
            )
        write_text(path, str(grown))
    return signed[0]


def take_cosigned(ledger: Ledger, content: bytes) -> list[VerifierKey]:
    """Put under our checkpoint what known witnesses signed on their copy of it. Raises Untrue."""
    note = Note.parse(content)
    path = checkpoint_file(ledger, Checkpoint.parse(note.text).size)
    ours, _ = read_checkpoint(path)
    if ours.text != note.text:
        raise Untrue(f"it is not {path}: another origin or root")
    known = [key for key in read_keys(ledger.folder / KEYS) if key.kind == COSIGNS]
    found = [(key, signature) for key, signature in note.signed_by(known)]
    if not found:
        raise Untrue(f"no known witness signed it; add the witness's key to {ledger.folder / KEYS}")
    lines = dict(zip(note.signatures, note.lines, strict=True))
    return [take_cosignature(ledger, path, lines[signature]) for _, signature in found]


def _signed(ledger: Ledger, signer: Signer) -> Made:
    """A checkpoint of all that counts; the last one where nothing came since. Never one that contradicts the last."""
    ledger.recover()
    size = ledger.size
    checkpoint = Checkpoint(signer.name, size, ledger.root(size))
    paths = stored(ledger)
    if paths:
        note, last = _last(paths[-1])
        if last.size > size or ledger.root(last.size) != last.root or last.origin != signer.name:
            raise LedgerDamaged(
                f"the log in {ledger.folder} does not go on from its last checkpoint ({last.size} entries), so none is signed; "
                "`interagency ledger verify` says where it differs; put the folder back from a backup"
            )
        if last.size == size and note.signed_by([signer.verifier]):
            return Made(paths[-1], last)
    path = checkpoint_file(ledger, size)
    write_text(path, str(Note.parse(f"{checkpoint}\n{signer.line(str(checkpoint))}")))
    return Made(path, checkpoint)


def _last(path: Path) -> tuple[Note, Checkpoint]:
    try:
        return read_checkpoint(path)
    except Untrue as error:
        raise LedgerDamaged(f"{error}; put the folder back from a backup") from None


def known_keys(home: Home) -> list[VerifierKey]:
    """Whose signatures count for this home: its own key of today, and those that it lists."""
    try:
        own = [platform_signer(home).verifier]
    except KeyRefused as error:
        raise LedgerError(str(error)) from None
    return list(dict.fromkeys([*own, *read_keys(home.ledger / KEYS)]))
