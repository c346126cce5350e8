"""Records of processing: every point of the article, every column about people, and what only people know marked as missing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sharing.agreements.register import read_register
from sharing.papers.facts import Platform
from sharing.papers.paper import Paper, write_papers
from sharing.papers.processing_record import INTRO, KIND, record, records
from sources.contract.load import load
from sources.contract.model import Contract
from tests.agreements import put, text
from tests.browser import WITH_BROWSER
from tests.conftest import Feed
from tests.sharing.papers.conftest import AT, Everything, command, kept_from_reading, said
from warehouse.home import Home

POINTS = [f"30(1)({point})" for point in "abcdefg"]
HTML = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def folder_of_all(everything: Everything, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_papers(tmp_path_factory.mktemp("records"), KIND, INTRO, records(everything.platform))[0].parent


def of_things(home: Home, things: Contract) -> Paper:
    register = read_register(home)
    return record(Platform.read(home, register, [things], AT), register.by_id("tests-things"))


def cells(paper: Paper, article: str, caption: str) -> list[dict[str, str]]:
    return [
        row
        for section in paper.sections
        for table in section.tables
        if (section.article, table.caption) == (article, caption)
        for row in table.as_data
    ]


def test_every_column_about_people_stands_in_the_record_of_its_agreement(
    everything: Everything, folder_of_all: Path
) -> None:
    seen = 0
    for agreement in everything.agreements:
        page = said(folder_of_all / f"{agreement.id}.html")
        data = json.loads(said(folder_of_all / f"{agreement.id}.json"))
        listed = {
            row["Column"]: row
            for section in data["sections"]
            for table in section["tables"]
            if table["caption"] == "Personal data"
            for row in table["rows"]
        }
        for feed in agreement.feeds:
            for column in everything.platform.contracts[feed].columns:
                name = f"{feed}.{column.name}"
                assert (name in listed) == column.is_masked, name
                if column.is_masked:
                    assert listed[name]["Class"] == column.classification
                    assert f'<th scope="row">{name}</th>' in page
                    seen += 1
    assert seen > 100


def test_every_point_of_the_article_is_answered(everything: Everything) -> None:
    for paper in records(everything.platform):
        assert [section.article for section in paper.sections if section.article in POINTS] == [
            "30(1)(a)", "30(1)(b)", "30(1)(c)", "30(1)(c)", "30(1)(d)", "30(1)(e)", "30(1)(f)", "30(1)(g)",
        ]  # fmt: skip
        for section in paper.sections:
            assert section.says or any(table.rows for table in section.tables), section.heading
        controllers = [row for row in cells(paper, "30(1)(a)", "Parties") if row["Controller"] == "yes"]
        assert len(controllers) == 2
        assert all("@" in row["Contact"] for row in controllers)


def test_what_is_of_the_civil_registry_is_said_of_it(everything: Everything) -> None:
    paper = record(everything.platform, everything.signed("civil-registry"))
    (person,) = [row for row in cells(paper, "30(1)(c)", "Feeds") if row["Feed"] == "civil_registry/person"]
    assert (person["Records about people"], person["People"]) == ("3", "2")
    assert {row["Term of the Data Privacy Vocabulary"] for row in cells(paper, "30(1)(b)", "Purposes")} >= {
        "https://w3id.org/dpv#ProvideOfficialStatistics"
    }
    goes = {row["Relation"]: row for row in cells(paper, "Besides", "Where it goes")}
    assert "birth_year" in goes["marts.person"]["Columns made of it"]
    assert "health_service/patient" in goes["marts.person"]["Together with"]
    assert goes["marts.person"]["Who may see it"] == "all readers"
    assert goes["marts.person_identifier"]["Who may see it"] == "restricted"
    assert not any("flight" in relation for relation in goes)
    (row, _) = cells(paper, "30(1)(f)", "Time limits")
    assert row["Once it has ended, the rest after"] == "1 year"
    assert "Civil Registry" in {asked.by for asked in paper.to_write}


def test_without_a_night_it_says_that_lineage_knows_nothing(everything: Everything) -> None:
    bare = replace(everything.platform, protection=None, night=None, people={})
    paper = record(bare, everything.signed("civil-registry"))
    assert paper.sections[-1].says == ("No night was built here yet, so lineage knows nothing of it.",)


def test_a_column_that_is_not_agreed_on_is_said_not_to_be_kept(folder: Path, home: Home, tmp_path: Path) -> None:
    columns = [
        "{name: id, logicalType: integer, primaryKey: true, classification: public}",
        "{name: given, logicalType: string, classification: personal}",
        "{name: born, logicalType: string, classification: personal}",
    ]
    path = Feed(columns).write(tmp_path / "feeds")
    put(folder, text("tests-things", [path]) | {"pull": [{"feed": "tests/things", "columns": ["id", "given", "gone"]}]})
    paper = of_things(home, load(path))
    here = {row["Column"]: row["Here"] for row in cells(paper, "30(1)(c)", "Personal data")}
    assert here == {"tests/things.given": "kept", "tests/things.born": "not agreed on: nothing of it is kept"}
    assert paper.lead == "1 column about people of 1 feed."
    assert any("described by no contract here: tests/things.gone" in line for section in paper.sections for line in section.says)  # fmt: skip


def test_products_and_their_recipients_stand_in_it(folder: Path, home: Home, things: Contract) -> None:
    product = {
        "id": "towns", "relation": "marts.things", "recipients": ["university"], "format": "csv", "delivery": "folder",
        "columns": {"town": {"treatment": "keep"}, "id": {"treatment": "round", "to": 10}},
    }  # fmt: skip
    put(folder, text("tests-things", [things.path], products=[product]))
    (row,) = cells(of_things(home, things), "30(1)(d)", "Products that may be released")
    assert row["Columns, and what is done to them"] == "town (keep), id (round to 10)"
    assert row["Recipients"] == "university"


def test_what_an_agreement_writes_never_becomes_markup(
    folder: Path, home: Home, things: Contract, tmp_path: Path
) -> None:
    agreed = text("tests-things", [things.path], title=HTML, legal_basis={"law": HTML, "article": HTML})
    put(folder, agreed | {"purpose": {"term": "dpv:ProvideOfficialStatistics", "text": HTML}})
    written = write_papers(tmp_path, KIND, HTML, [of_things(home, things)])
    for page in (path for path in written if path.suffix == ".html"):
        assert "<script" not in said(page)
        assert "&lt;script&gt;" in said(page)


def test_the_command_writes_below_the_home_and_forgets_what_is_gone(
    folder: Path, home: Home, things: Contract, tmp_path: Path
) -> None:
    put(folder, text("tests-gone", [things.path]))
    put(folder, text("tests-things", [things.path]))
    place = home.root / "papers" / "processing-record"
    assert command("processing-record").stdout.strip() == str(place / "index.html")
    assert (place / "tests-gone.json").exists()
    assert (place / "index.html").stat().st_mode & 0o077 == 0
    (folder / "tests-gone.yaml").unlink()
    command("processing-record")
    assert {path.name for path in place.iterdir()} == {
        "index.html",
        "index.json",
        "tests-things.html",
        "tests-things.json",
    }
    other = tmp_path / "of-somebody"
    other.mkdir()
    (other / "thesis.html").touch()
    command("processing-record", "--out", str(other))
    assert (other / "thesis.html").exists()
    assert (other / "tests-things.html").exists()


def test_the_command_says_where_it_cannot_write_and_that_there_is_nothing(
    folder: Path, things: Contract, home: Home, tmp_path: Path
) -> None:
    assert "there is no agreement" in command("processing-record", code=1).output
    put(folder, text("tests-things", [things.path]))
    (tmp_path / "file").touch()
    assert "cannot be written" in command("processing-record", "--out", str(tmp_path / "file" / "x"), code=1).output


@WITH_BROWSER
@pytest.mark.parametrize("name", ["index.html", "civil-registry.html", "faa-registry.html"])
def test_nothing_keeps_people_from_reading_it(folder_of_all: Path, name: str, tmp_path: Path) -> None:
    assert kept_from_reading(folder_of_all / name, tmp_path) == []
