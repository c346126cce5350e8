"""From a blank text to an agreement in force, its next version and its end, by the commands that a person types."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sharing.agreements.parties import FILE, read_parties
from sharing.agreements.register import read_register
from sharing.agreements.requests import requests
from sharing.agreements.seen import remember
from sources.contract.model import Contract
from warehouse.home import PROJECT, Home
from warehouse.yaml import load_file

TODAY = datetime.now(UTC).date()
FEED = "tests/things"


def agreements(*arguments: str, code: int = 0) -> Result:
    from orchestration.command.main import app

    done = CliRunner().invoke(app, ["agreements", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def keys(folder: Path, things: Contract, home: Home, tmp_path: Path) -> Path:
    """Both parties, with their private keys in this folder."""
    for party in ("tests", "platform"):
        agreements("party", party, "--key", str(tmp_path / f"{party}.pem"), "--name", party.title())
    return tmp_path


def signed(keys: Path, *parties: str) -> Result:
    for party in parties:
        done = agreements("sign", "tests-things", "--as", party, "--key", str(keys / f"{party}.pem"))
    return done


def test_a_blank_text_comes_into_force_with_the_last_signature(folder: Path, keys: Path) -> None:
    assert stat.S_IMODE((keys / "tests.pem").stat().st_mode) == 0o600
    agreements("draft", FEED)
    assert read_register().on_feed(FEED) == [], "a draft allows nothing"
    assert "a draft; sign it" in agreements("list").stdout
    assert "platform has yet to sign" in signed(keys, "tests").stdout
    assert read_register().on_feed(FEED) == []
    assert "all have, and it is in force" in signed(keys, "platform").stdout
    (agreement,) = read_register().in_force(FEED, TODAY)
    assert (agreement.provider, agreement.recipient) == ("tests", "platform")
    assert agreement.pulls[0].columns == {"id", "town", "note"}
    assert not list((folder / "drafts").iterdir())
    assert "signed by tests with key" in agreements("show", "tests-things").stdout
    assert agreements("verify").stdout.count("tests-things") == 2
    assert "1 agreement signed and valid, 0 drafts" in agreements("lint").stdout


def test_the_next_version_holds_from_its_last_signature_on(folder: Path, keys: Path) -> None:
    agreements("draft", FEED)
    signed(keys, "tests", "platform")
    agreements("renew", "tests-things")
    draft = folder / "drafts" / "tests-things.yaml"
    draft.write_text(draft.read_text().replace("[id, town, note]", "[id, note]"))
    assert "pull.tests/things.columns\tid, note, town\tid, note" in agreements("diff", "tests-things").stdout
    signed(keys, "tests")
    assert read_register().in_force(FEED, TODAY)[0].version == 1
    signed(keys, "platform")
    (agreement,) = read_register().in_force(FEED, TODAY)
    assert (agreement.version, agreement.pulls[0].columns) == (2, {"id", "note"})
    assert {path.name for path in (folder / "before").iterdir()} == {
        "tests-things.v1.yaml",
        "tests-things.v1.signatures.json",
    }
    assert "columns\tid, note, town\tid, note" in agreements("diff", "tests-things").stdout
    assert "no agreement covers town; nothing of them is kept" in agreements("lint").stdout


def test_a_party_ends_it_alone(folder: Path, keys: Path) -> None:
    agreements("draft", FEED)
    signed(keys, "tests", "platform")
    wrong = agreements(
        "revoke", "tests-things", "--as", "tests", "--key", str(keys / "platform.pem"), "--reason", "x", code=1
    )
    assert "that signature of tests would not hold" in wrong.stderr
    agreements(
        "revoke", "tests-things", "--as", "tests", "--key", str(keys / "tests.pem"), "--reason", "The law changed"
    )
    assert read_register().in_force(FEED, TODAY) == []
    assert read_register().in_force(FEED, TODAY - timedelta(days=1)) == [], "the draft began today"
    assert "was revoked by tests" in agreements("list").stdout
    agreements("renew", "tests-things")
    signed(keys, "tests", "platform")
    assert read_register().in_force(FEED, TODAY)[0].version == 2, "it was agreed anew"


def test_a_key_is_followed_by_one_that_it_vouches_for(folder: Path, keys: Path, home: Home) -> None:
    agreements("draft", FEED)
    signed(keys, "tests", "platform")
    remember(home, read_register(home), "tester")
    agreements("rotate", "tests", "--key", str(keys / "tests.pem"), "--new", str(keys / "next.pem"))
    assert len(read_parties(folder)[1].keys) + len(read_parties(folder)[0].keys) == 3
    assert len(read_register(home).in_force(FEED, TODAY)) == 1, "what was signed stays signed"
    agreements("renew", "tests-things")
    agreements("sign", "tests-things", "--as", "tests", "--key", str(keys / "next.pem"))
    signed(keys, "platform")
    assert read_register(home).in_force(FEED, TODAY)[0].version == 2


def test_what_cannot_be_signed(folder: Path, keys: Path) -> None:
    agreements("draft", FEED)
    key = str(keys / "tests.pem")
    assert (
        "is no party of tests-things"
        in agreements("sign", "tests-things", "--as", "other", "--key", key, code=1).stderr
    )
    assert "would not hold" in agreements("sign", "tests-things", "--as", "platform", "--key", key, code=1).stderr
    assert "there is no agreement 'x'" in agreements("sign", "x", "--as", "tests", "--key", key, code=1).stderr
    Path(key).chmod(0o644)
    assert "may be read by others" in agreements("sign", "tests-things", "--as", "tests", "--key", key, code=1).stderr
    (keys / "none.pem").write_text("nothing")
    (keys / "none.pem").chmod(0o600)
    none = agreements("sign", "tests-things", "--as", "tests", "--key", str(keys / "none.pem"), code=1)
    assert "holds no private key" in none.stderr
    missing = agreements("sign", "tests-things", "--as", "tests", "--key", str(keys / "missing.pem"), code=1)
    assert "cannot be read (No such file or directory)" in missing.stderr
    assert "is there already" in agreements("draft", FEED, code=1).stderr


def test_a_private_key_is_not_written_into_the_repository(folder: Path, things: Contract, home: Home) -> None:
    done = agreements("party", "more", "--key", str(PROJECT / "more.pem"), code=2)
    assert "a private key must not lie" in done.stderr
    assert not (PROJECT / "more.pem").exists()
    assert not (folder / FILE).exists()


def test_lint_names_what_contracts_do_not_know_and_conditions_that_do_something(folder: Path, keys: Path) -> None:
    agreements("draft", FEED)
    draft = folder / "drafts" / "tests-things.yaml"
    product = (
        "products:\n- id: list\n  relation: marts.thing\n  columns: {id: {treatment: keep}}\n  recipients: [tests]\n"
        '  format: csv\n  delivery: folder\n  rows: "id > (SELECT max(id) FROM marts.other)"\n'
    )
    draft.write_text(draft.read_text().replace("[id, town, note]", "[town, note, village]") + product)
    signed(keys, "tests", "platform")
    said = agreements("lint", code=1).stderr
    assert "tests/things has no column village; where it was renamed, agree on its new name" in said
    assert "is not pulled without id, by which its rows are known" in said
    assert "products: list: rows: is not a condition on columns of marts.thing alone" in said


@pytest.mark.parametrize(
    ("condition", "is_fine"),
    [
        ("decision = 'granted' AND area > 10", True), ("NOT (a IN (1, 2) OR b LIKE 'x%')", True), ("day BETWEEN DATE '2026-01-01' AND DATE '2026-02-01'", True),
        ("1 = 1; DROP TABLE x", False), ("read_text('/etc/passwd') IS NULL", False), ("EXISTS (SELECT 1)", False),
        ("a = getenv('HOME')", False), ("a = (SELECT 1)", False), ("a =", False), ("", False), ("a = 1 -- x", True),
    ],
)  # fmt: skip
def test_a_row_condition_has_no_side_effect(condition: str, is_fine: bool) -> None:
    from sharing.agreements.lint import is_harmless

    assert is_harmless(condition) is is_fine


def test_requests_are_kept_with_their_answers(home: Home) -> None:
    agreements("request", "marts.person", "--purpose", "dpv:ScientificResearch", "--reason", "A study of moves")
    (request,) = requests(home)
    assert request.answer is None
    agreements("answer", request.id[:4], "granted", "--reason", "An agreement is on its way")
    (request,) = requests(home)
    assert (request.answer, request.days_waited(datetime.now(UTC))) == ("granted", 0)
    assert "granted already" in agreements("answer", request.id, "refused", "--reason", "No", code=1).stderr
    assert "is no purpose" in agreements("request", "x", "--purpose", "dpv:Fun", "--reason", "y", code=1).stderr
    assert "marts.person" in agreements("requests").stdout


def test_the_published_schema_is_a_schema_and_the_examples_keep_it() -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads((PROJECT / "agreements" / "agreement.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    for path in (PROJECT / "agreements").glob("*.yaml"):
        if path.name != FILE:
            Draft202012Validator(schema).validate(load_file(path, days_are_text=True))
