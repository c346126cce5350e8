"""The docs are run: every SQL example gives the answer printed below it, every command exists, every YAML example is valid."""

import re
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from orchestration.command.main import app
from sharing.policy.policy import Action, Policy
from sources.contract.load import load
from sources.landing.land_extract import land_extract
from tests.agreements import put
from tests.conftest import ended
from tests.worked_questions import PICTURES, answered, as_table, drawn, questions
from warehouse.home import PROJECT, Home
from warehouse.yaml import read_yaml

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
EXAMPLE = re.compile(r"```sql\n(.*?)```\s*\n((?:\|[^\n]*\n)+)", re.DOTALL)
PROSE = [*PAGES, *(PROJECT / name for name in ("SECURITY.md", "CONTRIBUTING.md"))]
TEST = re.compile(r"`(tests/[^`:]*)(?:::([^`]*))?`")
COMMAND = re.compile(r"^interagency ([a-z][a-z-]*(?: [a-z]+(?![\w/.]))*)", re.MULTILINE)


def sql_examples() -> list[tuple[str, str, str]]:
    return [(page.name, query, answer) for page in PAGES for query, answer in EXAMPLE.findall(page.read_text())]


def table(markdown: str) -> list[list[str]]:
    lines = [line for line in markdown.splitlines() if not re.fullmatch(r"[|\- ]+", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(("page", "query", "answer"), sql_examples())
def test_sql_example_gives_its_answer(published_home: Home, page: str, query: str, answer: str) -> None:
    with duckdb.connect(str(published_home.published), read_only=True) as connection:
        found = connection.execute(query)
        names = [column[0] for column in found.description or []]
        rows = [
            [str(value).lower() if isinstance(value, bool) else str(value) for value in row] for row in found.fetchall()
        ]
    assert [names, *rows] == table(answer)


def test_every_sql_block_has_an_answer() -> None:
    blocks = sum(page.read_text().count("```sql") for page in PAGES)
    assert blocks == len(sql_examples()) + len(questions())
    assert len(sql_examples()) >= 7


def test_there_are_ten_worked_questions_with_pictures() -> None:
    pictures = [PICTURES / f"{question.picture}.svg" for question in questions()]
    assert (len(pictures), all(picture.read_text().startswith("<svg") for picture in pictures)) == (10, True)


@pytest.mark.slow
def test_worked_questions_have_their_answers_and_pictures(country_home: Home) -> None:
    for question in questions():
        frame = answered(country_home.published, question.sql)
        assert as_table(frame) == question.answer
        assert drawn(frame) == (PICTURES / f"{question.picture}.svg").read_text().rstrip("\n")


def test_every_command_in_the_docs_exists() -> None:
    commands = {words.strip() for page in PAGES for words in COMMAND.findall(page.read_text())}
    assert {"run", "status", "doctor", "warehouse restore"} <= commands
    for words in commands:
        known = [word for word in words.split() if word not in ("noaa", "weather")]
        assert CliRunner().invoke(app, [*known, "--help"]).exit_code == 0, words


def test_closing_table_in_the_readme_is_what_a_night_prints(published_home: Home) -> None:
    printed = (published_home.root / "closing.txt").read_text()
    promised = re.search(r"```text\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    assert promised
    for line in promised[1].splitlines():
        assert line.rpartition("\t")[0] in printed


def test_contract_and_agreement_of_the_engineers_page_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (PROJECT / "docs" / "engineer.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    contract, grants, agreement = (
        next(block for block in blocks if block.startswith(first))
        for first in ("apiVersion", "library:", "id: library")
    )
    (tmp_path / "library").mkdir()
    path = tmp_path / "library" / "loans.odcs.yaml"
    path.write_text(contract)
    (tmp_path / "grants.yaml").write_text(grants)
    monkeypatch.setenv("LIBRARY_SHARE", str(tmp_path / "share"))
    monkeypatch.setenv("INTERAGENCY_GRANTS", str(tmp_path / "grants.yaml"))
    (tmp_path / "share").mkdir()
    rows = "loan_id;card_number;lent_on;fee_eur\n1;12345678;20.11.2026;1.50\n2;12345678;2026-11-20;\n"
    (tmp_path / "share" / "loans_20261120.csv").write_bytes(rows.encode("cp1252"))
    manifest = land_extract(load(path), tmp_path / "landed", extract_date=date(2026, 11, 20))
    assert (manifest.rows_sent, manifest.rows_landed, manifest.rows_rejected) == (2, 1, 1)
    put(tmp_path / "agreements", read_yaml(agreement, days_are_text=True).data)
    monkeypatch.setattr("sharing.agreements.register.agreements_folder", lambda: tmp_path / "agreements")
    admitted = Policy.read().admit(load(path), Action.PULL, date(2026, 11, 20))
    assert [column.name for column in admitted.left_out] == ["card_number"]


def test_pages_link_only_to_files_that_exist() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_test_that_a_page_names_exists() -> None:
    named = [found for page in PROSE for found in TEST.findall(page.read_text())]
    assert len(named) > 60
    for path, function in named:
        assert (PROJECT / path).exists(), path
        if function:
            assert re.search(rf"^(?:async )?def {function}\(", (PROJECT / path).read_text(), re.MULTILINE), (
                path,
                function,
            )


def test_every_threat_names_a_test() -> None:
    page = (PROJECT / "docs" / "threats.md").read_text()
    for name, kinds in (("STRIDE", 6), ("LINDDUN", 7)):
        section = page.split(f"## {name}\n")[1].split("\n## ")[0]
        threats = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
        assert len({threat[0].strip() for threat in threats}) == kinds
        for threat in threats:
            assert all(function for _, function in TEST.findall(threat[-1])) and TEST.search(threat[-1]), threat


@pytest.mark.parametrize(
    "block", re.findall(r"```python\n(.*?)```", (PROJECT / "docs" / "tools.md").read_text(), re.DOTALL)
)
def test_code_for_other_tools_runs_on_the_published_night(block: str, published_home: Home, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(published_home.root)
    done = ended(sys.executable, "-c", f"{block}\nprint(len(locals().get('airlines', ())) or len(late))", cwd=tmp_path)
    assert done.stdout.split()[-1] in ("16", "5")


def test_the_address_for_other_tools_cannot_change_what_readers_see(published_home: Home, tmp_path: Path) -> None:
    """On a copy: without the mode in it the same address writes."""
    page = (PROJECT / "docs" / "tools.md").read_text()
    (address,) = re.findall(r"```text\nduckdb:////\S+/published\.duckdb(\S*)\n```", page)
    copy = tmp_path / "published.duckdb"
    copy.write_bytes(published_home.published.read_bytes())
    write = sa.text("CREATE TABLE marts.mine AS SELECT 1 AS x")
    with sa.create_engine(f"duckdb:///{copy}{address}", poolclass=sa.NullPool).connect() as connection:
        assert "airline" in sa.inspect(connection).get_table_names(schema="marts")
        with pytest.raises(sa.exc.DBAPIError, match="read-only"):
            connection.execute(write)
    with sa.create_engine(f"duckdb:///{copy}").connect() as connection:
        connection.execute(write)
