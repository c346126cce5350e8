"""Packed originals: one file inside, whole, of a sane size; anything else is refused in words."""

import bz2
import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.connectors import ExtractError
from sources.contract import Contract
from sources.contract_file import load
from sources.formats import packed
from tests.conftest import Feed
from tests.sources.landed import Landed, land_bytes, text_columns

CONTENT = b"a,b\n" + b"".join(b"%d,x%d\n" % (number, number * 7) for number in range(300))


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def contract_for(folder: Path, name: str) -> Contract:
    return load(Feed(text_columns("a", "b"), path=name).write(folder))


def land_as(folder: Path, name: str, content: bytes) -> Landed:
    return land_bytes(contract_for(folder, name), folder, content)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_one_file_is_read(method: int, tmp_path: Path) -> None:
    archive = zipped({"x.csv": CONTENT}, method)
    landed = land_as(tmp_path, "x.csv.zip", archive)
    assert len(landed.rows) == 300
    assert (landed.folder / landed.manifest.originals[0].path).read_bytes() == archive


def test_a_folder_inside_a_zip_is_no_file(tmp_path: Path) -> None:
    assert len(land_as(tmp_path, "x.zip", zipped({"folder/": b"", "folder/x.csv": CONTENT})).rows) == 300


def test_gzip_is_read_also_under_another_name(tmp_path: Path) -> None:
    assert len(land_as(tmp_path, "x.csv.gz", gzip.compress(CONTENT)).rows) == 300
    assert len(land_as(tmp_path, "x.csv", gzip.compress(CONTENT[:100]) + gzip.compress(CONTENT[100:])).rows) == 300


def test_a_name_that_points_elsewhere_writes_nothing_there(tmp_path: Path) -> None:
    landed = land_as(tmp_path, "x.zip", zipped({"../../../escaped.csv": CONTENT}))
    assert len(landed.rows) == 300
    assert not list(tmp_path.rglob("escaped*"))
    assert not list(tmp_path.parent.glob("escaped*"))


REFUSED = {
    "two files": ("x.zip", zipped({"a.csv": CONTENT, "b.csv": CONTENT}), "holds 2 files; one is expected"),
    "no file": ("x.zip", zipped({}), "not the archive that its name says"),
    "only a folder": ("x.zip", zipped({"a/": b""}), "holds 0 files"),
    "truncated zip": ("x.zip", zipped({"a.csv": CONTENT})[:-30], "damaged archive"),
    "truncated gzip": ("x.gz", gzip.compress(CONTENT)[:-20], "damaged archive"),
    "text named zip": ("x.zip", CONTENT, "not the archive that its name says"),
    "text named gz": ("x.csv.gz", CONTENT, "not the archive that its name says"),
    "empty gzip": ("x.gz", gzip.compress(b""), "the file is empty"),
    "packing that is not read": ("x.csv", bz2.compress(CONTENT), "line 1 is not a header"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_archive_that_cannot_be_one_extract_is_refused(case: str, tmp_path: Path) -> None:
    name, content, words = REFUSED[case]
    with pytest.raises(ExtractError, match=words):
        land_as(tmp_path, name, content)


@pytest.mark.parametrize("name", ["x.zip", "x.gz"])
def test_what_unpacks_without_end_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MIN_LIMIT_BYTES", 1 << 20)
    monkeypatch.setattr(packed, "MAX_EXPANSION", 10)
    bomb = b"a,b\n" + b"0" * (8 << 20)
    with pytest.raises(ExtractError, match="decompression bomb"):
        land_as(tmp_path, name, zipped({"x": bomb}) if name == "x.zip" else gzip.compress(bomb))


ARCHIVES = [
    zipped({"x.csv": CONTENT}, method) for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
]
ARCHIVES.append(gzip.compress(CONTENT, mtime=0))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    archive=st.sampled_from(ARCHIVES),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_a_damaged_archive_is_refused_or_whole(
    archive: bytes, changes: list[tuple[float, int]], tmp_path: Path
) -> None:
    damaged = bytearray(archive)
    for place, byte in changes:
        damaged[int(place * len(damaged))] = byte
    original, scratch = tmp_path / "x.csv", tmp_path / "scratch"
    original.write_bytes(damaged)
    scratch.mkdir(exist_ok=True)
    try:
        plain = packed.unpacked(original, scratch)
    except ExtractError:
        return
    assert plain == original or plain.read_bytes() == CONTENT
