"""Landed rows found again in their originals: the line of each, and the texts that the agency wrote."""

import io
import json
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sources.arrival.manifest import REJECTS
from sources.contract.load import load
from sources.landing.as_sent import write_as_sent
from tests.conftest import Feed
from tests.sources.formats.samples import RECORDS, SAMPLES
from tests.sources.landed import Landed, land, land_bytes

FEED = Feed(
    [
        "{name: id, physicalName: Number, logicalType: integer, primaryKey: true}",
        "{name: amount, physicalName: Amount, logicalType: number, physicalType: 'DECIMAL(9,2)'}",
        "{name: paid_on, logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}}",
    ],
    options={"delimiter": '";"', "decimalSeparator": '","', "thousandsSeparator": '"."'},
)
HEADER = "Number;Amount;paid_on"


def found(feed: Feed, landed: Landed, folder: Path, rows: list[int]) -> list[tuple[int, str, int, list[str | None]]]:
    """Row, file, line and texts."""
    target = folder / "sent.parquet"
    wanted = f"SELECT unnest({rows}) AS row"
    assert write_as_sent(load(feed.write(folder)), landed.folder, wanted, target)
    return [
        (item["row"], item["file"], item["line"], list(json.loads(item["record"]).values()))
        for item in pq.read_table(target).to_pylist()
    ]


def test_lines_and_texts_of_a_file_with_rejects_blank_lines_and_broken_records(tmp_path: Path) -> None:
    lines = ["1;1,50;01.02.2026", "x;1,00;01.02.2026", "", "2;6.942,60;3.2.2026", "y;z", "z;1,00;01.02.2026", "007;-1;"]
    landed = land(tmp_path, "\n".join([HEADER, *lines]) + "\n", FEED)
    assert landed.reject_lines == [3, 5, 6, 7]
    assert found(FEED, landed, tmp_path, [1, 2]) == [(1, "", 2, lines[0].split(";")), (2, "", 8, ["007", "-1", None])]


def test_a_record_of_several_lines_is_found_at_its_first(tmp_path: Path) -> None:
    feed = Feed(["{name: id, logicalType: integer, primaryKey: true}", "{name: note, logicalType: string}"])
    landed = land(tmp_path, 'id,note\n1,"a\nb"\nx,"c\nd"\n2,"e\n,f"\n3,g\n', feed)
    assert found(feed, landed, tmp_path, [2, 3]) == [(2, "", 6, ["2", "e\n,f"]), (3, "", 8, ["3", "g"])]


def test_a_file_that_had_to_be_read_with_care_is_read_so_again(tmp_path: Path) -> None:
    feed = Feed(["{name: id, logicalType: integer, primaryKey: true}", "{name: note, logicalType: string}"])
    landed = land(tmp_path, 'id,note\n1,"a\n2,b\n3,"c"d\n4,e\n', feed)
    assert [row["id"] for row in landed.rows] == [2, 4]
    assert found(feed, landed, tmp_path, [1, 2]) == [(1, "", 3, ["2", "b"]), (2, "", 5, ["4", "e"])]


def test_each_of_several_files_has_its_own_lines(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.csv", f"{HEADER}\n1;1,5;01.02.2026\nx;1;\n2;2,50;01.02.2026\n")
        archive.writestr("b.csv", f"{HEADER}\nx;1;01.01.2026\n3;3,5;01.02.2026\n")
    landed = land(tmp_path, stream.getvalue(), FEED)
    assert [
        (row, file.rpartition("/")[2], line) for row, file, line, _ in found(FEED, landed, tmp_path, [1, 2, 3])
    ] == [
        (1, "a.csv", 2),
        (2, "a.csv", 4),
        (3, "b.csv", 3),
    ]


def test_a_large_file_keeps_its_order(tmp_path: Path) -> None:
    lines = [f"{number};{number},5;01.02.2026" if number % 7 else "x;;" for number in range(400_000)]
    landed = land(tmp_path, "\n".join([HEADER, *lines]) + "\n", FEED)
    rows = list(range(1, landed.manifest.rows_landed, 1000))
    for (_, _, line, (number, *_)), row in zip(found(FEED, landed, tmp_path, rows), rows, strict=True):
        assert int(number or 0) == line - 2 == landed.rows[row - 1]["id"]


# Where the records of the sample stand: by line, or by number where the format has no lines.
PLACES = {
    "excel": [2, 3, 4], "fixed": [1, 2, 3], "json": [1, 2, 3], "jsonl": [1, 2, 3], "parquet": [1, 2, 3], "rsf": [2, 4, 6],
    "xml": [3, 4, 5],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_every_format_is_read_again(name: str, tmp_path: Path) -> None:
    feed = SAMPLES[name].feed
    landed = land_bytes(load(feed.write(tmp_path)), tmp_path, SAMPLES[name].content)
    again = found(feed, landed, tmp_path, [1, 2, 3])
    assert [line for _, _, line, _ in again] == PLACES[name]
    assert [texts[0] for *_, texts in again] == [key for key, _, _ in RECORDS]


def test_another_original_is_not_taken_for_what_landed(tmp_path: Path) -> None:
    landed = land(tmp_path, f"{HEADER}\n1;1,50;01.02.2026\n", FEED)
    (original,) = (landed.folder / "original").iterdir()
    original.write_text(f"{HEADER}\n1;1,51;01.02.2026\n")
    assert not write_as_sent(load(FEED.write(tmp_path)), landed.folder, "SELECT 1 AS row", tmp_path / "sent.parquet")


def test_landing_keeps_where_its_faulty_records_stood(tmp_path: Path) -> None:
    landed = land(tmp_path, f"{HEADER}\n1;1;\n1;2\nx;1;\n", FEED)
    assert [item["position"] for item in pq.read_table(landed.folder / REJECTS).to_pylist()] == [None, 2]
