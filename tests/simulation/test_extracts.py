"""The extracts as files: their own totals add up, the truth knows every record, letters are those that an agency has."""

import pytest

from simulation.extracts.social_security import RECORD_LENGTH
from tests.simulation.conftest import NIGHTS, Made
from tests.simulation.reading import cents, packed_number, records, zoned_number
from tests.simulation.test_errors import FEEDS


@pytest.mark.parametrize(("agency", "feed"), [*FEEDS, ("civil_registry", "event")])
def test_the_truth_knows_every_record(country: Made, agency: str, feed: str) -> None:
    for night in NIGHTS:
        found = records(country.extracts, agency, feed, night)
        keys = sorted(record[_key(agency, record)] or "" for record in found)
        known = country.rows(
            f"SELECT source_key FROM {{record}} WHERE agency = '{agency}' AND feed = '{feed}' AND night = DATE '{night}'"
        )
        assert keys == sorted(key for (key,) in known)


def _key(agency: str, record: dict[str, str | None]) -> str:
    return "case_number" if agency == "social_security" else next(iter(record))


def test_the_control_file_adds_up(careless: Made) -> None:
    for night in NIGHTS:
        text = (careless.extracts / "tax_authority" / f"{night}" / f"income_{night:%Y%m%d}.ctl").read_text("cp1252")
        stated = dict(line.split("=") for line in text.splitlines())
        found = records(careless.extracts, "tax_authority", "income", night)
        assert stated["DATE"] == f"{night:%Y%m%d}"
        assert int(stated["COUNT"]) == len(found)
        assert cents(stated["SUM_GROSS"]) == sum(cents(record["GROSS_INCOME"] or "") for record in found)


def test_header_and_trailer_add_up(careless: Made) -> None:
    for night in NIGHTS:
        content = (careless.extracts / "social_security" / f"{night}" / f"PAYMENT.D{night:%y%m%d}").read_bytes()
        header, trailer = content[:RECORD_LENGTH], content[-RECORD_LENGTH:]
        found = records(careless.extracts, "social_security", "payment", night)
        assert header.decode("cp500").startswith("00")
        assert header[32:40].decode("cp500") == f"{night:%Y%m%d}"
        assert trailer[:2].decode("cp500") == "99"
        assert zoned_number(trailer[2:11]) == len(found)
        assert packed_number(trailer[11:19]) == sum(int(record["amount"] or 0) for record in found)
        assert any(int(record["deduction"] or 0) < 0 for record in found), "signed decimals are negative too"


def test_an_agency_writes_the_letters_that_it_has(country: Made) -> None:
    paid = records(country.extracts, "social_security", "payment", NIGHTS[0])
    surnames = "".join(record["surname"] or "" for record in paid)
    assert surnames.isascii() and surnames == surnames.upper()
    taxed = " ".join(row["SURNAME"] or "" for row in records(country.extracts, "tax_authority", "income", NIGHTS[0]))
    assert "ä" in taxed
    assert not set("łřęИвЙ") & set(taxed)
    patients = " ".join(
        record["/name/family"] or "" for record in records(country.extracts, "health_service", "patient", NIGHTS[0])
    )
    assert any("а" <= letter <= "я" for letter in patients)


def test_a_business_is_kept_apart_from_people(country: Made) -> None:
    rows = country.rows("SELECT person_id FROM {record} WHERE agency = 'business_register' AND feed = 'business'")
    assert all(person is None for (person,) in rows)
    vehicles = country.rows("SELECT count(*), count(person_id) FROM {record} WHERE feed = 'vehicle'")
    assert 0 < vehicles[0][1] < vehicles[0][0]
