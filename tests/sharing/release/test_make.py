"""A release holds exactly the agreed columns and rows, treated, and nothing leaves that is not covered."""

import json
from pathlib import Path

import duckdb
import pytest

from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.masking.pseudonym import recipient_key, rotate_recipient
from sharing.release.errors import NotReleased
from sharing.release.kept import releases
from tests.sharing.office import COLUMNS, FRAUD, NIGHT, STATISTICS, TABLE, Office, product, source_agreement


def test_exactly_what_was_agreed_leaves(office: Office) -> None:
    office.give(product(rows="kind = 1"))
    office.publish()
    made = office.made()
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT * FROM '{office.opened(made)}'")
        assert [column[0] for column in found.description] == ["number", "born", "town", "kind", "diagnosis"]
        rows = found.fetchall()
    key = recipient_key(office.home, "tests-office")
    born = duckdb.execute("SELECT DATE '1950-03-07' + (i * 97)::INTEGER FROM range(200) AS r (i)").fetchall()
    wanted = [
        (key.of(f"P{i % 40}"), born[i][0].replace(month=1, day=1), ["Tartu", "Narva", "Võru"][i % 3], 1, None)
        for i in range(200)
        if i % 2 == 1
    ]
    assert sorted(rows, key=str) == sorted(wanted, key=str)
    assert made.manifest.content.rows == len(rows) == 100


def test_the_manifest_says_under_what_it_left_and_stands_in_the_ledger(office: Office) -> None:
    office.publish()
    said = office.made().manifest
    assert (said.agreement, said.version, said.purpose, said.recipient, said.night) == (
        "stay-statistics", 1, STATISTICS, "tests-office", NIGHT.isoformat(),
    )  # fmt: skip
    assert said.columns["born"] == {"treatment": "generalise", "to": "year"}
    entry = [entry for entry in Ledger(office.home).entries() if entry.kind == Kind.RELEASE][-1]
    assert entry.what["manifest"] == said.digest
    assert entry.what["content_sha256"] == said.content.sha256
    assert "P1" not in json.dumps(dict(entry.what))


@pytest.mark.parametrize("format_", ["parquet", "csv", "duckdb"])
def test_a_release_made_again_is_the_same_to_the_byte(format_: str, office: Office) -> None:
    office.give(product(format=format_, columns=COLUMNS | {"tags": "noise to 5"}))
    office.publish(TABLE.replace("range(200)", "range(300000)"))
    first = office.made()
    content, manifest = office.opened(first).read_bytes(), first.manifest.digest
    assert office.made().folder == first.folder
    assert len(releases(office.home)) == 1
    for path in first.folder.iterdir():
        path.unlink()
    first.folder.rmdir()
    again = office.made()
    assert office.opened(again).read_bytes() == content
    assert again.manifest.digest == manifest


def test_two_recipients_cannot_join_theirs_and_one_can_join_its_own(office: Office) -> None:
    office.give(
        product(recipients=["tests-office", "tests-ministry"]), product(id="towns", columns={"number": "pseudonym"})
    )
    office.publish()
    first, second, towns = [office.rows(office.made(place)) for place in range(3)]
    assert {row[0] for row in first}.isdisjoint(row[0] for row in second)
    assert {row[0] for row in first} == {row[0] for row in towns}
    # By their places neither: the rows of both stand in other orders.
    assert [row[1:] for row in first] != [row[1:] for row in second]
    rotate_recipient(office.home, "tests-office")
    assert {row[0] for row in office.rows(office.made())}.isdisjoint(row[0] for row in first)


def test_what_is_protected_and_not_treated_is_refused_with_its_path(office: Office) -> None:
    office.give(product(columns=COLUMNS | {"born": "keep"}))
    office.publish()
    with pytest.raises(
        NotReleased, match=r"born is protected \(hospital/patient.born -> stay.born\) and kept as it is"
    ):
        office.made()
    assert releases(office.home) == []
    said = product()
    said["columns"]["born"] = {"treatment": "keep", "because": "Statistics Act, section 7"}
    office.give(said)
    assert office.made().manifest.columns["born"]["because"] == "Statistics Act, section 7"


def test_a_condition_does_not_tell_what_is_protected(office: Office) -> None:
    office.give(product(rows="name = 'Name 7'"))
    office.publish()
    with pytest.raises(NotReleased, match="the condition tells name, which is protected"):
        office.made()


def test_a_purpose_that_the_source_does_not_allow_is_refused(office: Office) -> None:
    office.source = source_agreement(FRAUD)
    office.publish()
    with pytest.raises(NotReleased, match=r"stay\.number is made of hospital/patient.*dpv:ProvideOfficialStatistics"):
        office.made()
    office.source = source_agreement(FRAUD, STATISTICS)
    assert office.made().manifest.content.rows == 200


