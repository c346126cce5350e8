"""The register as pages that may be published: everything that was agreed on, and nothing that is not for all."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from sharing.agreements.drafts import as_yaml, revoke_text
from sharing.agreements.parties import FILE
from sharing.agreements.register import read_register
from sharing.papers.register_page import write_register
from sources.contract.model import Contract
from tests.agreements import PROVIDER, key_of, put, text
from tests.browser import WITH_BROWSER
from tests.reports.test_browser import Links
from tests.sharing.papers.conftest import AT, Everything, command, kept_from_reading, said
from warehouse.home import Home

HTML = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def folder_of_all(everything: Everything, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_register(tmp_path_factory.mktemp("register"), everything.platform.register, AT)[0].parent


def test_every_agreement_has_a_page_with_all_that_was_agreed_on(everything: Everything, folder_of_all: Path) -> None:
    index = said(folder_of_all / "index.html")
    parties = everything.platform.register.parties
    assert len(everything.agreements) >= 12
    for agreement in everything.agreements:
        assert f'<a href="{agreement.id}.html">{agreement.title}</a>' in index
        page = said(folder_of_all / f"{agreement.id}.html").replace("&#39;", "'")
        for words in (
            *(parties[name].name for name in agreement.parties), agreement.law, agreement.article, agreement.purpose_text, agreement.digest,
            str(agreement.valid_from), str(agreement.valid_until), str(agreement.review_on), "1 year", "in force", "provide official statistics",
            *(f"<code>{name}</code>" for pull in agreement.pulls for name in pull.columns), *agreement.feeds,
        ):  # fmt: skip
            assert words in page, (agreement.id, words)
        policy = json.loads(said(folder_of_all / f"{agreement.id}.odrl.jsonld"))
        assert policy["title"] == agreement.title


def test_every_link_leads_somewhere(folder_of_all: Path) -> None:
    for page in folder_of_all.glob("*.html"):
        for target in Links(said(page)).targets:
            if not target.startswith(("mailto:", "https://w3id.org/dpv#", "#")):
                assert (folder_of_all / target).exists(), (page, target)


def written(home: Home, to: Path) -> str:
    """All pages in one text."""
    paths = write_register(to, read_register(home), AT)
    return "".join(said(path) for path in paths)


def test_nothing_secret_stands_in_it(folder: Path, home: Home, things: Contract, tmp_path: Path) -> None:
    pulls = [{"feed": "tests/things", "columns": ["id"], "sources": ["sftp://inside.tests.example/drop"]}]
    path = put(folder, text("tests-things", [things.path]) | {"pull": pulls})
    revoke_text([folder], "tests-things", PROVIDER, key_of(PROVIDER), AT.date(), "a quarrel between us")
    (folder / "drafts").mkdir()
    (folder / "drafts" / "tests-secret-plan.yaml").write_text(as_yaml(text("tests-secret-plan", [things.path])))
    (folder / "tests-broken.yaml").write_text("id: tests-broken\nversion: 1\n")
    shown = written(home, tmp_path / "out")
    for secret in (
        "inside.tests.example",
        "a quarrel between us",
        "tests-secret-plan",
        str(path.parent),
        "tests-broken",
    ):
        assert secret not in shown, secret
    assert f"revoked from {AT.date()} on" in shown
    assert "1 text cannot be used as it stands" in shown


@pytest.mark.parametrize(
    ("said_of_it", "signers", "state"),
    [
        ({}, None, "● in force"),
        ({}, [PROVIDER], "■ not signed by tests-platform"),
        ({"valid_from": "2026-12-24", "review_on": "2027-01-01"}, None, "begins on 2026-12-24"),
        ({"valid_until": "2026-11-19", "review_on": "2026-01-01"}, None, "ended on 2026-11-19"),
    ],
)
def test_it_says_what_an_agreement_is_worth(
    said_of_it: dict[str, str], signers: list[str] | None, state: str, folder: Path, home: Home, things: Contract, tmp_path: Path
) -> None:  # fmt: skip
    put(folder, text("tests-things", [things.path], **said_of_it), signers)
    write_register(tmp_path / "out", read_register(home), AT)
    assert state in said(tmp_path / "out" / "index.html")
    counted = "1 of 1" if state == "● in force" else "0 of 1"
    assert f"<dd>{counted}</dd>" in said(tmp_path / "out" / "index.html")


def test_one_that_will_end_by_revocation_is_in_force_until_then(
    folder: Path, home: Home, things: Contract, tmp_path: Path
) -> None:
    put(folder, text("tests-things", [things.path]))
    later = AT.date() + timedelta(days=5)
    revoke_text([folder], "tests-things", PROVIDER, key_of(PROVIDER), later, "for good")
    assert f"▲ in force, revoked from {later} on" in written(home, tmp_path / "out")


def test_what_is_written_by_parties_is_neither_markup_nor_a_script(
    folder: Path, home: Home, things: Contract, tmp_path: Path
) -> None:
    put(folder, text("tests-things", [things.path], title=HTML, legal_basis={"law": HTML, "article": HTML}))
    parties = yaml.load((folder / FILE).read_text(encoding="utf-8"), yaml.BaseLoader)
    changed = [party | {"name": HTML, "contact": "javascript:alert(1)"} for party in parties]
    (folder / FILE).write_text(as_yaml(changed), encoding="utf-8")
    write_register(tmp_path / "out", read_register(home), AT)
    for page in (tmp_path / "out").glob("*.html"):
        assert "<script" not in said(page)
        assert "&lt;script&gt;" in said(page)
        assert 'href="javascript' not in said(page)
        assert "default-src 'none'" in said(page)


def test_the_command_writes_it_below_the_home_or_where_it_is_told(
    folder: Path, home: Home, things: Contract, tmp_path: Path
) -> None:
    put(folder, text("tests-things", [things.path]))
    assert command("page").stdout.strip() == str(home.root / "papers" / "register" / "index.html")
    assert command("page", "--out", str(tmp_path / "site")).stdout.strip() == str(tmp_path / "site" / "index.html")
    assert {path.name for path in (tmp_path / "site").iterdir()} == {
        "index.html",
        "tests-things.html",
        "tests-things.odrl.jsonld",
    }


def test_without_an_agreement_it_says_that_nothing_is_shared(folder: Path, home: Home, tmp_path: Path) -> None:
    command("page", "--out", str(tmp_path))
    assert "There is none, so nothing is shared." in said(tmp_path / "index.html")


@WITH_BROWSER
@pytest.mark.parametrize("name", ["index.html", "civil-registry.html", "faa-registry.html"])
def test_nothing_keeps_people_from_reading_it(folder_of_all: Path, name: str, tmp_path: Path) -> None:
    assert kept_from_reading(folder_of_all / name, tmp_path) == []
