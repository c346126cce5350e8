"""Packed originals: whole, of plain files, of a sane size; anything else is refused in words that name the file."""

import bz2
import gzip
import lzma
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.arrival.limits import Meter
from sources.contract.load import load
from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats.packing import unpack as packed
from tests.conftest import Feed
from tests.sources.archives import (
    CONTENT,
    ZEROS,
    compressed,
    doubled_zip,
    encrypted_zip,
    of_method,
    rows,
    sparse_tar,
    stating,
    tar_of_long_words,
    tar_of_negative_size,
    tarred,
    tarred_entry,
    with_broken_header,
    with_damaged_member,
    with_directory,
    with_entry,
    zipped,
)
from tests.sources.landed import Landed, land, land_bytes, text_columns


def contract_for(folder: Path, name: str, **options: str) -> Contract:
    return load(Feed(text_columns("a", "b"), path=name, options={"nullValues": "[NA]", **options}).write(folder))


def land_as(folder: Path, name: str, content: bytes, **options: str) -> Landed:
    return land_bytes(contract_for(folder, name, **options), folder, content)


def refused(folder: Path, name: str, content: bytes, **options: str) -> str:
    with pytest.raises(ExtractError) as caught:
        land_as(folder, name, content, **options)
    assert ";" in str(caught.value), "a remedy"
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_one_file_is_read(method: int, tmp_path: Path) -> None:
    archive = zipped({"x.csv": CONTENT}, method)
    landed = land_as(tmp_path, "x.csv.zip", archive)
    assert len(landed.rows) == 300
    assert (landed.folder / landed.manifest.originals[0].path).read_bytes() == archive


def test_a_folder_inside_a_zip_is_no_file(tmp_path: Path) -> None:
    assert len(land_as(tmp_path, "x.zip", zipped({"folder/": b"", "folder/x.csv": CONTENT})).rows) == 300


STREAMS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": compressed,
}  # fmt: skip


@pytest.mark.parametrize("kind", STREAMS)
def test_a_compressed_file_is_read_also_under_another_name_and_in_parts(kind: str, tmp_path: Path) -> None:
    pack = STREAMS[kind]
    assert len(land_as(tmp_path, f"x.csv.{kind}", pack(CONTENT)).rows) == 300
    assert len(land_as(tmp_path, "x.csv", pack(CONTENT[:100]) + pack(CONTENT[100:])).rows) == 300


