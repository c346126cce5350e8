"""Drafts of impact assessments: what is known stands in them, what a person must write is marked with who that is."""

from dataclasses import replace
from pathlib import Path

import pytest

from sharing.papers.impact_assessment import INTRO, KIND, assessment, assessments
from sharing.papers.paper import Paper, write_papers
from sources.contract.model import Contract
from tests.agreements import put, text
from tests.browser import WITH_BROWSER
from tests.sharing.papers.conftest import Everything, command, kept_from_reading, said
from tests.sharing.papers.test_processing_record import cells
from warehouse.home import Home
from warehouse.keys.platform_key import HOW_TO_SET

POINTS = ["35(7)(a)", "35(7)(b)", "35(7)(c)", "35(7)(d)"]
UNUSED = "Agreed on, and no table beyond staging has a value of it"


@pytest.fixture(scope="module")
def folder_of_all(everything: Everything, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_papers(tmp_path_factory.mktemp("drafts"), KIND, INTRO, assessments(everything.platform))[0].parent


def figures(paper: Paper) -> dict[str, str]:
    return dict(paper.figures)


def test_there_is_one_for_each_agreement_on_people_with_every_point_of_the_article(everything: Everything) -> None:
    papers = assessments(everything.platform)
    with_people = {
        agreement.id
        for agreement in everything.agreements
        if any(column.is_masked for feed in agreement.feeds for column in everything.platform.contracts[feed].columns)
    }
    assert {paper.agreement for paper in papers} == with_people
    assert {"civil-registry", "health-service"} <= with_people
    assert "faa-registry" not in with_people
    for paper in papers:
        assert [section.article for section in paper.sections if section.article in POINTS] == POINTS
        assert all(section.to_write for section in paper.sections if section.article in POINTS)


def test_what_is_known_of_the_civil_registry_stands_in_it(everything: Everything) -> None:
    paper = assessment(everything.platform, everything.signed("civil-registry"))
    columns = [
        column for feed in ("person", "event") for column in everything.platform.contracts[f"civil_registry/{feed}"].columns
    ]  # fmt: skip
    assert figures(paper)["Personal columns"] == str(sum(column.is_masked for column in columns))
    assert figures(paper)["Identifiers"] == str(sum(column.identifier_kind is not None for column in columns))
    assert figures(paper)["People"] == "2"
    (joined,) = [row for row in cells(paper, "35(1) and (3)", "Criteria") if row["Criterion"].startswith("Data sets")]
    assert "health_service/patient" in joined["What is known"]
    assert "civil_registry" not in joined["What is known"]
    opened = {row["Column"]: row["Why it may be"] for row in cells(paper, "Besides", "Open")}
    assert opened["marts.person.birth_year"]


def test_special_categories_are_named(everything: Everything) -> None:
    paper = assessment(everything.platform, everything.signed("health-service"))
    contract = everything.platform.contracts["health_service/patient"]
    special = [
        f"{contract.name}.{column.name}" for column in contract.columns if column.classification == "special-category"
    ]
    assert special
    assert figures(paper)["Of special categories"] == str(len(special))
    first = cells(paper, "35(1) and (3)", "Criteria")[0]
    assert first["What is known"] == ", ".join(special)


def test_a_column_that_serves_nothing_known_is_asked_about(everything: Everything) -> None:
    paper = assessment(everything.platform, everything.signed("civil-registry"))
    serves = {row["Column"]: row["Serves all the same"] for row in cells(paper, "35(7)(b)", UNUSED)}
    assert serves["civil_registry/person.patronymic"] == "not known"
    assert serves["civil_registry/person.record_number"] == "the feed's rows are known by it"
    assert serves["civil_registry/event.national_number"] == "an identifier, by which records may be linked"
    assert "civil_registry/person.date_of_birth" not in serves
    assert any("civil_registry/person.patronymic" in asked.what for asked in paper.to_write)
    assert not any("national_number" in asked.what for asked in paper.to_write)


def test_before_a_night_nothing_is_said_to_be_unused(everything: Everything) -> None:
    paper = assessment(replace(everything.platform, protection=None, people={}), everything.signed("civil-registry"))
    assert cells(paper, "35(7)(b)", UNUSED) == []
    assert figures(paper)["People"] == "–"
    assert "joined with what is not known yet" in paper.lead


def test_a_measure_that_is_off_is_said_to_be_and_lessens_no_risk(everything: Everything) -> None:
    name = "Encrypted at rest"
    for has_key in (False, True):
        paper = assessment(replace(everything.platform, has_key=has_key), everything.signed("civil-registry"))
        states = {row["Measure"]: row["State here"] for row in cells(paper, "35(7)(d)", "What the platform enforces")}
        assert states[name] == ("on" if has_key else f"OFF: {HOW_TO_SET}")
        lessened = [row["Lessened by"] for row in cells(paper, "35(7)(c)", "Risks")]
        assert any(name in measures for measures in lessened) == has_key


def test_the_page_marks_what_is_to_be_written_and_by_whom(folder_of_all: Path, everything: Everything) -> None:
    page = said(folder_of_all / "civil-registry.html")
    paper = assessment(everything.platform, everything.signed("civil-registry"))
    assert page.count("<strong>by ") == len(paper.to_write)
    assert "<strong>by the data protection officer of Civil Registry:</strong> advice" in page
    assert page.count(">to be written</td>") == 2 * len(cells(paper, "35(7)(c)", "Risks"))


def test_the_command_drafts_all_or_one(folder: Path, things: Contract, home: Home, tmp_path: Path) -> None:
    put(folder, text("tests-things", [things.path]))
    assert "No agreement has a column that its contract calls personal" in command("impact-assessment").stdout
    command("impact-assessment", "tests-things", "--out", str(tmp_path / "out"))
    assert "an assessment is not called for by what is known" in said(tmp_path / "out" / "tests-things.html")
    assert "there is no agreement 'other'" in command("impact-assessment", "other", code=1).output


@WITH_BROWSER
@pytest.mark.parametrize("name", ["index.html", "civil-registry.html"])
def test_nothing_keeps_people_from_reading_it(folder_of_all: Path, name: str, tmp_path: Path) -> None:
    assert kept_from_reading(folder_of_all / name, tmp_path) == []
