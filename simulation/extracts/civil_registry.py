"""The civil registry: the table of persons, of which every change shows in `updated_at`, and the events of the last day."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulation.errors.planted_errors import Extract, Sent
from simulation.extracts.night import Known, Night, dates
from simulation.population.evolve import BIRTH, DEATH, EVENT_TYPES, MARRIAGE, MOVE, NAME_CHANGE
from simulation.population.people_names import NONE
from simulation.population.places import COUNTRIES, municipality_codes
from simulation.random_numbers import Integers

AGENCY = "civil_registry"
_REGISTERED = (BIRTH, DEATH, MARRIAGE, MOVE, NAME_CHANGE)
_MICROSECONDS_A_DAY = 86_400_000_000
# Rows that did not change in the simulated time were last touched in the four years before.
_OLD_DAYS = 1400


def extracts(night: Night) -> list[Extract]:
    known = night.known(AGENCY)
    return [_person(night, known), _event(night, known)]


def _person(night: Night, known: Known) -> Extract:
    rows = np.flatnonzero(known.exists)
    people = known.people
    home = known.home(rows)
    table = pa.table({
        "record_number": night.record_numbers("registry records", rows),
        "national_number": known.ids("national", rows),
        "given_name": known.given(rows, native=True),
        "surname": known.surname(rows, native=True),
        "patronymic": known.patronymic(rows),
        "latin_given_name": known.given(rows),
        "latin_surname": known.surname(rows),
        "sex": known.sex(rows),
        "date_of_birth": known.born(rows),
        "birth_municipality_code": municipality_codes().take(pa.array(people.birth_place[rows])),
        "citizenship": pa.array(list(COUNTRIES)).take(pa.array(known.citizenship(rows))),
        "marital_status": _marital_status(known, rows),
        "spouse_national_number": known.ids("national", people.spouse[rows]),
        "mother_national_number": known.ids("national", people.mother[rows]),
        "father_national_number": known.ids("national", people.father[rows]),
        "date_of_death": dates(people.death_day[rows]),
        **home,
        "updated_at": _updated_at(night, rows),
        "is_deleted": pa.array(np.zeros(len(rows), dtype=bool)),
    })  # fmt: skip
    first_night = datetime.combine(night.on - timedelta(days=night.index), time(), UTC)
    return Extract(AGENCY, "person", table, rows, rows, late_from=first_night)


def _marital_status(known: Known, rows: Integers) -> pa.Array:
    spouse = known.people.spouse[rows]
    widowed = (spouse != NONE) & (known.people.death_day[spouse] != NONE)
    return pa.array(["single", "married", "widowed"]).take(pa.array(np.where(widowed, 2, spouse != NONE)))


def _updated_at(night: Night, rows: Integers) -> pa.Array:
    """The last event that the registry heard of, at a time of the day before that night."""
    world, heard = night.world, night.world.heard(AGENCY, night.day)
    first_day = night.day - night.index - world.plan.profile.history_days
    changed = first_day - 1 - (night.chance("old changes", np.arange(len(world.people))) * _OLD_DAYS).astype(np.int64)
    for column in ("person", "other"):
        events = np.flatnonzero(heard & _is_registered(night) & (world.events[column] != NONE))
        np.maximum.at(changed, world.events[column][events], world.known[AGENCY][events] - 1)
    clock = (night.chance("time of change", rows * 7919 + changed[rows]) * (_MICROSECONDS_A_DAY - 1)).astype(np.int64)
    return _moments(changed[rows] * _MICROSECONDS_A_DAY + clock // 1000 * 1000)


def _moments(microseconds: Integers) -> pa.Array:
    return pc.cast(pa.array(microseconds), pa.timestamp("us", tz="UTC"))


def _is_registered(night: Night) -> np.ndarray:
    return np.isin(night.world.events["kind"], [EVENT_TYPES.index(kind) for kind in _REGISTERED])


def _event(night: Night, known: Known) -> Extract:
    """What was registered since the night before; on the first night, all of the history."""
    world, events = night.world, night.world.events
    new = world.heard(AGENCY, night.day) & _is_registered(night)
    if night.index > 0:
        new &= ~world.heard(AGENCY, night.day - 1)
    rows = np.flatnonzero(new)
    person = events["person"][rows]
    table = pa.table({
        "event_number": night.record_numbers("registry events", rows, 9),
        "event_type": pa.array(EVENT_TYPES).take(pa.array(events["kind"][rows])),
        "event_date": dates(events["day"][rows]),
        "registered_on": dates(world.known[AGENCY][rows] - 1),
        "national_number": known.ids("national", person),
        "other_national_number": known.ids("national", events["other"][rows]),
    })  # fmt: skip
    return Extract(AGENCY, "event", table, person, rows)


def with_changes(before: Sent, now: Sent, night: Night) -> Sent:
    """The table as the database keeps it: `updated_at` moves when a row changes, and only then; what is gone stays, marked as
    deleted.
    """
    stamped = _stamped(before.table, now.table, night)
    gone = ~np.isin(before.table["record_number"].to_numpy(), now.table["record_number"].to_numpy())
    left = before.table.filter(pa.array(gone))
    updated_at = pc.if_else(left["is_deleted"], left["updated_at"], _last_evening(night))
    left = _replaced(_replaced(left, "updated_at", updated_at), "is_deleted", pa.array(np.ones(len(left), dtype=bool)))
    table = pa.concat_tables([stamped, left]).combine_chunks()
    person = np.concatenate([now.person, before.person[gone]])
    return Sent(now.agency, now.feed, table, person, _still_late(now.errors, table))


def _stamped(before: pa.Table, now: pa.Table, night: Night) -> pa.Table:
    """A row as it was keeps its `updated_at`; a change that no event tells of (an error was mended) is of last evening."""
    numbers, wanted = before["record_number"].to_numpy(), now["record_number"].to_numpy()
    order = np.argsort(numbers)
    place = np.minimum(np.searchsorted(numbers, wanted, sorter=order), len(order) - 1)
    old = before.take(pa.array(order[place]))
    is_new = pa.array(numbers[order[place]] != wanted)
    differs = pa.array(np.zeros(len(now), dtype=bool))
    for name in now.column_names:
        if name != "updated_at":
            same = pc.or_(
                pc.fill_null(pc.equal(old[name], now[name]), False), pc.and_(old[name].is_null(), now[name].is_null())
            )
            differs = pc.or_(differs, pc.invert(same))
    moved = pc.greater(now["updated_at"], old["updated_at"])
    changed = pc.if_else(moved, now["updated_at"], _last_evening(night))
    kept = pc.if_else(differs, changed, old["updated_at"])
    return _replaced(now, "updated_at", pc.if_else(is_new, now["updated_at"], kept))


def _replaced(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)


def _still_late(errors: pa.Table, table: pa.Table) -> pa.Table:
    """Without the late rows that in the end have another `updated_at`."""
    shown = pc.binary_join_element_wise(
        pc.cast(table["record_number"], pa.string()), pc.cast(table["updated_at"], pa.string()), " "
    )
    said = pc.binary_join_element_wise(errors["source_key"], errors["written_value"], " ")
    is_late = pc.equal(errors["kind"], "late_row")
    return errors.filter(pc.or_(pc.invert(is_late), pc.fill_null(pc.is_in(said, shown), False)))


def _last_evening(night: Night) -> pa.Scalar:
    return pa.scalar(datetime.combine(night.on - timedelta(days=1), time(21, 30)), pa.timestamp("us", tz="UTC"))


def write(folder: Path, night: Night, sent: dict[str, Sent]) -> None:
    """The tables of the database, as Parquet."""
    for feed in ("person", "event"):
        pq.write_table(sent[feed].table, folder / f"{feed}.parquet", compression="zstd")
