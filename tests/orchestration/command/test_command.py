"""The command: exit codes, messages without tracebacks, JSON that is only JSON, and a steward's decisions."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from sources.contract.load import load_all
from sources.contract.model import Contract
from tests.agreements import follow
from tests.conftest import NEXT_NIGHT, NIGHT, Feed
from tests.orchestration.conftest import command, recorded, run_ingest
from warehouse.home import Home

Command = Callable[..., CompletedProcess[str]]
ID = "{name: id, logicalType: integer, primaryKey: true, required: true, classification: public}"
NAME = "{name: name, logicalType: string, classification: personal, logicalTypeOptions: {maxLength: 3}}"


@pytest.fixture
def night_home(published_home: Home, monkeypatch: pytest.MonkeyPatch, inbox: Path) -> Home:
    """The published night, to be read only."""
    monkeypatch.setenv("INTERAGENCY_HOME", str(published_home.root))
    return published_home


@pytest.fixture
def feed_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agreements: Path) -> Path:
    """One more agency, whose only feed refuses a night with any reject, and has a protected column."""
    folder = tmp_path / "feeds"
    monkeypatch.setenv("INTERAGENCY_SOURCES", str(folder))
    monkeypatch.setenv("INTERAGENCY_KEY", "what is personal is not pulled without one")
    Feed([ID, NAME], threshold="0 %").write(folder)
    follow(agreements, "tests/things")
    return folder / "tests"


def pull_things(night: date) -> None:
    run_ingest([contract for contract in load_all() if contract.agency == "tests"], night)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--agency", "moon"], "there is no feed moon/*; known: bts/airlines, bts/flights"),
        (["run", "--agency", "bts", "--feed", "aircraft"], "there is no feed bts/aircraft"),
        (["run", "--extract-date", "20 November"], "'20 November' is not a date; write it as yyyy-mm-dd"),
        (["run", "--extract-date", "2026-02-30"], "'2026-02-30' is not a date"),
        (["run", "--extract-date", "2001-01-01"], "is before the first night, 2013-01-01; set INTERAGENCY_FIRST_NIGHT"),
        (["rejects", "bts", "nothing"], "there is no feed bts/nothing"),
        (["accept", "bts", "flights", "soon", "--reason", "r"], "'soon' is not a date"),
        (["accept", "bts", "flights", "2026-11-20", "--reason", " "], "a reason is needed"),
        (["accept", "bts", "flights", "2026-11-20"], "--reason"),
        (["refuse", "bts", "flights", "2026-11-20", "--reason", " "], "a reason is needed"),
        (["warehouse", "restore", "yesterday"], "'yesterday' is not a date"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_is_right(arguments: list[str], says: str, home: Home) -> None:
    done = command(*arguments)
    assert done.exit_code == 2
    assert says in done.stderr
    assert not home.root.exists()


def test_a_night_that_has_not_come_is_wrong_use(home: Home) -> None:
    tomorrow = (datetime.now(UTC).date() + timedelta(days=1)).isoformat()
    done = command("run", "--extract-date", tomorrow)
    assert (done.exit_code, home.root.exists()) == (2, False)
    assert f"{tomorrow} has not come yet" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["accept", "bts", "flights", "2026-11-20", "--reason", "r"],
            "has no gated extract of 2026-11-20; there is nothing",
        ),
        (
            ["refuse", "bts", "flights", "2026-11-20", "--reason", "r"],
            "has no accepted extract of 2026-11-20; there is nothing",
        ),
        (["rejects", "bts", "flights"], "nothing has landed"),
        (["warehouse", "restore", "2026-11-20"], "no build of 2026-11-20 is kept; kept: none"),
    ],
)
def test_what_cannot_be_done_yet_ends_with_1(arguments: list[str], says: str, home: Home) -> None:
    done = command(*arguments)
    assert done.exit_code == 1
    assert says in done.stderr


def test_an_empty_home_has_a_status_and_a_list(home: Home) -> None:
    done = command("status")
    assert "never pulled" in done.stdout
    assert "nothing yet; run `interagency run`" in done.stdout
    assert "nothing is published yet" in command("warehouse", "list").stdout
    assert "0 landed extracts, 0 superseded results and 0 builds removed" in command("prune").stdout


@pytest.mark.parametrize(
    "words", ["run --extract-date {0}", "run --extract-date {0} --json", "prune", "warehouse restore {0}"]
)
def test_a_home_that_is_a_file_is_a_message(words: str, home: Home) -> None:
    home.root.write_text("not a folder")
    done = command(*words.format(NIGHT).split())
    assert done.exit_code == 1
    assert f"{home.root}" in done.stderr
    assert done.stdout == ""
    assert "MISSING\tset INTERAGENCY_HOME to a folder of yours" in command("doctor").stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_home_that_cannot_be_written_is_a_message(home: Home) -> None:
    home.root.mkdir(mode=0o500)
    done = command("run", "--extract-date", "2026-11-20")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "not published: Permission denied" in done.stderr


def test_contracts_lint_names_file_line_and_remedy(feed_folder: Path, agreements: Path) -> None:
    assert "6 contracts are valid, and 4 agreements signed" in command("contracts", "lint").stdout
    contract = feed_folder / "things.odcs.yaml"
    contract.write_text(contract.read_text().replace("logicalType: integer", "logicalType: whole"))
    (agreements / "tests.yaml").write_text("id: other\n")
    for arguments in (["contracts", "lint"], ["contracts", "lint", str(contract)]):
        done = command(*arguments)
        assert done.exit_code == 1
        assert f"{contract}:" in done.stderr
        assert "'whole' is not one of" in done.stderr
        assert "tests.yaml" in done.stderr


def test_a_folder_of_contracts_that_is_none_stops_a_night(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERAGENCY_SOURCES", str(tmp_path / "nowhere"))
    done = command("run", "--extract-date", "2026-11-20")
    assert done.exit_code == 1
    assert "nowhere:1: INTERAGENCY_SOURCES: is not a folder" in done.stderr
    assert "nothing was done" in done.stderr


def break_things(feed_folder: Path) -> str:
    """Something that is not YAML; returns what is said of it."""
    contract = feed_folder / "things.odcs.yaml"
    contract.write_text(contract.read_text().replace("schema:", "schema: ["))
    return f"{contract}:"


def test_a_broken_contract_is_told_and_every_door_is_shut(
    feed_folder: Path, home: Home, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (feed_folder / "extract.csv").write_text("id,name\n1,Ann\n")
    pull_things(NIGHT)
    place = break_things(feed_folder)
    done = command("status", "--json")
    assert done.exit_code == 0
    rows = {f"{row['agency']}/{row['feed']}": row for row in json.loads(done.stdout)["feeds"]}
    assert rows["tests/things"]["rows in use"] == NIGHT.isoformat()
    assert "Broken contract: tests/things is not pulled; its accepted rows are read by the last wording" in done.stderr
    assert f"  {place}" in done.stderr
    assert "Mend them; `interagency contracts lint` shows all problems" in done.stderr
    accepted = command("accept", "tests", "things", NIGHT.isoformat(), "--reason", "r")
    assert accepted.exit_code == 1
    assert "nothing is accepted: the contract cannot be used: things.odcs.yaml:" in accepted.stderr
    done = command("doctor")
    assert done.exit_code == 1
    missing = [line for line in done.stdout.splitlines() if "\tMISSING\t" in line]
    assert [line.split("\t")[0] for line in missing] == ["contract of tests/things"]
    assert "connection of tests/things" not in done.stdout
    assert command("try", str(feed_folder / "things.odcs.yaml")).exit_code == 2
    assert command("contracts", "lint").exit_code == 1


def test_a_copy_is_tried_where_the_platforms_own_is_broken(feed_folder: Path, home: Home, tmp_path: Path) -> None:
    """So it is mended; the file itself, valid but for what it points to, is not tried."""
    contract = feed_folder / "things.odcs.yaml"
    good = contract.read_text()
    nowhere = "{name: other, logicalType: string, relationships: [{to: tests__nothing.id}]}"
    contract.write_text(good.replace(f"- {NAME}", f"- {NAME}\n      - {nowhere}"))
    copy = tmp_path / "copies" / "tests" / "things.odcs.yaml"
    copy.parent.mkdir(parents=True)
    copy.write_text(good)
    for folder in (feed_folder, copy.parent):
        (folder / "extract.csv").write_text("id,name\n1,Ann\n")
    done = command("try", str(contract))
    assert done.exit_code == 1
    assert "REFUSED: the contract cannot be used: things.odcs.yaml:1: relationships: tests/nothing.id is" in done.stdout
    assert command("try", str(copy)).exit_code == 0


@pytest.mark.slow
def test_a_night_with_a_contract_that_is_left_out_publishes_the_others(
    feed_folder: Path, home: Home, inbox: Path, interagency: Command, agreements: Path
) -> None:
    break_things(feed_folder)
    done = interagency("run", "--extract-date", NIGHT.isoformat(), "--strict")
    assert done.returncode == 1
    assert "Broken contract: tests/things is left out" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert f"Published: {home.published}" in done.stdout
    assert done.stdout.splitlines()[-1] == "Stale or refused: tests/things left out, no rows yet"
    others = {"bts/airlines", "bts/flights", "faa/aircraft", "faa/airports", "noaa/weather"}
    assert recorded(home, NIGHT).keys() == others


def test_doctor_tells_good_from_missing(home: Home, inbox: Path, agreements: Path) -> None:
    done = command("doctor")
    assert done.exit_code == 0, done.stdout
    assert "MISSING" not in done.stdout
    (inbox / "weather.csv").unlink()
    (agreements / "faa-registry.yaml").unlink()
    done = command("doctor")
    assert done.exit_code == 1
    rows = dict(line.split("\tMISSING\t") for line in done.stdout.splitlines() if "MISSING" in line)
    assert set(rows) == {"connection of noaa/weather", "agreement on faa/aircraft", "agreement on faa/airports"}
    assert "weather.csv is not there; ask National Oceanic" in rows["connection of noaa/weather"]


def test_doctor_goes_on_after_a_feed_whose_check_fails_oddly(
    home: Home, inbox: Path, agreements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sources.connectors

    real = sources.connectors.probe

    def odd(contract: Contract, extract_date: date) -> None:
        if contract.name == "bts/flights":
            raise KeyError("hush-and-hide")
        real(contract, extract_date)

    monkeypatch.setattr(sources.connectors, "probe", odd)
    done = command("doctor")
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    lines = dict(line.split("\t", 1) for line in done.stdout.splitlines() if line.startswith("connection of "))
    assert len(lines) == 5
    assert lines["connection of bts/flights"].startswith("MISSING\tcould not be tried (KeyError)")
    assert lines["connection of noaa/weather"] == "ok\t"
    assert "hush" not in done.stdout + done.stderr


def test_status_shows_the_night_the_rows_in_use_and_what_readers_see(night_home: Home) -> None:
    done = command("status")
    assert f"Published: night of {NIGHT}, {night_home.published}" in done.stdout
    assert f"bts\tflights\t{NIGHT}\taccepted\t336776\t336776\t0\t{NIGHT}" in done.stdout
    as_json = json.loads(command("status", "--json").stdout)
    assert as_json["published"] == {"extract_date": NIGHT.isoformat(), "warehouse": str(night_home.published)}
    assert {feed["status"] for feed in as_json["feeds"]} == {"accepted"}


def test_nights_are_listed(night_home: Home) -> None:
    lines = command("warehouse", "list").stdout.splitlines()
    night, run, _, shown = lines[1].split("\t")
    assert (night, shown) == (NIGHT.isoformat(), "readers see it")
    assert night_home.published.resolve().parent.name == f"{NIGHT}-{run}"
    done = command("warehouse", "restore", "2020-01-01")
    assert (done.exit_code, done.stderr) == (1, f"no build of 2020-01-01 is kept; kept: {NIGHT}\n")


def test_an_accepted_night_needs_no_steward(night_home: Home) -> None:
    done = command("accept", "bts", "flights", NIGHT.isoformat(), "--reason", "r")
    assert (done.exit_code, "is accepted already; nothing to do" in done.stderr) == (1, True)
    assert not (night_home.state / "overrides.jsonl").exists()


def test_a_night_older_than_the_published_one_cannot_be_seen_by_readers(home: Home, published_home: Home) -> None:
    shutil.copytree(published_home.root, home.root, symlinks=True)
    from warehouse.store.published_nights import published_nights, restore

    night = published_nights(home)[0].folder
    later = night.with_name(f"{NEXT_NIGHT}-{night.name[11:]}")
    shutil.copytree(night, later)
    restore(home, NEXT_NIGHT, lambda feeds: None)
    assert len(command("warehouse", "list").stdout.splitlines()) == 3
    done = command("warehouse", "restore", NIGHT.isoformat())
    assert f"readers see the night of {NIGHT} again" in done.stdout
    assert home.published.resolve().parent == night

    # A second run of the newest night that turned out bad.
    bad = night.with_name(f"{NEXT_NIGHT}-bad")
    shutil.copytree(night, bad)
    restore(home, NEXT_NIGHT, lambda feeds: None, "bad")
    undone = command("warehouse", "restore", NEXT_NIGHT.isoformat(), "--run", later.name[11:14])
    assert f"the night of {NEXT_NIGHT} again (run {later.name[11:]})" in undone.stdout
    assert home.published.resolve().parent == later
    assert "no run begins with 'x'" in command("warehouse", "restore", NEXT_NIGHT.isoformat(), "--run", "x").stderr


def test_rejects_are_listed_with_line_column_and_reason_and_protected_values_masked(
    feed_folder: Path, home: Home
) -> None:
    (feed_folder / "extract.csv").write_text("id,name\n1,Ann\nx,Bob\n3,Charlotte\n4\n")
    pull_things(NIGHT)
    done = command("rejects", "tests", "things")
    assert done.exit_code == 0
    assert "landing\t3\tid\tx\t" in done.stdout
    assert "landing\t5\t\t\ttoo few columns" in done.stdout
    assert "gate\t4\tname\t•••\t" in done.stdout
    assert "3 rejects of tests/things, night of 2026-11-20" in done.stdout
    assert "Charlotte" not in done.stdout
    limited = command("rejects", "tests", "things", "--limit", "1").stdout
    assert "3 rejects of tests/things, night of 2026-11-20; the first 1 are shown" in limited
    whole = home.root / "for the agency.csv"
    assert "3 rejects" in command("rejects", "tests", "things", "--csv", str(whole)).stdout
    assert "Charlotte" in whole.read_text()
    assert command("rejects", "tests", "things", "--extract-date", "2026-11-19").exit_code == 1


def test_no_reject_is_a_formula_in_a_spreadsheet(feed_folder: Path, home: Home) -> None:
    wrong = ["=HYPERLINK(1)", "+1", "-1x", "@SUM(1)", "\t=1", "'=1", "a=1", "\x1b[2J"]
    (feed_folder / "extract.csv").write_text("id,name\n" + "".join(f"{value},x\n" for value in wrong))
    pull_things(NIGHT)
    whole = home.root / "for the agency.csv"
    command("rejects", "tests", "things", "--csv", str(whole))
    with whole.open(newline="") as file:
        values = [row["id"] for row in csv.DictReader(file)]
    # +1 is an integer, and its row a reject of the gate; a number is none to a spreadsheet's harm.
    assert values == ["'=HYPERLINK(1)", "'-1x", "'@SUM(1)", "'\t'=1", "'=1", "a=1", "\x1b[2J"]
    shown = command("rejects", "tests", "things").stdout
    assert "\x1b" not in shown
    assert "=HYPERLINK(1)" in shown


def test_a_steward_takes_a_refused_night_and_other_bytes_need_another_decision(feed_folder: Path, home: Home) -> None:
    extract = feed_folder / "extract.csv"
    extract.write_text("id,name\n1,Ann\nx,Bob\n")
    pull_things(NIGHT)
    assert recorded(home, NIGHT)["tests/things"].status == "refused"
    done = command("accept", "tests", "things", NIGHT.isoformat(), "--reason", "Bob is known to us")
    assert done.exit_code == 0
    assert "1 of 2 rows accepted by" in done.stdout
    decision = json.loads((home.state / "overrides.jsonl").read_text())
    assert decision["reason"] == "Bob is known to us"
    assert decision["steward"] and decision["decided_at"] and len(decision["original_sha256"]) == 64
    accepted = home.accepted / "tests" / "things" / NIGHT.isoformat() / "accepted.json"
    assert json.loads(accepted.read_text())["status"] == "accepted_by_steward"

    pull_things(NIGHT)
    again = recorded(home, NIGHT)["tests/things"]
    assert (again.status, again.rows_accepted, again.reason) == ("accepted_by_steward", 1, "Bob is known to us")

    extract.write_text("id,name\n1,Ann\n2,Eve\ny,Bob\n")
    pull_things(NIGHT)
    other = recorded(home, NIGHT)["tests/things"]
    assert (other.status, other.rows_accepted) == ("refused", 0)
    assert json.loads(accepted.read_text())["rows_sent"] == 2


def test_a_steward_refuses_an_accepted_night(feed_folder: Path, home: Home) -> None:
    for night, name in ((NIGHT, "Ann"), (NEXT_NIGHT, "Eve")):
        (feed_folder / "extract.csv").write_text(f"id,name\n1,{name}\n")
        pull_things(night)
    early = command("refuse", "tests", "things", NIGHT.isoformat(), "--reason", "r")
    assert (early.exit_code, "refuse the last one first" in early.stderr) == (1, True), early.output
    done = command("refuse", "tests", "things", NEXT_NIGHT.isoformat(), "--reason", "the wrong month")
    assert (done.exit_code, f"goes on with the rows of {NIGHT}" in done.stdout) == (0, True)
    assert recorded(home, NEXT_NIGHT)["tests/things"].reason == "the wrong month"
    assert "override" in command("ledger", "search", "--kind", "override").stdout
    row = next(line for line in command("status").stdout.splitlines() if "\tthings\t" in line)
    assert row.split("\t")[2:4] == [NEXT_NIGHT.isoformat(), "refused"]
    assert row.split("\t")[7] == NIGHT.isoformat(), "the rows in use"
    again = command("accept", "tests", "things", NEXT_NIGHT.isoformat(), "--reason", "it was right")
    assert (again.exit_code, "1 of 1 rows accepted by" in again.stdout) == (0, True)


def test_prune_keeps_the_last_good_night(feed_folder: Path, home: Home) -> None:
    (feed_folder / "extract.csv").write_text("id,name\n1,Ann\n")
    for night in (NIGHT, NEXT_NIGHT):
        pull_things(night)
    folder = home.landing / "tests" / "things"
    for manifest in folder.glob(".versions/*/manifest.json"):
        data = json.loads(manifest.read_text())
        data["started_at"] = "2020-01-01T00:00:00+00:00"
        manifest.write_text(json.dumps(data))
    assert "1 landed extracts, 0 superseded results and 0 builds removed" in command("prune").stdout
    assert [path.name for path in folder.glob("[0-9]*")] == [NEXT_NIGHT.isoformat()]
    assert "nothing" not in command("rejects", "tests", "things").stdout
    assert (home.accepted / "tests" / "things" / NIGHT.isoformat() / "rows.parquet").exists()


def test_the_command_as_a_process(interagency: Callable[..., CompletedProcess[str]], home: Home) -> None:
    done = interagency("run", "--agency", "moon", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_nothing_is_published_where_nothing_was_ever_accepted(interagency: Command, home: Home, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = interagency("run", INTERAGENCY_INBOX=str(tmp_path / "empty"))
    assert done.returncode == 1
    assert "NOT PUBLISHED" in done.stdout
    assert "nothing to publish" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not home.published.exists()
    assert (home.quality / "report" / "index.html").exists()


def test_a_setting_that_cannot_be_used_is_named(interagency: Command) -> None:
    done = interagency("run", INTERAGENCY_FEED_TIMEOUT_SECONDS="soon")
    assert (done.returncode, done.stdout) == (2, "")
    assert "INTERAGENCY_FEED_TIMEOUT_SECONDS is 'soon'" in done.stderr
