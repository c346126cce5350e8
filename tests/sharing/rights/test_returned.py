"""Somebody who was erased and is sent again comes in, and is told once; what recognises them says nothing."""

import pytest

from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.rights.errors import NotCarriedOut
from sharing.rights.person import find, opened_night
from sharing.rights.returned import JOURNAL, note_returned, remember, returned
from tests.sharing.office import PEOPLE, TABLE, Office

LINKED = """
    CREATE SCHEMA linkage;
    CREATE TABLE linkage.person_link AS
    SELECT 'hospital/patient' AS source, i::VARCHAR AS source_key, 'id' || i AS person_id
    FROM range(40) AS people (i)
"""


def test_who_comes_again_is_told_once(office: Office) -> None:
    remember(office.home, "then", ["P7"], "tests")
    office.publish(restricted=PEOPLE)
    assert note_returned(office.home, "tests") == [("then", "id7")]
    assert note_returned(office.home, "tests") == []
    assert returned(office.home) == [("then", "id7")]
    told = [entry.what for entry in Ledger(office.home).entries() if entry.kind == Kind.DECISION]
    assert told == [{"decision": "an erased person came again", "was": "then", "person": "id7"}]
    assert "P7" not in (office.home.state / JOURNAL).read_text()


def test_who_does_not_come_again_is_not_told(office: Office) -> None:
    remember(office.home, "then", ["P777"], "tests")
    office.publish(restricted=PEOPLE)
    assert note_returned(office.home, "tests") == []


def test_a_number_is_found_however_it_is_written(office: Office) -> None:
    office.publish(f"{TABLE};{LINKED}", restricted=PEOPLE)
    with opened_night(office.home) as (connection, _):
        person = find(connection, "national_number", "p-7")
        assert (person.person_id, person.records) == ("id7", frozenset({("hospital/patient", "7")}))
        assert find(connection, "person_id", "id7") == person


def test_a_number_of_two_people_finds_neither(office: Office) -> None:
    office.publish(f"{TABLE};{LINKED}", restricted=PEOPLE)
    with opened_night(office.home) as (connection, _), pytest.raises(NotCarriedOut, match="id1, id2 apart"):
        find(connection, "tax_number", "SHARED")


def test_what_two_people_share_tells_no_row_to_be_erased(office: Office) -> None:
    office.publish(f"{TABLE};{LINKED}", restricted=PEOPLE)
    with opened_night(office.home) as (connection, _):
        find(connection, "national_number", "P1")
        assert connection.execute("SELECT number FROM subject_number").fetchall() == [("P1",)]
