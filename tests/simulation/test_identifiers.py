"""Identifiers: true check digits for everybody, as python-stdnum sees them, and no two people with the same one."""

from types import ModuleType

import pytest
import stdnum.de.idnr
import stdnum.ee.ik
import stdnum.ee.kmkr
import stdnum.ee.registrikood
import stdnum.gb.nhs
import stdnum.iban
import stdnum.in_.aadhaar

from simulation.random_numbers import scattered
from tests.simulation.conftest import Made


@pytest.mark.parametrize(
    ("column", "kind"),
    [("national_number", stdnum.ee.ik), ("health_number", stdnum.gb.nhs), ("resident_number", stdnum.in_.aadhaar),
     ("tax_number", stdnum.de.idnr), ("iban", stdnum.iban)],
)  # fmt: skip
def test_everybody_has_a_valid_number_of_their_own(country: Made, column: str, kind: ModuleType) -> None:
    numbers = [number for (number,) in country.rows(f"SELECT {column} FROM {{person}}")]
    assert [number for number in numbers if not kind.is_valid(number)] == []
    assert len(set(numbers)) == len(numbers) >= 1000


def test_a_national_number_tells_birth_and_sex(country: Made) -> None:
    for number, born, sex in country.rows("SELECT national_number, birth_date, sex FROM {person}"):
        assert (stdnum.ee.ik.get_birth_date(number), stdnum.ee.ik.get_gender(number)) == (born, sex)


def test_businesses_have_valid_codes(spotless: Made) -> None:
    from tests.simulation.conftest import NIGHTS
    from tests.simulation.reading import records

    found = records(spotless.extracts, "business_register", "business", NIGHTS[0])
    assert len(found) >= 50
    for record in found:
        assert stdnum.ee.registrikood.is_valid(record["b:registryCode"] or "")
        assert stdnum.ee.kmkr.is_valid(record["b:vatNumber"] or "")


def test_scattered_numbers_are_all_different_and_do_not_depend_on_how_many_there_are() -> None:
    few, many = scattered(500, 1000, 100_000, 3, "test"), scattered(99_000, 1000, 100_000, 3, "test")
    assert (many[:500] == few).all()
    assert len(set(many.tolist())) == 99_000
    assert many.min() >= 1000
    assert many.max() < 100_000
