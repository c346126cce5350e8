"""The people: plausible ages, families and names in several scripts, and the same bytes for the same plan."""

import hashlib
import unicodedata
from datetime import date
from pathlib import Path

from simulation.profile import load_profile
from simulation.world import Plan, make_world
from tests.simulation.conftest import PEOPLE, Made, make


def _hashes(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_plan_gives_the_same_bytes(country: Made, tmp_path: Path) -> None:
    again = make(tmp_path)
    assert _hashes(again.folder) == _hashes(country.folder)


def test_another_seed_gives_another_country(country: Made, tmp_path: Path) -> None:
    other = make(tmp_path, seed=8)
    one, two = _hashes(other.folder), _hashes(country.folder)
    assert set(one) == set(two)
    # A table may be empty in both, as the events of a quiet night are.
    assert sum(one[name] == two[name] for name in one) <= 2


def test_ages_are_those_of_an_ageing_country(country: Made) -> None:
    ((living, children, old, oldest, women),) = country.rows(
        "SELECT count(*), count(*) FILTER (WHERE age < 18), count(*) FILTER (WHERE age >= 65), max(age), count(*) FILTER (WHERE sex = 'F') "
        "FROM (SELECT date_diff('day', birth_date, DATE '2026-03-02') / 365.25 AS age, sex FROM {person} WHERE death_date IS NULL)"
    )
    assert PEOPLE * 0.95 < living < PEOPLE * 1.05
    assert 0.12 < children / living < 0.25
    assert 0.15 < old / living < 0.3
    assert 85 < oldest < 106
    assert 0.46 < women / living < 0.56


def test_parents_are_older_and_couples_are_mutual(country: Made) -> None:
    ((children, least, most),) = country.rows(
        "SELECT count(*), min(years), max(years) FROM (SELECT date_diff('day', mother.birth_date, child.birth_date) / 365.25 AS years "
        "FROM {person} AS child JOIN {person} AS mother ON mother.person_id = child.mother_id)"
    )
    assert children > 100
    assert 15 < least < 25
    assert 30 < most < 55
    mothers = "SELECT 1 FROM {person} AS child JOIN {person} AS mother ON mother.person_id = child.mother_id"
    assert country.rows(f"{mothers} WHERE mother.sex = 'M'") == []
    one_sided = """
        SELECT one.person_id
        FROM {person} AS one
        JOIN {person} AS two ON two.person_id = one.spouse_id
        WHERE two.spouse_id IS DISTINCT FROM one.person_id AND two.death_date IS NULL AND one.death_date IS NULL
    """
    assert country.rows(one_sided) == []


def test_names_come_in_several_scripts_and_customs(country: Made) -> None:
    people = country.rows(
        "SELECT given_name, surname, patronymic, latin_given_name, latin_surname, culture FROM {person}"
    )
    scripts = {unicodedata.name(given[0]).split()[0] for given, *_ in people}
    assert {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "DEVANAGARI"} <= scripts
    assert {unicodedata.name(latin[0]).split()[0] for *_, latin, _, _ in people} == {"LATIN"}
    assert any(surname is None for _, surname, *_ in people), "some people have one name only"
    assert all(patronymic for _, _, patronymic, _, _, culture in people if culture == "russian")
    assert any(" " in surname for _, surname, _, _, _, culture in people if culture == "spanish" and surname)
    assert any(letter in surname for _, surname, *_ in people if surname for letter in "äöõüßñéłř")


def test_some_names_are_frequent_and_most_are_rare(country: Made) -> None:
    query = "SELECT count(*) FROM {person} WHERE surname IS NOT NULL GROUP BY surname ORDER BY 1 DESC"
    counts = [count for (count,) in country.rows(query)]
    assert counts[0] >= 8
    assert sum(count <= 2 for count in counts) > len(counts) / 2


def test_some_directors_earn_pay_in_the_firm_that_they_lead() -> None:
    world = make_world(Plan(2_000, 1, 1, date(2026, 3, 2), load_profile()))
    businesses, jobs = world.businesses, world.jobs
    leads = set(zip(businesses.role_person.tolist(), businesses.role_business.tolist(), strict=True))
    own = [job for job in zip(jobs.person.tolist(), jobs.business.tolist(), strict=True) if job in leads]
    directors = len(set(businesses.role_person[businesses.role_kind == 0].tolist()))
    assert 0.2 * directors < len(own) < 0.7 * directors
