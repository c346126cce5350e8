"""`python -m simulation` as a person runs it, and what `make country` holds against the truth."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.country import served
from tests.simulation.conftest import NIGHTS, Made
from tests.simulation.reading import records
from warehouse.home import PROJECT


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    # As wide as a terminal: what is wrong stands in a frame.
    command = [sys.executable, "-m", "simulation", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=PROJECT, env=os.environ | {"COLUMNS": "200"}, check=False
    )


def test_the_command_writes_truth_and_extracts(
    tmp_path: Path,
) -> None:
    done = simulate("--people", "60", "--nights", "1", "--first-night", "2026-05-04", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "2026-05-04\tpensions\tpension\t" in done.stdout
    tables = {"person", "address", "job", "event", "record", "error"}
    assert {path.stem for path in (tmp_path / "truth").iterdir()} == tables
    assert {path.name for path in (tmp_path / "extracts").glob("*/*")} == {"2026-05-04"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--people", "3"], "50"),
        (["--first-night", "soon"], "not a date"),
        (["--profile", "nowhere.yaml"], "cannot be read"),
    ],
)
def test_wrong_use_is_told_without_a_traceback(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = simulate(*arguments, "--out", str(tmp_path))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_served_is_what_changed_where_the_pull_is_incremental(careless: Made) -> None:
    first, second = (served(careless.folder, night, careless.plan) for night in NIGHTS[:2])
    whole = len(records(careless.extracts, "civil_registry", "person", NIGHTS[0]))
    assert first["civil_registry/person"] == whole
    assert 0 < second["civil_registry/person"] < whole / 2
    assert second["health_service/patient"] > 900
