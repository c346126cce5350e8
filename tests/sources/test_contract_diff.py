"""Two wordings of a contract compared: what changed, and what of it breaks readers."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.command.main import app
from sources.contract.diff import changes
from sources.contract.load import load_anywhere
from tests.conftest import Feed

ID = "{name: id, logicalType: integer, primaryKey: true}"
AGE = "{name: age, logicalType: integer}"
OLD = Feed([ID, AGE])


def changed(folder: Path, old: Feed, new: Feed) -> list[tuple[str, bool]]:
    """Where something changed, and whether it breaks; without the version, which follows from it."""
    contracts = [load_anywhere(feed.write(folder / name)) for name, feed in (("old", old), ("new", new))]
    return [(change.where, change.breaks) for change in changes(*contracts) if change.where != "version"]


@pytest.mark.parametrize(
    ("old", "new", "breaks"),
    [
        ("logicalType: integer", "logicalType: string", True),
        ('logicalType: number, physicalType: "DECIMAL(8,2)"', 'logicalType: number, physicalType: "DECIMAL(10,2)"', False),
        ('logicalType: number, physicalType: "DECIMAL(8,2)"', 'logicalType: number, physicalType: "DECIMAL(8,3)"', True),
        ("logicalType: integer, required: true", "logicalType: integer", True),
        ("logicalType: integer", "logicalType: integer, required: true", False),
        ("logicalType: integer", "logicalType: integer, physicalName: AGE_YEARS", False),
        ("logicalType: integer, classification: internal", "logicalType: integer, classification: personal", True),
        ("logicalType: integer, classification: personal", "logicalType: integer, classification: internal", False),
        ("logicalType: integer, logicalTypeOptions: {maximum: 99}", "logicalType: integer, logicalTypeOptions: {maximum: 150}", True),
        ("logicalType: integer, logicalTypeOptions: {maximum: 99}", "logicalType: integer, logicalTypeOptions: {maximum: 90}", False),
        ("logicalType: integer, logicalTypeOptions: {minimum: 1}", "logicalType: integer", True),
        ("logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}", "logicalType: date, logicalTypeOptions: {format: yyyyMMdd}", False),
    ],
)  # fmt: skip
def test_a_changed_column(old: str, new: str, breaks: bool, tmp_path: Path) -> None:
    found = changed(tmp_path, Feed([ID, f"{{name: age, {old}}}"]), Feed([ID, f"{{name: age, {new}}}"]))
    assert found == [("age", breaks)]


def test_columns_that_come_and_go(tmp_path: Path) -> None:
    other = "{name: sex, logicalType: string}"
    assert changed(tmp_path, OLD, Feed([ID, AGE, other])) == [("sex", False)]
    assert changed(tmp_path, OLD, Feed([ID])) == [("age", True)]
    assert changed(tmp_path, OLD, Feed([AGE, ID])) == []


def test_the_feed_as_a_whole(tmp_path: Path) -> None:
    keyed = Feed([ID, "{name: age, logicalType: integer, primaryKey: true, primaryKeyPosition: 2}"])
    assert ("primary key", True) in changed(tmp_path, OLD, keyed)
    assert changed(tmp_path, OLD, replace(OLD, custom={"extractMode": "append"})) == [("extractMode", True)]
    found = changed(tmp_path, OLD, replace(OLD, threshold="1 %", path="elsewhere.csv"))
    assert found == [("rejectThreshold", False), ("servers location", False)]


def test_the_command_says_it_and_ends_with_1(tmp_path: Path) -> None:
    old, same, new = (feed.write(tmp_path / name) for name, feed in (("a", OLD), ("b", OLD), ("c", Feed([ID]))))
    runner = CliRunner()
    done = runner.invoke(app, ["contracts", "diff", str(old), str(same)])
    assert (done.exit_code, done.output) == (0, "No change\n")
    done = runner.invoke(app, ["contracts", "diff", str(old), str(new)])
    assert done.exit_code == 1
    assert "age\tis gone\tbreaks" in done.output
    assert "version\t1.0.0 → 1.0.0: a change that breaks readers needs a new first number\tbreaks" in done.output
    assert runner.invoke(app, ["contracts", "diff", str(old), str(tmp_path / "none")]).exit_code == 2
