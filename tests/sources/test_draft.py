"""Drafting a contract from a sample: dialect, types, key, codes, identifiers, protection."""

import json
import random
import time
from pathlib import Path

import pytest
from stdnum.ee import ik
from stdnum.gb import nhs

from sources.draft.columns.identifier_kind import identifier_kinds
from sources.draft.columns.sampled_columns import DraftColumn, draft_columns
from sources.draft.opening.open_sample import opened
from sources.errors import ExtractError

ROWS = 300
CHANCE = random.Random(7)


def national_number() -> str:
    day = f"{CHANCE.randint(40, 99)}{CHANCE.randint(1, 12):02}{CHANCE.randint(1, 28):02}{CHANCE.randint(0, 999):03}"
    number = f"{CHANCE.choice('34')}{day}"
    return number + str(ik.calc_check_digit(number + "0"))


def health_number() -> str:
    while True:
        number = f"{CHANCE.randint(400000000, 499999999)}"
        digit = str((11 - nhs.checksum(number + "0")) % 11)
        if digit.isdigit() and len(digit) == 1:
            return number + digit


def drafted(path: Path) -> dict[str, DraftColumn]:
    with opened(str(path)) as sample:
        return {column.name: column for column in draft_columns(sample)}


def write(path: Path, header: str, rows: list[str], encoding: str = "utf-8") -> Path:
    path.write_bytes("\r\n".join([header, *rows, ""]).encode(encoding))
    return path


def test_a_european_file_is_understood(tmp_path: Path) -> None:
    rows = [
        f"{number};{national_number()};{'Jüri' if number % 2 else 'Õnne'};{number % 9 + 1}.{number % 800 + 100},50;{number % 28 + 1:02}.03.2026;"
        f"{['A', 'B', 'C'][number % 3]};{'NA' if number % 10 == 0 else number}"
        for number in range(ROWS)
    ]
    path = write(tmp_path / "s.csv", "Juhtumi nr;Isikukood;Eesnimi;Summa €;Sünniaeg;Staatus;Punkte", rows, "cp1252")
    with opened(str(path)) as sample:
        assert (sample.server.delimiter, sample.server.encoding) == (";", "cp1252")
        assert sample.server.options == {
            "delimiter": ";", "nullValues": ["NA"], "decimalSeparator": ",", "thousandsSeparator": ".",
        }  # fmt: skip
    columns = drafted(path)
    assert list(columns) == ["juhtumi_nr", "isikukood", "eesnimi", "summa", "suenniaeg", "staatus", "punkte"]
    assert [name for name, column in columns.items() if column.is_key] == ["juhtumi_nr"]
    assert (columns["isikukood"].identifiers[0], columns["isikukood"].logical_type) == ("ee.ik", "string")
    assert columns["summa"].physical_type == "DECIMAL(12,2)"
    assert columns["suenniaeg"].options == {"format": "dd.MM.yyyy"}
    assert columns["staatus"].codes == ["A", "B", "C"]
    assert (columns["punkte"].logical_type, columns["punkte"].required) == ("integer", False)
    assert {column.classification for column in columns.values()} == {"personal"}, (
        "what nobody has looked at is personal"
    )


def test_types_are_the_narrowest_that_every_value_has(tmp_path: Path) -> None:
    rows = [
        f'{{"code": "0{number}", "count": {number}, "at": "2026-11-20T10:00:{number % 60:02}Z", "open": {str(number % 2 == 0).lower()}, "size": {number}.25}}'
        for number in range(1, 40)
    ]
    columns = drafted(write(tmp_path / "s.jsonl", rows[0], rows[1:]))
    types = [column.logical_type for column in columns.values()]
    assert list(columns) == ["code", "count", "column_at", "open", "size"]
    assert types == ["string", "integer", "timestamp", "boolean", "number"]
    assert columns["count"].options == {"minimum": 0}
    assert {column.classification for column in columns.values()} == {"personal"}, "nobody has said what may be open"


def test_a_key_of_two_columns_is_found(tmp_path: Path) -> None:
    rows = [f"{number // 10},{number % 10},{CHANCE.random()}" for number in range(100)]
    columns = drafted(write(tmp_path / "s.csv", "station,hour,value", rows))
    assert [name for name, column in columns.items() if column.is_key] == ["station", "hour"]


def test_headers_become_names(tmp_path: Path) -> None:
    columns = drafted(
        write(tmp_path / "s.csv", "isOpen,2nd Line,_row,Ärger,ärger,%,Order", ["1,2,3,4,5,6,7", "2,3,4,5,6,7,8"])
    )
    assert list(columns) == ["is_open", "column_2nd_line", "row", "aerger", "aerger_5", "column_6", "column_order"]


def test_health_is_a_special_category(tmp_path: Path) -> None:
    columns = drafted(write(tmp_path / "s.csv", "case_id,diagnosis,town", ["1,J10,A", "2,E11,B"]))
    assert columns["diagnosis"].classification == "special-category"


def test_three_hundred_columns_are_drafted_in_seconds(tmp_path: Path) -> None:
    """They took several times as long when each column was asked by itself, and each kind of identifier of all its values."""
    made = (str, lambda row: f"{row % 900}.{row % 90 + 10}", lambda row: f"2026-03-{row % 28 + 1:02}", lambda row: f"T {row}",
            lambda row: str(CHANCE.randint(10**9, 10**10)), lambda row: "ABC"[row % 3])  # fmt: skip
    rows = [",".join(made[place % len(made)](row) for place in range(300)) for row in range(500)]
    path = write(tmp_path / "s.csv", ",".join(f"c{place}" for place in range(300)), rows)
    began = time.process_time()
    assert len(drafted(path)) == 300
    assert time.process_time() - began < 12


def test_identifiers_are_told_by_their_check_digits() -> None:
    assert identifier_kinds([national_number() for _ in range(100)])[0] == "ee.ik"
    assert identifier_kinds([health_number() for _ in range(100)])[0] == "gb.nhs"
    assert identifier_kinds([str(20_000_000 + number) for number in range(100)]) == [], "numbers in a row"
    assert identifier_kinds([f"{CHANCE.randint(10**9, 10**10)}" for _ in range(100)]) == []
    assert identifier_kinds(["Tartu"] * 30) == []
    assert identifier_kinds([national_number()]) == [], "one value proves nothing"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("s.pdf", b"%PDF", "of no kind that a draft can be made of"),
        ("s.csv", b"a,b\n", "has no rows"),
        ("s.csv", b"", "does not look like delimited text"),
        ("s.parquet", b"PAR1", "no Parquet"),
        ("s.json", json.dumps({"a": 1}).encode(), "ask the agency"),
    ],
)
def test_a_sample_that_cannot_be_read_is_told(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ExtractError, match=says), opened(str(path)) as sample:
        draft_columns(sample)


def test_a_sample_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="is not there"), opened(str(tmp_path / "nothing.csv")):
        pass
