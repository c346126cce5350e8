"""What an agency wrote moves no cursor, runs in no spreadsheet, and ends no command with a trace of the stack."""

import csv
import io
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from orchestration.command.common import show_table, stop, tell
from reports.figures.no_formulas import defused_value
from tests.conftest import Feed
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home

ESCAPE, TURNED = "\x1b[2J", "\u202e"


def test_nothing_that_is_shown_holds_an_escape(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(f"title{ESCAPE}", [f"heading{ESCAPE}", TURNED], [[f"cell{ESCAPE}", TURNED]])
    tell(f"a line{ESCAPE}\nand another{TURNED}")
    with pytest.raises(typer.Exit):
        stop(f"why{ESCAPE}", 1)
    shown = capsys.readouterr()
    assert "heading" in shown.out
    assert "why" in shown.err
    for text in (shown.out, shown.err):
        assert "\x1b" not in text
        assert TURNED not in text


def test_a_contract_that_is_refused_is_told_without_its_escapes(tmp_path: Path) -> None:
    from orchestration.command.main import app

    path = Feed(['{name: "i\\e[2Jd", logicalType: "wh\\e[2Jole", primaryKey: true}']).write(tmp_path)
    for arguments in (["contracts", "lint", str(path)], ["try", str(path)]):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code in (1, 2)
        assert "\x1b" not in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr


FORMULAS = ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3+cmd", "\t=1", " =1", "\ufeff=1", "x;=1"]


@pytest.fixture
def published(home: Home) -> Home:
    home.published.parent.mkdir(parents=True)
    with open_database(home.published) as connection:
        connection.execute("CREATE TABLE t (n INTEGER, text VARCHAR, many VARCHAR[])")
        connection.executemany(
            "INSERT INTO t VALUES (-1, ?, [?])", [[text, text] for text in [*FORMULAS, "plain", "-5,3"]]
        )
    return home


def test_an_answer_as_csv_has_no_formula(published: Home) -> None:
    from orchestration.command.main import app

    done = CliRunner().invoke(app, ["query", 'SELECT n, text, many, 1 AS "=1+1" FROM t', "--csv"])
    assert done.exit_code == 0, done.output
    heading, *rows = csv.reader(io.StringIO(done.stdout))
    assert heading[3] == "'=1+1"
    assert [row[1] for row in rows[-2:]] == ["plain", "-5,3"], "numbers and texts stay what they are"
    assert {row[0] for row in rows} == {"-1"}
    for row in rows[:-2]:
        assert row[1].startswith("'") or ";'=" in row[1]


@pytest.mark.parametrize("value", [None, 5, -5, 1.5, True])
def test_what_is_no_text_stays(value: object) -> None:
    assert defused_value(value) is value


@pytest.mark.parametrize("name", ["os.path", "no.such.package", "..", "a b", ""])
def test_an_odd_package_is_refused_in_words(name: str, tmp_path: Path) -> None:
    from orchestration.command.main import app

    path = Feed(["{name: id, logicalType: integer, primaryKey: true}"], path=f'"package://{name}/x.csv"').write(
        tmp_path
    )
    done = CliRunner().invoke(app, ["try", str(path)])
    assert done.exit_code == 1
    assert done.stdout.startswith("REFUSED: ")
