"""A person in three agencies over three nights asks what is held, for a correction, and to be erased; by the commands, on a real home."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyrage
import pytest

from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.masking.pseudonym import recipient_key
from tests.browser import WITH_BROWSER, what_keeps_people_from_reading
from tests.sharing.rights.decoded import files_with
from tests.sharing.rights.town import (
    CORRECT_STREET,
    FORMER_STREET,
    GIVEN,
    NIGHTS,
    NUMBER,
    OFFICE,
    STREET,
    SURNAME,
    SYMPTOM,
    WORDS,
    Town,
)
from warehouse.engines.duckdb.encrypted_parquet import readable
from warehouse.engines.duckdb.engine import open_database
from warehouse.errors import KeyRefused

pytestmark = pytest.mark.slow
CLAUSE = "GDPR, article 17(1)(d)"


@pytest.fixture
def with_key(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read in this process is opened by the town's key; copies of the town have the same."""
    monkeypatch.setenv("INTERAGENCY_KEY_FILE", town.environment["INTERAGENCY_KEY_FILE"])
    monkeypatch.delenv("INTERAGENCY_KEY", raising=False)


@pytest.fixture(scope="session")
def told(town: Town) -> dict[str, Any]:
    return json.loads(town.command("subject", "report", NUMBER, "--json").stdout)


def test_all_that_is_held_is_told(told: dict[str, Any]) -> None:
    records = {(one["feed"], len(one["versions"])) for one in told["records"]}
    assert records == {("registry/person", 2), ("clinic/patient", 1), ("benefits/payment", 1)}
    assert len(told["records"]) == 5
    streets = [version["fields"]["street"] for one in told["records"] if one["feed"] == "registry/person" for version in one["versions"]]  # fmt: skip
    assert streets == [FORMER_STREET, STREET], "also what a later snapshot took the place of"
    assert [one["night"] for one in told["rejected"]] == [str(night) for night in NIGHTS[:3]]
    assert all(SYMPTOM in one["record"] for one in told["rejected"])
    assert {one["law"] for agreed in told["under"].values() for one in agreed} == {"Tests Act"}
    assert {"marts.person", "marts.benefit_payment"} <= {one["relation"] for one in told["relations"]}
    given = [(one["recipient"], one["night"], one["was_in"], one["rows"]) for one in told["given"]]
    assert given == [(OFFICE, str(NIGHTS[2]), "yes", 1), (OFFICE, str(NIGHTS[1]), "yes", 1)]


def test_nobody_else_is_told_of(told: dict[str, Any]) -> None:
    assert "Helve" not in json.dumps(told)
    assert "Luik" not in json.dumps(told)


def test_it_is_a_look_and_the_ledger_says_nothing_personal(town: Town, told: dict[str, Any]) -> None:
    looks = [
        entry for entry in Ledger(town.home).entries() if entry.what.get("decision") == "told a person what is held"
    ]
    assert looks[0].what["person"] == told["person"]["person_id"]
    text = (town.home.ledger / "entries.jsonl").read_text()
    assert not [word for word in WORDS if word.lower() in text.lower()]


def test_without_a_grant_nobody_is_told(town: Town, tmp_path: Path) -> None:
    other = town.copy(tmp_path / "town")
    (other.home.state / "access.jsonl").unlink()
    done = other.command("subject", "report", NUMBER, is_good=False)
    assert done.returncode == 1
    assert GIVEN not in done.stdout + done.stderr


def test_who_is_not_there_is_said_without_the_number(town: Town) -> None:
    done = town.command("subject", "report", "38001085718", is_good=False)
    assert done.returncode == 1
    assert "not found" in done.stderr
    assert "38001085718" not in done.stdout + done.stderr


def test_the_page_is_for_its_owner_alone(town: Town, tmp_path: Path) -> None:
    town.command("subject", "report", NUMBER, "--out", tmp_path / "answer")
    page, data = sorted((tmp_path / "answer").iterdir())
    assert {page.stat().st_mode & 0o777, data.stat().st_mode & 0o777} == {0o600}
    text = page.read_text()
    for word in (GIVEN, SURNAME, STREET, "Tests Act", OFFICE, "Who looked"):
        assert word in text


