"""Landing: every record is accounted for, what is broken is named by its line, and its neighbours stay."""

import hashlib
import json
from datetime import date
from pathlib import Path

import pytest

from nights.folders import landed_folder
from nights.pulling.one_feed import land_night
from sources.arrival.manifest import MANIFEST, Manifest
from sources.contract.load import load
from sources.contract.reading.odcs import ContractError
from sources.errors import ExtractError
from sources.formats.delimited.fields import MAX_RECORD_BYTES
from sources.landing.land_extract import land_extract
from tests.conftest import NEXT_NIGHT, NIGHT, Feed, columns
from tests.sources.landed import land, land_bytes, read_back, text_columns
from warehouse.home import Home

AB = Feed(text_columns("a", "b"))
NUMBERED = Feed(["{name: a, logicalType: integer, primaryKey: true}", "{name: b, logicalType: string}"])


def refused(folder: Path, content: str | bytes, feed: Feed = AB, extract_date: date = NIGHT) -> str:
    """Why an extract cannot be landed; nothing that looks like an extract is left."""
    with pytest.raises(ExtractError) as caught:
        land(folder, content, feed, extract_date)
    assert not list(folder.rglob(MANIFEST))
    return str(caught.value)


def test_the_manifest_tells_what_arrived(tmp_path: Path) -> None:
    content = b"a,b\r\n1,2\r\n3\r\n"
    landed = land(tmp_path, content, AB)
    kept = landed.folder / landed.manifest.originals[0].path
    assert kept.read_bytes() == content
    assert landed.manifest.original_sha256 == hashlib.sha256(content).hexdigest()
    assert landed.manifest.originals[0].bytes == len(content)
    assert (landed.manifest.agency, landed.manifest.feed, landed.manifest.extract_date) == ("tests", "things", NIGHT)
    assert (landed.manifest.rows_sent, landed.manifest.rows_landed, landed.manifest.rows_rejected) == (2, 1, 1)
    assert landed.manifest.started_at <= landed.manifest.finished_at
    assert landed.manifest.contract_sha256 == load(AB.write(tmp_path)).fingerprint


def test_a_clean_file_has_no_rejects(tmp_path: Path) -> None:
    landed = land(tmp_path, "a,b\n1,x\n2,\n", AB)
    assert landed.rows == [{"a": "1", "b": "x"}, {"a": "2", "b": None}]
    assert landed.rejects == []


