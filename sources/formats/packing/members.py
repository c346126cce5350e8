"""Members of zip and tar archives, looked at before one byte of them is unpacked: what is no plain file is refused.

Names of members are text for people; nothing here opens or writes a path that an archive names. The memory for what an archive
says of itself is bounded, whatever it says.
"""

import io
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sources.file_names import printable
from sources.formats.packing.compressed import CHUNK_BYTES, zip_chunks

# What a zip's directory says of one member; names have some dozens of characters as a rule.
_ENTRY_BYTES = 4096
# What a tar says of one member before its bytes: a name of 10,000 characters is within.
_HEADER_BYTES = 32 << 10
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_LOCAL_HEADER_BYTES = 30
_ANY = 1 << 62
_PLAIN_FILES = "for an archive of plain files"


class Unfit(Exception):
    """An archive that is not taken: what is wrong with it, and what to ask the agency."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


@dataclass(frozen=True)
class Member:
    """A plain file in an archive: its name, as the archive writes it, and how its bytes are read."""

    name: str
    chunks: Callable[[], Iterator[bytes]]


class _Bounded(io.BufferedReader):
    """A file of which no more than `allowance` bytes are read: the readers of archives take a stated length at its word."""

    allowance = 0

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = os.fstat(self.fileno()).st_size - self.tell() if size is None or size < 0 else size
        self.allowance -= wanted
        if self.allowance < 0:
            raise Unfit("says more of its members than they can need", _PLAIN_FILES)
        return super().read(size)


@contextmanager
def opened_zip(path: Path, most: int) -> Iterator[zipfile.ZipFile]:
    """A zip whose directory is as long as `most` members can need. Raises Unfit."""
    with _Bounded(io.FileIO(path)) as file:
        file.allowance = (1 << 20) + most * _ENTRY_BYTES
        with zipfile.ZipFile(file) as archive:
            file.allowance = _ANY
            yield archive


def zip_members(archive: zipfile.ZipFile, most: int) -> list[Member]:
    """The plain files of a zip with at most `most` entries. Raises Unfit, BadZipFile."""
    entries = archive.infolist()
    _refuse_many(len(entries), most)
    for entry in entries:
        _check_entry(entry)
    _refuse_overlap(entries, archive.start_dir)
    return [_zip_member(archive, entry) for entry in entries if not entry.is_dir()]


def _zip_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Member:
    def chunks() -> Iterator[bytes]:
        read, written, checksum = _packed(archive, entry), 0, 0
        for chunk in zip_chunks(read, entry.compress_type):
            written += len(chunk)
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
            if written > entry.file_size:
                raise Unfit("has more bytes than it states", _PLAIN_FILES)
        if written != entry.file_size or checksum != entry.CRC or read():
            raise zipfile.BadZipFile("size or check sum is another one")

    return Member(entry.filename, chunks)


def _packed(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], bytes]:
    """Reads the packed bytes of a member, from after its local header on (APPNOTE.TXT, 4.3.7)."""
    file = archive.fp
    assert file is not None
    file.seek(entry.header_offset)
    header = file.read(_LOCAL_HEADER_BYTES)
    if header[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("no header where the directory says")
    file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), io.SEEK_CUR)
    left = entry.compress_size

    def read() -> bytes:
        nonlocal left
        chunk = file.read(min(left, CHUNK_BYTES))
        left -= len(chunk)
        return chunk

    return read


def _check_entry(entry: zipfile.ZipInfo) -> None:
    if not entry.filename:
        raise Unfit("has a member without a name", _PLAIN_FILES)
    name = printable(entry.filename)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if entry.flag_bits & _ENCRYPTED:
        raise Unfit(f"has {name} encrypted", "for it without a password, on a way that is encrypted itself")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Unfit(f"has {name}, which is a link or a device", _PLAIN_FILES)
    if entry.is_dir() and entry.file_size:
        raise Unfit(f"has {name}, a folder with bytes of its own", _PLAIN_FILES)
    if entry.compress_type not in _METHODS:
        raise Unfit(f"has {name} packed by method {entry.compress_type}, which is not read", "for deflate")


def _refuse_overlap(entries: list[zipfile.ZipInfo], directory: int) -> None:
    """Members that share their bytes make a bomb of a small file."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise Unfit(
                f"has {printable(entry.filename)} in the bytes of another member, as a decompression bomb has",
                _PLAIN_FILES,
            )
        end = entry.header_offset + _LOCAL_HEADER_BYTES + entry.compress_size
    if end > directory:
        raise zipfile.BadZipFile("its members reach into its directory")


@contextmanager
def tar_members(path: Path, most: int) -> Iterator[list[Member]]:
    """The plain files of a tar with at most `most` entries. Raises Unfit; of bytes that are no tar whatever tarfile raises."""
    with _Bounded(io.FileIO(path)) as file:
        file.allowance = _HEADER_BYTES
        with tarfile.open(fileobj=file, mode="r:") as archive:
            entries: list[tarfile.TarInfo] = []
            while (entry := archive.next()) is not None:
                entries.append(entry)
                _refuse_many(len(entries), most)
                _check_tar_entry(entry)
                file.allowance = _HEADER_BYTES
            file.allowance = _ANY
            _check_end(file, archive.offset)
            yield [_tar_member(archive, entry) for entry in entries if entry.isreg()]


def _tar_member(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Member:
    def chunks() -> Iterator[bytes]:
        packed: IO[bytes] | None = archive.extractfile(entry)
        while packed and (chunk := packed.read(CHUNK_BYTES)):
            yield chunk

    return Member(entry.name, chunks)


def _check_tar_entry(entry: tarfile.TarInfo) -> None:
    name = printable(entry.name)
    if entry.issparse():
        raise Unfit(f"has {name}, a sparse file", "for an archive made without --sparse")
    if not entry.isreg() and not entry.isdir():
        raise Unfit(f"has {name}, which is a link or a device", _PLAIN_FILES)
    if entry.size < 0 or (entry.isdir() and entry.size):
        raise tarfile.ReadError(f"{name} has a size that cannot be")


def _check_end(file: _Bounded, offset: int) -> None:
    """The library takes a damaged header for the end. The real one are zeros (POSIX.1, pax), and nothing follows."""
    file.seek(offset)
    zeros = 0
    while chunk := file.read(CHUNK_BYTES):
        if chunk.strip(b"\0"):
            raise tarfile.ReadError("the header of a member is broken, or something follows the end")
        zeros += len(chunk)
    if not zeros:
        raise tarfile.ReadError("it has no end mark, it was cut off")


def _refuse_many(count: int, most: int) -> None:
    if count > most:
        raise Unfit(
            f"has more than {most} members, the limit of one extract", "for fewer, or allow more members in limits"
        )
