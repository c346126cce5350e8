"""Rejects as files for the agency: its own layout, its own forms of dates and numbers, every one of them, and no formula."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from expectations.gate import run_gate
from nights.folders import landed_folder, night_folder
from nights.record.rejects import rejects_of
from reports.figures import rejected
from reports.figures.no_formulas import defused
from reports.figures.rejected import forget_sent_back, reasons, write_all, write_back
from tests.conftest import NIGHT, Feed
from tests.nights.gated import gated
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.numbers_for_people import MASK

FEED = Feed(
    [
        "{name: id, physicalName: 'N/R ~1', logicalType: string, primaryKey: true}",
        "{name: amount, physicalName: BETRAG, logicalType: number, physicalType: 'DECIMAL(9,2)', logicalTypeOptions: {minimum: 0}, classification: personal}",
        "{name: paid_on, physicalName: 'am\"tag', logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}}",
        "{name: note, logicalType: string, classification: public}",
    ],
    options={"nullValues": "[NA]", "delimiter": '";"', "decimalSeparator": '","'},
)
HEADER = '"N/R ~1";BETRAG;"am""tag";note'
LINES = [
    "1;10,50;01.02.2026;fine", "2;-7,25;03.02.2026;=1+1", "3;ten;04.02.2026;+cmd", "4;1,00;05.02.2026;a;b",
    "5;-1;06.02.2026;ok",
    "6;-6942,60;07.02.2026;'",
]  # fmt: skip


def sent_back(home: Home, tmp_path: Path, lines: list[str]) -> tuple[list[Path], list[dict[str, str]]]:
    night = gated(tmp_path, home, "\n".join([HEADER, *lines]) + "\n", FEED)
    found = write_back(night.contract, home, NIGHT)
    assert found is not None
    rows = [row for file in found.files for row in csv.DictReader(file.open(encoding="utf-8"), delimiter=";")]
    assert len(rows) == found.written
    return list(found.files), rows


def test_a_reject_goes_back_as_the_agency_wrote_it_with_the_reason(home: Home, tmp_path: Path) -> None:
    (file,), rows = sent_back(home, tmp_path, LINES)
    assert file.stat().st_mode & 0o077 == 0
    assert list(rows[0]) == ["N/R ~1", "BETRAG", 'am"tag', "note", "_line", "_reason", "_as_sent"]
    by_key = {row["N/R ~1"] or row["_as_sent"][:1]: row for row in rows}
    assert by_key["2"]["BETRAG"] == "-7,25"
    assert by_key["2"]['am"tag'] == "03.02.2026"
    assert by_key["2"]["note"] == "'=1+1"
    assert by_key["2"]["_reason"].startswith("amount: must be")
    assert by_key["3"]["BETRAG"] == "ten"
    assert by_key["3"]["note"] == "'+cmd"
    assert by_key["3"]["_line"] == "4"
    assert by_key["4"]["_as_sent"] == LINES[3]
    assert by_key["5"]["BETRAG"] == "-1", "not -1,00: as it was sent"
    assert by_key["6"]["BETRAG"] == "-6942,60"
    assert [row["_line"] for row in rows] == ["3", "4", "5", "6", "7"], "of both steps, by line"


def test_a_command_writes_the_file_that_a_steward_sends_back(home: Home, tmp_path: Path) -> None:
    night = gated(tmp_path, home, "\n".join([HEADER, *LINES]) + "\n", FEED)
    found = write_back(night.contract, home, NIGHT)
    relation = rejects_of(night.contract, home, NIGHT)
    assert found and relation
    assert write_all(night.contract, relation, tmp_path / "all.csv") == 5
    assert (tmp_path / "all.csv").read_bytes() == found.files[0].read_bytes()
    assert (tmp_path / "all.csv").stat().st_mode & 0o077 == 0


def test_what_cannot_be_read_again_goes_back_without_a_line(home: Home, tmp_path: Path) -> None:
    night = gated(tmp_path, home, "\n".join([HEADER, *LINES]) + "\n", FEED)
    (original,) = (landed_folder(night.contract, home, NIGHT) / "original").iterdir()
    original.write_text(HEADER + "\n")
    run_gate(night.contract, home, NIGHT)
    found = write_back(night.contract, home, NIGHT)
    assert found is not None
    rows = list(csv.DictReader(found.files[0].open(encoding="utf-8"), delimiter=";"))
    assert [(row["_line"], row['am"tag']) for row in rows] == [
        ("4", "04.02.2026"),
        ("5", ""),
        ("", "03.02.2026"),
        ("", "06.02.2026"),
        ("", "07.02.2026"),
    ]


def test_a_file_has_the_letters_of_the_agency(home: Home, tmp_path: Path) -> None:
    agency = replace(FEED, encoding="windows-1252")
    night = gated(tmp_path, home, f"{HEADER}\n2;-7,25;03.02.2026;Kõiv €\n", agency)
    found = write_back(night.contract, home, NIGHT)
    assert found is not None
    assert "Kõiv €" in found.files[0].read_text(encoding="cp1252")


def test_values_of_protected_columns_are_not_shown_as_examples(home: Home, tmp_path: Path) -> None:
    night = gated(tmp_path, home, "\n".join([HEADER, *LINES]) + "\n", FEED)
    found = {(item.step, item.column): item for item in reasons(night.contract, home, NIGHT)}
    assert found["landing", "amount"].example == MASK
    assert found["gate", "amount"].records == 3
    assert found["gate", "amount"].example == MASK


def test_more_rejects_than_a_spreadsheet_opens_are_several_files_and_not_without_end(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejected, "ROWS_A_FILE", 3)
    monkeypatch.setattr(rejected, "MOST_FILES", 2)
    files, rows = sent_back(home, tmp_path, [f"{number};x;01.02.2026;n" for number in range(20)])
    assert [file.name for file in files] == [f"tests__things-{NIGHT}-1.csv", f"tests__things-{NIGHT}-2.csv"]
    assert [row["_line"] for row in rows] == ["2", "3", "4", "5", "6", "7"]


def test_fewer_rejects_than_before_leave_no_file_of_before(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejected, "ROWS_A_FILE", 2)
    sent_back(home, tmp_path, LINES)
    assert len(list((home.sent_back / str(NIGHT)).iterdir())) == 3
    sent_back(home, tmp_path, LINES[:2])
    assert [path.name for path in (home.sent_back / str(NIGHT)).iterdir()] == [f"tests__things-{NIGHT}.csv"]


def test_files_go_with_what_they_were_made_from(home: Home, tmp_path: Path) -> None:
    night = gated(tmp_path, home, "\n".join([HEADER, *LINES]) + "\n", FEED)
    among_pages = night_folder(home, NIGHT) / "rejects"
    among_pages.mkdir(parents=True)
    (among_pages / "of an earlier version.csv").write_text("x")
    write_back(night.contract, home, NIGHT)
    folder = home.sent_back / str(NIGHT)
    forget_sent_back([night.contract], home)
    assert len(list(folder.iterdir())) == 1
    assert not among_pages.exists()
    landed_folder(night.contract, home, NIGHT).unlink()
    forget_sent_back([night.contract], home)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        (" =1+1", "' =1+1"),
        ("\ufeff=1+1", "'\ufeff=1+1"),
        ("\t@x", "'\t'@x"),
        ('x,=HYPERLINK("a")', 'x,\'=HYPERLINK("a")'),
        ('x;"@y', "x;\"'@y"),
        ("-7,25", "-7,25"),
        ("+1.5", "+1.5"),
        ("Kask, Mari", "Kask, Mari"),
        ("a-b=c", "a-b=c"),
    ],
)
def test_no_cell_is_a_formula_whatever_the_separator(text: str, shown: str) -> None:
    with open_database() as connection:
        assert connection.execute(f"SELECT {defused('$1')}", [text]).fetchone() == (shown,)


def test_a_clean_night_has_nothing_to_send_back(home: Home, tmp_path: Path) -> None:
    night = gated(tmp_path, home, f"{HEADER}\n{LINES[0]}\n", FEED)
    assert write_back(night.contract, home, NIGHT) is None
    assert reasons(night.contract, home, NIGHT) == []