# name: content, lines of the structural rejects, keys of the rows that land
BROKEN = {
    "too few columns": ("a,b\n1,x\n2\n3,z\n", [3], ["1", "3"]),
    "too many columns": ("a,b\n1,x\n2,y,z\n3,z\n", [3], ["1", "3"]),
    "text after a closing quote": ('a,b\n1,x\n2,"y"z\n3,z\n', [3], ["1", "3"]),
    "first row": ("a,b\n1\n2,y\n", [2], ["2"]),
    "last row without a line end": ("a,b\n1,x\n2,y,z", [3], ["1"]),
    "rows on end": ("a,b\n1,x\n2\n3\n4\n5,y\n", [3, 4, 5], ["1", "5"]),
    "after a field of several lines": ('a,b\n1,"x\ny\nz"\n2\n3,z\n', [5], ["1", "3"]),
    "after blank lines": ("a,b\n\n1,x\n\n\n2\n3,z\n", [6], ["1", "3"]),
    "CRLF": ("a,b\r\n1,x\r\n2\r\n3,z\r\n", [3], ["1", "3"]),
    "CRLF, blank lines and a field of several lines": ('a,b\r\n1,"x\r\ny"\r\n\r\n2\r\n3,z\r\n', [5], ["1", "3"]),
    "byte order mark": ("\ufeffa,b\n1,x\n2\n3,z\n", [3], ["1", "3"]),
    "header of several lines": ('a,"b"\n1,x\n2\n3,z\n', [3], ["1", "3"]),
    "letters of several bytes before": ("a,b\n1,äöü€😀\n2\n3,z\n", [3], ["1", "3"]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_record_of_another_shape_is_named_by_its_line_and_its_neighbours_stay(name: str, tmp_path: Path) -> None:
    content, lines, keys = BROKEN[name]
    landed = land(tmp_path, content, AB)
    assert landed.reject_lines == lines
    assert [row["a"] for row in landed.rows] == keys
    assert {reject["rule"] for reject in landed.rejects} == {"structure"}
    assert all(reject["record"] and reject["reason"] for reject in landed.rejects)


# name: content, lines of the rejects by type and by structure
FAULTY = {
    "plain": ("a,b\n1,x\nno,y\n3,z\n", [3]),
    "after a field of several lines": ('a,b\n1,"x\ny\nz"\nno,y\n3,z\n', [5]),
    "of several lines itself": ('a,b\n1,x\nno,"y\nz"\nnor,y\n', [3, 5]),
    "after blank lines": ("a,b\n\n1,x\n\n\nno,y\n3,z\n", [6]),
    "after a structural reject": ("a,b\n1\nno,y\n3,z\n4,5,6\nnor,y\n", [2, 3, 5, 6]),
    "after a structural reject and several lines": ('a,b\n1\n2,"x\n\ny"\nno,y\n4,5,6\nnor,y\n', [2, 6, 7, 8]),
    "CRLF": ('a,b\r\n1,"x\r\ny"\r\n\r\nno,y\r\n2\r\nnor,y', [5, 6, 7]),
    "byte order mark": ("\ufeffa,b\n1,x\nno,y\n", [3]),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_text_of_another_type_is_named_by_its_line(name: str, tmp_path: Path) -> None:
    content, lines = FAULTY[name]
    landed = land(tmp_path, content, NUMBERED)
    assert landed.reject_lines == lines
    by_type = [reject for reject in landed.rejects if reject["rule"] == "type"]
    assert {reject["value"] for reject in by_type} <= {"no", "nor"}
    assert {reject["column"] for reject in by_type} == {"a"}


def test_bytes_that_are_not_utf8_cost_only_their_row(tmp_path: Path) -> None:
    landed = land(tmp_path, b"a,b\n1,x\n2,\xff\xfe\n3,z\n", AB)
    assert [row["a"] for row in landed.rows] == ["1", "3"]
    assert landed.reject_lines == [3]
    assert "UTF-8" in landed.rejects[0]["reason"]


def test_bytes_that_are_not_utf8_in_the_header_are_told(tmp_path: Path) -> None:
    assert "declare the encoding" in refused(tmp_path, b"a,b\xff\n1,x\n")


def test_a_record_that_is_too_long_costs_only_itself(tmp_path: Path) -> None:
    long, too_long = "y" * (MAX_RECORD_BYTES - 100), "y" * (MAX_RECORD_BYTES + 100)
    landed = land(tmp_path, f"a,b\n1,{long}\n2,{too_long}\n3,z\n4,{too_long * 2}\n", AB)
    assert [row["a"] for row in landed.rows] == ["1", "3"]
    assert landed.reject_lines == [3, 5]


def test_a_line_without_end_is_told(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match=r"line 3 is longer than \d+ bytes"):
        land(tmp_path, f"a,b\n1,x\n2,{'y' * 70_000_000}\n3,z\n", AB)


def test_one_column_has_rows_without_a_value(tmp_path: Path) -> None:
    feed = Feed(["{name: a, logicalType: integer, primaryKey: true}"])
    landed = land(tmp_path, "a\n1\n\nno\n4\n", feed)
    assert [row["a"] for row in landed.rows] == [1, None, 4]
    assert landed.reject_lines == [4]
    landed = land(tmp_path, 'a\n"1"\n\nno\n""\n4\n', feed)
    assert [row["a"] for row in landed.rows] == [1, None, None, 4]
    assert landed.reject_lines == [4]


@pytest.mark.parametrize("content", ["a,b\n", "a,b", "a,b\r\n", "\ufeffa,b\n"])
def test_a_header_alone_is_an_extract_of_no_rows(content: str, tmp_path: Path) -> None:
    landed = land(tmp_path, content, AB)
    assert (landed.manifest.rows_sent, landed.rows, landed.rejects) == (0, [], [])


def test_headers_that_are_no_headers_are_told(tmp_path: Path) -> None:
    assert "the file is empty" in refused(tmp_path, "")
    assert "names b more than once" in refused(tmp_path, "a,b,b\n1,2,3\n")
    assert "column 2 of the header has no name" in refused(tmp_path, "a,,b\n1,2,3\n")
    assert "the header names no column" in refused(tmp_path, ",,\n1,2,\n")


def test_a_missing_column_is_told_with_the_new_ones(tmp_path: Path) -> None:
    reason = refused(tmp_path, "a,c\n1,2\n")
    assert reason.startswith(
        "extract.csv: line 1: the header has no b (columns the contract does not know: 1 not shown here)"
    )
    assert "ask Agency of Tests" in reason


def test_a_header_in_other_letters_is_another_header(tmp_path: Path) -> None:
    assert "has no b" in refused(tmp_path, "a,B\n1,2\n")


def test_columns_may_come_in_another_order(tmp_path: Path) -> None:
    landed = land(tmp_path, "b,a\nx,1\ny,2\n", AB)
    assert [row["a"] for row in landed.rows] == ["1", "2"]


@pytest.mark.parametrize("text", ["a,new,b\n1,n,x\n", "a,b,new\n1,x,n\n", "new,a,b\nn,1,x\n", "a,b,A\n1,x,n\n"])
def test_columns_that_the_contract_does_not_know_are_named_and_left_out(text: str, tmp_path: Path) -> None:
    if ",A" in text:
        assert "capital letters" in refused(tmp_path, text, AB)
        return
    landed = land(tmp_path, text, AB)
    assert landed.manifest.extra_columns == ["new"]
    assert landed.rows == [{"a": "1", "b": "x"}]


def test_nor_are_they_in_a_reject(tmp_path: Path) -> None:
    feed = Feed(["{name: a, logicalType: integer, primaryKey: true}", "{name: b, logicalType: string}"])
    landed = land(tmp_path, "a,b,parent\n1,x,p1\nno,y,p2\n3,z,\n", feed)
    assert [row["a"] for row in landed.rows] == [1, 3]
    assert [json.loads(reject["record"]) for reject in landed.rejects] == [{"a": "no", "b": "y"}]
    assert set(landed.rows[0]) == {"a", "b"}


@pytest.mark.parametrize("name", ["_row", "_faults", "_record", "file_row_number", "FILE_ROW_NUMBER"])
def test_a_new_column_may_not_take_a_name_of_the_platform(name: str, tmp_path: Path) -> None:
    assert "for itself" in refused(tmp_path, f"a,b,{name}\n1,2,3\n")


def test_a_new_column_does_not_take_the_name_of_another(tmp_path: Path) -> None:
    feed = Feed(["{name: a, physicalName: key, logicalType: string, primaryKey: true}"])
    assert land(tmp_path, "key,A\n1,2\n", feed).rows == [{"a": "1"}]


def test_columns_may_have_any_name(tmp_path: Path) -> None:
    names = [
        "line", "faults", "record", "position", "rule", "value", "reason", "place", "select", 'a "b"', "a'b",
        "ä ö",
    ]  # fmt: skip
    names += ["x;y", "fault", "a.b", "$1", "%s", "{}", "rowid", "filename"]
    named = [f"{{name: '{name.replace(chr(39), chr(39) * 2)}', logicalType: integer}}" for name in names]
    feed = Feed(["{name: n, logicalType: integer, primaryKey: true}", *named])
    header = ",".join(["n", *('"' + name.replace('"', '""') + '"' for name in names)])
    content = "\n".join([header, ",".join(["1"] * (len(names) + 1)), ",".join(["2", *["no"] * len(names)]), ""])
    landed = land(tmp_path, content, feed)
    assert landed.rows == [dict.fromkeys(["n", *names], 1)]
    assert [fault["column"] for fault in landed.rejects[0]["faults"]] == names


def test_names_of_the_agency_become_names_of_the_contract_also_crosswise(tmp_path: Path) -> None:
    feed = Feed(columns(a="integer, physicalName: b", b="string, physicalName: a"))
    landed = land(tmp_path, "a,b\nx,1\ny,no\nz,3\n", feed)
    assert landed.rows == [{"b": "x", "a": 1}, {"b": "z", "a": 3}]
    assert (landed.rejects[0]["column"], landed.rejects[0]["value"], landed.rejects[0]["line"]) == ("a", "no", 3)


def test_other_delimiters_and_quotes(tmp_path: Path) -> None:
    semicolon = Feed(text_columns("a", "b"), options={"delimiter": "';'", "quote": '"\'"'})
    assert land(tmp_path, "a;b\n1;'x;y''z'\n", semicolon).rows == [{"a": "1", "b": "x;y'z"}]
    tabs = Feed(text_columns("a", "b"), format="tsv")
    assert land(tmp_path, "a\tb\n1\tx,y\n", tabs).rows == [{"a": "1", "b": "x,y"}]


def test_a_format_that_nothing_reads_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"format: is 'pdf'; write one of csv"):
        load(Feed(text_columns("a", "b"), format="pdf").write(tmp_path))


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "iso-8859-15"])
def test_a_declared_encoding_is_read(encoding: str, tmp_path: Path) -> None:
    content = 'a,b\n1,Müller\n2\n3,"é\nè"\nno,x\n'.encode(encoding)
    feed = Feed(NUMBERED.properties, encoding=encoding)
    landed = land(tmp_path, content, feed)
    assert [row["b"] for row in landed.rows] == ["Müller", "é\nè"]
    assert landed.reject_lines == [3, 6]
    assert (landed.folder / landed.manifest.originals[0].path).read_bytes() == content


