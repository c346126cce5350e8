"""Errors stand where the truth says, and nowhere else: a careless country against the same country without errors."""

from collections import Counter
from pathlib import Path

import pytest

from simulation.errors.error_kinds import KINDS
from simulation.profile import ProfileError, load_profile
from tests.simulation.conftest import NIGHTS, Made
from tests.simulation.reading import Record, records

FEEDS = [
    ("civil_registry", "person"), ("tax_authority", "income"), ("social_security", "payment"), ("health_service", "patient"),
    ("vehicle_licensing", "vehicle"), ("education", "enrolment"), ("business_register", "business"), ("business_register", "role"),
    ("municipalities", "residents"), ("municipalities", "jarvalinn_residents"), ("pensions", "pension"), ("pensions", "payment"),
]  # fmt: skip
# Places in a fixed record end somewhere; the truth does not.
_LONGEST = {"surname": 30, "given_name": 25}
_MORE_ROWS = ("doubled_row", "second_record")


def _by_key(found: list[Record]) -> dict[str, Record]:
    return {record[next(iter(record))] or "": record for record in found}


def _rows(made: Made, agency: str, feed: str, night: int) -> dict[str, Record]:
    found = records(made.extracts, agency, feed, NIGHTS[night])
    if agency == "social_security":
        found = [{name: value for name, value in record.items() if name != "record_type"} for record in found]
    return _by_key(found)


def _errors(made: Made, agency: str, feed: str, night: int) -> list[tuple[str, str, str, str | None, str | None]]:
    return made.rows(
        'SELECT source_key, "column", kind, true_value, written_value FROM {error} '
        f"WHERE agency = '{agency}' AND feed = '{feed}' AND night = DATE '{NIGHTS[night]}'"
    )


@pytest.mark.parametrize(("agency", "feed"), FEEDS)
def test_every_difference_is_in_the_truth(careless: Made, spotless: Made, agency: str, feed: str) -> None:
    written, true = _rows(careless, agency, feed, 0), _rows(spotless, agency, feed, 0)
    errors = _errors(careless, agency, feed, 0)
    added = {
        key for key, _, kind, true_value, _ in errors if key not in true and (kind in _MORE_ROWS or true_value is None)
    }
    assert set(written) - set(true) == added
    assert set(true) <= set(written)
    places = {
        (key, column): (true_value, value)
        for key, column, kind, true_value, value in errors
        if key in true and kind not in _MORE_ROWS
    }
    found = {
        (key, column): (true[key].get(column), written[key].get(column))
        for key in true
        for column in {**true[key], **written[key]}
        if true[key].get(column) != written[key].get(column)
    }
    if agency == "social_security":
        places = {place: (_cut(place[1], pair[0]), _cut(place[1], pair[1])) for place, pair in places.items()}
    assert found == {place: pair for place, pair in places.items() if pair[0] != pair[1]}


def _cut(column: str, value: str | None) -> str | None:
    return value and value[: _LONGEST.get(column)].rstrip(" ")


def test_every_kind_happens(careless: Made) -> None:
    kinds = Counter(kind for (kind,) in careless.rows("SELECT kind FROM {error}"))
    assert set(kinds) == KINDS


def test_a_spotless_country_has_no_error(spotless: Made) -> None:
    assert spotless.rows("SELECT * FROM {error}") == []


def test_doubled_rows_are_sent_twice(careless: Made) -> None:
    doubled = [key for key, _, kind, *_ in _errors(careless, "tax_authority", "income", 0) if kind == "doubled_row"]
    keys = Counter(record["DECLARATION"] for record in records(careless.extracts, "tax_authority", "income", NIGHTS[0]))
    assert sorted(key for key, count in keys.items() if count > 1) == sorted(doubled) != []


def test_the_deceased_who_are_paid_are_dead_and_known_to_be(careless: Made) -> None:
    for feed, agency in (
        ("payment", "social_security"),
        ("payment", "pensions"),
        ("vehicle", "vehicle_licensing"),
        ("role", "business_register"),
    ):
        kinds = "('paid_after_death', 'keeper_deceased', 'director_deceased')"
        rows = careless.rows(
            "SELECT person.death_date, error.night FROM {error} AS error JOIN {record} AS record USING (agency, feed, night, source_key) "
            f"JOIN {{person}} AS person USING (person_id) WHERE agency = '{agency}' AND feed = '{feed}' AND kind IN {kinds}"
        )
        assert rows
        assert all(died is not None and died < night for died, night in rows)


def test_late_rows_come_before_the_last_watermark_and_within_the_lateness(careless: Made) -> None:
    late = careless.rows("SELECT night, source_key FROM {error} WHERE kind = 'late_row'")
    shown = {(night, key) for night, key in late}
    for number, night in enumerate(NIGHTS[1:], start=1):
        now, before = (_rows(careless, "civil_registry", "person", at) for at in (number, number - 1))
        watermark = max(record["updated_at"] or "" for record in before.values())
        for key in {key for at, key in shown if at == night} - {key for at, key in shown if at == NIGHTS[number - 1]}:
            if key in before and now[key] != before[key]:
                assert (now[key]["updated_at"] or "") < watermark


def test_most_errors_stay_until_they_are_mended(careless: Made) -> None:
    first, last = (set(_errors(careless, "health_service", "patient", at)) for at in (0, 2))
    assert 0.4 < len(first & last) / len(first) < 0.9


@pytest.mark.parametrize(
    ("text", "said"),
    [("yearly: {brith: 1}", "no brith"), ("errors: {a/b: [{kind: slip, columns: [x], rate: 0.1}]}", "no kind 'slip'"),
     ("errors: {a/b: [{kind: missing, columns: [x], rate: 3}]}", "not between 0 and 1"), ("colour: red", "no part of a profile"),
     ("- 1", "not a mapping"), ("a: [", "cannot be read")],
)  # fmt: skip
def test_a_wrong_profile_is_told(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "profile.yaml"
    path.write_text(text)
    with pytest.raises(ProfileError, match=said):
        load_profile(path)
