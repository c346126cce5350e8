"""From an unknown file to an accepted night: `new-feed`, then `run`; and many nights by `backfill`."""

import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from nights.record.feed_night import feed_nights
from orchestration.command.engineer.new_feed import of_one_night
from sources.contract.load import load
from tests.agreements import agree
from tests.conftest import Feed, ended
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import PROJECT, Home
from warehouse.settings import settings

Command = Callable[..., CompletedProcess[str]]


def today() -> date:
    """Asked when it is needed: a run of all tests may pass midnight."""
    return datetime.now(UTC).date()


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """An organisation's own folders, outside the repository."""
    places = {"INTERAGENCY_SOURCES": tmp_path / "feeds", "INTERAGENCY_AGREEMENTS": tmp_path / "signed"}
    for place in places.values():
        place.mkdir()
    return {name: str(place) for name, place in places.items()}


def walkthrough() -> str:
    """The commands of the engineer's page."""
    blocks = re.findall(r"```sh\n(.*?)```", (PROJECT / "docs" / "engineer.md").read_text(), re.DOTALL)
    return next(block for block in blocks if "new-feed" in block)


@pytest.mark.slow
def test_the_walkthrough_leads_from_an_unknown_file_to_a_published_mart(
    tmp_path: Path, inbox: Path, grants: None
) -> None:
    """The sample has twenty columns, in a code page, with semicolons, decimal commas, local dates, two bad rows and a doubled key."""
    assert len(walkthrough().strip().splitlines()) == 8
    own, home = tmp_path / "permits", Home(tmp_path / "permits" / "platform")
    places = {
        "INTERAGENCY_GRANTS": "",
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = ended("bash", "-euo", "pipefail", "-c", walkthrough(), **places)
    assert "Tried: 240 rows sent, 4 rejected, accepted" in done.stdout
    assert "Unsure: permit_no is unique but for line 81 and 82" in done.stdout
    assert "Unsure: received: line 12 of the sample" in done.stdout
    assert "31.02.2026" not in done.stdout, "no value of a sample is shown"
    assert "Unsure: line 41 is no whole row (too few columns)" in done.stdout
    night = feed_nights(home, today())["building_office", "permits"]
    assert (night.status, night.rows_accepted) == ("accepted", 236), done.stderr
    assert _counted(done.stdout, ("granted", "refused", "withdrawn")) == 236, "what the query of the mart answers"
    assert "permit_reconciles" in _rules(home)
    assert (own / "contracts-models" / "marts" / "building_office" / "permit.sql").exists()
    contract = load(own / "contracts" / "building_office" / "permits.odcs.yaml")
    assert len(contract.columns) == 20
    assert contract.key == ("permit_no",)
    assert contract.column("reg_code").custom["identifierKind"] in ("ee.registrikood", "ua.edrpou"), "they reckon alike"
    assert contract.column("cost").sql_type.startswith("DECIMAL")
    agreement = own / "contracts" / "agreements" / "trial-building-office-permits.yaml"
    assert f"valid_until: {today() + timedelta(days=30)}" in agreement.read_text(), "a trial, and it ends"


def _counted(printed: str, words: tuple[str, ...]) -> int:
    rows = [line.split("\t") for line in printed.splitlines()]
    return sum(int(row[1]) for row in rows if len(row) == 2 and row[0] in words)


def _rules(home: Home) -> set[str]:
    with open_database(home.published, read_only=True) as connection:
        found = connection.execute(
            "SELECT rule FROM quality.gate_result WHERE passed AND severity = 'error'"
        ).fetchall()
    return {str(rule) for (rule,) in found}


def test_files_that_are_there_are_left_alone(tmp_path: Path, own: dict[str, str], interagency: Command) -> None:
    into = Path(own["INTERAGENCY_SOURCES"])
    there = into / "building_office" / "permits.odcs.yaml"
    there.parent.mkdir()
    there.write_text("mine")
    again = interagency(
        "new-feed", "docs/samples/permits.csv", "--agency", "building_office", "--feed", "permits", "--into", str(into)
    )
    assert (again.returncode, "is there already" in again.stderr, there.read_text()) == (2, True, "mine")


def test_without_variables_everything_lies_below_into(tmp_path: Path, interagency: Command) -> None:
    """Nothing is written into this repository, and the command says what a run needs to find it."""
    sample = tmp_path / "s.csv"
    sample.write_bytes("id;ort\n1;Köln\n2;Düsseldorf\n3;Görlitz\n".encode("cp1252"))
    into = tmp_path / "my feeds"
    unset = {f"INTERAGENCY_{name}": "" for name in ("HOME", "SOURCES", "AGREEMENTS", "GRANTS", "MODELS")}
    done = interagency("new-feed", str(sample), "--agency", "towns", "--feed", "list", "--into", str(into), **unset)
    assert done.returncode == 0, done.stderr
    written = {str(path.relative_to(into)) for path in into.rglob("*.yaml")}
    assert written == {"towns/list.odcs.yaml", "agreements/drafts/trial-towns-list.yaml", "grants.yaml"}
    assert yaml.safe_load((into / "grants.yaml").read_text()) == {"towns": {"folders": [str(tmp_path)]}}
    assert "interagency agreements sign-trial trial-towns-list --keys ~/keys" in done.stdout
    assert f"export INTERAGENCY_GRANTS='{into}/grants.yaml'" in done.stdout
    assert not (PROJECT / "agreements" / "drafts").exists()
    assert f"export INTERAGENCY_AGREEMENTS='{into}/agreements'" in done.stdout
    assert f"export INTERAGENCY_SOURCES='{into}'" in done.stdout
    models = tmp_path / "my feeds-models"
    assert f"export INTERAGENCY_MODELS='{models}'" in done.stdout
    assert (models / "staging" / "towns" / "stg_towns__list.sql").is_file()
    assert "Unsure: The encoding" in done.stdout
    assert "Unsure: the path is the sample's own; where each night has a file of its own" in done.stdout
    assert "s_{extract_date:%Y%m%d}.csv" in (into / "towns" / "list.odcs.yaml").read_text(encoding="utf-8")
    assert of_one_night("/in/loans_20261120.csv").endswith("write its name as loans_{extract_date:%Y%m%d}.csv.")
    assert of_one_night("https://a.example/2026-11-20.json").endswith("as {extract_date:%Y-%m-%d}.json.")
    assert "# Unsure: The encoding" in (into / "towns" / "list.odcs.yaml").read_text(encoding="utf-8")


def test_a_home_that_is_named_is_told_where_everything_lies(
    tmp_path: Path, home: Home, interagency: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second feed is added to what is noted; what the environment says goes before the file, and is left to a person."""
    names = ("SOURCES", "AGREEMENTS", "GRANTS", "MODELS")
    unset = {f"INTERAGENCY_{name}": "" for name in names}
    sample = tmp_path / "s.csv"
    sample.write_text("id,town\n1,A\n2,B\n")
    for into in ("one", "two"):
        words = ("--agency", into, "--feed", "list", "--into", str(tmp_path / into))
        done = interagency("new-feed", str(sample), *words, **unset)
        assert (done.returncode, "export " in done.stdout) == (0, False), done.stderr
        assert f"Noted in {home.root}/settings.env: INTERAGENCY_SOURCES" in done.stdout
    assert (home.root / "settings.env").stat().st_mode & 0o077 == 0
    for name in names:
        monkeypatch.delenv(f"INTERAGENCY_{name}", raising=False)
    assert settings().sources == (tmp_path / "two", tmp_path / "one")
    assert settings().agreements == (tmp_path / "one" / "agreements",), "where the first feed's lies"
    assert settings().models == tmp_path / "one-models", "all models lie in one folder"
    said = unset | {"INTERAGENCY_SOURCES": str(tmp_path / "elsewhere")}
    (tmp_path / "elsewhere").mkdir()
    words = ("--agency", "three", "--feed", "list", "--into", str(tmp_path / "three"))
    done = interagency("new-feed", str(sample), *words, **said)
    assert f"export INTERAGENCY_SOURCES={tmp_path}/three" in done.stdout


@pytest.fixture
def towns(tmp_path: Path, own: dict[str, str], interagency: Command) -> dict[str, str]:
    """A feed drafted beside the repository, with a folder of models of its own."""
    sample, models = tmp_path / "s.csv", tmp_path / "models"
    sample.write_text("id;ort;stand\n" + "".join(f"{n};Ort {n};0{n % 9 + 1}.03.2026\n" for n in range(1, 31)))
    models.mkdir()
    environment = own | {"INTERAGENCY_MODELS": str(models)}
    done = interagency(
        "new-feed",
        str(sample),
        "--agency",
        "towns",
        "--feed",
        "list",
        "--into",
        own["INTERAGENCY_SOURCES"],
        **environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "INTERAGENCY_MODELS" not in done.stdout, "it is set"
    return environment


def test_a_mart_is_drafted_as_marts_here_are(tmp_path: Path, towns: dict[str, str], interagency: Command) -> None:
    done = interagency("new-mart", "towns", "list", "--mart", "town", "--subject", "places", **towns)
    assert done.returncode == 0, done.stderr
    assert "town will lie in the vault, for the sake of id, ort, stand" in done.stdout
    folder = tmp_path / "models" / "marts" / "places"
    assert "select * from {{ ref('stg_towns__list') }}" in (folder / "town.sql").read_text()
    model = yaml.safe_load((folder / "town.yml").read_text())["models"][0]
    assert model["config"]["meta"] == {"every_row_of": "stg_towns__list"}
    assert {column["name"]: column["data_type"] for column in model["columns"]} == {
        "id": "bigint", "ort": "varchar", "stand": "date",
        "agency": "varchar", "feed": "varchar", "extract_date": "date", "source_key": "varchar",
    }  # fmt: skip
    assert all(column["description"] for column in model["columns"])
    assert model["columns"][0]["data_tests"] == ["unique", "not_null"]
    again = interagency("new-mart", "towns", "list", "--mart", "town", **towns)
    assert (again.returncode, "is a model of that name already" in again.stderr) == (2, True)


def test_a_mart_is_open_where_its_columns_are(towns: dict[str, str], interagency: Command) -> None:
    contract = Path(towns["INTERAGENCY_SOURCES"]) / "towns" / "list.odcs.yaml"
    contract.write_text(contract.read_text().replace("classification: personal", "classification: public"))
    done = interagency("new-mart", "towns", "list", "--mart", "town", **towns)
    assert (done.returncode, "vault" in done.stdout) == (0, False)


def test_a_mart_without_a_staging_model_is_refused(towns: dict[str, str], interagency: Command) -> None:
    (Path(towns["INTERAGENCY_MODELS"]) / "staging" / "towns" / "stg_towns__list.sql").unlink()
    done = interagency("new-mart", "towns", "list", "--mart", "town", **towns)
    assert (done.returncode, "is not there" in done.stderr) == (1, True)
    unset = interagency("new-mart", "towns", "list", "--mart", "town", **(towns | {"INTERAGENCY_MODELS": ""}))
    assert (unset.returncode, "INTERAGENCY_MODELS names no folder" in unset.stderr) == (1, True)
    wrong = interagency("new-mart", "towns", "list", "--mart", "A Town", **towns)
    assert (wrong.returncode, "write lower_case words" in wrong.stderr) == (2, True)


def test_new_feed_tells_wrong_names_and_files(tmp_path: Path, own: dict[str, str], interagency: Command) -> None:
    wrong = interagency("new-feed", "x.csv", "--agency", "Benefits Office", "--feed", "cases", **own)
    assert (wrong.returncode, "write lower_case words" in wrong.stderr) == (2, True)
    missing = interagency("new-feed", str(tmp_path / "x.csv"), "--agency", "a", "--feed", "f", **own)
    assert (missing.returncode, "is not there" in missing.stderr, "Traceback" in missing.stderr) == (1, True, False)


@pytest.mark.slow
def test_a_backfill_takes_every_night_and_publishes_the_last(
    tmp_path: Path, own: dict[str, str], home: Home, interagency: Command, inbox: Path
) -> None:
    """Files named by their night; the one in the middle is missing, and costs only itself."""
    feed = Feed(
        ["{name: id, logicalType: integer, primaryKey: true, classification: internal}", "{name: town, logicalType: string, classification: internal}"],
        path="things_{extract_date:%Y%m%d}.csv", custom={"extractMode": "append"},
    )  # fmt: skip
    contract = feed.write(Path(own["INTERAGENCY_SOURCES"]))
    agree(Path(own["INTERAGENCY_AGREEMENTS"]), "tests", contract)
    nights = [today() - timedelta(days=count) for count in (3, 2, 1)]
    for number, night in enumerate(nights):
        if number != 1:
            (contract.parent / f"things_{night:%Y%m%d}.csv").write_text(f"id,town\n{number},A\n")
    done = interagency("backfill", "--from", str(nights[0]), "--to", str(nights[2]), **own)
    assert done.returncode == 1, "a night of a feed was not taken"
    assert re.search(rf"{nights[1]} tests/things: .* is not there; ask Agency of Tests", done.stdout), done.stdout
    assert f"Published: {home.published}" in done.stdout
    counts = [line.split("\t")[1:3] for line in done.stdout.splitlines() if re.match(r"20\d\d-\d\d-\d\d\t", line)]
    assert counts == [["6", "0"], ["5", "1"], ["6", "0"]]
    with open_database(home.published, read_only=True) as connection:
        recorded = connection.execute(
            "SELECT extract_date, rows_new FROM quality.feed_night WHERE feed = 'things' AND status = 'accepted' ORDER BY 1"
        ).fetchall()
    assert recorded == [(nights[0], 1), (nights[2], 1)]
    wrong = interagency("backfill", "--from", str(today()), "--to", str(nights[0]), **own)
    assert (wrong.returncode, "is after" in wrong.stderr) == (2, True)
