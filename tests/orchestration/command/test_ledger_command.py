"""`interagency ledger` from end to end, as its three users call it."""

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestration.command.main import app
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from tests.sharing.ledger.books import filled
from tests.sharing.ledger.xroad_books import archive, container, zipped
from warehouse.home import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("INTERAGENCY_HOME", str(tmp_path / "home"))
    home = Home.from_environment()
    filled(home, 4)
    Ledger(home).append(Kind.QUERY, {"agreements": ["housing-2026", "tax-2025"], "rows": 7}, "maria")
    return home


def run(*arguments: object, code: int = 0) -> Result:
    done = CliRunner().invoke(app, ["ledger", *map(str, arguments)])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done


def test_platform_witness_and_auditor(home: Home, tmp_path: Path) -> None:
    assert "6 entries, signed as interagency-ledger-" in run("checkpoint").stdout
    witness = tmp_path / "party" / "auditor.pem"
    first = run("witness", "--key", witness, home.root)
    assert "auditor cosigned the checkpoint of 6 entries" in first.stderr
    assert stat.S_IMODE(witness.stat().st_mode) == 0o600
    (key,) = (word.rstrip(",;") for word in first.stderr.split() if word.startswith("auditor+"))
    with (home.ledger / "keys").open("a") as keys:
        keys.write(f"{key}\n")
    note = tmp_path / "note"
    note.write_text(first.stdout)
    assert "cosigned by auditor" in run("checkpoint", "--cosigned", note).stdout
    run("witness", "--key", witness, home.root)
    assert "6 entries, 1 checkpoint, 1 cosignature" in run("verify").stdout
    run("export", tmp_path / "audit")
    assert "not empty" in run("export", tmp_path / "audit", code=1).stderr
    checked = run(
        "verify", tmp_path / "audit", "--trust", home.ledger / "keys", "--witnessed", witness.with_suffix(".seen.json")
    )
    assert "6 entries, 1 checkpoint, 2 cosignatures" in checked.stdout
    assert (tmp_path / "audit" / "entries.jsonl").read_bytes() == (home.ledger / "entries.jsonl").read_bytes()


def test_what_was_changed_ends_with_1_and_is_named(home: Home, tmp_path: Path) -> None:
    run("checkpoint")
    run("witness", "--key", tmp_path / "auditor.pem")
    path = Ledger(home).path
    path.write_bytes(path.read_bytes().replace(b'"rows":2', b'"rows":9'))
    assert "entry 2 is the first that is not as it was written" in run("verify", code=1).stderr
    for name in ("entries.jsonl", "tree"):
        (home.ledger / name).unlink()
    for file in (home.ledger / "checkpoints").iterdir():
        file.unlink()
    filled(home, 9, 20)
    run("checkpoint")
    run("verify")
    seen = tmp_path / "auditor.seen.json"
    assert (
        "two histories" in run("verify", "--witnessed", seen, code=1).stderr
        or "does not fit" in run("verify", "--witnessed", seen, code=1).stderr
    )
    assert "a fork" in run("witness", "--key", tmp_path / "auditor.pem", code=1).stderr


def test_a_proof_is_written_and_checked(home: Home, tmp_path: Path) -> None:
    assert "no checkpoint covers entry 2 yet" in run("prove", 2, code=1).stderr
    run("checkpoint")
    proof = tmp_path / "proof.json"
    proof.write_text(run("prove", 2).stdout)
    checked = run("prove", "--check", proof).stdout
    assert '"rows":2' in checked
    assert "is entry 2 of 6; the checkpoint is signed by interagency-ledger-" in checked
    proof.write_text(proof.read_text().replace('\\"rows\\":2', '\\"rows\\":3'))
    assert "not in the log" in run("prove", "--check", proof, code=1).stderr
    found = json.loads(run("prove", "--search", "kind=query", "--search", "agreement=tax-2025").stdout)
    assert found["index"] == 4
    assert "4 entries say so: 0, 1, 2, 3" in run("prove", "--search", "kind=pull", code=2).stderr
    for wrong in ([], ["2", "--check", proof], ["--search", "colour=red"], ["--search", "since=today"]):
        run("prove", *wrong, code=2)


def test_search_by_each_field(home: Home) -> None:
    def rows(*arguments: str) -> list[str]:
        return [line.partition("\t")[0] for line in run("search", *arguments).stdout.splitlines()[1:]]

    today = f"{next(Ledger(home).entries()).at:%Y-%m-%d}"
    assert rows() == ["0", "1", "2", "3", "4"]
    assert rows("--kind", "query") == rows("--actor", "maria") == rows("--agreement", "housing-2026") == ["4"]
    assert rows("--feed", "civil/people") == ["0", "1", "2", "3"]
    assert rows("--agreement", "housing") == rows("--feed", "civil") == rows("--until", "2026-01-01") == []
    assert rows("--since", today, "--until", today) == ["0", "1", "2", "3", "4"]
    assert "a kind as one of" in run("search", "--kind", "pulled", code=2).stderr


def test_an_archive_of_a_message_log(home: Home, tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"q1.asice": zipped(container())})
    assert "holds: 1 container, linked to no earlier archive" in run("archive", path).stdout
    broken = {**container(), "message.xml": b"<forged/>"}
    archive(path, {"q1.asice": zipped(container(b"<a/>")), "q2.asice": zipped(broken)})
    told = run("archive", path, code=1).stderr
    assert "q2.asice: the signature does not hold" in told
    assert "q1.asice" not in told


def test_wrong_use_is_told(home: Home, tmp_path: Path) -> None:
    assert "holds no ledger" in run("verify", tmp_path, code=2).stderr
    assert "is not a file" in run("verify", "--trust", tmp_path / "none", code=2).stderr
    assert "is not a file" in run("verify", "--witnessed", tmp_path / "none", code=2).stderr
    assert "has no checkpoint yet" in run("witness", "--key", tmp_path / "w.pem", code=1).stderr
    assert not (tmp_path / "w.pem").exists()
    run("checkpoint")
    (tmp_path / "open.pem").write_text("x")
    (tmp_path / "open.pem").chmod(0o644)
    assert "may be read by others" in run("witness", "--key", tmp_path / "open.pem", code=1).stderr
    (tmp_path / "keys").write_text("no key\n")
    assert "a verifier key is written" in run("verify", "--trust", tmp_path / "keys", code=1).stderr
