"""From night to night: nothing happens before birth or after death, and agencies hear of it later, each in its own time."""

from simulation.world import AGENCIES
from tests.simulation.conftest import NIGHTS, Made
from tests.simulation.reading import records


def test_everything_happens(careless: Made) -> None:
    kinds = dict(careless.rows("SELECT type, count(*) FROM {event} GROUP BY type"))
    assert set(kinds) == {"birth", "death", "marriage", "move", "name_change", "job_start", "job_end", "correction"}
    assert min(kinds.values()) >= 2


def test_no_event_before_birth_or_after_death(careless: Made) -> None:
    for column in ("person_id", "other_person_id"):
        wrong = careless.rows(
            f"SELECT event.type FROM {{event}} AS event JOIN {{person}} AS person ON person.person_id = event.{column} "
            "WHERE event.type <> 'correction' AND (event.date < birth_date OR event.date > death_date)"
        )
        assert wrong == []


def test_everybody_is_born_once_and_dies_at_most_once(careless: Made) -> None:
    twice = "SELECT person_id FROM {{event}} WHERE type = '{kind}' GROUP BY person_id HAVING count(*) > 1"
    assert careless.rows(twice.format(kind="death")) == []
    assert careless.rows(twice.format(kind="birth")) == []
    assert careless.rows(
        "SELECT event.person_id FROM {event} AS event JOIN {person} AS person USING (person_id) "
        "WHERE type = 'death' AND death_date IS DISTINCT FROM date OR type = 'birth' AND birth_date IS DISTINCT FROM date"
    ) == []  # fmt: skip


def test_a_move_ends_at_the_address_that_the_person_has(careless: Made) -> None:
    wrong = careless.rows(
        "SELECT person_id FROM (SELECT person_id, arg_max(new_value, event_id) AS home FROM {event} WHERE type IN ('move', 'birth') "
        "GROUP BY ALL) JOIN {person} USING (person_id) WHERE CAST(home AS BIGINT) <> address_id"
    )
    assert wrong == []


def test_agencies_hear_of_events_on_the_night_after_or_later(careless: Made) -> None:
    for agency in AGENCIES:
        assert careless.rows(f"SELECT event_id FROM {{event}} WHERE known_{agency} <= date") == []
    ((quick, slow),) = careless.rows(
        "SELECT avg(known_civil_registry - date), avg(known_business_register - date) FROM {event} WHERE type <> 'correction'"
    )
    assert quick < slow


def test_an_agency_shows_a_death_from_the_night_on_which_it_heard_of_it(careless: Made) -> None:
    deaths = careless.rows("SELECT person_id, known_health_service FROM {event} WHERE type = 'death'")
    own = careless.rows("SELECT source_key, person_id FROM {record} WHERE feed = 'patient'")
    person_of = dict(own)
    for night in NIGHTS:
        found = records(careless.extracts, "health_service", "patient", night)
        told = {person_of[record["/patientId"] or ""] for record in found if record["/deceasedOn"]}
        for person, known in deaths:
            assert (person in told) == (known <= night)


def test_the_registry_stamps_every_row_that_changed(careless: Made) -> None:
    """An incremental pull sees it: a row that differs from the night before has a younger `updated_at`, unless it came late."""
    before = {row["record_number"]: row for row in records(careless.extracts, "civil_registry", "person", NIGHTS[0])}
    late = {key for (key,) in careless.rows("SELECT source_key FROM {error} WHERE kind = 'late_row'")}
    changed = 0
    for night in NIGHTS[1:]:
        now = {row["record_number"]: row for row in records(careless.extracts, "civil_registry", "person", night)}
        assert set(before) <= set(now), "what is gone is marked, not left out"
        for number, record in now.items():
            if number in before and record != before[number]:
                changed += 1
                assert number in late or record["updated_at"] > before[number]["updated_at"]
        before = now
    assert changed > 10
    assert any(record["is_deleted"] == "true" for record in before.values())


def test_corrections_are_errors_that_are_gone(careless: Made) -> None:
    corrections = careless.rows(
        "SELECT agency, feed, date, source_key, \"column\" FROM {event} WHERE type = 'correction'"
    )
    assert len(corrections) > 20
    for agency, feed, night, key, column in corrections[:50]:
        still = careless.rows(
            f"SELECT kind FROM {{error}} WHERE agency = '{agency}' AND feed = '{feed}' AND night = DATE '{night}' "
            f"AND source_key = '{key}' AND \"column\" = '{column}'"
        )
        assert still == []
