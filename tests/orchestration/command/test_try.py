"""`interagency try`: one extract landed and gated by its contract alone, beside and without the platform's own data."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import Result

from sources.contract.load import load_anywhere
from sources.landing.land_extract import land_extract
from tests.conftest import Feed, columns
from tests.orchestration.conftest import command
from warehouse.home import Home

FEED = Feed(columns(id="integer", age="integer, logicalTypeOptions: {minimum: 0}"), threshold="50 %")
ROWS = "id,age\n1,30\n2,-1\n3,old\n4\n5,50\n6,60\n"


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    """A contract in a folder and under a name that no feed of the platform could have."""
    written = FEED.write(tmp_path)
    (written.parent / FEED.path).write_text(ROWS)
    place = tmp_path / "From the Agency (2)"
    written.parent.rename(place)
    return (place / written.name).rename(place / "Things v2.yaml")


def tried(*arguments: object) -> Result:
    return command("try", *map(str, arguments))


def test_every_record_is_told_of(contract: Path, tmp_path: Path, home: Home) -> None:
    out = tmp_path / "out"
    done = tried(contract, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert told["accepted"] is True
    assert told["rows"] == {
        "sent": 6, "landed": 4, "accepted": 3, "rejected_at_landing": 2, "rejected_at_gate": 1,
    }  # fmt: skip
    found = {(item["step"], item["column"], item["records"]) for item in told["rejects"]}
    assert found == {("landing", None, 1), ("landing", "age", 1), ("gate", "age", 1)}
    rows = pq.read_table(out / "rows.parquet").to_pylist()
    assert [(row["id"], row["age"]) for row in rows] == [(1, 30), (5, 50), (6, 60)]
    rejects = pq.read_table(out / "rejects.parquet").to_pylist()
    places = [(item["step"], item["line"], item["row"], item["value"]) for item in rejects]
    assert places == [("gate", 3, 2, "-1"), ("landing", 4, None, "old"), ("landing", 5, None, None)]
    assert json.loads((out / "manifest.json").read_text())["rows_sent"] == 6
    assert sorted(path.name for path in out.iterdir()) == ["manifest.json", "rejects.parquet", "rows.parquet"]
    assert not home.root.exists()


def test_it_is_told_in_words(contract: Path) -> None:
    output = tried(contract).output
    assert "6 sent, 4 landed, 3 accepted, 2 rejected at landing, 1 rejected at gate" in output
    assert "landing\ttype\tage\t1\tnot a whole number (BIGINT)" in output
    assert "rows rejected: age_minimum: age must be >= 0" in output
    assert "error" not in output, "it is accepted"


def test_a_refused_extract_ends_with_1(contract: Path, tmp_path: Path) -> None:
    worse = tmp_path / "worse.csv"
    worse.write_text("id,age\n1,-1\n2,-1\n3,3\n")
    done = tried(contract, "--location", worse)
    assert done.exit_code == 1
    assert "REFUSED: " in done.output
    assert tried(contract, "--location", tmp_path / "not there.csv").exit_code == 1
    other = json.loads(tried(contract, "--location", contract, "--json").output)
    assert other["accepted"] is False
    assert "the header has no" in other["reasons"][0]


def test_a_wrong_use_ends_with_2(tmp_path: Path) -> None:
    assert tried(tmp_path / "none.yaml").exit_code == 2
    broken = tmp_path / "broken.yaml"
    broken.write_text("kind: DataContract\n")
    assert tried(broken).exit_code == 2


def test_a_place_is_of_the_person_who_names_it(contract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path starts where the person is; the contract's own starts beside the contract."""
    (tmp_path / "here.csv").write_text("id,age\n1,1\n")
    monkeypatch.chdir(tmp_path)
    known = load_anywhere(contract)
    assert land_extract(known, tmp_path / "a", "here.csv").rows_sent == 1
    assert land_extract(known, tmp_path / "b", (tmp_path / "here.csv").as_uri()).rows_sent == 1
    assert land_extract(known, tmp_path / "c").rows_sent == 6


ESCAPES = "\x1b[2J\x9b1m\u202e"


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_a_heading_moves_no_cursor(option: tuple[str, ...], contract: Path, tmp_path: Path) -> None:
    sent = tmp_path / "sent.csv"
    sent.write_text(f"id,age,new{ESCAPES}\n1,30,x\n2,old,{ESCAPES}\n", encoding="utf-8")
    shown = tried(contract, "--location", sent, *option).output
    assert "new" in shown
    assert not set(ESCAPES[:1] + ESCAPES[4:5] + ESCAPES[-1]) & set(shown)
    if option:
        assert json.loads(shown)["extra_columns"] == [f"new{ESCAPES}"]


def test_a_heading_of_a_sample_moves_no_cursor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERAGENCY_SOURCES", str(tmp_path / "feeds"))
    sample, header = tmp_path / "s.json", f"home{ESCAPES}"
    sample.write_text(json.dumps([{"id": number, header: {"town": "A"}} for number in range(3)]))
    arguments = ["new-feed", str(sample), "--agency", "a", "--feed", "f", "--into", str(tmp_path / "feeds")]
    done = command(*arguments)
    assert done.exit_code == 0, done.output
    assert "Unsure: home" in done.output
    assert not set(ESCAPES[:1] + ESCAPES[4:5] + ESCAPES[-1]) & set(done.output)
    drafted = (tmp_path / "feeds" / "a" / "f.odcs.yaml").read_text(encoding="utf-8")
    assert not set(ESCAPES[:1] + ESCAPES[4:5] + ESCAPES[-1]) & set(drafted)
