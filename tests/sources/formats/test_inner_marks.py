"""Files put together: a byte order mark within a file is no part of a value, the heading behind it is no record."""

import codecs
import os
import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.contract.load import load
from sources.errors import ExtractError
from sources.formats.encoding import inner_marks
from sources.formats.encoding.inner_marks import without_inner_marks
from sources.landing.land_extract import land_extract
from tests.conftest import NIGHT, Feed
from tests.sources.landed import Landed, land, read_back, text_columns

COLUMNS = text_columns("code", "name")
FIRST, SECOND = "code,name\n001,Å\n002,b\n", "code,name\n003,c\n"
MARK = "\ufeff"
AGAIN = "the header once more"
FAULTS = Path(os.environ.get("INTERAGENCY_SHARED_DATA", "")).parent / "faults" / "concatenated_bom"


def landed(folder: Path, content: str | bytes, encoding: str = "utf-8", **options: str) -> Landed:
    return land(folder, content, Feed(COLUMNS, encoding=encoding, options={"nullValues": "[]", **options}))


ROWS = [("001", "Å"), ("002", "b"), ("003", "c")]
# name: the file, how it is declared, the line of the second heading
JOINED: dict[str, tuple[bytes, str, int]] = {
    "both with a mark": ((MARK + FIRST + MARK + SECOND).encode(), "utf-8", 4),
    "the second alone": ((FIRST + MARK + SECOND).encode(), "utf-8", 4),
    "CRLF": ((MARK + FIRST + MARK + SECOND).replace("\n", "\r\n").encode(), "utf-8", 4),
    "CR": ((MARK + FIRST + MARK + SECOND).replace("\n", "\r").encode(), "utf-8", 4),
    "without a line end between them": ((MARK + FIRST.rstrip() + MARK + SECOND).encode(), "utf-8", 4),
    "two marks": ((MARK * 2 + FIRST + MARK * 2 + SECOND).encode(), "utf-8", 4),
    "UTF-16": (FIRST.encode("utf-16") + SECOND.encode("utf-16"), "utf-16", 4),
    "UTF-16, declared as UTF-8": (FIRST.encode("utf-16") + SECOND.encode("utf-16"), "utf-8", 4),
    "big-endian": (
        codecs.BOM_UTF16_BE + FIRST.encode("utf-16-be") + codecs.BOM_UTF16_BE + SECOND.encode("utf-16-be"), "utf-16", 4
    ),
    "UTF-32": (FIRST.encode("utf-32") + SECOND.encode("utf-32"), "utf-32", 4),
    "a code page": (FIRST.encode("cp1252") + (MARK + SECOND).encode(), "cp1252", 4),
    "detected": ((MARK + FIRST + MARK + SECOND).encode(), "detect", 4),
}  # fmt: skip


@pytest.mark.parametrize("name", JOINED)
def test_a_mark_within_a_file_is_no_part_of_a_value(name: str, tmp_path: Path) -> None:
    content, encoding, line = JOINED[name]
    found = landed(tmp_path, content, encoding)
    assert [tuple(row.values()) for row in found.rows] == ROWS
    assert [(item["line"], item["reason"]) for item in found.rejects] == [(line, AGAIN)]
    assert any("at the beginning of a line" in item["reason"] for item in found.manifest.mended)


def test_a_mark_may_stand_in_front_of_a_record(tmp_path: Path) -> None:
    found = landed(tmp_path, FIRST + MARK + "003,c\n")
    assert [tuple(row.values()) for row in found.rows] == ROWS
    assert found.rejects == []


def test_a_dialect_that_is_read_with_care_has_no_marks_either(tmp_path: Path) -> None:
    content = (MARK + FIRST + MARK + SECOND).replace(",", "||")
    found = landed(tmp_path, content, delimiter='"||"')
    assert [tuple(row.values()) for row in found.rows] == ROWS
    assert [(item["line"], item["reason"]) for item in found.rejects] == [(4, AGAIN)]


