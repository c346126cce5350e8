"""False alarms and faults found of the anomalies, on the feeds of the simulated country; and how long a year of fifty feeds takes.

    python -m benchmarks.anomalies [PEOPLE] [NIGHTS] [SEED]

Clean nights are the country's own, with the errors that its agencies always make. A fault is put into one night of one feed, and
is found where that night has an anomaly of the measures that the fault touches. Faults in nights of fewer than 100 rows are
counted apart: what counting noise hides nobody can find.
"""

import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import typer

from nights.rows.value_profile import kind_of, profile_of
from simulation.errors.planted_errors import Damage, Sent
from simulation.extracts.night import Night
from simulation.profile import load_profile
from simulation.world import AGENCIES, Plan, make_world
from sources.contract.load import load_all
from sources.contract.model import Column, Contract
from sources.typed_value import typed
from warehouse.engines.duckdb.engine import literal, open_database, quoted
from warehouse.home import PROJECT, Home
from warehouse.store.night_records import SCHEMAS
from watch.anomalies import Observation, observe

PEOPLE, NIGHTS, SEED = 10_000, 90, 7
FIRST = date(2026, 1, 5)
FALSE_ALARMS, FOUND, SECONDS = 0.005, 0.9, 5.0
SMALL = 100
VOLUME, VALUES = ("rows",), ("null_share", "distribution")
_FAULTY = (0.5, 0.7, 0.95)


@dataclass(frozen=True)
class FeedRecord:
    """What the platform records of one feed's night."""

    night: dict[str, Any]
    columns: list[dict[str, Any]]


@dataclass(frozen=True)
class Fault:
    """A night's rows as `sql` leaves them (over `rows`); the measures in which it shows."""

    kind: str
    measures: tuple[str, ...]
    sql: str


Histories = dict[str, dict[int, FeedRecord]]


