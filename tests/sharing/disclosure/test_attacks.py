"""Attacks find what a release of plain records gives away, and nothing in one that has nothing to do with its people."""

from collections.abc import Iterator

import duckdb
import pytest

from sharing.disclosure.attack.attacks import attacks
from sharing.disclosure.attack.gain import Gain, Tries
from sharing.disclosure.attack.settings import AttackSettings, AuxiliaryFile
from sharing.disclosure.relation import DisclosureError

PEOPLE = """
    SELECT i AS number, 'd' || chance(i, 'd') % 40 AS district, 1930 + (chance(i, 'b') % 90)::INT AS born, ['f', 'm'][1 + (chance(i, 's') % 2)::INT] AS sex,
        'icd' || chance(i, 'i') % 20 AS illness, 1000 + (chance(i, 'p') % 5000)::INT AS pay
"""
KNOWN = ("district", "born", "sex")


@pytest.fixture(scope="module")
def country() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("CREATE MACRO chance(i, of) AS md5_number_lower(of || i)")
        for name, first in (("original", 0), ("control", 100_000), ("nobody", 200_000)):
            connection.execute(f"CREATE TABLE {name} AS {PEOPLE} FROM range({first}, {first + 5000}) AS t(i)")
        connection.execute("CREATE VIEW plain AS SELECT * EXCLUDE (number) FROM original")
        connection.execute("CREATE VIEW unrelated AS SELECT * EXCLUDE (number) FROM nobody")
        connection.execute(
            "CREATE VIEW coarse AS SELECT district[:2] AS district, born // 45 * 45 AS born, sex, illness FROM original"
        )
        connection.execute("CREATE VIEW earlier AS SELECT * EXCLUDE (number) FROM original WHERE number < 4900")
        yield connection


def told(gains: list[Gain]) -> dict[tuple[str, str], Gain]:
    return {(one.attack, one.columns[-1]): one for one in gains}


def test_plain_records_give_their_people_away(country: duckdb.DuckDBPyConnection) -> None:
    settings = AttackSettings("control", KNOWN, ("illness", "pay"), earlier="earlier", attempts=400)
    gains = told(attacks(country, "plain", "original", settings))
    assert {name for name, _ in gains} == {
        "singling_out_by_one",
        "singling_out_by_several",
        "linkage",
        "inference",
        "differencing",
    }
    assert {name: gain for name, gain in gains.items() if gain.low < 0.5} == {}
    assert all(gain.low <= gain.value <= gain.high and not gain.is_weaker_than_chance for gain in gains.values())


def test_records_of_other_people_give_nothing_away(country: duckdb.DuckDBPyConnection) -> None:
    gains = attacks(
        country, "unrelated", "original", AttackSettings("control", KNOWN, ("illness", "pay"), attempts=400)
    )
    assert {one.attack: (one.low, one.value) for one in gains if one.low > 0 or one.value > 0.06} == {}


def test_a_generalised_release_gives_less_away_though_the_treatment_is_known(
    country: duckdb.DuckDBPyConnection,
) -> None:
    treated = {"district": "district[:2]", "born": "born // 45 * 45"}
    gains = told(
        attacks(country, "coarse", "original", AttackSettings("control", KNOWN, ("illness",), treated, attempts=400))
    )
    assert gains["inference", "illness"].value < 0.1
    # No record of the release is the only one with its value, so there was nothing to guess by: all tries have failed.
    assert gains["singling_out_by_one", "illness"].members == Tries(400, 0)


def test_a_seed_repeats_an_attack(country: duckdb.DuckDBPyConnection) -> None:
    first, again, other = (
        attacks(country, "plain", "original", AttackSettings("control", KNOWN, ("illness",), attempts=100, seed=seed))
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_the_attacker_may_hold_a_file_with_faults(country: duckdb.DuckDBPyConnection) -> None:
    """Half of his file has another district: of these people he finds none."""
    country.execute(
        "CREATE OR REPLACE VIEW held AS SELECT * REPLACE (if(number % 2 = 0, district, 'x') AS district) FROM (FROM original UNION ALL FROM control)"
    )
    settings = AttackSettings("control", KNOWN, attempts=400)
    whole = told(attacks(country, "plain", "original", settings))["linkage", "pay"]
    faulty = told(
        attacks(
            country,
            "plain",
            "original",
            AttackSettings("control", KNOWN, auxiliary=AuxiliaryFile("held", "number"), attempts=400),
        )
    )["linkage", "pay"]
    assert 0.3 * whole.value < faulty.value < 0.7 * whole.value


def test_numbers_with_noise_are_linked_to_the_nearest(country: duckdb.DuckDBPyConnection) -> None:
    country.execute(
        "CREATE OR REPLACE VIEW noisy AS SELECT district, sex, pay + number % 3 - 1 AS pay, born FROM original"
    )
    settings = AttackSettings("control", ("district", "sex", "pay"), compared=("born",), attempts=300)
    linked = told(attacks(country, "noisy", "original", settings))["linkage", "born"]
    assert linked.low > 0.5


def test_what_the_paper_reckons() -> None:
    """Wilson's interval of 20 of 100 is 0.1333 to 0.2889; the risk is (rate - control) / (1 - control)."""
    middle, half = Tries(100, 20).rate(0.95)
    assert (round(middle - half, 4), round(middle + half, 4)) == (0.1334, 0.2888)
    gain = Gain("inference", ("pay",), Tries(100, 20), Tries(100, 20), Tries(100, 20))
    assert (gain.value, gain.low) == (0, 0)
    assert 0.1 < gain.high < 0.2
    assert Gain("inference", ("pay",), Tries(100, 2), Tries(100, 20), Tries(100, 20)).is_weaker_than_chance


def test_settings_that_do_not_fit_are_told(country: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(DisclosureError, match="plain has no column number"):
        attacks(country, "plain", "original", AttackSettings("control", ("number",)))
    with pytest.raises(DisclosureError, match="plain lacks number of original"):
        attacks(country, "plain", "original", AttackSettings("plain", KNOWN))
