"""A disk that fails on demand, and what must be true of a home after any such night."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import duckdb

from tests.agreements import agree
from tests.conftest import NEXT_NIGHT, NIGHT, PROJECT, Feed, csv_text
from tests.orchestration.light_night import Order, ask
from warehouse.home import Home

COUNT_ONLY, FAIL_ONCE, FULL_FROM_THEN_ON, KILL_BEFORE, KILL_AFTER = range(5)
ID = "{name: id, logicalType: integer, primaryKey: true, required: true, classification: internal}"
NOTE = "{name: note, logicalType: string, classification: internal}"


def compiled(folder: Path) -> Path | None:
    """The shim as a library; None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        return None
    library = folder / "faults.so"
    source = Path(__file__).with_name("faults.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


@dataclass
class Disk:
    """Two feeds with one published night, and a server of further nights; each trial goes on from a copy of that home."""

    folder: Path
    asks: IO[str]
    answers: IO[str]
    trials: int = 0
    good: Home = field(init=False)

    def __post_init__(self) -> None:
        self.good = Home(self.folder / "good")
        (self.folder / "agreements").mkdir()
        whole = Feed([ID, NOTE], agency="steady", feed="whole")
        added = Feed([ID, NOTE], agency="steady", feed="added", path="added.csv", custom={"extractMode": "append"})
        agree(self.folder / "agreements", "steady", whole.write(self.sources), added.write(self.sources))
        self.send([[1, "a"], [2, "b"]], [[1, "x"]])
        assert self.run(self.good, NIGHT.isoformat()) == 0, self.said()
        self.send([[1, "a"], [2, "c"], [3, "d"], [3, "d"], ["?", "e"]], [[2, "y"], [3, "z"]])

    @property
    def sources(self) -> Path:
        return self.folder / "sources"

    @property
    def counter(self) -> Path:
        return self.folder / f"counter-{self.trials}"

    def send(self, whole: list[list[object]], added: list[list[object]]) -> None:
        for name, rows in (("extract.csv", whole), ("added.csv", added)):
            (self.sources / "steady" / name).write_text(csv_text([["id", "note"], *rows]))

    def copy(self) -> Home:
        self.trials += 1
        home = Home(self.folder / f"home-{self.trials}")
        shutil.copytree(self.good.root, home.root, symlinks=True)
        return home

    def run(self, home: Home, night: str = NEXT_NIGHT.isoformat(), fault: "Fault | None" = None) -> int:
        order = Order(
            str(home.root), str(self.sources), str(self.folder / "agreements"), night, str(self.folder / "log"), str(self.counter)
        )  # fmt: skip
        if fault is not None:
            order = replace(order, at=fault.at, kind=fault.kind, error_number=fault.error_number)
        else:
            order = replace(order, counter=str(self.folder / "not-counted"))
        (self.folder / "log").write_text("")
        return ask(self.asks, self.answers, order)

    def said(self) -> str:
        return (self.folder / "log").read_text()

    def calls(self) -> list[str]:
        """What the last faulty night called, one line a call: number, call, path below the home."""
        return Path(f"{self.counter}.log").read_text().splitlines()


@dataclass(frozen=True)
class Fault:
    at: int
    kind: int
    error_number: int = 0


@contextmanager
def started_disk(folder: Path, library: Path) -> Iterator[Disk]:
    environment = {**os.environ, "LD_PRELOAD": str(library), "INTERAGENCY_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.orchestration.light_night"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=environment,
    ) as server:  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield Disk(folder, server.stdin, server.stdout)
        finally:
            server.stdin.close()
            server.wait(timeout=60)


Contents = dict[str, list[tuple[object, ...]]]


def contents(home: Home) -> Contents:
    """Every row that readers see, but for the clock."""
    clock = {"feed_night": "EXCLUDE (started_at, finished_at)"}
    with duckdb.connect(str(home.published), read_only=True) as connection:
        tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
        return {
            f"{schema}.{table}": connection.execute(
                f'SELECT * {clock.get(table, "")} FROM {schema}."{table}" ORDER BY ALL'
            ).fetchall()
            for schema, table in tables
        }


def orphans(home: Home) -> list[str]:
    """What nobody reads and nobody would remove: temporary names, scratch folders, attempts and builds that are not whole."""
    paths = [path for path in home.root.rglob("*") if "dagster" not in path.relative_to(home.root).parts]
    found = [path for path in paths if path.name.endswith(".tmp") or path.name.startswith(".scratch-")]
    for marker, pattern in (
        ("manifest.json", "landing/*/*/.versions/*"), ("accepted.json", "accepted/*/*/.versions/*"),
        ("gate.json", "quality/gates/*/*/.versions/*"), ("complete", "warehouse/nights/*"),
    ):  # fmt: skip
        found += [path for path in home.root.glob(pattern) if not (path / marker).exists()]
    found += [path for path in paths if path.name.endswith(".wal")]
    return [str(path.relative_to(home.root)) for path in found]
