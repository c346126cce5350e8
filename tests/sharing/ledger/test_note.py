"""Notes and checkpoints are read strictly, and what other code signs is read too."""

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sharing.ledger.checkpoint import Checkpoint
from sharing.ledger.errors import Untrue
from sharing.ledger.note import COSIGNS, SIGNS, Note, Signer, VerifierKey

# The example of Go's package golang.org/x/mod/sumdb/note, and C2SP signed-note after it.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
TEXT = str(Checkpoint("a-log", 3, bytes(32)))


@pytest.fixture
def platform() -> Signer:
    return Signer("a-log", SIGNS, Ed25519PrivateKey.from_private_bytes(bytes(32)))


@pytest.fixture
def witness() -> Signer:
    return Signer("auditor", COSIGNS, Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)))


def test_the_published_note_holds() -> None:
    key = VerifierKey.parse(PETER)
    assert (key.name, key.kind, key.id.hex()) == ("PeterNeumann", SIGNS, "c74f20a3")
    assert str(key) == PETER
    note = Note.parse(NEUMANN)
    assert [found.name for found, _ in note.signed_by([key])] == ["PeterNeumann"]
    assert str(note) == NEUMANN
    with pytest.raises(Untrue, match="PeterNeumann does not hold"):
        Note.parse(NEUMANN.replace("answer", "Answer")).signed_by([key])


def test_a_cosignature_is_laid_out_as_published(witness: Signer) -> None:
    """C2SP tlog-cosignature: key id, eight bytes of time, Ed25519 over the header, the time and the whole checkpoint."""
    raw = base64.b64decode(witness.line(TEXT, 1_700_000_000).split(" ")[2])
    public = witness.key.public_key()
    assert raw[:4] == sha256(b"auditor\n\x04" + public.public_bytes_raw()).digest()[:4]
    assert raw[4:12] == (1_700_000_000).to_bytes(8)
    public.verify(raw[12:], b"cosignature/v1\ntime 1700000000\n" + TEXT.encode())


def test_unknown_keys_say_nothing_and_known_ones_must_hold(platform: Signer, witness: Signer) -> None:
    note = Note.parse(f"{TEXT}\n{platform.line(TEXT)}").with_line(witness.line(TEXT, 5))
    assert [key.name for key, _ in note.signed_by([platform.verifier, witness.verifier])] == ["a-log", "auditor"]
    assert [key.name for key, _ in note.signed_by([platform.verifier])] == ["a-log"]
    assert note.signed_by([]) == []
    for line in range(2):
        broken = str(note).replace(note.lines[line], _spoiled(note.lines[line]))
        with pytest.raises(Untrue, match="does not hold"):
            Note.parse(broken).signed_by([platform.verifier, witness.verifier])
    assert Note.parse(broken).signed_by([platform.verifier]), "of the witness's key nothing is known"


def test_a_cosignature_is_of_its_time_and_its_kind(platform: Signer, witness: Signer) -> None:
    line = witness.line(TEXT, 5)
    raw = bytearray(base64.b64decode(line.split(" ")[2]))
    raw[11] = 6
    later = f"— auditor {base64.b64encode(raw).decode()}\n"
    with pytest.raises(Untrue, match="does not hold"):
        Note.parse(f"{TEXT}\n{later}").signed_by([witness.verifier])
    plain = Signer("auditor", SIGNS, witness.key)
    assert Note.parse(f"{TEXT}\n{plain.line(TEXT)}").signed_by([witness.verifier]) == [], "another kind has another id"
    short = f"— auditor {base64.b64encode(raw[:30]).decode()}\n"
    with pytest.raises(Untrue, match="does not hold"):
        Note.parse(f"{TEXT}\n{short}").signed_by([witness.verifier])


def test_a_later_line_takes_the_place_of_the_same_keys_earlier_one(witness: Signer, platform: Signer) -> None:
    note = Note.parse(f"{TEXT}\n{platform.line(TEXT)}")
    note = note.with_line(witness.line(TEXT, 5)).with_line(witness.line(TEXT, 6))
    assert [signature.name for signature in note.signatures] == ["a-log", "auditor"]
    assert note.signatures[1].seconds == 6


def test_sixteen_signatures_are_read(platform: Signer) -> None:
    lines = [Signer(f"w{n}", COSIGNS, Ed25519PrivateKey.generate()).line(TEXT) for n in range(16)]
    assert len(Note.parse(f"{TEXT}\n{''.join(lines)}{platform.line(TEXT)}").signatures) == 17


@pytest.mark.parametrize(
    "broken",
    [
        "", "\n", "text\n", "text\n\n", "\n\n— a AAAAAAA=\n", TEXT, f"{TEXT}\n— a AAAAAAA=", f"{TEXT}\n- a AAAAAAA=\n",
        f"{TEXT}\n— a  AAAAAAA=\n", f"{TEXT}\n— a+b AAAAAAA=\n", f"{TEXT}\n— a AAAA\n", f"{TEXT}\n— a AAAAAAB=\n",
        f"{TEXT}\n— a AAAAAA\n", f"{TEXT}\n— a AAAAAAA= \n", f"{TEXT}\n— a AAAAAAA=\r\n", "a\tlog\n3\nx\n\n— a AAAAAAA=\n",
        f"{TEXT}\n— a AAAAAAA=\n\n", f"{TEXT}\n" + "— a AAAAAAA=\n" * 101, "\ud800\n\n— a AAAAAAA=\n",
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused(broken: str) -> None:
    with pytest.raises(Untrue):
        Note.parse(broken)


@pytest.mark.parametrize(
    "broken",
    [
        "a-log\n3\n", "a-log\n03\n" + "A" * 43 + "=\n", "a-log\n-3\n" + "A" * 43 + "=\n", "a-log\n3\n" + "A" * 42 + "==\n",
        "a-log\n3\n" + "A" * 42 + "B=\n", "\n3\n" + "A" * 43 + "=\n", "a-log\n3\n" + "A" * 43 + "=\nmore\n", "a-log\n3 \n" + "A" * 43 + "=\n",
        "a-log\n3\n" + "A" * 43 + "=", "a-log\n٣\n" + "A" * 43 + "=\n",
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(broken: str) -> None:
    with pytest.raises(Untrue):
        Checkpoint.parse(broken)


@given(st.integers(0, 10**15), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_is_read_as_it_is_written(size: int, root: bytes) -> None:
    checkpoint = Checkpoint("a-log", size, root)
    assert Checkpoint.parse(str(checkpoint)) == checkpoint


@given(st.binary(max_size=300))
def test_no_bytes_are_more_than_refused(content: bytes) -> None:
    for read in (Note.parse, lambda content: VerifierKey.parse(content.decode("latin-1"))):
        try:
            read(content)
        except Untrue:
            continue


@pytest.mark.parametrize(
    "broken", [PETER.replace("c74", "c75"), PETER.replace("+ARp", "+BRp"), "a", "a+b+c", PETER[:-4], " +c74f20a3+AR"]
)
def test_what_is_no_key_is_refused(broken: str) -> None:
    with pytest.raises(Untrue):
        VerifierKey.parse(broken)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\nb"])
def test_a_name_without_blanks_and_plus(name: str) -> None:
    with pytest.raises(Untrue, match="no name of a key"):
        Signer(name, SIGNS, Ed25519PrivateKey.generate())


def _spoiled(line: str) -> str:
    raw = bytearray(base64.b64decode(line.split(" ")[2]))
    raw[-1] ^= 1
    return f"{line.rpartition(' ')[0]} {base64.b64encode(raw).decode()}\n"
