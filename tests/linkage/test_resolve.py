"""`resolve` on the simulated country against its truth, and on the records that are hardest to tell apart."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from linkage import Entity, explain, load_entity, measure, resolve, thresholds, write_chart
from linkage.compare.splink_model import assumed
from tests.linkage.records import ANNA, together

NUMBER, OTHER_NUMBER = "48003070005", "48003070016"


def test_people_are_found_across_agencies(country: duckdb.DuckDBPyConnection, person: Entity, model: Path) -> None:
    result = resolve(country, {"records": "record"}, person, model)
    quality = measure(country, result, "truth")
    assert quality.precision >= 0.999, quality
    assert quality.recall >= 0.97, quality
    rows = country.execute(f"SELECT count(*), count(DISTINCT (source, source_key)) FROM {result}").fetchone()
    assert (
        rows
        == country.execute(
            "SELECT count(DISTINCT (source, source_key)), count(DISTINCT (source, source_key)) FROM record"
        ).fetchone()
    )
    assert country.execute("SELECT current_database()").fetchone() == ("memory",)
    assert not country.execute("SELECT * FROM duckdb_databases() WHERE database_name LIKE 'linkage%'").fetchall()


def test_without_any_identifier_the_rest_is_enough_for_most(country: duckdb.DuckDBPyConnection, person: Entity) -> None:
    bare = replace(person, identifiers=(), authoritative=(), corroborated_by=())
    quality = measure(country, resolve(country, {"records": "record"}, bare), "truth")
    assert quality.precision >= 0.98, quality
    assert quality.recall >= 0.9, quality


def test_no_cluster_holds_two_numbers_of_a_kind_unless_one_is_flagged(
    country: duckdb.DuckDBPyConnection, person: Entity, model: Path
) -> None:
    result = resolve(country, {"records": "record"}, person, model)
    # Borrowed numbers are flagged and count no more; among these few people no other conflict may be left.
    held = country.execute(
        f"SELECT count(*) FROM (SELECT entity_id FROM {result} JOIN record USING (source, source_key) GROUP BY 1 HAVING count(DISTINCT tax_number) > 1)"
    ).fetchone()
    assert held == (0,)


@pytest.mark.parametrize(
    "other",
    [
        {"given_name": "Svensson", "surname": "Anna"},
        {"birth_date": "1980-07-03"},
        {"surname": "Svenson"},
        {"given_name": "Анна", "surname": "Свенссон"},
        {"surname": "Berg", "national_number": NUMBER},
    ],
    ids=[
        "swapped names",
        "day and month turned",
        "a letter missing",
        "another script",
        "married name and the same number",
    ],
)
def test_the_same_person_written_differently(
    country: duckdb.DuckDBPyConnection, person: Entity, model: Path, other: dict[str, str]
) -> None:
    rows = {"a": {**ANNA, "national_number": NUMBER}, "b": {**ANNA, **other, "source": "tax"}}
    assert together(country, person, model, rows) == {frozenset("ab")}


@pytest.mark.parametrize("numbers", [(NUMBER, OTHER_NUMBER), (NUMBER, None), (None, None)])
def test_twins_are_two_people(
    country: duckdb.DuckDBPyConnection, person: Entity, model: Path, numbers: tuple[str | None, str | None]
) -> None:
    """Same surname, birthday and home; the record of another agency belongs to the one whose given name it bears."""
    twin = {**ANNA, "given_name": "Birgitta", "national_number": numbers[1]}
    rows = {
        "a": {**ANNA, "national_number": numbers[0]},
        "t": twin,
        "b": {**twin, "national_number": None, "source": "education", "sex": None},
    }
    assert together(country, person, model, rows) == {frozenset("a"), frozenset("tb")}


def test_a_number_given_again_after_a_death_joins_nobody(
    country: duckdb.DuckDBPyConnection, person: Entity, model: Path
) -> None:
    old = {
        **ANNA,
        "birth_date": "1911-05-20",
        "given_name": "Hildegard",
        "surname": "Mommsen",
        "postcode": "11204",
        "national_number": NUMBER,
    }
    rows = {"a": {**ANNA, "national_number": NUMBER}, "o": old, "p": {**old, "source": "pensions"}}
    assert together(country, person, model, rows) == {frozenset("a"), frozenset("op")}


def test_a_borrowed_number_does_not_bring_the_borrower_along(
    country: duckdb.DuckDBPyConnection, person: Entity, model: Path
) -> None:
    """The record goes where name, birthday and home say, although its number is another person's."""
    lender = {
        **ANNA,
        "given_name": "Olga",
        "surname": "Petrenko",
        "birth_date": "1975-11-30",
        "postcode": "19018",
        "national_number": OTHER_NUMBER,
    }
    rows = {
        "a": {**ANNA, "national_number": NUMBER}, "b": {**ANNA, "national_number": OTHER_NUMBER, "source": "benefits"},
        "l": lender, "m": {**lender, "source": "health"},
    }  # fmt: skip
    assert together(country, person, model, rows) == {frozenset("ab"), frozenset("lm")}


