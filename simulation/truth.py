"""The truth, written beside the extracts: people, addresses, events, whose each record is, and every error."""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulation.errors.planted_errors import Sent
from simulation.extracts.night import Known, Night, dates
from simulation.population.evolve import EVENT_TYPES, NAME_CHANGE, unpacked_name
from simulation.population.people_names import CULTURES, NONE, SurnameParts
from simulation.random_numbers import Integers
from simulation.world import AGENCIES, NEVER, World


class TruthWriter:
    """Writes `record.parquet` and `error.parquet` feed by feed, the rest at the end. `night` is the date of the extract."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        text, day, whole = pa.string(), pa.date32(), pa.int64()
        base = [("agency", text), ("feed", text), ("night", day), ("source_key", text)]
        errors = [("column", text), ("kind", text), ("true_value", text), ("written_value", text)]
        self.records = pq.ParquetWriter(
            folder / "record.parquet", pa.schema([*base, ("person_id", whole)]), compression="zstd"
        )
        self.errors = pq.ParquetWriter(folder / "error.parquet", pa.schema([*base, *errors]), compression="zstd")

    def add(self, sent: Sent, night: Night) -> None:
        """`person_id` is null where a record is about no person (a business, a vehicle that a business keeps)."""
        self._write(self.records, sent, night, pa.table({"source_key": sent.keys, "person_id": _optional(sent.person)}))
        self._write(self.errors, sent, night, sent.errors)

    def _write(self, writer: pq.ParquetWriter, sent: Sent, night: Night, table: pa.Table) -> None:
        named = {"agency": sent.agency, "feed": sent.feed, "night": night.on}
        columns = [
            pa.repeat(pa.scalar(value, pa.date32() if name == "night" else pa.string()), len(table))
            for name, value in named.items()
        ]
        writer.write_table(pa.Table.from_arrays([*columns, *table.columns], schema=writer.schema))

    def close(self, world: World, last: Night) -> None:
        self.records.close()
        self.errors.close()
        pq.write_table(_people(world, last), self.folder / "person.parquet", compression="zstd")
        pq.write_table(_addresses(world), self.folder / "address.parquet", compression="zstd")
        pq.write_table(_jobs(world), self.folder / "job.parquet", compression="zstd")
        self._write_events(_events(world))

    def _write_events(self, events: pa.Table) -> None:
        """The corrections are read off the errors: what one night was wrong and the next is right, under the same record."""
        target = self.folder / "event.parquet"
        with duckdb.connect() as connection:
            connection.register("happened", events)
            connection.execute(f"""
                COPY (
                    FROM happened
                    UNION ALL BY NAME
                    ({_CORRECTIONS.format(folder=self.folder)})
                    ORDER BY event_id NULLS LAST, date, agency, feed, source_key, "column"
                ) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
            """)


_CORRECTIONS = """
    WITH night AS (
        SELECT DISTINCT agency, feed, night, lead(night) OVER (PARTITION BY agency, feed ORDER BY night) AS next
        FROM (SELECT DISTINCT agency, feed, night FROM '{folder}/record.parquet')
    ),
    error AS (
        SELECT *
        FROM '{folder}/error.parquet'
        WHERE kind NOT IN ('late_row', 'doubled_row', 'second_record')
    ),
    record AS (SELECT DISTINCT agency, feed, night, source_key, person_id FROM '{folder}/record.parquet')
    SELECT 'correction' AS type, night.next AS date,
        record.person_id, error.agency, error.feed, error.source_key, error."column",
        error.written_value AS old_value, error.true_value AS new_value
    FROM error
    JOIN night ON (night.agency, night.feed, night.night) = (error.agency, error.feed, error.night)
    JOIN record
        ON (record.agency, record.feed, record.night, record.source_key)
         = (error.agency, error.feed, night.next, error.source_key)
    WHERE NOT EXISTS (
        FROM error AS still
        WHERE (still.agency, still.feed, still.night, still.source_key, still.column)
            = (error.agency, error.feed, night.next, error.source_key, error.column)
    )
"""


def _optional(numbers: Integers) -> pa.Array:
    return pa.array(numbers, mask=numbers == NONE)


def _people(world: World, last: Night) -> pa.Table:
    """As of the last night; address and surname before that are in the events."""
    known = Known(last, world.people, np.ones(len(world.people), dtype=bool))
    rows = np.arange(len(world.people))
    people = world.people
    return pa.table({
        "person_id": rows, "sex": known.sex(rows), "birth_date": known.born(rows), "death_date": dates(people.death_day),
        "culture": pa.array(CULTURES).take(pa.array(people.culture)),
        "given_name": known.given(rows, native=True), "surname": known.surname(rows, native=True), "patronymic": known.patronymic(rows),
        "latin_given_name": known.given(rows), "latin_surname": known.surname(rows), "latin_patronymic": known.patronymic(rows, native=False),
        "mother_id": _optional(people.mother), "father_id": _optional(people.father), "spouse_id": _optional(people.spouse),
        "address_id": _optional(people.address),
        **{f"{kind}_number": known.ids(kind, rows) for kind in ("national", "health", "resident", "tax")},
        "iban": known.ids("iban", rows),
    })  # fmt: skip


def _addresses(world: World) -> pa.Table:
    rows = np.arange(len(world.addresses))
    return pa.table({"address_id": rows, **world.addresses.columns(rows)})


def _jobs(world: World) -> pa.Table:
    jobs = world.jobs
    return pa.table({
        "job_id": np.arange(len(jobs.person)), "person_id": jobs.person, "start_date": dates(jobs.start_day), "end_date": dates(jobs.end_day),
        "registry_code": world.businesses.registry_code.take(pa.array(jobs.business)), "monthly_cents": jobs.monthly_cents,
    })  # fmt: skip


def _events(world: World) -> pa.Table:
    """`old_value` and `new_value` are an address_id, a job_id or a surname; `known_<agency>` is the first night that can tell."""
    events = world.events
    first = {f"known_{agency}": world.known[agency] for agency in AGENCIES}
    known = {name: pa.array(day.astype(np.int32), pa.date32(), mask=day >= NEVER) for name, day in first.items()}
    return pa.table({
        "event_id": np.arange(len(events["kind"])), "type": pa.array(EVENT_TYPES).take(pa.array(events["kind"])),
        "date": dates(events["day"]), "person_id": events["person"], "other_person_id": _optional(events["other"]),
        "old_value": _value(world, "old"), "new_value": _value(world, "new"), **known,
    })  # fmt: skip


def _value(world: World, column: str) -> pa.Array:
    values = world.events[column]
    plain = pc.cast(_optional(values), pa.string())
    is_name = world.is_kind(NAME_CHANGE)
    surname, particle = unpacked_name(np.where(is_name, values, 0))
    person = world.events["person"]
    parts = SurnameParts(surname, world.people.second_surname[person], particle)
    return pc.if_else(pa.array(is_name), world.names.surname_of(parts, world.people.female[person], True), plain)