@WITH_BROWSER
def test_the_page_can_be_read_by_everybody(town: Town, tmp_path: Path) -> None:
    town.command("subject", "report", NUMBER, "--out", tmp_path / "answer")
    page = next((tmp_path / "answer").glob("*.html"))
    open_page = tmp_path / page.name
    # What is asked of a page is a script, which its policy forbids.
    open_page.write_text(page.read_text().replace("default-src 'none'; style-src 'unsafe-inline'", ""))
    assert what_keeps_people_from_reading(open_page, tmp_path) == []


@pytest.mark.usefixtures("with_key")
def test_corrected_by_the_agency_then_erased_for_good(town: Town, tmp_path: Path) -> None:
    other, stolen = town.copy(tmp_path / "town"), tmp_path / "stolen"
    value, notice = tmp_path / "value", tmp_path / "notice.json"
    value.write_text(CORRECT_STREET)
    words = ("--agency", "registry", "--feed", "person", "--field", "street", "--value-file", value, "--notice", notice)
    other.command("subject", "correct", NUMBER, *words, "--reason", "asked by letter")
    assert json.loads(notice.read_text())["said"]["should_be"] == CORRECT_STREET
    assert "open" in other.command("subject", "list").stdout
    other.send(3)
    other.command("backfill", "--from", NIGHTS[3], "--to", NIGHTS[3])
    assert "corrected as asked" in other.command("subject", "list").stdout
    held = files_with(other.home, WORDS)
    assert all(held.values()), held
    copied = next((other.home.landing / "registry" / "person").glob(".versions/*/rows.parquet")).parent
    shutil.copytree(copied, stolen)
    person = json.loads(other.command("subject", "report", NUMBER, "--json").stdout)["person"]["person_id"]
    done = other.command("subject", "erase", NUMBER, "--reason", "asked by letter", "--clause", CLAUSE)
    assert not any(files_with(other.home, WORDS).values()), files_with(other.home, WORDS)
    _check_ledger(other, person)
    _check_notices(other, person, done.stdout)
    _check_stolen(other, stolen, copied)
    assert other.command("subject", "report", NUMBER, is_good=False).returncode == 1
    assert "11 rows" in other.command("release", "people-statistics").stdout


def _check_ledger(town: Town, person: str) -> None:
    entries = [entry.what for entry in Ledger(town.home).entries() if entry.kind == Kind.ERASURE]
    assert [one["state"] for one in entries] == ["begun", "done"]
    assert {one["person"] for one in entries} == {person}
    assert (entries[-1]["accepted"], entries[-1]["rejects"], entries[-1]["originals"]) == (12, 4, 12)
    assert "The ledger holds" in town.command("ledger", "verify").stdout
    (receipt,) = (town.home.state / "rights" / "receipts").iterdir()
    assert json.loads(receipt.read_text())["said"]["clause"] == CLAUSE


def _check_notices(town: Town, person: str, said: str) -> None:
    """Sealed for the recipient, about its own pseudonym."""
    found = sorted(town.home.releases.glob("*/*/*/notices/*.age"))
    # One for each release: two that were asked for, and that of the night that was published since.
    assert len(found) == said.count("is told by notice") == 3
    key = recipient_key(town.home, OFFICE)
    for path in found:
        told = json.loads(pyrage.decrypt(path.read_bytes(), [town.identity]))["said"]
        assert (told["notice"], told["person"]) == ("a person was erased", key.of(person))
        assert path.name.partition(".")[0] in said
    town.command("subject", "receipt", found[0].name[:12], "--said", "by mail of 2 December")
    assert town.command("subject", "list").stdout.count("confirmed: by mail") == 1


def _check_stolen(town: Town, stolen: Path, place: Path) -> None:
    """A copy of before stays closed, put back in its place: its key is gone."""
    shutil.copytree(stolen, place)
    with open_database() as connection, pytest.raises(KeyRefused):
        readable(connection, place / "rows.parquet")
    shutil.rmtree(place)


def test_what_a_law_keeps_stays_with_its_clause(town: Town) -> None:
    done = town.command(
        "subject",
        "erase",
        NUMBER,
        "--reason",
        "x",
        "--clause",
        CLAUSE,
        "--keep",
        "nobody/nothing: a law",
        is_good=False,
    )
    assert done.returncode == 1
    assert "nobody/nothing" in done.stderr
    assert town.home.published.exists()