def main(people: int, nights: int, seed: int) -> None:
    contracts = {contract.name: contract for contract in load_all([PROJECT / "simulation" / "agencies"])}
    with tempfile.TemporaryDirectory() as folder:
        clean: Histories = defaultdict(dict)
        faulty: dict[tuple[str, int, Fault], FeedRecord] = {}
        spoiled = {int(nights * share) for share in _FAULTY}
        for name, night, table in extracts(people, nights, seed):
            rows = _typed_rows(contracts[name], table, Path(folder))
            clean[name][night] = _record(contracts[name], night, rows)
            if night in spoiled:
                for fault in faults(contracts[name], rows):
                    faulty[name, night, fault] = _record(contracts[name], night, _spoiled(rows, fault))
        place = Path(folder)
        found = _found(contracts, clean, faulty, nights, place)
        figures = [_false_alarms(contracts, clean, nights, place), *found, _year(contracts, clean, place)]
    folder_of_results = Path(__file__).parent / "results"
    folder_of_results.mkdir(exist_ok=True)
    (folder_of_results / "anomalies.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def extracts(people: int, nights: int, seed: int) -> Iterator[tuple[str, int, pa.Table]]:
    """Feed, night and the rows that its agency sends. Of the registry's table, those that changed since the night before."""
    plan = Plan(people, seed, nights, FIRST, load_profile())
    world, before = make_world(plan), None
    for index, on in enumerate(plan.dates):
        night = Night(world, on, index)
        for agency in AGENCIES:
            module = import_module(f"simulation.extracts.{agency}")
            for extract in module.extracts(night):
                sent: Sent = Damage(extract, plan.profile, seed, index).done()
                table = sent.table
                if extract.name == "civil_registry/person":
                    sent = module.with_changes(before, sent, night) if before else sent
                    table = sent.table if before is None else _changed(sent.table, on)
                    before = sent
                yield extract.name, index, table


def _changed(table: pa.Table, on: date) -> pa.Table:
    since = datetime(on.year, on.month, on.day, tzinfo=UTC) - timedelta(hours=25)
    return table.filter(pc.greater_equal(table["updated_at"], pa.scalar(since, table["updated_at"].type)))


def _typed_rows(contract: Contract, table: pa.Table, folder: Path) -> Path:
    """The rows with the contract's names and types, as they are accepted."""
    path, names = folder / "rows.parquet", set(table.column_names)
    with open_database() as connection:
        connection.register("sent", table)
        kinds = dict(connection.execute("SELECT column_name, column_type FROM (DESCRIBE sent)").fetchall())
        chosen = []
        for column in contract.columns:
            source = column.header if column.header in names else column.name
            value = typed(column, quoted(source), kinds[source]).value
            chosen.append(f"try({value}) AS {quoted(column.name)}")
        connection.execute(f"COPY (SELECT {', '.join(chosen)} FROM sent) TO {literal(str(path))}")
    return path


def _record(contract: Contract, night: int, rows: Path) -> FeedRecord:
    count = pq.read_metadata(rows).num_rows
    on = FIRST + timedelta(days=night)
    hours, minutes = contract.service_level.available_by.split(":")
    came = datetime(on.year, on.month, on.day, int(hours), int(minutes), tzinfo=UTC) + timedelta(
        minutes=20 + night * 7 % 11
    )
    told = {
        "extract_date": on, "status": "accepted", "rows_sent": count, "rows_accepted": count,
        "started_at": came, "finished_at": came,
    }  # fmt: skip
    return FeedRecord(told, [{"extract_date": on, **row} for row in profile_of(contract, rows, count)])


def faults(contract: Contract, rows: Path) -> list[Fault]:
    """Of each kind one that this feed can have."""
    found = [
        Fault("three tenths of the rows gone", VOLUME, "SELECT * FROM rows WHERE hash(rowid) % 10 >= 3"),
        Fault("rows doubled", VOLUME, "FROM rows UNION ALL FROM rows"),
        Fault("empty", VOLUME, "SELECT * FROM rows WHERE false"),
    ]
    plain = [column for column in contract.columns if column.key_position is None]
    with open_database() as connection:
        connection.execute(f"CREATE VIEW rows AS FROM {literal(str(rows))}")
        for column in plain:
            found += _of_column(column, connection)
    return list({fault.kind: fault for fault in found}.values())


def _of_column(column: Column, connection: duckdb.DuckDBPyConnection) -> Iterator[Fault]:
    """Only what changes a column: an empty or a constant one has fewer faults."""
    name, kind = quoted(column.name), kind_of(column)
    filled, distinct, second = connection.execute(f"""
        SELECT
            count({name}) / greatest(count(*), 1),
            count(DISTINCT {name}),
            (
                SELECT {name}
                FROM rows
                WHERE {name} IS NOT NULL
                GROUP BY ALL
                HAVING count(*) >= 0.05 * (SELECT count(*) FROM rows)
                ORDER BY count(*) DESC, 1
                LIMIT 1 OFFSET 1
            )
        FROM rows
    """).fetchone() or (0, 0, None)
    if filled < 0.5 or distinct < 2:
        return
    yield _changed_to("half of a column null", f"CASE WHEN hash(rowid) % 2 = 0 THEN {name} END", name)
    if kind == "number":
        yield _changed_to("unit changed (x 100)", f"{name}::DOUBLE * 100", name)
        yield _changed_to(
            "numbers shifted by their spread", f"{name}::DOUBLE + (SELECT stddev({name}) FROM rows)", name
        )
    if kind == "date":
        ancient = f"CASE WHEN hash(rowid) % 5 = 0 THEN '1900-01-01' ELSE {name} END"
        yield _changed_to("dates of a fifth of the rows 1900-01-01", ancient, name)
    if kind == "text":
        yield _changed_to("texts cut to two letters", f"left({name}, 2)", name)
        yield _changed_to("one text for all", f"CASE WHEN {name} IS NOT NULL THEN 'unknown' END", name)
        if second is not None:
            yield Fault("a value gone", VALUES, f"SELECT * FROM rows WHERE {name} IS DISTINCT FROM {literal(second)}")


def _changed_to(kind: str, expression: str, name: str) -> Fault:
    return Fault(kind, VALUES, f"SELECT * REPLACE ({expression} AS {name}) FROM rows")


def _spoiled(rows: Path, fault: Fault) -> Path:
    target = rows.with_name("spoiled.parquet")
    with open_database() as connection:
        connection.execute(f"CREATE TABLE rows AS FROM {literal(str(rows))}")
        connection.execute(f"COPY ({fault.sql}) TO {literal(str(target))}")
    return target


def _false_alarms(contracts: dict[str, Contract], clean: Histories, nights: int, folder: Path) -> dict[str, Any]:
    asked = [contracts[name] for name in clean]
    found = _observed(
        asked, {name: list(by_night.values()) for name, by_night in clean.items()}, folder / "clean", 0, nights
    )
    alarms = {(one.extract_date, one.agency, one.feed) for one in found if one.is_anomaly}
    for one in found:
        if one.is_anomaly:
            typer.echo(
                f"  {one.extract_date} {one.agency}/{one.feed} {one.measure} {one.column or ''}: {one.observed:.4g} not in {one.low:.4g} to {one.high:.4g}"
            )
    judged = len({(one.extract_date, one.agency, one.feed) for one in found if one.expected is not None})
    return _goal(
        f"false alarms per clean feed-night, of {judged} judged", len(alarms) / judged, "at most", FALSE_ALARMS
    )


def _found(
    contracts: dict[str, Contract],
    clean: Histories,
    faulty: dict[tuple[str, int, Fault], FeedRecord],
    nights: int,
    folder: Path,
) -> list[dict[str, Any]]:
    """Each fault has a copy of its feed to itself, so that all are looked at in one go."""
    copies, histories = [], {}
    for number, ((name, night, _), spoiled) in enumerate(faulty.items()):
        copy = replace(contracts[name], feed=f"{contracts[name].feed}{number}")
        copies.append(copy)
        histories[copy.name] = [*(record for at, record in clean[name].items() if at < night), spoiled]
    seen: dict[tuple[str, date], set[str]] = defaultdict(set)
    for one in _observed(copies, histories, folder / "faulty", 0, nights):
        if one.is_anomaly:
            seen[f"{one.agency}/{one.feed}", one.extract_date].add(one.measure)
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for copy, (name, night, fault) in zip(copies, faulty, strict=True):
        is_small = clean[name][night].night["rows_sent"] < SMALL
        is_found = bool(seen[copy.name, FIRST + timedelta(days=night)].intersection(fault.measures))
        by_kind["(in nights of fewer than 100 rows)" if is_small else fault.kind].append(is_found)
    for kind, results in sorted(by_kind.items()):
        typer.echo(f"  {kind:<50}{len(results):>6} faults {sum(results):>6} found {sum(results) / len(results):>7.1%}")
    large = {kind: results for kind, results in by_kind.items() if not kind.startswith("(")}
    every = [found for results in large.values() for found in results]
    shares = [{"name": kind, "figure": sum(results) / len(results)} for kind, results in by_kind.items()]
    return [*shares, _goal(f"share found, of {len(every)} faults", sum(every) / len(every), "at least", FOUND)]


def _year(contracts: dict[str, Contract], clean: Histories, folder: Path) -> dict[str, Any]:
    """Fifty feeds by 365 nights, in a file a night as the platform keeps them: the nights of the bench over again."""
    names, histories, copies = list(clean), {}, []
    for number in range(50):
        name = names[number % len(names)]
        copies.append(replace(contracts[name], feed=f"{contracts[name].feed}{number}"))
        kept = list(clean[name].values())
        histories[copies[-1].name] = [
            _moved(kept[night % len(kept)], FIRST + timedelta(days=night)) for night in range(365)
        ]
    _write(histories, folder / "year")
    began = time.perf_counter()
    observe(copies, Home(folder / "year"), FIRST, FIRST + timedelta(days=364))
    return _goal("seconds for 50 feeds by 365 nights", time.perf_counter() - began, "at most", SECONDS)


def _moved(record: FeedRecord, on: date) -> FeedRecord:
    return FeedRecord(
        {**record.night, "extract_date": on}, [{**column, "extract_date": on} for column in record.columns]
    )


def _observed(
    contracts: list[Contract], histories: dict[str, list[FeedRecord]], folder: Path, first: int, nights: int
) -> list[Observation]:
    _write(histories, folder)
    return observe(contracts, Home(folder), FIRST + timedelta(days=first), FIRST + timedelta(days=nights - 1))


def _write(histories: dict[str, list[FeedRecord]], folder: Path) -> None:
    rows: dict[str, dict[date, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for name, records in histories.items():
        whose = dict(zip(("agency", "feed"), name.split("/"), strict=True))
        for record in records:
            rows["feed_night"][record.night["extract_date"]].append({**whose, **record.night})
            rows["column_profile"][record.night["extract_date"]] += [{**whose, **column} for column in record.columns]
    for table, by_night in rows.items():
        target = Home(folder).quality / table
        target.mkdir(parents=True)
        for on, lines in by_night.items():
            pq.write_table(pa.Table.from_pylist(lines, schema=SCHEMAS[table]), target / f"{on}.parquet")


def _goal(name: str, figure: float, sense: str, goal: float) -> dict[str, Any]:
    is_met = figure <= goal if sense == "at most" else figure >= goal
    typer.echo(f"{name:<72} {figure:9.4f}  goal {sense} {goal:g}: {'met' if is_met else 'MISSED'}")
    return {"name": name, "figure": figure, "sense": sense, "goal": goal, "is_met": is_met}


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:4]]
    main(*given, *(PEOPLE, NIGHTS, SEED)[len(given) :])
