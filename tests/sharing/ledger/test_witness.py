"""A witness signs what goes on from what it saw, and nothing else; one that is down is told."""

from pathlib import Path

import pytest

from sharing.keys import signing
from sharing.ledger import platform
from sharing.ledger.checkpoint import read_checkpoint
from sharing.ledger.errors import LedgerDamaged, Untrue
from sharing.ledger.log import Ledger
from sharing.ledger.note import Note
from sharing.ledger.witness import Witness, read_seen
from tests.sharing.ledger.books import asked, copied, filled, verified, witness_of
from warehouse.errors import KeyRefused
from warehouse.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    filled(home, 5)
    return home


def cosigned(home: Home, witness: Witness) -> list[str]:
    return platform.make_checkpoint(home, [asked(home, witness)]).remarks


def test_a_witness_goes_on_with_the_log(home: Home, tmp_path: Path) -> None:
    witness = witness_of(home, tmp_path)
    for start in range(5, 30, 7):
        assert cosigned(home, witness) == []
        filled(home, 7, start)
    assert verified(home, witness).holds
    assert verified(home).cosignatures == 4
    assert cosigned(home, witness) == cosigned(home, witness) == [], "the same checkpoint twice is the same"


def test_a_rollback_is_refused(home: Home, tmp_path: Path) -> None:
    witness = witness_of(home, tmp_path)
    before = copied(home, tmp_path / "before")
    assert cosigned(home, witness) == []
    (before.state).mkdir(exist_ok=True)
    for name in ("ledger/origin", "state/keys/ledger.pem"):
        (before.root / name).parent.mkdir(parents=True, exist_ok=True)
        (before.root / name).write_bytes((home.root / name).read_bytes())
        (before.root / name).chmod(0o600)
    platform.know(Ledger(before), platform.platform_signer(before).verifier)
    refused = cosigned(before, witness)
    assert "a rollback: the log has 5 entries and had 6" in refused[0]


def test_a_fork_is_refused_and_what_was_seen_stays(home: Home, tmp_path: Path) -> None:
    witness = witness_of(home, tmp_path)
    platform.make_checkpoint(home)
    fork = copied(home, tmp_path / "fork")
    filled(home, 3, 5)
    filled(fork, 4, 100)
    assert cosigned(home, witness) == []
    kept = witness.store.read_bytes()
    assert "a fork: the log does not go on from the 9 entries" in cosigned(fork, witness)[0]
    assert witness.store.read_bytes() == kept
    filled(fork, 4, 100)
    assert "a fork" in cosigned(fork, witness)[0]
    assert "auditor" in " ".join(verified(fork).remarks)
    filled(home, 3, 8)
    assert cosigned(home, witness) == []


def test_another_key_under_the_same_name_is_refused(home: Home, tmp_path: Path) -> None:
    witness = witness_of(home, tmp_path)
    assert cosigned(home, witness) == []
    platform.key_file(home).unlink()
    assert "signed by another key than before" in cosigned(home, witness)[0]
    assert verified(home).holds, "the log goes on with its new key"


def test_a_checkpoint_that_the_platform_did_not_sign_is_refused(home: Home, tmp_path: Path) -> None:
    witness = witness_of(home, tmp_path)
    note, _ = read_checkpoint(platform.make_checkpoint(home).path)
    key = platform.platform_signer(home).verifier
    proof = platform.proof_of(Ledger(home))
    stranger = Note.parse(f"{note.text}\n{witness.signer.line(note.text)}")
    for wrong, of in ((stranger, key), (note, witness.signer.verifier)):
        with pytest.raises(Untrue, match="not signed by the platform"):
            witness.cosign(wrong, of, proof)
    assert not witness.store.exists()


def test_a_witness_that_is_down_or_strange_leaves_a_checkpoint_without_it(home: Home, tmp_path: Path) -> None:
    def down(note: Note, proof: platform.Proof) -> str:
        raise ConnectionError("no route to the witness")

    witness = witness_of(home, tmp_path)
    signing.create(tmp_path / "stranger.pem")
    stranger = Witness(tmp_path / "stranger.pem")
    made = platform.make_checkpoint(home, [("ombudsman", down), asked(home, stranger), asked(home, witness)])
    assert "without the cosignature of ombudsman: no route" in made.remarks[0]
    assert "by no known witness" in made.remarks[1]
    assert len(made.remarks) == 2
    assert verified(home).cosignatures == 1


def test_no_two_histories_are_signed(home: Home) -> None:
    platform.make_checkpoint(home)
    ledger = Ledger(home)
    ledger.path.unlink()
    ledger.tree.path.unlink()
    with pytest.raises(LedgerDamaged, match="does not go on from its last checkpoint"):
        platform.make_checkpoint(home)
    filled(home, 9, 50)
    with pytest.raises(LedgerDamaged, match="does not go on from its last checkpoint"):
        platform.make_checkpoint(home)


def test_the_same_log_is_signed_once(home: Home) -> None:
    made = platform.make_checkpoint(home)
    content = made.path.read_bytes()
    again = platform.make_checkpoint(home)
    assert (again.path, again.path.read_bytes()) == (made.path, content)


def test_a_store_that_is_none_is_refused(home: Home, tmp_path: Path) -> None:
    witness = witness_of(home, tmp_path)
    assert cosigned(home, witness) == []
    for content in ("", "[]", '{"a": {}}', witness.store.read_text().replace("+", "-", 1)):
        witness.store.write_text(content)
        with pytest.raises(Untrue, match="not what a witness keeps"):
            read_seen(witness.store)
        assert "not what a witness keeps" in cosigned(home, witness)[0]


def test_a_cosigned_copy_is_taken_in_where_it_is_ours(home: Home, tmp_path: Path) -> None:
    witness = witness_of(home, tmp_path)
    made = platform.make_checkpoint(home)
    note, _ = read_checkpoint(made.path)
    ledger = Ledger(home)
    copy = str(note.with_line(witness.signer.line(note.text)))
    assert [key.name for key in platform.take_cosigned(ledger, copy.encode())] == ["auditor"]
    assert verified(home).cosignatures == 1
    with pytest.raises(Untrue, match="no known witness"):
        platform.take_cosigned(ledger, str(note).encode())
    with pytest.raises(Untrue, match="another origin or root"):
        platform.take_cosigned(ledger, copy.replace("interagency", "interAgency").encode())


def test_the_key_comes_from_where_the_setting_says(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERAGENCY_LEDGER_KEY", str(tmp_path / "elsewhere.pem"))
    with pytest.raises(KeyRefused, match="cannot be read"):
        platform.make_checkpoint(home)
    signing.create(tmp_path / "elsewhere.pem")
    platform.make_checkpoint(home)
    assert not (home.state / "keys").exists()
    assert verified(home).checkpoints == 1
