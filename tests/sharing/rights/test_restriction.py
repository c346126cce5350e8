"""Rows of people whose processing is restricted leave in no release, and are shown to no role, until that is lifted or its days are over."""

from datetime import UTC, date, datetime, timedelta

import pytest

from sharing.masking.pseudonym import recipient_key
from sharing.release.manifest import MANIFEST, Manifest
from sharing.rights import restriction
from sharing.rights.errors import NotCarriedOut
from sharing.rights.person import Person
from sharing.rights.shown import opened_for_roles
from tests.sharing.office import TABLE, Office, product

TODAY = datetime.now(UTC).date()
SEVEN = Person("id7", (("national_number", "P7"),), frozenset({("hospital/patient", "7")}))
LINKED = """
    CREATE SCHEMA linkage;
    CREATE TABLE linkage.person_link AS
    SELECT 'hospital/patient' AS source, '7' AS source_key, 'id8' AS person_id
"""


def released_numbers(office: Office) -> set[str]:
    return {row[0] for row in office.rows(office.made())}


def test_the_next_release_is_another_one_without_the_person(office: Office) -> None:
    office.publish()
    before = office.made()
    own = recipient_key(office.home, "tests-office").of("P7")
    assert own in released_numbers(office)
    restriction.restrict(office.home, SEVEN, "asked by letter", None, "tests")
    after = office.made()
    assert after.manifest.release != before.manifest.release
    assert after.manifest.content.rows == 195
    assert own not in released_numbers(office)
    restriction.lift(office.home, "id7", "asked by letter", "tests")
    assert office.made().manifest.release == before.manifest.release


def test_a_manifest_names_nobody_and_one_of_before_still_holds(office: Office) -> None:
    office.publish()
    before = office.made()
    assert "restrictions" not in (before.folder / MANIFEST).read_text()
    before.manifest.check_signature(before.folder / "manifest.jws", office.key)
    restriction.restrict(office.home, SEVEN, "asked by letter", None, "tests")
    after = office.made()
    assert "id7" not in (after.folder / MANIFEST).read_text()
    after.manifest.check_signature(after.folder / "manifest.jws", office.key)
    assert Manifest.read(after.folder).restrictions


def test_it_holds_under_the_id_that_linkage_gives_the_records_now(office: Office) -> None:
    office.publish(f"{TABLE};{LINKED}")
    restriction.restrict(office.home, SEVEN, "asked by letter", None, "tests")
    numbers = released_numbers(office)
    key = recipient_key(office.home, "tests-office")
    assert key.of("P8") not in numbers
    assert key.of("P9") in numbers


def test_it_ends_after_its_last_day(office: Office) -> None:
    office.publish()
    restriction.restrict(office.home, SEVEN, "until the court decides", TODAY, "tests")
    assert [one.person_id for one in restriction.restrictions(office.home)] == ["id7"]
    assert restriction.restrictions(office.home, TODAY + timedelta(days=1)) == []
    with pytest.raises(NotCarriedOut, match="is over"):
        restriction.restrict(office.home, SEVEN, "late", date(2020, 1, 1), "tests")


def test_the_attacked_rows_and_tables_are_without_the_person_too(office: Office) -> None:
    office.give(product(table={"by": ["kind"], "protect": "suppression"}, columns={"kind": "keep"}))
    office.publish()
    restriction.restrict(office.home, SEVEN, "asked by letter", None, "tests")
    total = next(row for row in office.rows(office.made()) if row[0] == "_T")
    assert total[1] == 195


def test_no_role_is_shown_the_person(office: Office) -> None:
    database = office.publish(TABLE + "; CREATE MACRO marts.stay_as_of(day) AS TABLE SELECT * FROM marts.stay")
    with opened_for_roles(office.home, database) as connection:
        assert connection.execute("SELECT count(*) FROM marts.stay WHERE person_id = 'id7'").fetchone() == (5,)
    restriction.restrict(office.home, SEVEN, "asked by letter", None, "tests")
    with opened_for_roles(office.home, database) as connection:
        for relation in ("marts.stay", "marts.stay_as_of(DATE '2026-01-15')"):
            found = connection.execute(f"SELECT count(*), count(*) FILTER (person_id = 'id7') FROM {relation}")
            assert found.fetchone() == (195, 0)


@pytest.mark.parametrize("reason", ["", "  "])
def test_nothing_is_done_without_a_reason(office: Office, reason: str) -> None:
    with pytest.raises(NotCarriedOut, match="reason"):
        restriction.restrict(office.home, SEVEN, reason, None, "tests")
    assert restriction.restrictions(office.home) == []


def test_who_is_not_restricted_cannot_be_lifted(office: Office) -> None:
    with pytest.raises(NotCarriedOut, match="not restricted"):
        restriction.lift(office.home, "id7", "a mistake", "tests")


def test_a_changed_journal_lets_nothing_leave(office: Office) -> None:
    from warehouse.store.seal import Tampered

    office.publish()
    restriction.restrict(office.home, SEVEN, "asked by letter", None, "tests")
    path = office.home.state / restriction.JOURNAL
    path.write_text(path.read_text().replace("id7", "id9"))
    with pytest.raises(Tampered):
        office.made()