@pytest.mark.parametrize(("ended", "says"), [("stay-statistics", "was revoked"), ("hospital", "hospital was revoked")])
def test_what_was_revoked_releases_nothing_more(ended: str, says: str, office: Office) -> None:
    office.publish()
    office.made()
    office.revoked = ended
    with pytest.raises(NotReleased, match=says):
        office.made()


@pytest.mark.parametrize(
    ("day", "is_allowed"), [("2025-12-31", False), ("2026-01-01", True), ("2026-12-31", True), ("2027-01-01", False)]
)
def test_both_days_of_an_agreement_are_included(day: str, is_allowed: bool, office: Office) -> None:
    from datetime import date

    office.publish()
    office.on = date.fromisoformat(day)
    if is_allowed:
        assert office.made().manifest.content.rows == 200
        return
    with pytest.raises(NotReleased, match=r"begins on|ended on"):
        office.made()


def test_a_column_that_was_renamed_is_told(office: Office) -> None:
    office.publish(TABLE.replace("AS town", "AS town_name"))
    with pytest.raises(NotReleased, match="no column town; was it renamed to town_name"):
        office.made()


def test_a_night_that_is_not_the_published_one_is_not_released(office: Office) -> None:
    database = office.publish()
    with duckdb.connect(str(database)) as connection:
        connection.execute("UPDATE marts.stay SET town = 'Paide'")
    with pytest.raises(NotReleased, match="is not the one that the ledger says was published"):
        office.made()


def test_a_crash_before_its_entry_and_a_file_that_is_gone_are_made_good(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.publish()
    with monkeypatch.context() as broken:
        broken.setattr("sharing.release.make.Maker._note", lambda *_: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            office.made()
    made = office.made()
    content = office.opened(made).read_bytes()
    made.sealed.unlink()
    assert office.opened(office.made()).read_bytes() == content
    assert [entry.kind for entry in Ledger(office.home).entries()].count(Kind.RELEASE) == 1


def test_a_remark_in_a_condition_ends_nothing(office: Office) -> None:
    office.give(product(rows="kind = 1 -- OR kind = 0"))
    office.publish()
    assert office.made().manifest.content.rows == 100


def test_a_key_that_is_none_or_anothers_seals_nothing(office: Office) -> None:
    office.publish()
    office.add_party("tests-office", None)
    with pytest.raises(NotReleased, match="has no key that files are sealed for"):
        office.made()
    office.add_party("tests-office", "age1nothing")
    with pytest.raises(NotReleased, match="is no public key of age"):
        office.made()
    known = office.parties["tests-ministry"]
    swapped = type(known)(
        "tests-office", "x", "y", office.parties["tests-office"].keys, None, known.age, known.age_signed
    )
    office.parties["tests-office"] = swapped
    with pytest.raises(NotReleased, match="is not its own"):
        office.made()
    assert releases(office.home) == []


def test_without_the_platforms_key_there_are_no_pseudonyms(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INTERAGENCY_KEY")
    office.publish()
    with pytest.raises(NotReleased, match="interagency keys create"):
        office.made()


def test_what_is_open_leaves_without_a_key_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INTERAGENCY_KEY")
    office.give(product(columns={"town": "keep", "kind": "keep"}))
    office.publish()
    assert office.made().manifest.content.rows == 200


def test_nothing_is_half_made(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.publish()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sharing.release.make.seal_for", full)
    with pytest.raises(OSError, match="No space left"):
        office.made()
    left = [path for path in office.home.releases.rglob("*") if path.is_file() and path.name != "keyed.json"]
    assert left == []
    assert [entry.kind for entry in Ledger(office.home).entries() if entry.kind == Kind.RELEASE] == []


def test_a_protected_relation_is_released_treated(office: Office) -> None:
    moved = TABLE.replace("CREATE SCHEMA IF NOT EXISTS marts", "CREATE SCHEMA IF NOT EXISTS restricted.marts").replace(
        "TABLE marts.", "TABLE restricted.marts."
    )
    office.publish("CREATE SCHEMA marts", restricted=moved)
    assert len(office.rows(office.made())) == 200


def test_only_sealed_files_and_the_manifest_stay(office: Office) -> None:
    office.publish()
    made = office.made()
    assert sorted(path.name for path in made.folder.iterdir()) == ["manifest.json", "manifest.jws", "stays.parquet.age"]
    assert Path(made.folder / "stays.parquet.age").read_bytes().startswith(b"age-encryption.org/v1")
