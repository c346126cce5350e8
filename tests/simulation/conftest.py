"""Small countries that are made once: as the default profile has it, without any error, and with many errors and events."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from simulation.profile import DEFAULT, load_profile
from simulation.simulate import simulate
from simulation.world import Plan

NIGHTS = [date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)]
PEOPLE = 1000


@dataclass(frozen=True)
class Made:
    """A simulated country and its plan."""

    plan: Plan
    folder: Path

    @property
    def extracts(self) -> Path:
        return self.folder / "extracts"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Of SQL over the truth, whose tables are named `{person}`, `{event}`, …"""
        names = {path.stem: f"'{path}'" for path in (self.folder / "truth").glob("*.parquet")}
        with duckdb.connect() as connection:
            return connection.execute(sql.format(**names)).fetchall()


def make(folder: Path, profile: Path = DEFAULT, people: int = PEOPLE, seed: int = 7) -> Made:
    plan = Plan(people, seed, len(NIGHTS), NIGHTS[0], load_profile(profile))
    simulate(plan, folder)
    return Made(plan, folder)


def changed_profile(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    data = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))
    change(data)
    target = folder / "profile.yaml"
    target.write_text(yaml.safe_dump(data), encoding="utf-8")
    return target


def _without_errors(data: dict[str, Any]) -> None:
    _with_many_events(data)
    data["errors"] = {feed: [] for feed in data["errors"]}


def _with_many_errors(data: dict[str, Any]) -> None:
    _with_many_events(data)
    data["shares"]["mended_per_night"] = 0.2
    for rules in data["errors"].values():
        for rule in rules:
            rule["rate"] = min(rule["rate"] * 6, 0.9)


def _with_many_events(data: dict[str, Any]) -> None:
    data["yearly"] = {name: rate * 15 for name, rate in data["yearly"].items()}


@pytest.fixture(scope="session")
def country(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("country"))


@pytest.fixture(scope="session")
def spotless(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Fifteen times the births, deaths, marriages, moves and jobs, and agencies that make no mistake."""
    folder = tmp_path_factory.mktemp("spotless")
    return make(folder, changed_profile(folder, _without_errors))


@pytest.fixture(scope="session")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The same people and events, and agencies with six times the errors."""
    folder = tmp_path_factory.mktemp("careless")
    return make(folder, changed_profile(folder, _with_many_errors))
