"""Ledgers for tests: with entries, checkpoints, and a witness."""

import shutil
from pathlib import Path

from sharing.keys import signing
from sharing.ledger import platform
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.ledger.note import Note, VerifierKey
from sharing.ledger.verify import Verdict, verify
from sharing.ledger.witness import Witness, read_seen
from warehouse.home import Home


def filled(home: Home, count: int, start: int = 0) -> Ledger:
    """With `count` pulls, numbered from `start`."""
    ledger = Ledger(home)
    ledger.append_all(((Kind.PULL, {"feed": "civil/people", "rows": start + n}) for n in range(count)), "night")
    return ledger


def witness_of(home: Home, folder: Path, name: str = "auditor") -> Witness:
    """Whose key the home knows."""
    signing.create(folder / f"{name}.pem")
    witness = Witness(folder / f"{name}.pem")
    platform.know(Ledger(home), witness.signer.verifier)
    return witness


def asked(home: Home, witness: Witness) -> tuple[str, platform.AskedWitness]:
    key = platform.platform_signer(home).verifier
    return witness.signer.name, lambda note, proof: witness.cosign(note, key, proof)


def seen(witness: Witness) -> list[tuple[str, Note]]:
    return [("what the witness saw", one.note) for one in read_seen(witness.store).values()]


def verified(home: Home, witness: Witness | None = None) -> Verdict:
    return verify(Ledger(home), platform.known_keys(home), seen(witness) if witness else [])


def copied(home: Home, into: Path) -> Home:
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(home.root, into)
    return Home(into)


def keys_of(home: Home) -> list[VerifierKey]:
    return platform.known_keys(home)