def test_an_encoding_that_is_not_the_files_is_told(tmp_path: Path) -> None:
    assert "is not utf-16" in refused(tmp_path, b"a,b\n1,x\n2", Feed(text_columns("a", "b"), encoding="utf-16"))
    declared = Feed(text_columns("a", "b"), encoding="cp1252")
    told = refused(tmp_path, "a,b\n1,Zoë\n2,Łódź\n".encode(), declared)
    assert "line 2: the file is in UTF-8, but the contract says cp1252" in told


def test_a_byte_that_is_not_in_the_encoding_costs_only_its_row(tmp_path: Path) -> None:
    landed = land(tmp_path, b"a,b\n1,\x81\n2,\xe9\n", Feed(text_columns("a", "b"), encoding="cp1252"))
    assert (landed.rows, landed.reject_lines) == ([{"a": "2", "b": "é"}], [2])
    assert landed.rejects[0]["record"] == "1,\\x81"


def test_a_missing_file_is_told_with_its_path_and_whom_to_ask(tmp_path: Path) -> None:
    contract = load(AB.write(tmp_path))
    with pytest.raises(ExtractError, match=r"extract\.csv is not there; ask Agency of Tests"):
        land_extract(contract, tmp_path / "landed")
    with pytest.raises(ExtractError, match="is not a file"):
        land_extract(contract, tmp_path / "again", str(tmp_path))