def test_two_equally_good_candidates_are_left_to_a_steward(
    country: duckdb.DuckDBPyConnection, person: Entity, model: Path
) -> None:
    rows = {
        "a": {**ANNA, "national_number": NUMBER}, "b": {**ANNA, "national_number": OTHER_NUMBER},
        "c": {**ANNA, "source": "education"},
    }  # fmt: skip
    assert together(country, person, model, rows) == {frozenset("a"), frozenset("b"), frozenset("c")}


def test_a_name_alone_makes_nobody_one(country: duckdb.DuckDBPyConnection, person: Entity, model: Path) -> None:
    rows = {
        key: {"given_name": "Anna", "surname": "Svensson", "source": source}
        for key, source in zip("abc", ("tax", "tax", "health"), strict=True)
    }
    assert len(together(country, person, model, rows)) == 3


def test_explained_bits_sum_to_the_weight_and_name_each_field(
    country: duckdb.DuckDBPyConnection, person: Entity
) -> None:
    shares = {item.name: assumed(item) for item in person.comparisons} | {"prior": 1e-4}
    pair = country.execute(
        "SELECT source, source_key FROM record WHERE source = 'civil_registry/person' ORDER BY source_key LIMIT 1"
    ).fetchone()
    assert pair
    fields = explain(country, {"records": "record"}, person, (pair, pair), shares)
    assert [field["field"] for field in fields] == [
        "before anything is compared",
        "name",
        "birth",
        "sex",
        "home",
        "iban",
    ]
    assert fields[1]["agreement"] == "same words"
    assert sum(field["weight"] for field in fields) > 20
    with pytest.raises(KeyError):
        explain(country, {"records": "record"}, person, (pair, ("nowhere", "0")), shares)


def test_a_higher_threshold_finds_fewer_and_errs_less(country: duckdb.DuckDBPyConnection, person: Entity) -> None:
    few = replace(person, sampled_pairs=50_000, identifiers=(), authoritative=(), corroborated_by=())
    (_, low), (_, high) = thresholds(country, {"records": "record"}, few, "truth", [2.0, 20.0])
    assert low.found > high.found
    assert low.recall > high.recall
    assert low.precision <= high.precision


def test_the_model_as_a_picture(tmp_path: Path, person: Entity) -> None:
    from xml.etree import ElementTree

    path = tmp_path / "model.svg"
    write_chart(path, person, {item.name: assumed(item) for item in person.comparisons})
    picture = ElementTree.parse(path).getroot()
    bars = picture.findall("{http://www.w3.org/2000/svg}rect")
    assert len(bars) == sum(len(item.levels) + 1 for item in person.comparisons)
    assert "http" not in path.read_text().replace("http://www.w3.org/2000/svg", "")


def test_the_packaged_declarations_are_valid() -> None:
    assert load_entity("person").id_prefix == "P"
    assert load_entity("body").id_prefix == "B"
