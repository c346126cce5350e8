"""A whole night of the simulated country at two sizes beside the bare engine: what a night costs whatever the data, and what more people cost.

    python -m benchmarks.night [PEOPLE PEOPLE]

The engine's own share: the same rows read from plain CSV into typed Parquet, and the same models as `CREATE TABLE`, one after
the other in one process, from the same links. It has no gate, no reject, no record, no history, and pulls from no system.
Of the seconds that grow with the people the ratio is taken without `extract` (the agencies' own systems, which serve from the
same two cores) and `link`, which has its own bench.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import typer

from benchmarks.report import Ratio, report
from nights.folders import landed_folder
from nights.rows.accepted import create_empty_relations, create_relations
from simulation.country import FIRST_NIGHT
from simulation.profile import load_profile
from simulation.simulate import simulate
from simulation.systems.all_systems import CONTRACTS, systems
from simulation.world import Plan
from sources.arrival.manifest import ROWS
from sources.contract.load import load_all
from sources.contract.model import Contract
from warehouse.engines.duckdb.encrypted_parquet import readable
from warehouse.engines.duckdb.engine import literal, open_database
from warehouse.engines.duckdb.functions import register_functions
from warehouse.home import PROJECT, Home
from warehouse.keys.platform_key import KEY_VARIABLE, create_key_file
from warehouse.store.published_nights import DATABASE
from warehouse.store.restricted import PROTECTED, attach_protected

_GOAL = 1.3
# Steps that are no SQL of the engine's.
_APART = ("extract", "link")


@dataclass(frozen=True)
class Night:
    """Seconds of one night at one size."""

    people: int
    steps: dict[str, float]
    total: float
    read: float
    models: float

    @property
    def ours(self) -> float:
        return self.total - sum(self.steps.get(step, 0) for step in _APART)

    @property
    def bare(self) -> float:
        return self.read + self.models


def main(sizes: tuple[int, int]) -> None:
    nights = [_night(people) for people in sizes]
    small, large = nights
    for night in nights:
        steps = ", ".join(f"{name} {took:.1f}" for name, took in night.steps.items())
        typer.echo(
            f"{night.people:>9,} people: {night.total:.1f} s ({steps}); engine: rows {night.read:.1f}, models {night.models:.1f}"
        )
    more = large.ours - small.ours
    fixed = small.ours - more * small.people / (large.people - small.people)
    typer.echo(
        f"fixed, whatever the data: {fixed:.1f} s; each further 100,000 people: {more / (large.people - small.people) * 1e5:.1f} s"
    )
    growth = f"from {small.people:,} to {large.people:,} people"
    report("night", [Ratio(growth, more, large.bare - small.bare, "at most", _GOAL)])


def _night(people: int) -> Night:
    """Simulate, run the command against the agencies' systems, then give the engine the same rows and models."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        simulate(Plan(people, 1, 1, FIRST_NIGHT, load_profile()), place)
        # What is personal is pulled under a key alone.
        os.environ[f"{KEY_VARIABLE}_FILE"] = str(create_key_file(place / "platform.key"))
        home = Home(place / "platform")
        seconds = _run(place, home)
        contracts = load_all([CONTRACTS])
        read = _read(contracts, home, place)
        return Night(people, seconds["steps"], seconds["total"], read, _models(contracts, home, place))


def _run(place: Path, home: Home) -> dict[str, dict[str, float] | float]:
    with systems(place) as country:
        country.show(FIRST_NIGHT)
        own = {"INTERAGENCY_HOME": str(home.root), "INTERAGENCY_FIRST_NIGHT": str(FIRST_NIGHT)}
        environment = {**os.environ, **country.environment, **own}
        done = subprocess.run(
            [Path(sys.executable).with_name("interagency"), "run", "--json", "--extract-date", str(FIRST_NIGHT)],
            env=environment, cwd=PROJECT, text=True, capture_output=True, check=False,
        )  # fmt: skip
    if done.returncode:
        sys.exit(f"the night was not published: {done.stderr[-2000:]}{done.stdout[-2000:]}")
    return json.loads(done.stdout)["seconds"]


def _read(contracts: list[Contract], home: Home, place: Path) -> float:
    """Seconds of the engine's COPY from CSV to Parquet, of all feeds; their CSV is written before."""
    spent = 0.0
    with open_database() as connection:
        for contract in contracts:
            rows = readable(connection, landed_folder(contract, home, FIRST_NIGHT) / ROWS)
            source, target = place / "bare.csv", place / "bare.parquet"
            connection.execute(f"COPY (FROM {rows}) TO {literal(str(source))} (FORMAT csv, HEADER)")
            described = connection.execute(f"DESCRIBE FROM {rows}").fetchall()
            types = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind, *_ in described)
            began = time.perf_counter()
            connection.execute(f"""
                COPY (
                    FROM read_csv(
                        {literal(str(source))},
                        header = true, delim = ',', quote = '"', escape = '"', columns = {{{types}}}
                    )
                ) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)
            """)
            spent += time.perf_counter() - began
    return spent


def _models(contracts: list[Contract], home: Home, place: Path) -> float:
    """Seconds of the same statements that dbt ran, in its order, on a database of the same name."""
    folder = place / "bare"
    folder.mkdir()
    with open_database(folder / DATABASE) as connection:
        register_functions(connection)
        attach_protected(connection, folder / DATABASE)
        create_relations(connection, contracts, home, FIRST_NIGHT)
        create_empty_relations(
            connection, [contract for contract in load_all() if contract.name not in {c.name for c in contracts}]
        )
        _take_over(connection, home)
        statements = [model for invocation in ("staging", "marts") for model in _compiled(home, invocation)]
        began = time.perf_counter()
        for relation, code in statements:
            connection.execute(f"CREATE OR REPLACE TABLE {relation} AS {code}")
        return time.perf_counter() - began


def _take_over(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    """What no model makes: links, decisions and code lists of the published night; and the schemas that models go to."""
    connection.execute(f"ATTACH {literal(str(home.published))} AS ours (READ_ONLY)")
    for schema in ("staging", "intermediate", "marts"):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for database in PROTECTED:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {database}.{schema}")
    found = connection.execute("""
        SELECT schema_name, table_name
        FROM duckdb_tables()
        WHERE database_name = 'ours' AND schema_name IN ('seeds', 'linkage')
    """).fetchall()
    for schema, table in found:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        connection.execute(f"CREATE TABLE {schema}.{table} AS FROM ours.{schema}.{table}")
    connection.execute("DETACH ours")


def _compiled(home: Home, invocation: str) -> list[tuple[str, str]]:
    """Relation and statement of each model, in the order in which dbt ended them."""
    results = json.loads((home.root / "dbt" / invocation / "run_results.json").read_text(encoding="utf-8"))["results"]
    return [(one["relation_name"], one["compiled_code"]) for one in results if one["unique_id"].startswith("model.")]


if __name__ == "__main__":
    first, second = (int(arg) for arg in (sys.argv[1:] or ("100000", "1000000")))
    main((first, second))