def test_a_server_that_nothing_serves_is_told(tmp_path: Path) -> None:
    path = AB.write(tmp_path)
    path.write_text(path.read_text().replace("type: local", "type: ftp").replace("path: extract", "location: extract"))
    path.write_text(path.read_text().replace("type: ftp", "type: custom"))
    with pytest.raises(ContractError, match="'custom' has no connector; use one of"):
        load(path)


def test_the_date_in_the_name_must_be_the_nights(tmp_path: Path) -> None:
    def feed(path: str) -> Feed:
        return Feed(text_columns("a", "b"), path=path, custom={"extractDateFrom": r"'name _(\d{4}-?\d{2}-?\d{2})'"})

    assert land(tmp_path, "a,b\n", feed("x_20261120.csv")).manifest.rows_sent == 0
    assert land(tmp_path, "a,b\n", feed("x_2026-11-20.csv")).manifest.rows_sent == 0
    for name, words in {"x_20261119.csv": "is of 20261119, not of 2026-11-20", "x.csv": "states no date"}.items():
        with pytest.raises(ExtractError, match=words):
            land(tmp_path, "a,b\n", feed(name))


def test_the_date_in_a_column_must_be_the_nights(tmp_path: Path) -> None:
    feed = Feed(columns(a="string", day="date, classification: public"), custom={"extractDateFrom": "column day"})
    assert len(land(tmp_path, "a,day\n1,2026-11-20\n2,2026-11-20\n", feed).rows) == 2
    with pytest.raises(ExtractError, match=r"1 rows have another day than 2026-11-20 \(the earliest 2026-11-19\)"):
        land(tmp_path, "a,day\n1,2026-11-20\n2,2026-11-19\n", feed)
    with pytest.raises(ExtractError, match="1 rows have another day than 2026-11-20;"):
        land(tmp_path, "a,day\n1,2026-11-20\n2,\n", feed)