@pytest.mark.parametrize("kind", STREAMS)
def test_what_is_compressed_is_whole_or_refused(kind: str, tmp_path: Path) -> None:
    pack = STREAMS[kind]
    whole = pack(CONTENT)
    cases = [whole[:-3], whole[: len(whole) // 2], whole + b"more", whole + pack(CONTENT)[:-9], whole + b"\0\0x\0"]
    for case in cases:
        assert f"x.csv.{kind} is a damaged archive" in refused(tmp_path, f"x.csv.{kind}", case)


ARCHIVED: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "zip": zipped,
    "tar": tarred,
    "tgz": lambda files: tarred(files, "gz"),
    "tar.gz": lambda files: tarred(files, "gz"),
    "tar.bz2": lambda files: tarred(files, "bz2"),
    "tar.xz": lambda files: tarred(files, "xz"),
    "tar.zst": lambda files: compressed(tarred(files)),
    "gnu.tar": lambda files: tarred(files, format=tarfile.GNU_FORMAT),
}


@pytest.mark.parametrize("kind", ARCHIVED)
def test_several_members_are_one_extract_in_the_order_of_their_names(kind: str, tmp_path: Path) -> None:
    broken, worse = rows(20) + b"broken\n", gzip.compress(rows(0) + b"worse\n")
    files = {"south/b.csv": broken, "north/a.csv": rows(10), "c.csv.gz": worse}
    landed = land_as(tmp_path, f"towns.{kind}", ARCHIVED[kind](files))
    assert [int(row["a"]) for row in landed.rows] == [*range(10), *range(10, 20), *range(20, 30)]
    assert [(reject["file"], reject["line"]) for reject in landed.rejects] == [
        (f"towns.{kind}/c.csv.gz", 12), (f"towns.{kind}/south/b.csv", 12),
    ]  # fmt: skip
    assert landed.manifest.rows_sent == 32


def test_pages_of_json_in_an_archive_are_one_extract(tmp_path: Path) -> None:
    pages = {f"{name}/page.json": b'[{"a": "%d", "b": "x"}, {"a": [}]' % number for number, name in enumerate("vw")}
    pages = {name: text.replace(b"[}", b"{}}") for name, text in pages.items()}
    feed = Feed(text_columns("a", "b"), path="x.zip", format="json", options={"records": '""'})
    landed = land(tmp_path, zipped(pages), feed)
    assert [row["a"] for row in landed.rows if row["b"]] == ["0", "1"]
    assert landed.manifest.rows_sent == 4


def test_the_contract_says_which_members_are_meant(tmp_path: Path) -> None:
    files = {"a.csv": rows(0), "more/b.csv": rows(10)}
    files |= {"README.txt": b"hello", "more/._c.csv": b"?", "__MACOSX/d.csv": b"?"}
    assert "x.zip/README.txt: line 1: the header has no a, b" in refused(tmp_path, "x.zip", zipped(files))
    assert len(land_as(tmp_path, "x.zip", zipped(files), member="'*.csv'").rows) == 20
    assert len(land_as(tmp_path, "x.zip", zipped(files), member="'more/*.csv'").rows) == 10
    assert len(land_as(tmp_path, "x.tgz", tarred(files, "gz"), member="'a.*'").rows) == 10
    wrong = refused(tmp_path, "x.zip", zipped(files), member="'*.tsv'")
    assert "x.zip holds 5 files, none of them *.tsv; ask Agency of Tests for it, or mend `member`" in wrong


def test_an_archive_may_hold_archives_and_those_files_alone(tmp_path: Path) -> None:
    one = {"b.csv": rows(10)}
    inner = {"zip": zipped(one), "tgz": tarred(one, "gz"), "gz": gzip.compress(rows(10))}
    for kind, content in inner.items():
        files = {"a.csv": rows(0), f"b.{kind}": content}
        assert len(land_as(tmp_path, "x.zip", zipped(files)).rows) == 20
        assert len(land_as(tmp_path, "x.tar.gz", tarred(files, "gz")).rows) == 20
        deeper = zipped({f"c.{kind}": gzip.compress(content)})
        assert "x.zip/c." in refused(tmp_path, "x.zip", deeper) or kind == "gz"
        deepest = refused(tmp_path, "x.zip", zipped({"y.zip": zipped({f"c.{kind}": content})}))
        assert f"x.zip/y.zip/c.{kind} lies in an archive within an archive; ask Agency of Tests for files" in deepest


def test_an_archive_of_itself_ends(tmp_path: Path) -> None:
    """Quines, nearly: each level holds the next one, twenty deep."""
    content = rows(0)
    for _ in range(20):
        content = zipped({"r/r.zip": content})
    assert "x.zip/r/r.zip/r/r.zip lies in an archive within an archive" in refused(tmp_path, "x.zip", content)
    content = rows(0)
    for _ in range(20):
        content = gzip.compress(content)
    assert "x.gz lies in an archive within an archive" in refused(tmp_path, "x.gz", content)


NAMES = [
    "../../../escaped.csv", "/escaped.csv", "..\\..\\escaped.csv", "C:\\escaped.csv", "n" * 10_000 + ".csv", "a\nb\x1b[2J.csv",
    "\u202egnp.csv", "'; DROP TABLE rows; --.csv", "$$.csv", "{0}%s`id`.csv", "CON", "~/escaped.csv", "*", "-rf", "é" * 200,
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_is_never_a_path_and_safe_to_print(name: str, tmp_path: Path) -> None:
    outside = {path for path in tmp_path.parent.iterdir() if path != tmp_path}
    for kind in ("zip", "tar", "gnu.tar"):
        content = ARCHIVED[kind]({name: rows(0) + b"broken\n", "other.csv": rows(10)})
        landed = land_as(tmp_path, f"x.{kind}", content)
        assert len(landed.rows) == 20
        assert landed.rejects[0]["file"].isprintable()
        assert len(landed.rejects[0]["file"]) < 200
    assert not list(tmp_path.rglob("*escaped*"))
    assert {path for path in tmp_path.parent.iterdir() if path != tmp_path} == outside
    assert not Path("/escaped.csv").exists()


def test_a_name_with_nul_or_broken_bytes(tmp_path: Path) -> None:
    nul = zipped({"a!b.csv": rows(0)}).replace(b"a!b.csv", b"a\0b.csv")
    assert len(land_as(tmp_path, "x.zip", nul).rows) == 10
    broken = tarred({"aé.csv": rows(0)}, format=tarfile.GNU_FORMAT).replace("é".encode(), b"\xff\xfe")
    # The check sum of the header is another one now.
    head = bytearray(broken)
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head[:512])
    assert len(land_as(tmp_path, "x.tar", bytes(head)).rows) == 10
    utf8 = zipped({"aé.csv": rows(0)}).replace("é".encode(), b"\xff\xfe")
    assert "x.zip is a damaged archive" in refused(tmp_path, "x.zip", utf8)


def test_names_that_differ_only_where_they_are_not_safe(tmp_path: Path) -> None:
    files = {"a*b.csv": rows(0), "a?b.csv": rows(10), "a/b.csv": rows(20), "a__b.csv": rows(30), "a\\b.csv": rows(40)}
    assert len(land_as(tmp_path, "x.zip", zipped(files)).rows) == 50


def many(count: int) -> dict[str, bytes]:
    return {f"{number:05}.csv": b"a,b\n1,2\n" for number in range(count)}


REFUSED: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "no member": ("x.zip", lambda: zipped({}), "x.zip holds 0 files, and no extract"),
    "no member of a tar": ("x.tar", lambda: tarred({}), "x.tar is not the archive that its name says"),
    "only a folder": ("x.zip", lambda: zipped({"a/": b""}), "x.zip holds 0 files"),
    "no name": ("x.zip", lambda: zipped({"a.csv": CONTENT}).replace(b"a.csv", b"\0.csv"), "x.zip has a member without a name"),
    "truncated zip": ("x.zip", lambda: zipped({"a.csv": CONTENT})[:-30], "x.zip is a damaged archive"),
    "truncated gzip": ("x.gz", lambda: gzip.compress(CONTENT)[:-20], "x.gz is a damaged archive"),
    "truncated tar": ("x.tar", lambda: tarred({"a.csv": CONTENT})[:2048], "x.tar is a damaged archive"),
    "tar without an end": ("x.tar", lambda: tarred({"a.csv": rows(0)})[:1024], "no end mark"),
    "tar after tar": ("x.tar", lambda: tarred({"a.csv": rows(0)}) + tarred({"b.csv": rows(0)}), "something follows the end"),
    "broken header": ("x.tar", with_broken_header, "the header of a member is broken"),
    "text named zip": ("x.zip", lambda: CONTENT, "x.zip is not the archive that its name says"),
    "text named gz": ("x.csv.gz", lambda: CONTENT, "x.csv.gz is not the archive that its name says"),
    "text named gz in a zip": ("x.zip", lambda: zipped({"y.gz": CONTENT}), "x.zip/y.gz is not the archive"),
    "empty gzip": ("x.gz", lambda: gzip.compress(b""), "the file is empty"),
    "empty member": ("x.zip", lambda: zipped({"a.csv": rows(0), "b.csv": b""}), "x.zip/b.csv: the file is empty"),
    "7z": ("x.csv", lambda: b"7z\xbc\xaf\x27\x1c" + bytes(50), "x.csv is a 7z archive, which is not read; ask Agency of Tests for zip"),
    "RAR": ("x.rar", lambda: b"Rar!\x1a\x07\1\0" + bytes(50), "x.rar is a RAR archive"),
    "encrypted": ("x.zip", encrypted_zip, "x.zip has a.csv encrypted; ask Agency of Tests for it without a password"),
    "deflate64": ("x.zip", lambda: of_method(9), "x.zip has a.csv packed by method 9, which is not read; ask Agency of Tests for deflate"),
    "duplicate names": ("x.zip", doubled_zip, "x.zip has two members called a.csv"),
    "duplicate names in a tar": (
        "x.tar", lambda: tarred({"a.csv": rows(0)})[:1024] + tarred({"a.csv": rows(0)}), "x.tar has two members called a.csv",
    ),
    "symlink": ("x.zip", lambda: with_entry(0o120777), "x.zip has a.csv, which is a link or a device"),
    "device": ("x.zip", lambda: with_entry(0o020666), "x.zip has a.csv, which is a link or a device"),
    "symlink in a tar": ("x.tar", lambda: tarred_entry(type=tarfile.SYMTYPE, linkname="/etc/passwd"), "which is a link or a device"),
    "hard link in a tar": ("x.tar", lambda: tarred_entry(type=tarfile.LNKTYPE, linkname="y"), "which is a link or a device"),
    "device in a tar": ("x.tar", lambda: tarred_entry(type=tarfile.CHRTYPE, devmajor=1, devminor=5), "which is a link or a device"),
    "fifo in a tar": ("x.tar", lambda: tarred_entry(type=tarfile.FIFOTYPE), "which is a link or a device"),
    "sparse": ("x.tar", sparse_tar, "x.tar has x.csv, a sparse file"),
    "negative size": ("x.tar", tar_of_negative_size, "x.tar is a damaged archive (x.csv has a size that cannot be)"),
    "long words": ("x.tar.gz", lambda: gzip.compress(tar_of_long_words(), 1), "says more of its members than they can need"),
    "states less": ("x.zip", lambda: stating(100), "x.zip/a.csv has more bytes than it states"),
    "states more": ("x.zip", lambda: stating(len(CONTENT) + 1), "x.zip/a.csv is a damaged archive"),
    "damaged member": ("x.zip", with_damaged_member, "x.zip/b.csv is a damaged archive (size or check sum"),
    "many members": ("x.zip", lambda: zipped(many(1001)), "x.zip has more than 1000 members"),
    "many members of a tar": ("x.tar", lambda: tarred(many(1001)), "x.tar has more than 1000 members"),
    "many in two": (
        "x.zip", lambda: zipped({"a.zip": zipped(many(600)), "b.zip": zipped(many(600))}), "x.zip/b.zip has more than 398 members",
    ),
    "a large directory": ("x.zip", lambda: with_directory(110_000), "says more of its members"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_an_archive_that_cannot_be_an_extract_is_refused(case: str, tmp_path: Path) -> None:
    name, content, words = REFUSED[case]
    assert words in refused(tmp_path, name, content())


def test_the_number_of_members_is_the_contracts(tmp_path: Path) -> None:
    assert len(land_as(tmp_path, "x.zip", zipped(many(5)), limits="{members: 5}").rows) == 5
    assert "more than 4 members" in refused(tmp_path, "x.zip", zipped(many(5)), limits="{members: 4}")


PACKED_ZEROS: dict[str, Callable[[], bytes]] = {
    "x.zip": lambda: zipped({"x": ZEROS}),
    "bz2.zip": lambda: zipped({"x": ZEROS}, zipfile.ZIP_BZIP2),
    "lzma.zip": lambda: zipped({"x": ZEROS}, zipfile.ZIP_LZMA),
    "x.gz": lambda: gzip.compress(ZEROS),
    "x.bz2": lambda: bz2.compress(ZEROS),
    "x.xz": lambda: lzma.compress(ZEROS),
    "x.zst": lambda: compressed(ZEROS),
    "x.tgz": lambda: tarred({"x": ZEROS}, "gz"),
    "nested.zip": lambda: zipped({f"{number}.gz": gzip.compress(ZEROS[: 1 << 20]) for number in range(9)}),
}


@pytest.mark.parametrize("name", PACKED_ZEROS)
def test_what_unpacks_without_end_is_refused(name: str, tmp_path: Path) -> None:
    message = refused(tmp_path, name, PACKED_ZEROS[name](), limits="{unpackedBytes: 2097152}")
    assert message.startswith(name)
    told = "unpacks to more than 2097152 bytes, the limit of the extract, and is refused as a decompression bomb"
    assert told in message


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """As in the bombs of David Fifield: many entries of the directory lead to one member."""
    assert "as a decompression bomb has" in refused(tmp_path, "x.zip", with_directory(500))


def test_a_workbook_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"[Content_Types].xml": b"x", "xl/workbook.xml": ZEROS}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.rindex(mark) + offset, 100)
    contract = load(Feed(text_columns("a"), path="x.xlsx", format="excel", options={"sheet": "x"}).write(tmp_path))
    with pytest.raises(ExtractError, match="has more bytes than it states"):
        land_bytes(contract, tmp_path, bytes(content))


WHOLE = [
    *(zipped({"x.csv": CONTENT}, method) for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)),
    *(pack(CONTENT) for pack in STREAMS.values()),
    tarred({"x.csv": CONTENT}, "gz"),
]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    archive=st.sampled_from(WHOLE),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_damage_is_refused_or_whole(archive: bytes, changes: list[tuple[float, int]], tmp_path: Path) -> None:
    damaged = bytearray(archive)
    for place, byte in changes:
        damaged[int(place * len(damaged))] = byte
    found = outcome(bytes(damaged), tmp_path)
    # Zstandard has a check sum only where its writer wants one.
    assert found is None or found in (bytes(damaged), CONTENT) or archive == STREAMS["zst"](CONTENT)


def outcome(content: bytes, folder: Path) -> bytes | None:
    """What is unpacked of one archive; None where it is refused."""
    original, scratch = folder / "x.csv", Path(tempfile.mkdtemp(dir=folder))
    original.write_bytes(content)
    contract = contract_for(folder, "x.csv")
    try:
        found = packed.unpacked([original], scratch, contract, Meter(contract, 1e12))
    except ExtractError:
        return None
    return b"".join(plain.path.read_bytes() for plain in found)
