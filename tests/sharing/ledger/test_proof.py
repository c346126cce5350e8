"""A proof is checked by anybody, with this program or another."""

import json
from pathlib import Path
from typing import Any

import pymerkle
import pytest
from pymerkle.core import _inclusion_path_layout

from sharing.ledger import platform
from sharing.ledger.checkpoint import Checkpoint
from sharing.ledger.errors import LedgerError, Untrue
from sharing.ledger.log import Ledger
from sharing.ledger.note import Note
from sharing.ledger.proof import check, prove
from tests.sharing.ledger.books import asked, filled, keys_of, witness_of
from warehouse.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Twelve entries, the eighth that of the key, all of them under a checkpoint that a witness cosigned."""
    home = Home(tmp_path / "home")
    filled(home, 7)
    witness = witness_of(home, tmp_path)
    platform.make_checkpoint(home)
    filled(home, 4, 7)
    platform.make_checkpoint(home, [asked(home, witness)])
    return home


def written(proof: dict[str, Any]) -> bytes:
    return json.dumps(proof, ensure_ascii=False).encode()


def test_every_entry_is_proven_to_this_and_other_code(home: Home) -> None:
    ledger = Ledger(home)
    for index, entry in enumerate(ledger.entries()):
        proof = json.loads(written(prove(ledger, index)))
        proven = check(written(proof), keys_of(home))
        assert (proven.entry, proven.index) == (entry, index)
        assert proven.witnesses == ([] if index < 8 else ["auditor"])
        checkpoint = Checkpoint.parse(Note.parse(proof["checkpoint"]).text)
        leaf = pymerkle.InmemoryTree().hash_buff(proof["entry"].encode())
        rule, _ = _inclusion_path_layout(index + 1, checkpoint.size)
        path = [leaf, *map(bytes.fromhex, proof["path"])]
        theirs = pymerkle.InclusionProof("sha256", True, checkpoint.size, index + 1, rule, path)
        pymerkle.verify_inclusion(leaf, checkpoint.root, theirs, index + 1, checkpoint.size)


@pytest.mark.parametrize(
    "changed",
    [
        {"index": 3}, {"index": -1}, {"index": 10**9}, {"index": "2"}, {"index": True}, {"index": 2.0},
        {"path": []}, {"path": ["00"]}, {"path": ["é"]}, {"path": [1]}, {"path": "00"}, {"path": ["00" * 32] * 3},
        {"entry": ""}, {"entry": "{}"}, {"entry": 1}, {"format": "another"}, {"more": 1}, {"checkpoint": ""}, {"checkpoint": 1},
    ],
)  # fmt: skip
def test_a_proof_that_was_changed_is_refused(home: Home, changed: dict[str, Any]) -> None:
    proof = prove(Ledger(home), 2)
    with pytest.raises(Untrue):
        check(written({**proof, **changed}), keys_of(home))


def test_a_proof_with_another_entry_or_another_checkpoint_is_refused(home: Home) -> None:
    ledger = Ledger(home)
    one, two = prove(ledger, 2), prove(ledger, 9)
    for mixed in (
        {**one, "entry": two["entry"]},
        {**one, "checkpoint": two["checkpoint"]},
        {**two, "path": one["path"]},
    ):
        with pytest.raises(Untrue):
            check(written(mixed), keys_of(home))
    with pytest.raises(Untrue, match="not in the log"):
        check(written({**one, "entry": one["entry"].replace('"rows":2', '"rows":3')}), keys_of(home))


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"format":1}', b" " * (1 << 21)])
def test_what_is_no_proof_is_refused(content: bytes) -> None:
    with pytest.raises(Untrue):
        check(content, [])


def test_a_proof_under_an_unknown_key_is_refused(home: Home, tmp_path: Path) -> None:
    proof = written(prove(Ledger(home), 2))
    other = Home(tmp_path / "other")
    platform.make_checkpoint(other)
    for known in ([], keys_of(other), [key for key in keys_of(home) if key.name == "auditor"]):
        with pytest.raises(Untrue, match="trust its key first"):
            check(proof, known)


def test_what_cannot_be_proven_is_told(home: Home) -> None:
    ledger = filled(home, 1, 50)
    for index, told in (
        (-1, "no entry -1"),
        (13, "no entry 13; the log has 13"),
        (12, "no checkpoint covers entry 12 yet"),
    ):
        with pytest.raises(LedgerError, match=told):
            prove(ledger, index)
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b'"rows":3}', b'"rows":4}'))
    with pytest.raises(LedgerError, match="entry 3 is not under"):
        prove(ledger, 3)