def test_a_night_landed_twice_shows_the_last_and_keeps_both(home: Home, tmp_path: Path) -> None:
    path = AB.write(tmp_path)
    extract = path.parent / "extract.csv"
    contract = load(path)
    for content in ("a,b\n1,x\n", "a,b\n1,x\n2,y\n"):
        extract.write_text(content)
        land_night(contract, home, NIGHT)
    night = landed_folder(contract, home, NIGHT)
    assert [row["a"] for row in read_back(night.resolve()).rows] == ["1", "2"]
    attempts = list(night.parent.glob(".versions/*"))
    assert sorted(Manifest.read(attempt).rows_sent for attempt in attempts) == [1, 2]


def test_a_night_that_does_not_land_leaves_the_last_one(home: Home, tmp_path: Path) -> None:
    path = AB.write(tmp_path)
    contract = load(path)
    (path.parent / "extract.csv").write_text("a,b\n1,x\n")
    land_night(contract, home, NIGHT)
    (path.parent / "extract.csv").write_text("")
    for night in (NIGHT, NEXT_NIGHT):
        with pytest.raises(ExtractError, match="the file is empty"):
            land_night(contract, home, night)
    assert Manifest.read(landed_folder(contract, home, NIGHT)).rows_sent == 1
    assert not landed_folder(contract, home, NEXT_NIGHT).exists()
    assert len(list(landed_folder(contract, home, NIGHT).parent.glob(".versions/*"))) == 1


def test_a_large_file_keeps_its_order(tmp_path: Path) -> None:
    """More than one of the engine's row groups, with faults far apart."""
    lines = [f"{number},{'x' * 20}" for number in range(1, 200_001)]
    lines[77_777] = "no,x"
    lines[150_000] = "1,2,3"
    contract = load(NUMBERED.write(tmp_path))
    landed = land_bytes(contract, tmp_path, "\n".join(["a,b", *lines, ""]).encode())
    assert landed.reject_lines == [77_779, 150_002]
    kept = [row["a"] for row in landed.rows]
    assert kept == sorted(kept)
    assert len(kept) == 199_998


def test_a_file_that_ends_in_a_broken_record_says_that_it_may_be_cut_off(tmp_path: Path) -> None:
    for last in ("9,", "9"):
        landed = land(tmp_path, "a,b,c\n1,x,y\n2,x,y\n" + last, Feed(text_columns("a", "b", "c")))
        assert landed.reject_lines == [4]
        assert "the file ends here without a line end, as where it was cut off" in landed.rejects[0]["reason"]


def test_a_quote_that_swallows_lines_costs_only_its_own(tmp_path: Path) -> None:
    """Whether the quote is a letter of its value or opens one of several lines cannot be told for two words of text."""
    landed = land(tmp_path, 'a,b\n1,x\n2,"y"z,\n3,z\n4,"z\n5,"a ""b"\n', AB)
    assert [row["a"] for row in landed.rows] == ["1", "3", "4", "5"]
    assert landed.reject_lines == [3]


def test_names_that_differ_in_capital_letters_alone(tmp_path: Path) -> None:
    feed = Feed(columns(a="string, physicalName: ID", b="string, physicalName: id"))
    with pytest.raises(ExtractError, match="ID, id differ in capital letters alone"):
        land(tmp_path, "ID,id\n1,2\n", feed)