@pytest.mark.parametrize("delimiter", [",", "||"])
def test_a_heading_of_two_rows_is_no_record_either(delimiter: str, tmp_path: Path) -> None:
    heading = "co,na\nde,me\n"
    content = (heading + "001,a\n" + MARK + heading + "002,de\n").replace(",", delimiter)
    columns = text_columns("co de", "na me")
    properties = [re.sub("name: (co|na) (de|me)", r"name: \1\2, physicalName: \1 \2", item) for item in columns]
    options = {"headerRows": "2", "delimiter": f'"{delimiter}"'}
    found = land(tmp_path, content, Feed(properties, options=options))
    assert [tuple(row.values()) for row in found.rows] == [("001", "a"), ("002", "de")]
    assert [(item["line"], item["reason"]) for item in found.rejects] == [(4, AGAIN), (5, AGAIN)]


def test_the_sign_within_a_text_stays_and_is_told(tmp_path: Path) -> None:
    found = landed(tmp_path, FIRST + f"003,c{MARK}d\n")
    assert found.rows[2]["name"] == f"c{MARK}d"
    assert found.manifest.mended[0]["lines"] == [4]


def test_each_file_of_several_has_its_own_mark(tmp_path: Path) -> None:
    path = Feed(COLUMNS, path="all.zip").write(tmp_path)
    with zipfile.ZipFile(path.parent / "all.zip", "w") as archive:
        archive.writestr("1.csv", (MARK + FIRST + MARK + "004,d\n").encode())
        archive.writestr("2.csv", SECOND.encode("utf-16"))
    land_extract(load(path), tmp_path / "out", extract_date=NIGHT)
    found = read_back(tmp_path / "out")
    assert [row["code"] for row in found.rows] == ["001", "002", "004", "003"]
    assert found.rejects == []


@pytest.mark.parametrize(
    ("content", "encoding", "says"),
    [
        (FIRST.encode("cp1252") + f"{MARK}code,name\n003,Å\n".encode(), "cp1252", "line 4: from here on the file is in UTF-8"),
        (FIRST.encode("utf-16") + codecs.BOM_UTF16_BE + SECOND.encode("utf-16-be"), "utf-16", "line 4: from here on the bytes"),
    ],
)  # fmt: skip
def test_parts_in_different_encodings_are_refused(content: bytes, encoding: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match=says):
        landed(tmp_path, content, encoding)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.text("a,éｿ\ufeff", max_size=4), min_size=1, max_size=8), end=st.sampled_from(["\n", "\r\n", "\r"]),
    last=st.booleans(), chunk=st.integers(1, 9),
)  # fmt: skip
def test_marks_are_left_out_wherever_chunks_end(
    lines: list[str], end: str, last: bool, chunk: int, tmp_path: Path
) -> None:
    """Against what is said of them, line by line in the whole text."""
    path = tmp_path / "e.csv"
    text = end.join(lines) + end * last
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inner_marks, "_CHUNK_BYTES", chunk)
        patch.setattr(inner_marks, "_first_line", lambda path: b"")
        joined = without_inner_marks(path, tmp_path / "out.csv")
    first = text.startswith(MARK)
    stripped = [line.lstrip(MARK) for line in text.removeprefix(MARK).split(end)]
    assert joined.path.read_bytes().decode() == MARK * first + end.join(stripped)
    assert joined.marks == text.count(MARK) - first - sum(line.count(MARK) for line in stripped)


@pytest.mark.skipif(not FAULTS.is_dir(), reason="INTERAGENCY_SHARED_DATA lies beside no folder with the faults")
def test_two_files_of_an_agency_put_together(tmp_path: Path) -> None:
    found = landed(tmp_path, (FAULTS / "cat2.csv").read_bytes())
    assert [row["code"] for row in found.rows] == ["001", "002", "003", "004"]
    assert [item["reason"] for item in found.rejects] == [AGAIN]
